"""Rows that share a text stay on one side of the split, whatever hangs together with whatever."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from tests.trainer.data_made import dataset
from trainer.data.linked_rows import joined_keys, leave_shared, link_rows
from trainer.data.row_keys import NO_TEXT, hash_texts
from trainer.spec import SplitSpec

TASK = "sentence-similarity"
Pairs = list[tuple[int, int]]


def hashes(pairs: Pairs) -> np.ndarray:
    return np.array(pairs, dtype=np.uint64).T.reshape(2, len(pairs))


@settings(max_examples=80, deadline=None, derandomize=True)
@given(some.lists(some.tuples(some.integers(1, 12), some.integers(1, 12)), min_size=1, max_size=12))
def test_rows_of_one_key_are_those_that_hang_together(pairs: Pairs) -> None:
    least = {text: text for pair in pairs for text in pair}
    for _round in pairs:  # as often as the longest chain is long
        for pair in pairs:
            least |= dict.fromkeys(pair, min(least[text] for text in pair))
    keys = joined_keys(hashes(pairs), np.ones(len(pairs), dtype=bool))
    assert keys.tolist() == [least[first] for first, _second in pairs]


@settings(max_examples=40, deadline=None, derandomize=True)
@given(some.permutations(list(range(8))))
def test_the_order_of_the_rows_changes_no_key(order: list[int]) -> None:
    pairs = [(1, 2), (2, 3), (4, 5), (6, 6), (7, 8), (8, 9), (5, 10), (11, 12)]
    every = np.ones(len(pairs), dtype=bool)
    shuffled = joined_keys(hashes([pairs[place] for place in order]), every)
    assert shuffled.tolist() == [joined_keys(hashes(pairs), every)[place] for place in order]


def test_a_row_that_cannot_be_used_connects_nothing() -> None:
    keys = joined_keys(hashes([(1, 2), (2, 3), (3, 4)]), np.array([True, False, True]))
    assert keys[0] != keys[2]


@settings(max_examples=60, deadline=None, derandomize=True)
@given(
    some.lists(
        some.tuples(some.integers(0, 6), some.integers(0, 6), some.sampled_from(["train", "validation", "test", ""])),
        max_size=20,
    )
)
def test_no_text_that_is_left_stands_on_two_sides(rows: list[tuple[int, int, str]]) -> None:
    texts = hashes([(first, second) for first, second, _part in rows])
    before = np.array([part for *_pair, part in rows], dtype=object)
    after = leave_shared(before, texts)
    sides = {
        part: set(texts[:, after == part].ravel().tolist()) - {NO_TEXT} for part in ("train", "validation", "test")
    }
    assert not sides["test"] & (sides["train"] | sides["validation"])
    assert not sides["validation"] & sides["train"]
    assert after[before == "test"].tolist() == ["test"] * int((before == "test").sum()), "what is tested on stays"
    assert all(new in (old, "") for old, new in zip(before, after, strict=True))


def test_without_texts_every_row_keeps_its_part() -> None:
    parts = np.array(["train", "test"], dtype=object)
    assert leave_shared(parts, np.zeros((0, 2), dtype=np.uint64)) is parts


# A whole dataset of pairs


def pairs_of(first: list[str], second: list[str]) -> dict[str, list[str]]:
    return {"sentence1": first, "sentence2": second, "score": [str(n % 5) for n in range(len(first))]}


@pytest.mark.parametrize("seed", range(3))
def test_no_sentence_is_learned_from_and_tested_on(seed: int) -> None:
    first = [f"sentence number {n // 2} of the first" for n in range(80)]
    second = [f"sentence number {(n + 1) // 2} of the first" for n in range(80)]
    second[::9] = [f"another one {n}" for n in range(0, 80, 9)]
    made = dataset(TASK, SplitSpec(seed=seed), **pairs_of(first, second))
    texts = np.stack([hash_texts(made.column(name)) for name in made.linked])
    learned, tested = (set(texts[:, made.split == part].ravel().tolist()) for part in ("train", "test"))
    assert tested
    assert not learned & tested


def test_where_most_rows_hang_together_those_of_one_first_text_do_and_the_rest_is_left() -> None:
    first = [f"question {n // 4}" for n in range(60)]
    made = dataset(TASK, **pairs_of(first, ["one answer for all of them"] * 60))
    links = link_rows(made)
    assert len(set(links.keys.texts.tolist())) == 15
    assert links.texts.shape == (2, 60)
    assert (made.split == "test").any()
    assert (
        not (made.split == "train").any()
        or len({made.column("sentence2")[row].as_py() for row in np.flatnonzero(made.split == "train")}) == 1
    )


def test_in_a_search_the_texts_that_are_searched_may_stand_on_both_sides() -> None:
    made = dataset(TASK, query=[f"how to do {n}" for n in range(40)], document=[f"answer {n % 5}" for n in range(40)])
    assert made.linked
    assert set(made.split.tolist()) >= {"train", "test"}
    parts = {
        part: {made.column("document")[row].as_py() for row in np.flatnonzero(made.split == part)}
        for part in ("train", "test")
    }
    assert parts["train"] & parts["test"]


def test_rows_of_a_task_without_linked_texts_have_their_own_keys() -> None:
    made = dataset("text-classification", text=[f"text number {n} of all" for n in range(20)], label=["a", "b"] * 10)
    links = link_rows(made)
    assert links.keys is made.keys
    assert links.texts.shape == (0, 20)
