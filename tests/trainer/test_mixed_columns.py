"""Columns of which each cell can be read though they are not of one kind: currencies, time zones, files that were not sent."""

from collections import Counter

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from tests.trainer.data_made import Cells, dataset, rows_of, texts, unmapped
from trainer.columns import ColumnProfile
from trainer.data.file_parts import drop_unanswered, file_order, part_and_rest, parts_of_names, parts_reading
from trainer.data.label_list_checks import RARE_ROWS, rare_problems
from trainer.data.marks import read_marks
from trainer.data.mixed_checks import count_currencies, count_zones, mixed_problems, unsent_problems
from trainer.data.readings import Choices
from trainer.errors import SpecError


def column(cells: Cells) -> pa.ChunkedArray:
    return pa.chunked_array([pa.array(list(cells), pa.string())])


# Currencies


@pytest.mark.parametrize(
    ("cells", "counts"),
    [
        (["$5", "US$ 5", "5 USD", "usd 5"], {"USD": 4}),
        (["€5", "5 EUR", "5€"], {"EUR": 3}),
        (["$5", "€5", "5"], {"USD": 1, "EUR": 1}),
        (["¥5", "￥5"], {"¥": 2}),
        (["5元", "RMB 5", "5 CNY"], {"CNY": 3}),
        (["A$5", "C$5", "HK$5", "R$5"], {"AUD": 1, "CAD": 1, "HKD": 1, "BRL": 1}),
        (["5", "", None, "n/a"], {}),
        (["EUROPE 5", "TRYING 5"], {}),
        (["5円", "JPY5"], {"JPY": 2}),
    ],
)
def test_an_amount_s_currency_is_its_sign_or_its_code(cells: Cells, counts: dict[str, int]) -> None:
    assert count_currencies(column(cells)) == counts


@pytest.mark.parametrize(("cells", "says"), [(["$5", "$7"], False), (["$5", "€7"], True), (["5", "$7"], False)])
def test_several_currencies_in_one_column_are_told(cells: list[str], says: bool) -> None:
    made = dataset(price=cells * 20, label=["a", "b"] * 20)
    made.profile = [ColumnProfile(name="price", kind="number", missing=0, distinct=2)]
    problems = mixed_problems(made)
    assert [problem["code"] for problem in problems] == (["mixed_currencies"] if says else [])
    if says:
        assert problems[0]["count"] == 40
        assert "USD (20), EUR (20)" in problems[0]["message"]


# Time zones


@pytest.mark.parametrize(
    ("cells", "counts"),
    [
        (["2024-05-06 10:30", "2024-05-06T10:30:15.5"], {"": 2}),
        (["10:30Z", "10:30 UTC", "10:30 GMT", "10:30+00:00", "10:30-0000"], {"UTC": 5}),
        (["10:30 CEST", "10:30+0200", "10:30 +02:00"], {"CEST": 1, "+0200": 2}),
        (["10:30 AM", "10:30 pm", "10:30 p.m."], {"": 3}),
        (["10:30 AM UTC", "10:30 PM CEST"], {"UTC": 1, "CEST": 1}),
        (["2024-05-06", "text", None, ""], {}),
    ],
)
def test_a_time_s_zone_is_what_stands_behind_it(cells: Cells, counts: dict[str, int]) -> None:
    assert count_zones(column(cells)) == counts


@pytest.mark.parametrize(
    ("cells", "severity"),
    [
        (["2024-05-06 10:30", "2024-05-06 10:30Z"], "warning"),
        (["2024-05-06 10:30 AM", "2024-05-06 10:30 PM UTC"], "warning"),
        (["2024-05-06 10:30+0200", "2024-05-06 10:30Z"], "info"),
        (["2024-05-06 10:30Z", "2024-05-06 10:30 GMT"], None),
    ],
)
def test_times_with_and_without_a_zone_are_a_warning(cells: list[str], severity: str | None) -> None:
    made = dataset(moment=cells * 20, label=["a", "b"] * 20)
    made.profile = [ColumnProfile(name="moment", kind="date", missing=0, distinct=2)]
    assert [problem["severity"] for problem in mixed_problems(made)] == ([severity] if severity else [])


# Files that were not sent


@pytest.mark.parametrize(
    ("cells", "says"),
    [
        ([f"images/{n}.JPG" for n in range(40)], True),
        ([f"C:\\photos\\{n}.png" for n in range(40)], True),
        ([f"clip {n}.wav" for n in range(40)], True),
        ([f"{n}.jpg" if n % 2 else "none" for n in range(40)], False),
        ([f"see image {n}.jpg for more of it" for n in range(40)], False),
        ([f"report{n}.pdf" for n in range(40)], False),
    ],
)
def test_a_column_that_names_media_which_did_not_come_is_told(cells: list[str], says: bool) -> None:
    made = dataset(file=cells, label=["a", "b"] * 20)
    found = unsent_problems(made)
    assert [problem["code"] for problem in found] == (["files_not_sent"] if says else [])
    assert not found or cells[0] in found[0]["message"]


# Marks and blanks


@pytest.mark.parametrize("mark", ["x", "X", "✓", "✅", "*"])
@pytest.mark.parametrize("blank", ["", " ", None])
def test_a_mark_and_blanks_are_yes_and_no(mark: str, blank: str | None) -> None:
    made = unmapped(agreed=[mark, blank, f" {mark} ", blank])
    read_marks(made, Choices())
    assert [row["agreed"] for row in rows_of(made)] == ["yes", "no", "yes", "no"]
    assert (made.readings[0]["chosen"], made.readings[0]["others"], made.readings[0]["doubt"]) == (
        "yes-no",
        ["keep"],
        True,
    )


@pytest.mark.parametrize("cells", [["x", "x"], ["x", "y", ""], ["a", ""], ["", ""], ["x", "✓", ""]])
def test_other_columns_are_left_as_they_are(cells: list[str]) -> None:
    made = unmapped(agreed=cells)
    read_marks(made, Choices())
    assert ([row["agreed"] for row in rows_of(made)], made.readings) == (cells, [])


def test_marks_are_kept_where_somebody_says_so() -> None:
    made = unmapped(agreed=["x", ""], other=["x", ""])
    read_marks(made, Choices({"marks:agreed": "keep"}))
    assert rows_of(made) == [{"agreed": "x", "other": "yes"}, {"agreed": "", "other": "no"}]
    with pytest.raises(SpecError, match="true"):
        read_marks(unmapped(agreed=["x", ""]), Choices({"marks:agreed": "true"}))


# Rare labels


@pytest.mark.parametrize(
    ("counts", "rare", "message"),
    [
        ({"a": RARE_ROWS, "b": 99}, [], ""),
        ({"a": RARE_ROWS - 1, "b": 99}, ["a"], "1 label has fewer than 10 examples; its own score will be unreliable."),
        (
            {"a": 1, "b": 2, "c": 99},
            ["a", "b"],
            "2 labels have fewer than 10 examples; their own scores will be unreliable.",
        ),
        ({}, [], ""),
    ],
)
def test_labels_with_few_rows_are_named(counts: dict[str, int], rare: list[str], message: str) -> None:
    problems = rare_problems(Counter(counts))
    assert [problem["examples"] for problem in problems] == ([rare] if rare else [])
    assert not rare or problems[0]["message"] == message


# The parts that files' names tell


@pytest.mark.parametrize(
    ("name", "part", "rest"),
    [
        ("reviews_train.csv", "train", ("reviews",)),
        ("data/Reviews-Test.csv.gz", "test", ("reviews",)),
        ("dev.jsonl", "validation", ()),
        ("test_train.csv", "train", ("test",)),
        ("train-00000-of-00002.parquet", "train", ()),
        ("contest.csv", None, ("contest",)),
        ("训练.csv", None, ()),
    ],
)
def test_a_name_is_a_part_and_what_it_is_of(name: str, part: str | None, rest: tuple[str, ...]) -> None:
    assert part_and_rest(name) == (part, rest)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(some.permutations(["a_train.csv", "a_test.csv", "b_test.csv", "b_test_2.csv", "notes.csv", "a_val.csv"]))
def test_the_order_of_the_names_does_not_matter(names: list[str]) -> None:
    parts = dict(zip(names, parts_of_names(names), strict=True))
    assert parts == {
        "a_train.csv": "train",
        "a_test.csv": "test",
        "a_val.csv": "validation",
        "b_test.csv": None,
        "b_test_2.csv": None,
        "notes.csv": None,
    }
    ordered = sorted(names, key=lambda name: file_order(name, parts[name]))
    assert ordered == ["a_train.csv", "b_test.csv", "b_test_2.csv", "notes.csv", "a_val.csv", "a_test.csv"]


@pytest.mark.parametrize(
    ("asked", "chosen", "others"),
    [(None, "files", ["drawn"]), ("drawn", "drawn", ["files"]), ("files", "files", ["drawn"])],
)
def test_a_split_of_files_is_a_reading_that_can_be_overruled(asked: str | None, chosen: str, others: list[str]) -> None:
    (reading,) = parts_reading(
        ["a_train.csv", "a_test.csv"], ["train", "test"], Choices({"parts": asked} if asked else {})
    )
    assert (reading.chosen, [choice.value for choice in reading.others], reading.is_asked) == (
        chosen,
        others,
        asked is not None,
    )
    assert parts_reading(["a.csv", "b.csv"], [None, None], Choices()) == []


def test_a_given_test_without_answers_is_told_and_its_rows_go() -> None:
    made = dataset("text-classification", text=texts(30), label=["a", "b"] * 10 + [None, ""] * 5)
    made.sources = [{"name": "train.csv", "rows": 20}, {"name": "test.csv", "rows": 10}]
    parts = np.array(["train"] * 20 + ["test"] * 10, dtype=object)
    assert drop_unanswered(made, parts) is None, "nothing but rows to learn from is left"
    assert made.rows == 20
    (left,) = made.left_out
    assert (left["reason"], left["count"], left["file"]) == ("no_answers", 10, "test.csv")


@pytest.mark.parametrize("answered", [1, 9])
def test_a_test_with_some_answers_stays_whole(answered: int) -> None:
    made = dataset(
        "text-classification", text=texts(30), label=["a", "b"] * 10 + ["a"] * answered + [None] * (10 - answered)
    )
    parts = np.array(["train"] * 20 + ["test"] * 10, dtype=object)
    kept = drop_unanswered(made, parts)
    assert kept is parts
    assert (made.rows, made.left_out) == (30, [])
