"""A row for each vote of an annotator, joined by item: every vote counts once, and what is not a vote stays as it is."""

from collections import Counter, defaultdict

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from tests.trainer.data_made import Cells, rows_of, unmapped
from trainer.data.annotators import find_columns, join_votes
from trainer.data.dataset import Dataset
from trainer.data.readings import Choices
from trainer.errors import SpecError


def votes(items: Cells, people: Cells, labels: Cells, **more: Cells) -> Dataset:
    return unmapped(item=items, annotator=people, label=labels, **more)


def crossed(labels: dict[str, str]) -> Dataset:
    """{item: a letter for each person's vote}."""
    cells = [(item, f"p{n}", vote) for item, said in labels.items() for n, vote in enumerate(said)]
    return votes(*(list(column) for column in zip(*cells, strict=True)))


@settings(max_examples=60, deadline=None, derandomize=True)
@given(some.lists(some.text("abc", min_size=3, max_size=3), min_size=2, max_size=12))
def test_the_majority_is_that_of_a_counter(said: list[str]) -> None:
    made = crossed({f"i{n}": letters for n, letters in enumerate(said)})
    assert join_votes(made, Choices()) is not None
    rows = rows_of(made)
    assert [row["item"] for row in rows] == [f"i{n}" for n in range(len(said))], (
        "an item once, in the order of the file"
    )
    for letters, row in zip(said, rows, strict=True):
        counts = Counter(letters)
        assert counts[row["label"]] == max(counts.values())
        assert float(row["label agreement"]) == pytest.approx(max(counts.values()) / len(letters), abs=0.001)


@pytest.mark.parametrize("choice", ["majority", "drop_ties", "apart"])
def test_votes_in_are_votes_joined_and_votes_told(choice: str) -> None:
    made = crossed({"i0": "aab", "i1": "abc", "i2": "bbb", "i3": "cab"})
    join_votes(made, Choices({"annotators": choice}))
    left_out = {entry["reason"]: entry["count"] for entry in made.left_out}
    assert (made.rows, left_out) == {"majority": (4, {}), "drop_ties": (2, {"ties": 6}), "apart": (12, {})}[choice]
    (reading,) = made.readings
    assert (reading["chosen"], reading["asked"], choice in reading["others"]) == (choice, True, False)
    assert len(reading["others"]) == 2


def test_the_order_of_the_votes_changes_no_label() -> None:
    said = {f"i{n}": "aab" if n % 2 else "cbb" for n in range(6)}
    one, other = crossed(said), crossed({item: letters[::-1] for item, letters in said.items()})
    join_votes(one, Choices())
    join_votes(other, Choices())
    assert rows_of(one) == rows_of(other)


def test_votes_apart_keep_an_item_on_one_side() -> None:
    made = crossed({f"i{n}": "aab" for n in range(4)})
    assert join_votes(made, Choices({"annotators": "apart"})) is None
    assert (made.group, made.names) == ("item", ["item", "annotator", "label"])


@pytest.mark.parametrize("missing", ["", "n/a", None, " NaN "])
def test_a_vote_that_is_missing_is_no_vote(missing: str | None) -> None:
    made = votes(["i0"] * 3 + ["i1"] * 3, ["p0", "p1", "p2"] * 2, ["a", missing, "a", missing, missing, missing])
    join_votes(made, Choices())
    assert [(row["label"], row["label agreement"]) for row in rows_of(made)] == [("a", "1"), (None, None)]


@pytest.mark.parametrize("nameless", [None, "", "n/a"])
def test_rows_that_name_no_item_are_not_one_item(nameless: str | None) -> None:
    named = [f"i{n // 3}" for n in range(120)]
    people = [f"p{n % 3}" for n in range(122)]
    labels, texts = ["a", "b"] * 61, [f"text {n // 3}" for n in range(120)] + ["lost", "alone"]
    made = votes([*named, nameless, nameless], people, labels, body=texts)
    join_votes(made, Choices())
    assert made.rows == 42, "40 items of three votes, and two rows that belong to none"
    assert [row["body"] for row in rows_of(made)][-2:] == ["lost", "alone"]


def test_a_column_of_the_name_of_the_agreement_is_kept() -> None:
    made = votes(["i0"] * 3 + ["i1"] * 3, ["p0", "p1", "p2"] * 2, ["a", "a", "b"] * 2, **{"label agreement": ["x"] * 6})
    join_votes(made, Choices())
    assert made.names == ["item", "label", "label agreement", "label agreement (2)"]
    assert rows_of(made)[0]["label agreement"] == "x"


NO_VOTES = {
    "five rows": votes(["i0", "i0", "i1", "i1", "i2"], ["p0", "p1", "p0", "p1", "p0"], ["a"] * 5),
    "one annotator": votes(["i0", "i1", "i2"] * 2, ["p0"] * 6, ["a", "b"] * 3),
    "a person says it twice": votes(["i0"] * 4 + ["i1"] * 4, ["p0", "p0", "p1", "p1"] * 2, ["a", "b"] * 4),
    "an annotator a row": votes(["i0", "i0", "i1", "i1", "i2", "i2"], [f"p{n}" for n in range(6)], ["a", "b"] * 3),
    "one item": votes(["i0"] * 6, [f"p{n % 3}" for n in range(6)], ["a", "b"] * 3),
    "no label": unmapped(item=["i0"] * 3 + ["i1"] * 3, annotator=["p0", "p1", "p2"] * 2, body=["a", "b"] * 3),
    "no annotator": unmapped(item=["i0"] * 3 + ["i1"] * 3, person=["p0", "p1", "p2"] * 2, label=["a", "b"] * 3),
}


@pytest.mark.parametrize("name", NO_VOTES)
def test_what_is_no_table_of_votes_is_left_alone(name: str) -> None:
    made = NO_VOTES[name]
    before = rows_of(made)
    assert find_columns(made) is None
    assert join_votes(made, Choices()) is None
    assert (rows_of(made), made.readings) == (before, [])


@pytest.mark.parametrize(
    ("annotator", "item"),
    [("Worker ID", "HIT id"), ("rater", "sentence"), ("completed_by", "task_id"), ("Labeller", "Tweet")],
)
def test_columns_are_known_by_the_names_of_several_tools(annotator: str, item: str) -> None:
    made = unmapped(
        **{annotator: ["p0", "p1"] * 3, item: ["i0", "i0", "i1", "i1", "i2", "i2"], "label": ["a", "b"] * 3}
    )
    assert find_columns(made) == (annotator, item, "label")


def test_a_choice_that_there_is_not_is_refused_with_those_that_there_are() -> None:
    with pytest.raises(SpecError, match="cannot be read as “mean”") as refused:
        join_votes(crossed({"i0": "aab", "i1": "abb"}), Choices({"annotators": "mean"}))
    assert refused.value.hint == "Choose one of: majority, drop_ties, apart."


def test_the_sentence_counts_votes_items_and_ties() -> None:
    made = crossed(defaultdict(str, {f"i{n}": "ab" if n < 2 else "aa" for n in range(5)}))
    join_votes(made, Choices())
    values = made.readings[0]["i18n"]["sentence"]["values"]
    assert values == {"votes": "10", "items": "5", "item": "item", "ties": "2"}
