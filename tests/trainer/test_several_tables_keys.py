"""Tables of one upload that tell of the same records: which of two is joined to which, and that no row is lost unsaid."""

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from tests.trainer.data_made import Cells, records, table
from trainer.data.keyed_tables import APART, JOIN, describe, find_pair, join_pair
from trainer.data.readings import Choices
from trainer.data.several_tables import first_batch
from trainer.data.tables.table import Table
from trainer.errors import SpecError


def keys(count: int, start: int = 0) -> list[str]:
    return [f"row-{number}" for number in range(start, start + count)]


def pair_of(one: Table, other: Table) -> tuple[str, str, str] | None:
    pair = find_pair(one, other, first_batch(one), first_batch(other))
    return (pair.base.name, pair.details.name, pair.key) if pair else None


@settings(max_examples=40, deadline=None, derandomize=True)
@given(some.permutations(range(8)), some.integers(0, 2))
def test_columns_are_joined_as_pandas_merges_them(order: list[int], extra: int) -> None:
    values = pd.DataFrame({"id": keys(8), "size": [str(n) for n in range(8)]})
    labels = pd.DataFrame(
        {"id": [keys(8)[n] for n in order] + keys(extra, 8), "label": [f"l{n}" for n in range(8 + extra)]}
    )
    base, details = (table(name, 4, **frame) for name, frame in (("v.csv", values), ("l.csv", labels)))
    pair = find_pair(base, details, *([list(frame[name]) for name in frame] for frame in (values, labels)))
    assert pair is not None
    assert pair.base is base
    join_pair(pair)
    assert pd.DataFrame(records(base)).equals(values.merge(labels, on="id", how="left"))
    assert sum(entry.count for entry in base.left_out) == extra


def test_rows_that_no_row_names_are_counted_with_examples() -> None:
    base = table("values.csv", 20, id=keys(4), size=["1", "2", "3", "4"])
    details = table("labels.csv", 20, id=[*keys(4), "row-9", "row-10"], label=["a", "b", "a", "b", "a", "b"])
    pair = find_pair(base, details, first_batch(base), [keys(4), ["a"] * 4])
    assert pair is not None
    join_pair(pair)
    joined = records(base)
    assert [row["label"] for row in joined] == ["a", "b", "a", "b"]
    (left,) = base.left_out
    assert (left.reason, left.count, left.file, left.examples) == ("no_partner", 2, "labels.csv", ["row-9", "row-10"])
    assert left.sentence == "2 rows of labels.csv belong to no row of values.csv."


def test_a_row_without_a_partner_has_empty_cells_and_stays() -> None:
    base = table("values.csv", id=keys(3), size=["1", "2", "3"])
    details = table("labels.csv", id=["row-0", "row-2"], label=["a", "b"])
    pair = find_pair(base, details, [keys(2), ["1", "2"]], [["row-0", "row-1"], ["a", "b"]])
    assert pair is not None
    join_pair(pair)
    assert [row["label"] for row in records(base)] == ["a", None, "b"]


def test_of_a_key_that_comes_again_later_the_first_counts_and_the_others_are_told() -> None:
    base = table("values.csv", id=keys(3), size=["1", "2", "3"])
    details = table("labels.csv", id=[*keys(3), "row-0"], label=["a", "b", "c", "late"])
    pair = find_pair(base, details, [keys(3), ["1", "2", "3"]], [keys(3), ["a", "b", "c"]])
    assert pair is not None
    join_pair(pair)
    assert records(base)[0]["label"] == "a"
    assert [entry.count for entry in base.left_out] == [1]


def test_what_of_the_joined_table_could_not_be_read_is_still_told() -> None:
    base = table("values.csv", id=keys(3), size=["1", "2", "3"])
    details = table("labels.csv", id=keys(3), label=["a", "b", "c"])
    details.refuse(7, "has 3 fields instead of 2")
    pair = find_pair(base, details, first_batch(base), first_batch(details))
    assert pair is not None
    join_pair(pair)
    records(base)
    (left,) = base.left_out
    assert (left.reason, left.file, left.examples) == ("unreadable", "labels.csv", ["line 7 has 3 fields instead of 2"])


NO_PAIRS: dict[str, tuple[dict[str, Cells], dict[str, Cells]]] = {
    "no column in common": ({"id": keys(4), "a": keys(4)}, {"key": keys(4), "b": keys(4)}),
    "two columns in common": ({"id": keys(4), "a": keys(4)}, {"id": keys(4), "a": keys(4), "b": keys(4)}),
    "nothing but the key": ({"id": keys(4), "a": keys(4)}, {"id": keys(4)}),
    "a key that comes again": ({"id": ["x", "x", "y", "z"], "a": keys(4)}, {"id": ["x", "y", "z", "w"], "b": keys(4)}),
    "a key that is empty": ({"id": ["x", None, "y", "z"], "a": keys(4)}, {"id": ["x", "y", "z", "w"], "b": keys(4)}),
    "other records": ({"id": keys(10), "a": keys(10)}, {"id": keys(10, 5), "b": keys(10)}),
}


@pytest.mark.parametrize("name", NO_PAIRS)
def test_tables_that_do_not_name_each_other_s_rows_are_no_pair(name: str) -> None:
    one, other = NO_PAIRS[name]
    assert pair_of(table("a.csv", 20, **one), table("b.csv", 20, **other)) is None


def test_nine_names_of_ten_are_enough_whichever_file_comes_first() -> None:
    values = {"id": keys(10), "size": keys(10), "colour": keys(10)}
    labels = {"id": [*keys(9), "other"], "label": keys(10)}
    one, other = (lambda: table("values.csv", 20, **values)), (lambda: table("labels.csv", 20, **labels))
    assert pair_of(one(), other()) == pair_of(other(), one()) == ("values.csv", "labels.csv", "id")


def test_the_longer_table_is_the_base_however_narrow() -> None:
    narrow = {"id": keys(20), "label": keys(20)}
    wide = {"id": keys(10), "a": keys(10), "b": keys(10)}
    found = {pair_of(*sent) for sent in (
        (table("n.csv", 30, **narrow), table("w.csv", 30, **wide)),
        (table("w.csv", 30, **wide), table("n.csv", 30, **narrow)),
    )}  # fmt: skip
    assert found == {("n.csv", "w.csv", "id")}


@pytest.mark.parametrize(("asked", "chosen", "other"), [(None, JOIN, APART), (JOIN, JOIN, APART), (APART, APART, JOIN)])
def test_the_joining_is_a_reading_that_can_be_refused(asked: str | None, chosen: str, other: str) -> None:
    one, two = table("v.csv", 9, id=keys(4), a=keys(4)), table("l.csv", 9, id=keys(4), b=keys(4))
    pair = find_pair(one, two, first_batch(one), first_batch(two))
    assert pair is not None
    reading = describe(pair, Choices({"keys": asked} if asked else {}))
    assert (reading.chosen, [choice.value for choice in reading.others]) == (chosen, [other])
    assert (reading.confidence == 1.0, reading.is_asked) == (asked is not None, asked is not None)


def test_a_joining_of_another_name_is_refused() -> None:
    one, two = table("v.csv", 9, id=keys(4), a=keys(4)), table("l.csv", 9, id=keys(4), b=keys(4))
    pair = find_pair(one, two, first_batch(one), first_batch(two))
    assert pair is not None
    with pytest.raises(SpecError, match="merge"):
        describe(pair, Choices({"keys": "merge"}))
