"""What is a table and what is text: a form's export is a table whatever its file is called, a corpus is text."""

from pathlib import Path

import pytest

from tests.trainer.data_files import FORM_HEADER, form_export
from trainer.data.inspect import inspect
from trainer.data.tables.prose import looks_like_prose

CORPUS = "".join(
    f"It was the {number}th day, and nobody came{', nor wrote' * (number % 4)}. The house stayed quiet{'; so did we' * (number % 2)}.\n"
    for number in range(60)
)
LETTERS = "".join(
    f"Dear reader number {number},\nwe write to you again{', as before,' * (number % 2)} about the garden.\nIt grows.\n\n"
    for number in range(30)
)


@pytest.mark.parametrize("name", ["answers.csv", "answers.txt", "answers"])
def test_a_forms_export_is_a_table(name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text(form_export(), "utf-8")
    found = inspect([tmp_path / name], tmp_path / "v1")
    assert [column["name"] for column in found["columns"]] == list(FORM_HEADER)
    assert found["rows"] == 140
    assert found["source"][0]["format"] == "csv"


TYPED = "".join(f"It was the {number}th day and nobody came.  The house stayed quiet.\n" for number in range(60))
"""As with a typewriter: two blanks behind a full stop."""


@pytest.mark.parametrize("text", [CORPUS, LETTERS, TYPED, TYPED.replace("\n", "\n\n")])
def test_a_corpus_is_text(text: str, tmp_path: Path) -> None:
    (tmp_path / "book.txt").write_text(text, "utf-8")
    assert inspect([tmp_path / "book.txt"], tmp_path / "v1")["source"][0]["format"] == "text"


@pytest.mark.parametrize("name", ["notes.csv", "notes.TSV", "notes.csv.gz"])
def test_a_file_that_calls_itself_a_table_is_one(name: str) -> None:
    assert looks_like_prose(CORPUS, "notes.txt")
    assert not looks_like_prose(CORPUS, name)


def test_text_is_a_table_where_somebody_says_so_and_the_other_way_round(tmp_path: Path) -> None:
    (tmp_path / "book.txt").write_text(CORPUS, "utf-8")
    (tmp_path / "form.csv").write_text(form_export(), "utf-8")
    assert inspect([tmp_path / "book.txt"], tmp_path / "v1", layout="table")["source"][0]["format"] == "csv"
    assert inspect([tmp_path / "form.csv"], tmp_path / "v2", layout="text")["source"][0]["format"] == "text"
