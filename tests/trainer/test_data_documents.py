"""JSON documents, tagged words, prose, several files as one, and the room to unpack them."""

import io
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

from trainer.data import tempspace
from trainer.data.gathering import Meter, gather_rows
from trainer.data.readings import Choices
from trainer.data.several_tables import join_tables
from trainer.data.tables import conll, jsonrows
from trainer.data.tables.formats import open_table
from trainer.data.tables.jsonrows import is_squad, squad_rows
from trainer.data.tables.prose import is_even, looks_like_prose
from trainer.data.tables.records import find_rows, holds_rows
from trainer.data.tables.streams import Lines
from trainer.data.tables.table import Table
from trainer.data.tables.text import utf16
from trainer.errors import DataError
from trainer.events import silent

QUICK = settings(max_examples=60, deadline=None, derandomize=True)


def table_of(columns: list[str], *rows: list[str], name: str = "a.csv") -> Table:
    batches = [list(zip(*rows, strict=True))] if rows else []
    return Table(name, "csv", columns, iter(batches), 10)


def lines_of(text: str) -> Lines:
    return Lines(io.StringIO(text, newline=""), "a.txt")


def rows_of(table: Table) -> list[tuple[Any, ...]]:
    return [row for batch in table.batches for row in zip(*batch, strict=True)]


# JSON


@pytest.mark.parametrize(
    ("value", "rows"),
    [
        ([{"a": 1}], [{"a": 1}]),
        ({"data": [{"a": 1}]}, [{"a": 1}]),
        ({"meta": [{"a": 1}], "data": [{"a": 1}, {"a": 2}]}, [{"a": 1}, {"a": 2}]),
        ({"nested": [{"a": [{"b": 1}]}], "flat": [{"a": 1}]}, [{"a": 1}]),
        ({"a": [1, 2], "b": ["x", "y"]}, [{"a": 1, "b": "x"}, {"a": 2, "b": "y"}]),
        ({"a": [1, 2], "b": ["x"]}, None),
        ({"a": [1, 2], "b": "x"}, None),
        ({"a": [1, 2]}, None),
        ({"a": {"b": [{"c": 1}]}}, [{"c": 1}]),
        ({}, None),
        ([], []),
        ("text", None),
        (5, None),
        (None, None),
    ],
)
def test_the_rows_of_a_document(value: Any, rows: list[Any] | None) -> None:
    assert find_rows(value) == rows


@pytest.mark.parametrize(
    ("cell", "holds"), [([{"a": 1}], True), ([], False), ([1], False), ({"a": 1}, False), (None, False)]
)
def test_a_cell_holds_rows_where_it_lists_objects(cell: Any, holds: bool) -> None:
    assert holds_rows(cell) is holds


@pytest.mark.parametrize(
    ("document", "columns", "rows"),
    [
        ('[["a", "b"], [1, "x"], [2]]', ["a", "b"], [("1", "x"), ("2", None)]),
        ('["one", "two"]', ["text"], [("one",), ("two",)]),
        ('[{"a": 1, "B": 2}, {"b": 3, "c": null}]', ["a", "B", "c"], [("1", "2", None), (None, "3", None)]),
        ('[{"a": 1, "A ": 2}]', ["a", "A"], [("1", "2")]),
        ('[{"a": {"b": [1]}}]', ["a"], [('{"b": [1]}',)]),
        ('{"a": 1}\n{"a": 2}\n', ["a"], [("1",), ("2",)]),
    ],
)
def test_documents_become_columns(
    document: str, columns: list[str], rows: list[tuple[str | None, ...]], tmp_path: Path
) -> None:
    (tmp_path / "a.json").write_text(document, "utf-8")
    table = open_table(tmp_path / "a.json")
    assert table.columns == columns
    assert rows_of(table) == rows


@pytest.mark.parametrize("document", ["[1, [2]]", '[{"a": 1}, 5, "x", null, [1]]', '{"a": 1}\n5\n[1]\n{"a": 2}\n'])
def test_what_is_no_object_is_named_by_its_place(document: str, tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text(document, "utf-8")
    table = open_table(tmp_path / "a.json")
    rows = rows_of(table)
    assert table.bad_count == len(table.bad) > 0
    assert all("object" in reason or "named fields" in reason for _line, reason in table.bad)
    assert len(rows) + table.bad_count in (2, 4, 5)


def test_the_places_of_what_is_no_object_are_counted_from_one() -> None:
    table = Table("a.json", "json", [], iter(()), 1)
    table = jsonrows.object_table(table, enumerate([{"a": 1}, 5, None, {"a": 2}], 1))
    assert rows_of(table) == [("1",), ("2",)]
    assert [line for line, _reason in table.bad] == [2, 3]


def test_questions_on_paragraphs_are_rows_and_what_has_another_form_is_none() -> None:
    question = {"id": 1, "question": "Who?", "answers": [{"text": "Ada", "answer_start": 0}]}
    document = {
        "data": [
            {"title": "T", "paragraphs": [{"context": "Ada.", "qas": [question, {"id": 2}, 5]}, {"context": "x"}, None]},
            {"title": "U", "paragraphs": "none"},
            7,
        ]
    }  # fmt: skip
    assert is_squad(document)
    rows = squad_rows(document)
    assert rows[0] == {"id": 1, "title": "T", "context": "Ada.", "question": "Who?", "answers": question["answers"]}
    assert rows[1:] == [None] * 6
    assert not is_squad({"data": [{"paragraphs": {}}]})
    assert not is_squad([])


# Tagged words


@pytest.mark.parametrize(
    ("text", "sentences", "bad", "mended"),
    [
        ("Ada B-PER\nslept O\n", [(["Ada", "slept"], ["B-PER", "O"])], 0, 0),
        ("a O\n\n\n\nb O\n", [(["a"], ["O"]), (["b"], ["O"])], 0, 0),
        ("-DOCSTART- O\n\n# id 1\na O\n", [(["a"], ["O"])], 0, 0),
        ("a\tNN\tO\nb\tVB\tO", [(["a", "b"], ["O", "O"])], 0, 0),
        ("a I-PER\nb I-PER\nc I-LOC\n", [(["a", "b", "c"], ["B-PER", "I-PER", "B-LOC"])], 0, 2),
        ("a O\nb\n\nc O\n", [(["c"], ["O"])], 1, 0),
        ("a O\nb X Y O\n\nc O\n", [(["c"], ["O"])], 1, 0),
        ("a PERSON\n\nc O\n", [(["c"], ["O"])], 1, 0),
        ("", [], 0, 0),
        ("\n\n", [], 0, 0),
    ],
)
def test_sentences_of_tagged_words(
    text: str, sentences: list[tuple[list[str], list[str]]], bad: int, mended: int
) -> None:
    """A sentence with a line that cannot be read is left out whole."""
    table = conll.conll_table(lines_of(text), "a.txt", len(text), {})
    assert [(json.loads(tokens), json.loads(tags)) for tokens, tags in rows_of(table)] == sentences
    assert (table.bad_count, len(table.mended)) == (bad, mended)


@pytest.mark.parametrize(
    ("sample", "is_conll"),
    [
        ("Ada B-PER\nslept O\nhere O\n", True),
        ("Ada B-PER\nslept O\n", False),
        ("a O\nb O\nc O\n", False),
        ("a B-X\nb B-X\nc B-X\n", False),
        ("text,label\na b,O\nc,B-x\n", False),
        ("", False),
    ],
)
def test_tagged_words_are_known_by_tags_inside_and_outside(sample: str, is_conll: bool) -> None:
    assert conll.looks_like_conll(sample) is is_conll


@pytest.mark.parametrize(
    ("sample", "delimiter", "even"),
    [
        ("a,b\n1,2\n", ",", True),
        ("a,b\n", ",", False),
        ("a\nb\n", ",", False),
        ("a,b\n" * 9 + "a\n", ",", True),
        ("a,b\n" * 8 + "a\n" * 2, ",", False),
        ('a,b\n"x,y",2\n', ",", True),
    ],
)
def test_a_table_has_records_of_one_width(sample: str, delimiter: str, even: bool) -> None:
    assert is_even(sample, delimiter) is even


@pytest.mark.parametrize("name", ["a.csv", "a.TSV", "a.csv.gz", "a.tab"])
def test_a_file_called_a_table_is_never_prose(name: str) -> None:
    prose = "\n\n".join(f"This is a sentence{', one more' * (line % 4)}, and it ends here." for line in range(20))
    assert looks_like_prose(prose, "a.txt")
    assert not looks_like_prose(prose, name)


@pytest.mark.parametrize(
    ("head", "encoding"),
    [
        ("text,label\n".encode("utf-16-le"), "utf-16-le"),
        ("text,label\n".encode("utf-16-be"), "utf-16-be"),
        (b"text,label\n", None),
        (b"\0" * 40, None),
        (b"", None),
        ("猫".encode() * 30, None),
    ],
)
def test_utf16_is_known_by_its_zeros(head: bytes, encoding: str | None) -> None:
    assert utf16(head) == encoding


# Several files as one


@pytest.mark.parametrize(
    ("columns", "shared", "second"),
    [
        ([["a", "b"], ["a", "b"]], ["a", "b"], ["a", "b"]),
        ([["a", "b"], ["B", "a", "c"]], ["a", "b", "c"], ["b", "a", "c"]),
        ([["Text"], ["text", "x"]], ["Text", "x"], ["Text", "x"]),
        ([["a"], ["b", "a"], ["B", "a"]], ["a", "b"], ["b", "a"]),
    ],
)
def test_files_share_columns_however_they_are_capitalised(
    columns: list[list[str]], shared: list[str], second: list[str]
) -> None:
    tables = [table_of(names) for names in columns]
    joined = join_tables(tables, [None] * len(tables), Choices(), lambda place, row=None: tables[place])
    assert list(dict.fromkeys(name for table in joined.tables for name in table.columns)) == shared
    assert tables[1].columns == second


@pytest.mark.parametrize("columns", [[["a"], ["b"]], [["a", "b"], ["c", "d"]]])
def test_a_test_without_a_common_column_is_refused(columns: list[list[str]]) -> None:
    tables = [table_of(names, name=f"{place}.csv") for place, names in enumerate(columns)]
    with pytest.raises(DataError) as refused:
        join_tables(tables, ["train", "test"], Choices(), lambda place, row=None: tables[place], is_fixed=True)
    assert refused.value.code == "columns_differ"
    assert "1.csv has other columns than 0.csv" in refused.value.message


def test_rows_of_several_files_follow_one_another_with_their_parts() -> None:
    first, second = table_of(["a", "b"], ["1", "2"], ["3", "4"]), table_of(["b"], ["5"], name="b.csv")
    second.refuse(9, "is odd")
    dataset, parts = gather_rows([first, second], ["train", None], silent)
    assert dataset.table.to_pylist() == [{"a": "1", "b": "2"}, {"a": "3", "b": "4"}, {"a": None, "b": "5"}]
    assert parts is not None
    assert parts.tolist() == ["train", "train", ""]
    assert {problem["code"]: problem["count"] for problem in dataset.problems} == {"bad_rows": 1, "columns_differ": 1}
    assert "line 9 is odd (b.csv)" in dataset.problems[0]["message"]
    assert [source["rows"] for source in dataset.sources] == [2, 1]


@pytest.mark.parametrize(("bad", "words"), [(0, "has a header but no rows"), (2, "line 3 is odd")])
def test_files_without_a_row_are_refused(bad: int, words: str) -> None:
    table = table_of(["a"])
    for line in range(bad):
        table.refuse(line + 3, "is odd")
    with pytest.raises(DataError, match=words):
        gather_rows([table], [None], silent)


def test_progress_is_of_all_files_and_never_beyond_the_share_of_reading() -> None:
    told: list[float] = []
    meter = Meter(lambda _kind, **fields: told.append(fields["fraction"]), 200)
    for bytes_read in (50, 60, 999):
        meter.add(1, bytes_read)
    assert told == [0.15], "a few times a second"
    meter.close(100)
    for bytes_read in (50, 999):
        meter.reported_at = 0.0
        meter.add(1, bytes_read)
    assert told == [0.15, 0.45, 0.6]
    assert meter.rows == 5


# Room to unpack


def test_what_is_unpacked_goes_with_the_folder_it_was_unpacked_in(tmp_path: Path) -> None:
    with tempspace.use_folder(tmp_path / "scratch"):
        with tempspace.temporary_folder() as place:
            assert place.is_relative_to(tmp_path / "scratch")
            (place / "a").write_bytes(b"x")
        assert not place.exists()
        with tempspace.temporary_file() as file:
            assert file.write(b"x") == 1
    assert not (tmp_path / "scratch").exists()
    with tempspace.temporary_folder() as place:
        assert not place.is_relative_to(tmp_path)


@pytest.mark.parametrize(("spare", "fits"), [(0, True), (1, False)])
def test_room_is_asked_for_to_the_byte(spare: int, fits: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempspace, "free_bytes", lambda: 3 * 2**20)
    if fits:
        tempspace.check_room(3 * 2**20 + spare, "a.zip")
        return
    with pytest.raises(DataError) as refused:
        tempspace.check_room(3 * 2**20 + spare, "a.zip")
    assert refused.value.code == "no_space"
    assert "3 MB more" in refused.value.message
