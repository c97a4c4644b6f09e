"""ROUGE, BLEU and chrF beside the packages that their papers' figures are made with, and tasks that write a text from another."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sacrebleu
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.trainer import command
from trainer.engines import open_engine
from trainer.errors import DataError
from trainer.families.text.text_to_text import lead
from trainer.tasks.summarization import Summarization
from trainer.tasks.translation import Translation
from trainer.text_scores import count, longest_common, rouges, scores, tokenizer_of, words_of

TRUTH = ["Ein Mann, der rot trägt, geht.", "Zwei Hunde laufen über den Strand.", "Nichts.", "Eine Frau liest ein Buch."]
WROTE = ["Ein Mann geht in Rot.", "Zwei Hunde laufen über die Wiese.", "", "Eine Frau liest ein Buch."]
WORDS = st.lists(
    st.sampled_from(["the", "cat", "sat", "on", "a", "mat,", "and", "it's", "3.5", "big-dog's", "."]),
    min_size=0,
    max_size=12,
)


def test_bleu_and_chrf_are_those_of_sacrebleu() -> None:
    own = scores(count(TRUTH, WROTE))
    assert 100 * own["bleu"] == pytest.approx(sacrebleu.corpus_bleu(WROTE, [TRUTH]).score)
    assert 100 * own["chrf"] == pytest.approx(sacrebleu.corpus_chrf(WROTE, [TRUTH]).score)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(st.lists(st.tuples(WORDS, WORDS), min_size=1, max_size=6))
def test_so_they_are_of_any_texts(pairs: list[tuple[list[str], list[str]]]) -> None:
    truth, wrote = ([" ".join(words) for words in side] for side in zip(*pairs, strict=True))
    own = scores(count(truth, wrote))
    assert 100 * own["bleu"] == pytest.approx(sacrebleu.corpus_bleu(wrote, [truth]).score)
    assert 100 * own["chrf"] == pytest.approx(sacrebleu.corpus_chrf(wrote, [truth]).score)


@pytest.mark.parametrize(
    ("right", "own", "expected"),
    [
        ("big-dog's mat, on and a big-dog's", "Cat a . sat cat", (0.142857, 0.0, 0.142857)),
        ("big-dog's it's", "Cat and 3.5 it's cat", (0.333333, 0.2, 0.333333)),
        ("", "3.5 a", (0.0, 0.0, 0.0)),
        ("3.5 the mat, . sat on . sat and sat Cat big-dog's", "cat Cat . Cat mat, on on cat", (0.3, 0.0, 0.3)),
        ("big-dog's and Cat it's it's", "cat big-dog's on sat sat big-dog's the Cat", (0.47619, 0.210526, 0.380952)),
        ("Cat and a 3.5 on big-dog's . . it's Cat and", "mat, it's 3.5 Cat a on cat it's", (0.75, 0.181818, 0.416667)),
    ],
)
def test_rouge_is_that_of_its_package(right: str, own: str, expected: tuple[float, ...]) -> None:
    """By rouge-score 0.1.2, which is no longer maintained and comes without a wheel."""
    assert rouges(right, own) == pytest.approx(expected, abs=1e-5)


def test_other_scripts_have_words_too() -> None:
    assert words_of("Größe 3号 مرحبا") == ["größe", "3", "号", "مرحبا"]
    assert rouges("今天下雨", "今天下雪")[0] == pytest.approx(0.75)
    assert [tokenizer_of([text]) for text in ("Hello.", "今天下雨。", "これは本です", "สวัสดี")] == [
        "13a",
        "zh",
        "char",
        "char",
    ]


def test_the_longest_common_subsequence() -> None:
    assert longest_common(["a", "b", "c", "b", "d", "a", "b"], ["b", "d", "c", "a", "b", "a"]) == 4
    assert longest_common([], ["a"]) == 0


def test_each_row_counts_so_often() -> None:
    counts = count(TRUTH, WROTE)
    twice = count([*TRUTH, TRUTH[0]], [*WROTE, WROTE[0]])
    assert scores(counts, np.array([2.0, 1, 1, 1])) == pytest.approx(scores(twice))


def test_the_first_sentences() -> None:
    assert lead("One. Two! Three? Four.") == "One. Two! Three?"
    assert lead("一。二。三。四。") == "一。 二。 三。"


# The tasks


@pytest.fixture(scope="module")
def translated(models: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The output of a run that has learned its few rows by heart."""
    folder = tmp_path_factory.mktemp("run")
    rows = Translation.sample()
    params = {
        "epochs": 30,
        "width": 64,
        "layers": 2,
        "vocabulary": 400,
        "batch_size": 8,
        "max_length": 64,
        "dropout": 0,
    }
    fields = {"task": "translation", "method": "scratch", "model": "scratch:gpt", "params": params | {"patience": 30}}
    code, events = command.call(models, "run", command.write_spec(folder, rows, **fields), "--out", folder / "out")
    assert code == 0, events[-1]
    return folder / "out"


def test_a_small_net_learns_to_translate_what_it_has_seen(translated: Path) -> None:
    report = json.loads((translated / "artifact/report.json").read_text("utf-8"))
    assert report["headline"]["name"] == "bleu"
    assert report["headline"]["value"] > report["baselines"]["copied"]["bleu"]
    assert set(report["baselines"]) == {"copied", "nearest_pair"}
    assert set(report["metrics"]) == set(Translation.metrics)
    assert report["writing"]["empty"] == 0


def test_it_is_asked_by_a_text_or_an_object(translated: Path) -> None:
    engine = open_engine(translated / "artifact")
    first, second = engine.predict([engine.read("The lamp is red."), engine.read({"source": "The lamp is red."})])
    assert first == second
    assert first["generated_text"]
    assert first["finish"] in ("stop", "length")
    (cut,) = engine.predict([engine.read({"source": "The lamp is red.", "max_tokens": 1})])
    assert (cut["tokens"], cut["finish"]) == (1, "length")


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        ("", "empty"),
        ({"document": "a"}, "named “source”"),
        ({"source": "a", "colour": 3}, "“colour”"),
        ({"source": 3}, "text"),
    ],
)
def test_what_cannot_be_asked(translated: Path, value: Any, problem: str) -> None:
    engine = open_engine(translated / "artifact")
    with pytest.raises(DataError, match=problem):
        engine.read(value)


def test_a_text_of_any_length_is_read_as_far_as_there_is_room(translated: Path) -> None:
    engine = open_engine(translated / "artifact")
    assert engine.predict([engine.read("The lamp is red. " * 5_000)])[0]["prompt_tokens"] <= 64


def test_it_is_scored_on_other_rows(translated: Path, models: Path, tmp_path: Path) -> None:
    data = command.write_lines(tmp_path / "more.jsonl", Translation.sample()[:12])
    code, events = command.call(models, "evaluate", translated / "artifact", data)
    assert code == 0, events[-1]
    assert set(events[-1]["metrics"]) == set(Translation.metrics)
    assert events[-1]["rows"] == 12


def test_a_pair_without_one_of_its_texts_is_left_out_and_told(models: Path, tmp_path: Path) -> None:
    rows = [*Summarization.sample(), {"document": "A text without a summary.", "summary": ""}]
    fields = {"task": "summarization", "method": "full", "model": "local:tiny-llama", "params": {"epochs": 1}}
    code, events = command.call(models, "run", command.write_spec(tmp_path, rows, **fields), "--out", tmp_path / "out")
    assert code == 0, events[-1]
    report = json.loads((tmp_path / "out/artifact/report.json").read_text("utf-8"))
    assert {"copied", "nearest_pair", "lead_3", "untrained"} == set(report["baselines"])
    assert "unusable_rows" in {event["code"] for event in events if event["type"] == "warning"}


def test_a_small_net_has_the_dropout_that_is_asked_for(models: Path) -> None:
    import torch

    from trainer.families.text.writing_model import WritingModel
    from trainer.learning.optimizers import drop
    from trainer.writing.prompts import Template

    model = WritingModel.fresh(Template.load(models / "tiny-llama"), layers=2, width=32, positions=32)
    ids = torch.arange(2, 12)[None]

    def differs() -> bool:
        return not torch.equal(model(ids, ids), model(ids, ids))

    model.train()
    assert not differs()
    drop(model, 0.5)
    assert differs()
    model.eval()
    assert not differs()
