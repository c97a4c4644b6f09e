"""JSON with comments, and JSON that was cut short: the whole records are read, the rest is told."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from tests.trainer.data_made import records
from trainer.data.tables.formats import open_table
from trainer.data.tables.json_repairs import cut_of, without_comments
from trainer.data.tables.table import Table
from trainer.errors import DataError

ROWS = [{"text": f'a "quoted" text {{{n}}} // of [many]', "label": "ab"[n % 2], "tags": [{"t": n}]} for n in range(12)]


def read(folder: Path, text: str) -> tuple[Table, list[Any]]:
    path = folder / "a.json"
    path.write_text(text)
    table = open_table(path)
    return table, [row["text"] for row in records(table)]


TEXTS = [row["text"] for row in ROWS]


@pytest.mark.parametrize("wrap", [False, True])
@pytest.mark.parametrize("indent", [None, 2])
@pytest.mark.parametrize("lost", [1, 2, 9, 20, 60])
def test_whole_records_of_a_cut_document_are_read(wrap: bool, indent: int | None, lost: int, tmp_path: Path) -> None:
    text = json.dumps({"meta": {"page": 1}, "data": ROWS} if wrap else ROWS, indent=indent)
    table, texts = read(tmp_path, text[:-lost])
    assert texts == TEXTS[: len(texts)]
    assert len(texts) >= 10
    (told,) = [entry for entry in table.left_out if entry.reason == "cut_short"]
    assert (told.count, told.file) == (1, "a.json")


@settings(max_examples=150, deadline=None, derandomize=True)
@given(some.integers(1, len(json.dumps(ROWS)) - 1))
def test_a_cut_anywhere_keeps_every_whole_record_and_no_other(place: int) -> None:
    text = json.dumps(ROWS)
    whole = sum(len(json.dumps(ROWS[: count + 1])) - 1 <= place for count in range(len(ROWS)))
    cut = cut_of(text[:place])
    if cut is None:
        assert whole == 0
    elif whole:
        assert json.loads(cut.text) == ROWS[:whole]
        assert text[:place][-cut.lost :] == text[place - cut.lost : place] or cut.lost == 0


def test_comments_are_skipped_and_told(tmp_path: Path) -> None:
    lines = [json.dumps(row) for row in ROWS]
    text = (
        "// of our shop\n[\n  // first\n"
        + ",\n".join(lines[:6])
        + ", /* two\nlines */\n"
        + ",\n".join(lines[6:])
        + ",\n]\n"
    )
    table, texts = read(tmp_path, text)
    assert texts == TEXTS
    (told,) = table.left_out
    assert (told.reason, told.count, told.examples) == ("comments", 3, ["line 1", "line 3", "line 9"])


def test_comments_and_a_cut(tmp_path: Path) -> None:
    text = "[ // rows\n" + json.dumps(ROWS, indent=1)[1:-30]
    table, texts = read(tmp_path, text)
    assert texts == TEXTS[:11]
    assert {entry.reason for entry in table.left_out} == {"comments", "cut_short"}


@pytest.mark.parametrize(
    "text", ['[{"text": 1}, {"text": ]}]', '[{"text": "never whole', '{"a": [1, 2', '[{"a": 1}}, {']
)
def test_what_is_broken_elsewhere_is_refused(text: str, tmp_path: Path) -> None:
    with pytest.raises(DataError):
        read(tmp_path, text)


def test_strings_keep_what_looks_like_a_comment() -> None:
    text = '{"a": "http://x /* y */", "b": "\\"//"}'
    assert without_comments(text) == (text, [])
