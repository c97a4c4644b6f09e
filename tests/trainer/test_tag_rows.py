"""Rows of tokens and tags: each is learned from, repaired and told, or left out and told."""

import json
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from tests.trainer.data_made import dataset
from trainer.data.problems import Problem
from trainer.data.tag_rows import read_cells, read_learned, read_loaded, row_problems, tag_problems, words_of
from trainer.errors import DataError
from trainer.tagging.schemes import scheme_of

TASK = "token-classification"


def cell(*words: str) -> str:
    return json.dumps(words, ensure_ascii=False)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('["a", "b"]', ["a", "b"]),
        ('["a", null, 5, true]', ["a", "", "5", "True"]),
        ('["北京", "🙂"]', ["北京", "🙂"]),
        ("[]", None),
        ('["a", ["b"]]', None),
        ('{"a": 1}', None),
        ('"a"', None),
        ("a b c", None),
        ("", None),
        (None, None),
    ],
)
def test_a_cell_is_a_list_of_words_or_none(text: str | None, words: list[str] | None) -> None:
    assert words_of(text) == words


TAGS = some.sampled_from(["O", "B-A", "I-A", "B-B", "I-B"])


@settings(max_examples=80, deadline=None, derandomize=True)
@given(some.lists(some.tuples(some.lists(TAGS, max_size=5), some.integers(-1, 1), some.booleans()), max_size=10))
def test_each_row_is_read_or_told(rows: list[tuple[list[str], int, bool]]) -> None:
    tokens = [cell(*["w"] * max(len(tags) + more, 0)) if is_json else "w w" for tags, more, is_json in rows]
    read = read_cells(tokens, [cell(*tags) for tags, _more, _is_json in rows])
    usable = [row for row, pair in enumerate(read.pairs) if pair is not None]
    assert sorted([*usable, *read.unequal, *read.unread]) == list(range(len(rows)))
    assert set(read.repaired) <= set(usable)


def test_rows_that_are_not_used_are_not_looked_at() -> None:
    read = read_cells(["no list", cell("a")], ["no list", cell("O")], [False, True])
    assert (read.unread, read.unequal, [pair is None for pair in read.pairs]) == ([], [], [True, False])


def test_problems_name_their_rows_from_one() -> None:
    tokens = [cell("a", "b"), cell("a"), "a b", cell("a", "b", "c", "d")]
    tags = [cell("B-X", "I-X"), cell("O", "O"), cell("O"), cell("B-X", "B-X", "B-X", "I-Y")]
    problems = {one["code"]: one["rows"] for one in row_problems(read_cells(tokens, tags))}
    assert problems == {"unequal_tags": [2], "unread_tags": [3], "repaired_tags": [4]}


@pytest.mark.parametrize(
    ("tags", "named"),
    [
        (["S-A", "B-A", "E-A"], "BIOES (BILOU)"),
        (["B-A", "M-A", "E-A"], "BMES"),
        (["A", "A", "O"], "names without a prefix, each run of one name as one passage"),
    ],
)
def test_another_scheme_is_named(tags: list[str], named: str) -> None:
    (problem,) = row_problems(read_cells([cell("x", "y", "z")], [cell(*tags)]))
    assert (problem["code"], problem["message"]) == ("tag_scheme", f"The tags are read as {named}.")
    assert scheme_of([tags]) != "IOB2"


# A dataset


def tagged(rows: list[tuple[str | None, str | None]]) -> list[Problem]:
    made = dataset(TASK, tokens=[tokens for tokens, _tags in rows], tags=[tags for _tokens, tags in rows])
    return tag_problems(made)


@pytest.mark.parametrize(
    ("tags", "code"),
    [
        ([cell("O", "O")] * 6, "one_value"),
        (["O O"] * 6, "no_rows"),
        ([cell("O", f"B-{n}") for n in range(6)], "few_rows_a_label"),
        ([cell("O", "B-X")] * 6, None),
    ],
)
def test_what_cannot_be_learned_is_an_error(tags: list[str], code: str | None) -> None:
    problems = tagged([(cell("w", f"word{n}"), tag) for n, tag in enumerate(tags)])
    assert [one["code"] for one in problems if one["severity"] == "error"] == ([code] if code else [])


# Rows that are learned from


@dataclass
class Loaded:
    values: dict[str, list[Any]]
    row_numbers: list[int]
    problems: list[Problem] = field(default_factory=list)
    answer: str = "tags"

    @property
    def answers(self) -> list[Any]:
        return self.values[self.answer]

    def keep(self, is_kept: np.ndarray) -> None:
        rows = np.flatnonzero(is_kept).tolist()
        self.row_numbers = [self.row_numbers[row] for row in rows]
        self.values = {name: [cells[row] for row in rows] for name, cells in self.values.items()}


def loaded(rows: list[tuple[str, str]]) -> Loaded:
    numbers = [100 + n for n in range(len(rows))]
    return Loaded({"tokens": [tokens for tokens, _tags in rows], "tags": [tags for _tokens, tags in rows]}, numbers)


def test_passages_stand_in_the_text_that_the_tokens_make() -> None:
    made = loaded([(cell("Anna", "Lee", "lives", "in", "Köln", "."), cell("B-PER", "I-PER", "O", "O", "B-LOC", "O"))])
    read_loaded(made)
    (text,), (answer,) = made.values["tokens"], made.answers
    assert [(text[one["start"] : one["end"]], one["label"]) for one in json.loads(answer)] == [
        ("Anna Lee", "PER"),
        ("Köln", "LOC"),
    ]


@settings(max_examples=60, deadline=None, derandomize=True)
@given(some.lists(some.tuples(some.text("ab中é🙂", min_size=1, max_size=4), TAGS), min_size=1, max_size=8))
def test_a_passage_begins_and_ends_with_its_tokens(row: list[tuple[str, str]]) -> None:
    tokens, tags = [word for word, _tag in row], [tag for _word, tag in row]
    made = loaded([(cell(*tokens), cell(*tags))])
    read_loaded(made)
    text = made.values["tokens"][0]
    passages = json.loads(made.answers[0])
    assert all(0 <= one["start"] < one["end"] <= len(text) for one in passages)
    marked = sum(tag != "O" for tag in tags)
    letters = sum(len("".join(text[one["start"] : one["end"]].split())) for one in passages)
    assert letters == sum(len(word) for word, tag in row if tag != "O")
    assert len(passages) <= marked


def test_rows_that_are_left_out_are_told_by_their_own_numbers() -> None:
    good, slip = cell("B-X", "B-X", "B-X"), cell("O", "I-X", "O")
    made = loaded([(cell("a"), good), (cell(*"abc"), good), ("a", cell("O")), (cell(*"abc"), slip)])
    read_loaded(made)
    assert made.row_numbers == [101, 103]
    assert {one["code"]: one["rows"] for one in made.problems} == {
        "unequal_tags": [100],
        "unread_tags": [102],
        "repaired_tags": [103],
    }
    assert made.problems[0]["message"].endswith("give each token one tag. Rows: 100.")


def test_nothing_marked_is_refused_for_learning_with_a_next_step() -> None:
    made = loaded([(cell("a"), cell("O")), (cell("b"), cell("O"))])
    with pytest.raises(DataError) as refused:
        read_learned(made)
    assert (refused.value.code, refused.value.hint) == ("one_value", "Check which column holds the tags.")
