"""A model that answers questions: trained, resumed, asked together and alone, about contexts of any length."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.trainer import command
from trainer.data.loading import Loaded
from trainer.engines import open_engine
from trainer.errors import DataError
from trainer.passages.cells import Answer
from trainer.passages.windows import MOST_WINDOWS
from trainer.tasks.question_answering import LONGEST_CONTEXT, QuestionAnswering, QuestionParams

QUESTIONS = ["Where does Anna live?", "When does the shop open?", "Who is the king?"]


@pytest.fixture(scope="module")
def artifact(models: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("run")
    fields = {"task": "question-answering", "method": "full", "model": "local:tiny", "params": {"epochs": 1, "max_length": 32}}  # fmt: skip
    code, events = command.call(models, "run", command.write_spec(folder, QuestionAnswering.sample(), **fields), "--out", folder / "out")  # fmt: skip
    assert code == 0, events[-1]
    return folder / "out" / "artifact"


def asked(context: str) -> list[dict[str, Any]]:
    return [{"question": question, "context": context} for question in QUESTIONS]


def test_a_mixed_batch_is_answered_as_one_by_one(artifact: Path) -> None:
    engine = open_engine(artifact, "onnx-fp32")
    short = "Anna lives in Rome."
    contexts = [short, f"{short} The shop opens on Friday. " * 8, "😀 安娜住在罗马。", "x"]
    inputs = [engine.read(value) for context in contexts for value in asked(context)]
    together, alone = engine.predict(inputs), [engine.predict([one])[0] for one in inputs]
    for one, other, (_question, context) in zip(together, alone, inputs, strict=True):
        assert {**one, "score": 0} == {**other, "score": 0}
        assert one["score"] == pytest.approx(other["score"], abs=1e-3)
        if one["answer"] is not None:
            assert context[one["start"] : one["end"]] == one["answer"]
    assert engine.predict([]) == []


def test_a_very_long_context_is_answered_from_some_of_its_parts(artifact: Path) -> None:
    engine = open_engine(artifact)
    context = ("The shop opens on Friday. " * 8_000)[: LONGEST_CONTEXT - 20] + " Anna lives in Rome."
    (prepared,) = engine.prepare([engine.read(asked(context)[0])])  # type: ignore[attr-defined]
    assert len(prepared.windows) == MOST_WINDOWS
    assert any(context[start : start + 4] == "Rome" for window in prepared.windows for start in window.starts.tolist())
    (answer,) = engine.predict([engine.read(asked(context)[0])])
    assert answer["truncated"] is True
    with pytest.raises(DataError, match="longer than 200,000"):
        engine.read({"question": "Who?", "context": "a" * (LONGEST_CONTEXT + 1)})
    with pytest.raises(DataError, match="has no question"):
        engine.read({"question": " ", "context": "a"})


def test_what_the_artifact_says(artifact: Path) -> None:
    manifest = json.loads((artifact / "manifest.json").read_text())
    assert [field["name"] for field in manifest["inputs"]] == ["context", "question"]
    assert isinstance(manifest["threshold"], float)
    report = json.loads((artifact / "report.json").read_text())
    assert set(report["baselines"]) == {"best_sentence", "no_answer"}
    assert sum(report["kinds_of_answers"].values()) == report["test_rows"]
    assert all(len(one["input"]["context"]) > len(one["input"]["question"]) for one in json.loads((artifact / "examples.json").read_text()))  # fmt: skip


def questions_of(models: Path, rows: list[tuple[str, str, list[dict[str, Any]]]], **settings: int) -> Any:
    from trainer.families.text import encoder
    from trainer.families.text.questions import Questions

    values = {"question": [row[0] for row in rows], "context": [row[1] for row in rows], "answers": [json.dumps(row[2]) for row in rows]}  # fmt: skip
    split = np.array(["train"] * len(rows), dtype=object)
    loaded = Loaded(values, split, list(range(1, len(rows) + 1)), {}, [], answer="answers", kind="passage")
    folder = models / "tiny"
    return Questions(loaded, encoder.load_tokenizer(folder), folder, QuestionParams(**settings))


def test_what_is_learned_from_is_the_answer(models: Path) -> None:
    context = "the shop opens on friday. " * 30 + "anna lives in rome. " + "the shop opens on friday. " * 30
    answer = {"text": "rome", "answer_start": context.index("rome")}
    rows = questions_of(models, [("where does anna live?", context, [answer])], max_length=64, learned_tokens=24)
    seen, generator = set(), np.random.default_rng(0)
    for _step in range(40):
        window, (first, last) = rows.shown_part(0, generator)
        assert window.size <= 24
        if (first, last) == (0, 0):
            assert answer["answer_start"] not in window.starts.tolist()
            seen.add("without")
            continue
        start, end = window.starts[first - window.place], window.ends[last - window.place]
        assert context[start:end] == "rome"
        seen.add(window.first)
    assert "without" in seen
    assert len(seen) > 5, "the part is drawn anew each time"


def test_a_context_is_read_once_however_many_ask_about_it(models: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from trainer.passages.windows import Windows

    read: list[int] = []
    original = Windows.contexts
    monkeypatch.setattr(Windows, "contexts", lambda self, texts: read.append(len(texts)) or original(self, texts))
    context = "anna lives in rome. " * 20
    rows = questions_of(models, [(f"who {number}?", context, [{"text": "anna", "answer_start": 0}]) for number in range(5_000)])  # fmt: skip
    assert read == [1]
    assert rows.count == 5_000


def test_places_in_characters_are_places_in_tokens(models: Path) -> None:
    from trainer.families.text.questions import tokens_of

    rows = questions_of(models, [("who?", "anna lives in rome", [])])
    tokens = rows.contexts[0]
    first, last = tokens_of(Answer("lives in", 5), tokens)
    assert (tokens.starts[first], tokens.ends[last]) == (5, 13)
    assert tokens_of(Answer("x", 100), tokens) == (-1, -1)
