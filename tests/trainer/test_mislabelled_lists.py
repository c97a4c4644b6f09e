"""Labels that look wrong where a row has several: planted ones are told, and nothing where nothing is wrong."""

import json
from pathlib import Path

import numpy as np

from trainer.data.inspect import inspect
from trainer.data.mislabelled_lists import several_labels_problems
from trainer.label_lists import write_labels

WORDS = {"late": "it came weeks too late", "lost": "the parcel was lost", "broken": "the cup is broken"}
ROWS = 240
WRONG = {7: "late", 30: "late", 101: "broken"}
"""A label that the row lacks but has, or has but lacks."""


def labels_of(row: int) -> list[str]:
    return [label for label, every in zip(WORDS, (3, 5, 2), strict=True) if row % every == 0]


def text_of(row: int) -> str:
    return f"{' and '.join(map(WORDS.__getitem__, labels_of(row))) or 'thank you'} number {row}"


def cells(wrong: dict[int, str]) -> list[str]:
    sets = [set(labels_of(row)) ^ ({wrong[row]} if row in wrong else set()) for row in range(ROWS)]
    return [write_labels(sorted(each)) for each in sets]


def planted_table() -> str:
    rows = (f'{text_of(row)},"{cell.replace(chr(34), chr(34) * 2)}"' for row, cell in enumerate(cells(WRONG)))
    return "\n".join(["text,labels", *rows])


def test_planted_labels_are_told_with_what_they_should_be() -> None:
    (problem,) = several_labels_problems([text_of(row) for row in range(ROWS)], cells(WRONG), np.arange(ROWS))
    suggestions = {suggestion["row"] - 1: suggestion for suggestion in problem["suggestions"]}
    assert set(WRONG) <= set(suggestions)
    assert len(suggestions) <= len(WRONG) + 2, "hardly any other"
    for row in WRONG:
        assert suggestions[row]["cell"] == write_labels(sorted(labels_of(row)))
        assert suggestions[row]["suggested"] == (", ".join(sorted(labels_of(row))) or "–")
    assert problem["code"] == "probable_mislabels"
    assert problem["fix"] is None
    without = several_labels_problems([text_of(row) for row in range(ROWS)], cells(WRONG), np.arange(ROWS), set(WRONG))
    assert all(row - 1 not in WRONG for each in without for row in each["rows"])


def test_nothing_is_told_of_good_labels_few_rows_or_one_set_of_labels() -> None:
    texts = [text_of(row) for row in range(ROWS)]
    assert several_labels_problems(texts, cells({}), np.arange(ROWS)) == []
    assert several_labels_problems(texts[:50], cells(WRONG)[:50], np.arange(50)) == []
    assert several_labels_problems(texts, ['["late"]'] * ROWS, np.arange(ROWS)) == []


def test_the_reader_tells_them(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(planted_table(), "utf-8")
    inspect([tmp_path / "a.csv"], tmp_path / "v1")
    problems = json.loads((tmp_path / "v1" / "problems.json").read_text("utf-8"))
    (problem,) = [each for each in problems if each["code"] == "probable_mislabels"]
    assert {row + 1 for row in WRONG} <= {suggestion["row"] for suggestion in problem["suggestions"]}
