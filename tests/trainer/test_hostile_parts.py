"""Parts of files that no program writes, or that few do: none of them ends a reading, takes long, or is read as what it is not."""

import time
from itertools import chain
from pathlib import Path

import pytest

from tests.trainer.data_made import table
from trainer.data.class_names import parse_names, parse_table
from trainer.data.readings import SURE, Choices
from trainer.data.tables.header_readings import parted_title
from trainer.data.tables.json_forms import unfold_document
from trainer.data.tables.nested import MAX_SAME_PAIRS, unfold_examples, with_pairs
from trainer.data.tables.records import flatten, free_name
from trainer.data.tables.sheet_marks import BOX, CELL, ERROR_CELL, OPEN_ROW, ROW, UNCOUNTED, count_uncounted

PIECES = ("</f>" + " " * 80_000, "<c " * 30_000, "<f " * 30_000, "<row " * 20_000, "</f><v>" * 15_000, "<" + "a" * 100_000,
          '<x:ClientData ObjectType="Checkbox">' * 1_000, "<table:table-row " * 6_000)  # fmt: skip


@pytest.mark.parametrize("piece", PIECES, ids=lambda piece: piece[:12])
def test_no_part_of_a_workbook_takes_long(piece: str) -> None:
    started = time.process_time()
    for pattern in (ROW, CELL, ERROR_CELL, UNCOUNTED):
        pattern.findall(piece.encode())
    for text_pattern in (BOX, OPEN_ROW):
        text_pattern.findall(piece)
    assert time.process_time() - started < 1


@pytest.mark.parametrize(
    ("cell", "count"),
    [
        ('<c r="A1"><f>B1*2</f></c>', 1),
        ('<c r="A1"><f>B1*2</f><v></v></c>', 1),
        ('<x:c r="A1" s="4"><x:f>B1*2</x:f><x:v/></x:c>', 1),
        ('<c r="A1"><f t="shared" si="0"/><v/></c>', 1),
        ('<c r="A1" t="str"><f>IF(B2="","",1)</f><v></v></c>', 0),
        ("<c t='str' r='A1'><f>IF(B2=\"\",\"\",1)</f><v/></c>", 0),
        ('<c r="A1" t="str"><f>B1&amp;B2</f><v>ab</v></c>', 0),
        ('<c r="A1"><f>B1*2</f><v>4</v></c>', 0),
        ('<c r="A1" t="str"><v>x</v></c><c r="B1"><f>B1*2</f></c>', 1),
    ],
)
def test_a_formula_that_says_an_empty_text_has_its_value(cell: str, count: int) -> None:
    assert count_uncounted(cell.encode(), 0) == count
    assert count_uncounted((cell * 3).encode(), 0) == 3 * count


@pytest.mark.parametrize(("later", "texts"), [("single", ["single"]), (7, [7]), (None, [None]), ([], [None])])
def test_a_later_text_of_an_intent_that_is_no_list_is_one(later: object, texts: list[object]) -> None:
    ahead = [{"tag": "hello", "patterns": ["hi", "good day"]}]
    first, rest = unfold_examples(table("a.json"), ahead, iter([{"tag": "bye", "patterns": later}]), Choices())
    assert [row["patterns"] for row in chain(first, rest)] == ["hi", "good day", *texts]


def test_a_line_end_within_a_title_ends_no_reading() -> None:
    assert parted_title(["Report\rof May, 2024"], [["1", "2"], ["3", "4"]] * 5) == ["Report of May", " 2024"]


def test_time_grows_as_the_fields_do() -> None:
    row = {"a": {f"f{number}": number for number in range(20_000)}, "b": {"c": {f"f{n}": n for n in range(20_000)}}}
    started = time.process_time()
    flat = flatten(row, {"a", "b"})
    assert time.process_time() - started < 1
    assert (len(flat), flat["a.f7"], flat["b.c.f7"]) == (40_000, 7, 7)
    assert free_name("a", {"a"}, {"a (2)": 1}) == "a (3)"


def test_pairs_of_one_name_make_few_columns() -> None:
    entries = [{"name": "tag", "value": str(number)} for number in range(20_000)]
    flat = with_pairs({"id": 1, "pairs": entries}, "pairs", "name")
    assert len(flat) == 1 + MAX_SAME_PAIRS + 1
    assert flat["pairs.tag (2)"] == "1"
    rest = flat["pairs.tag …"]
    assert isinstance(rest, str)
    assert rest.split("; ") == [str(number) for number in range(MAX_SAME_PAIRS, 20_000)]


QUESTIONS = {f"How satisfied are you with part {number} of it?": f"answer {number}" for number in range(12)}


@pytest.mark.parametrize(
    ("asked", "chosen", "rows"), [(None, "texts", 12), ("texts", "texts", 12), ("apart", "apart", 1)]
)
def test_long_keys_may_be_the_columns_of_one_record(asked: str | None, chosen: str, rows: int) -> None:
    records, (told,) = unfold_document(dict(QUESTIONS), Choices({"pairs": asked} if asked else {}), "a.json")
    assert isinstance(records, list)
    assert (len(records), told.what, told.chosen, told.confidence < SURE) == (rows, "pairs", chosen, asked is None)


def test_texts_whose_labels_come_again_are_no_doubt() -> None:
    labelled = {text: ("good", "bad")[place % 2] for place, text in enumerate(QUESTIONS)}
    _records, (told,) = unfold_document(labelled, Choices(), "a.json")
    assert told.confidence >= SURE


LONG = '"' + "x" * 1_100_000


@pytest.mark.parametrize(
    "content",
    [f"id,name\n0,cat\n1,{LONG}", f"0 {LONG}\n1 dog", f"{LONG}\ndog", 'id,name\n0,"a\rb"\n1,dog'],
    ids=["table", "keyed", "names", "line break"],
)
def test_a_file_of_names_with_a_cell_that_is_too_long_names_nothing_and_ends_nothing(
    tmp_path: Path, content: str
) -> None:
    for name in ("labels.csv", "labels.txt"):
        (tmp_path / name).write_text(content)
        names = {**parse_names(tmp_path / name), **parse_table((tmp_path / name).read_bytes())}
        assert "cat" not in names.values() or "dog" not in names.values()
