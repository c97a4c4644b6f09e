"""What stands below a table: totals and notes are left out and told, records never are without a word."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from tests.trainer.data_made import table
from trainer.data.readings import Choices
from trainer.data.tables.footers import is_note, is_total, split_footer
from trainer.data.tables.formats import open_table
from trainer.data.tables.table import Table
from trainer.errors import SpecError

WIDTH = 4
RECORDS = [[f"2024-01-{n + 1:02}", f"item {n}", str(n * 3), "paid"] for n in range(20)]


def split(below: list[list[str]], records: list[list[str]] = RECORDS, gap: int = 0, **asked: str) -> tuple[int, Table]:
    """(rows that stay, the table) of records with lines below them; `gap`: blank lines between."""
    made = table("sales.csv", day=[], item=[], amount=[], state=[])
    rows = [*records, *below]
    numbers = [n + 2 + (gap if n >= len(records) else 0) for n in range(len(rows))]
    return split_footer(rows, numbers, made, Choices(dict(asked))), made


@pytest.mark.parametrize(
    "row",
    [
        ["Total", "", "570", ""],
        ["Grand total:", "", "570", ""],
        ["", "Sum", "570", ""],
        ["Summe", "", "1.234,50", ""],
        ["合计", "", "570", ""],
        ["Итого", "", "570", ""],
        ["Subtotal (EU)", "", "1", ""],
        ["  average ", "", "28.5", ""],
        ["Total", "", "", ""],
    ],
)
def test_a_row_that_adds_up_is_no_record(row: list[str]) -> None:
    assert is_total(row)
    kept, made = split([row])
    assert (kept, made.left_out[0].count) == (20, 1)


@pytest.mark.parametrize(
    "row",
    [
        ["totally fine", "x", "y", "z"],
        ["Total", "of all", "the texts", "here"],
        ["", "", "", "Total"],
        ["", "", "", ""],
    ],
)
def test_a_record_that_says_total_is_a_record(row: list[str]) -> None:
    assert not is_total(row)


PAGES = [f"/p{n},{100 - n},{2 * n + 1}" for n in range(20)]
COMMENTS = ["# ------", "# Pages", "# 20240101-20240131"]
SUMS = ",1810,400"


@pytest.mark.parametrize(
    ("lines", "reason"),
    [
        ([*COMMENTS, "page,views,users", *PAGES, "", "# Totals", ",1,2"], "footer"),
        ([*COMMENTS, "page,views,users", *PAGES, "# Summen", ",1,2"], "footer"),
        ([*COMMENTS, "page,views,users", "# Totals", ",1,2", *PAGES], "subtotals"),
        (["page,views,users", *PAGES, "Totals", ",1,2"], "footer"),
        (["page,views,users", *PAGES, "Totals,,", ",1,2"], "footer"),
        (["page,views,users", *PAGES, SUMS], "footer"),
        (["page,views,users", *PAGES, SUMS, "", "day,views", "1,5"], "footer"),
        (["page,views,users", "Total,1810,400", *PAGES], "subtotals"),
        (["page,views,users", *PAGES, ",1,2"], ""),
        (["page,views,users", *PAGES, ",1,2", SUMS], ""),
    ],
)
def test_a_total_without_a_name_is_known_by_the_line_above_or_by_its_sums(
    lines: list[str], reason: str, tmp_path: Path
) -> None:
    path = tmp_path / "a.csv"
    path.write_text("\n".join(lines) + "\n")
    made = open_table(path)
    cells = [cell or "" for batch in made.batches for cell in batch[0]]
    assert cells[:20] == [f"/p{n}" for n in range(20)]
    assert len(cells) == (20 if reason else 20 + len(lines) - 21)
    assert not reason or reason in {entry.reason for entry in made.left_out}


def test_a_total_in_the_middle_of_the_table_is_a_record() -> None:
    assert split([["Total Wine & More", "wine", "570", "paid"], RECORDS[0]])[0] == 22


@pytest.mark.parametrize(
    "cell",
    [
        "Page 1 of 3",
        "Source: the ministry",
        "Generated on 2024-05-06",
        "* provisional",
        "© 2024",
        "第 3 页",
        "备注：无",
        "60 rows affected",
    ],
)
def test_a_note_alone_in_its_row_is_no_record(cell: str) -> None:
    assert is_note([cell, "", "", ""], WIDTH)
    kept, made = split([[cell, "", "", ""]])
    assert kept == 20
    assert made.left_out[0].examples == [f"line 22: {cell}"]


def test_a_note_in_a_table_of_one_column_is_a_text() -> None:
    made = table("texts.csv", text=[])
    rows = [["a text"], ["Note that this is one, too"], ["Total"]]
    assert split_footer(rows, [2, 3, 4], made, Choices()) == 3
    assert made.left_out == []


@pytest.mark.parametrize(("gap", "kept"), [(0, 21), (1, 20)])
def test_a_sentence_of_its_own_is_a_note_behind_a_blank_line_alone(gap: int, kept: int) -> None:
    assert split([["these figures are not final", "", "", ""]], gap=gap)[0] == kept


def test_blank_rows_at_the_end_are_not_told() -> None:
    kept, made = split([[""] * WIDTH] * 3)
    assert (kept, made.left_out, made.readings) == (23, [], [])


def test_totals_and_notes_are_counted_with_their_lines() -> None:
    below = [["Total", "", "570", ""], ["", "", "", ""], ["Source: us", "", "", ""]]
    kept, made = split(below)
    (left,) = made.left_out
    assert (kept, left.reason, left.count) == (20, "footer", 2)
    assert left.examples == ["line 22: Total 570", "line 24: Source: us"]
    assert left.sentence == "2 lines of totals or notes below the table."
    (reading,) = made.readings
    assert (reading.chosen, [choice.value for choice in reading.others], reading.confidence) == (
        "leave-out",
        ["keep"],
        0.95,
    )


def test_they_are_records_where_somebody_says_so() -> None:
    kept, made = split([["Total", "", "570", ""]], **{"footer@sales.csv": "keep"})
    assert (kept, made.left_out) == (21, [])
    assert (made.readings[0].chosen, made.readings[0].is_asked) == ("keep", True)
    with pytest.raises(SpecError, match="drop"):
        split([], footer="drop")


def test_refused_lines_below_the_table_are_notes_and_no_faults() -> None:
    made = table("sales.csv", day=[], item=[], amount=[], state=[])
    made.refuse(7, "has 2 fields instead of 4", ["a", "b"])
    made.refuse(24, "has 1 field instead of 4", ["End of the report"])
    kept = split_footer(RECORDS, list(range(2, 22)), made, Choices())
    assert (kept, made.bad_count) == (20, 1)
    assert [line for line, _reason in made.bad] == [7]
    assert made.left_out[0].examples == ["line 24: End of the report"]


@settings(max_examples=80, deadline=None, derandomize=True)
@given(some.lists(some.sampled_from(["total", "note", "blank", "record"]), max_size=16))
def test_every_row_below_is_kept_or_told(kinds: list[str]) -> None:
    made_of = {"total": ["Total", "", "9", ""], "note": ["Page 1", "", "", ""], "blank": [""] * 4, "record": RECORDS[3]}
    below = [made_of[kind] for kind in kinds]
    kept, made = split(below)
    told = made.left_out[0].count if made.left_out else 0
    rest = below[kept - len(RECORDS) :]
    assert told == sum(any(row) for row in rest)
    assert RECORDS[3] not in rest


def test_no_more_than_a_dozen_rows_are_taken_for_a_footer() -> None:
    kept, made = split([["Total", "", "9", ""]] * 40)
    assert (kept, made.left_out[0].count) == (48, 12)


def test_a_table_of_nothing_but_a_total_keeps_it() -> None:
    assert split([["Total", "", "9", ""]], records=[])[0] == 1
    assert split([], records=[])[0] == 0
