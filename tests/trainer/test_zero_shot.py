"""Answering with the label whose name is nearest: which names say something, and a run from rows to answers."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.trainer import command
from trainer.errors import SpecError
from trainer.families.text.labels import is_telling, texts_of, words_of
from trainer.params import LabelParams, check_params

TEXTS = {
    "sports": [
        f"{who} {did}"
        for who in ("the striker", "our coach", "a tennis player", "the team")
        for did in ("scored twice in the final match", "won the championship game", "lost the first half of the cup")
    ],
    "cooking": [
        f"{how} {what}"
        for how in ("simmer for ten minutes", "bake in the oven", "whisk in a bowl", "season with salt")
        for what in ("the sauce with onions", "the bread dough", "the eggs and sugar")
    ],
}


@pytest.mark.parametrize(
    ("label", "words"),
    [("card_arrival", "card arrival"), ("Sci/Tech", "Sci Tech"), ("cardArrival", "card Arrival"), ("体育", "体育")],
)
def test_names_are_read_as_people_write_them(label: str, words: str) -> None:
    assert words_of(label) == words
    assert is_telling(label)


@pytest.mark.parametrize("label", ["0", "1.5", "LABEL_3", "class 2", "c7", "A", "x_1", "-"])
def test_numbers_and_codes_say_nothing(label: str) -> None:
    assert not is_telling(label)


def test_a_description_stands_for_a_name() -> None:
    assert texts_of(["0", "spam"], {"0": "a letter"}) == ["a letter", "spam"]
    assert texts_of(["0", "spam"], {}) is None


def test_descriptions_are_written_in_one_line_or_given_as_an_object() -> None:
    wanted = {"spam": "advertising", "ham": "letters: private"}
    for given in ("spam: advertising; ham: letters: private;", wanted):
        assert check_params(LabelParams, {"label_descriptions": given}).label_descriptions == wanted
    with pytest.raises(SpecError, match="label: words"):
        check_params(LabelParams, {"label_descriptions": "spam"})


def run_on(folder: Path, labels: dict[str, str], **params: Any) -> tuple[int, list[dict[str, Any]]]:
    """`labels`: what each key of TEXTS is called."""
    folder.mkdir()
    data = folder / "rows.jsonl"
    lines = [{"text": text, "label": labels[key]} for key, texts in TEXTS.items() for text in texts]
    data.write_text("\n".join(map(json.dumps, lines)), "utf-8")
    columns = {"text": "text", "label": "label"}
    dataset = {"path": str(data), "columns": columns, "split": {"test": 0.4, "validation": 0}}
    spec = {"task": "text-classification", "dataset": dataset, "method": "zero-shot", "params": params}
    (folder / "spec.json").write_text(json.dumps(spec), "utf-8")
    return command.call(folder, "run", folder / "spec.json", "--out", folder / "out")


def test_names_alone_answer_and_a_description_helps_codes(tmp_path: Path) -> None:
    code, events = run_on(tmp_path / "names", {"sports": "sports", "cooking": "cooking"})
    assert code == 0, events[-1]
    assert events[-1]["metrics"]["accuracy"] == 1
    descriptions = {"A1": "cooking and recipes", "B2": "sports and games"}
    code, events = run_on(tmp_path / "codes", {"sports": "B2", "cooking": "A1"}, label_descriptions=descriptions)
    assert code == 0, events[-1]
    assert events[-1]["metrics"]["accuracy"] == 1
    assert "zero_shot" in events[-1]["baselines"]


@pytest.mark.parametrize(
    ("params", "code", "said"),
    [
        ({}, "labels_not_words", "label_descriptions"),
        ({"label_descriptions": {"A1": "cooking"}}, "labels_not_words", "label_descriptions"),
        ({"label_descriptions": {"C3": "cooking"}}, "bad_params", "A1, B2"),
    ],
)
def test_codes_that_nothing_describes_are_refused(tmp_path: Path, params: dict[str, Any], code: str, said: str) -> None:
    status, events = run_on(tmp_path / "codes", {"sports": "B2", "cooking": "A1"}, **params)
    assert status == 2
    assert events[-1]["code"] == code
    assert said in events[-1]["hint"]
