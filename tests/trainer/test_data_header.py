"""The header's row chosen by hand, for text and for workbooks; a number that no header has is refused in words."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.trainer.test_data_uploads import rows_of, workbook
from trainer.data.inspect import inspect
from trainer.errors import UserError

TITLES = [["Support, first quarter"], [], ["text", "label"]]
BODY = [[f"my order number {n} has not come yet", "late" if n % 2 else "lost"] for n in range(30)]


def text_file(path: Path, rows: list[list[str]], delimiter: str = ";") -> Path:
    path.write_text("".join(delimiter.join(row) + "\n" for row in rows), "utf-8")
    return path


def book(path: Path, rows: list[list[Any]]) -> Path:
    path.write_bytes(workbook({"Data": [[*row, None, None][:2] for row in rows]}))
    return path


@pytest.mark.parametrize("make", [text_file, book])
def test_titles_above_the_header_are_passed_over(make: Any, tmp_path: Path) -> None:
    found = inspect([make(tmp_path / "a.bin", TITLES + BODY)], tmp_path / "v1", header=3)
    assert found["rows"] == 30
    assert found["suggestion"]["columns"] == {"text": "text", "label": "label"}
    assert found["source"][0]["header_row"] == 3
    assert not [one for one in found["problems"] if one["code"] == "bad_rows"]
    mended = inspect([tmp_path / "v1"], tmp_path / "v2", fixes=["drop_duplicates"])
    assert mended["source"][0]["header_row"] == 3


@pytest.mark.parametrize("make", [text_file, book])
def test_a_file_without_a_header_loses_no_row(make: Any, tmp_path: Path) -> None:
    found = inspect([make(tmp_path / "a.bin", BODY)], tmp_path / "v1", header=0)
    assert (found["rows"], found["source"][0]["header_row"]) == (30, 0)
    assert found["suggestion"]["columns"] == {"text": "column_1", "label": "column_2"}
    assert rows_of(tmp_path / "v1")[0] == {"column_1": BODY[0][0], "column_2": BODY[0][1]}


@pytest.mark.parametrize("make", [text_file, book])
@pytest.mark.parametrize(("row", "words"), [(2, "blank"), (99, "Row 99"), (-1, "no row -1")])
def test_rows_that_are_no_header(make: Any, row: int, words: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=words) as caught:
        inspect([make(tmp_path / "a.bin", TITLES + BODY)], tmp_path / "v1", header=row)
    assert caught.value.code == "bad_header"
    assert caught.value.hint
    assert not (tmp_path / "v1").exists()


def test_formats_that_name_their_columns_have_no_header(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text("".join(json.dumps({"text": text, "label": label}) + "\n" for text, label in BODY))
    with pytest.raises(UserError, match="names its columns itself"):
        inspect([path], tmp_path / "v1", header=1)


def test_blank_rows_at_the_top_are_counted(tmp_path: Path) -> None:
    found = inspect([book(tmp_path / "a.xlsx", [[], [], *TITLES, *BODY])], tmp_path / "v1")
    assert (found["source"][0]["header_row"], found["rows"]) == (5, 30)
