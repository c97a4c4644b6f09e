"""How far labelling is, in words and as a curve, in both languages."""

from typing import Any

import pytest
from django.utils import translation
from hypothesis import given, settings
from hypothesis import strategies as some

from webapp.labelling.models import Guide
from webapp.labelling.progress import (
    THIN_SHOWN,
    as_json,
    curve,
    reader_sentence,
    score_sentence,
    stop_sentence,
    thin_of,
    thin_words,
)

SCORE = {"name": "accuracy", "value": 0.84, "low": 0.72, "high": 0.91, "rows": 52}


def guide(history: list[dict[str, Any]] | None = None, *, due: bool = False, error: Any = None, **facts: Any) -> Guide:
    return Guide(result=facts or None, history=history or [], due=due, error=error)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(some.lists(some.tuples(some.text("abc", min_size=1), some.integers(0, 30)), max_size=12), some.integers(1, 20))
def test_thin_labels_are_those_with_too_few_rows_the_fewest_first(counts: list[tuple[str, int]], enough: int) -> None:
    thin = thin_of(counts, enough)
    assert [one.rows for one in thin] == sorted(rows for _label, rows in counts if rows < enough)
    assert all(one.rows + one.more == enough for one in thin)
    assert sorted((one.label, one.rows) for one in thin) == sorted(
        (label, rows) for label, rows in counts if rows < enough
    )


@pytest.mark.parametrize(
    ("count", "words"),
    [
        (0, ""),
        (1, "9 more of l0"),
        (2, "9 more of l0, 8 more of l1"),
        (THIN_SHOWN + 1, "9 more of l0, 8 more of l1, 7 more of l2, 6 more of l3, 5 more of l4, and 1 more label"),
        (THIN_SHOWN + 3, "9 more of l0, 8 more of l1, 7 more of l2, 6 more of l3, 5 more of l4, and 3 more labels"),
    ],
)
def test_thin_labels_in_words(count: int, words: str) -> None:
    assert thin_words(thin_of([(f"l{n}", n + 1) for n in range(count)], 10)) == words


def test_a_score_has_its_rows_and_its_interval() -> None:
    said = score_sentence(guide(score=SCORE))
    assert "52 test rows" in said
    assert "72.0–91.0" in said
    assert "1 test row (" in score_sentence(guide(score=SCORE | {"rows": 1}))
    assert score_sentence(guide()) == score_sentence(guide(score=None)) == ""
    with translation.override("zh-hans"):
        assert "test rows" not in score_sentence(guide(score=SCORE))


def test_the_score_of_other_answers_is_in_their_own_words() -> None:
    several = SCORE | {"name": "micro_f1"}
    words = score_sentence(guide(score=several)).replace("\xa0", " ")
    assert words == "Micro F1 84.0 % on 52 test rows (72.0–91.0 %)"
    number = {"name": "r2", "value": 0.71, "low": 0.6, "high": 0.79, "rows": 52, "mae": 3.25}
    sentence = score_sentence(guide(score=number))
    assert sentence.startswith("R² 0.71 on 52 test rows (")
    assert sentence.endswith("off by 3.25 on average")
    history = [{"labels": 10, "value": 0.9, "low": 0.8, "high": 1.0}]
    history += [{"labels": n, "name": "r2", "value": n / 100, "low": -0.5, "high": 0.9} for n in (20, 30)]
    drawn = str(curve(guide(history)))
    assert "R² by number of labels: from 0.2 to 0.3 at 30 labels." in drawn
    assert curve(guide(history[:2])) == "", "points of another metric are no part of it"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (None, ""),
        ({"settled": False, "labels": 40}, ""),
        ({"settled": True, "labels": 40}, "The last 40 labels changed nothing that can be measured."),
    ],
)
def test_it_is_said_when_more_labels_are_of_no_use(change: Any, words: str) -> None:
    made = guide(score=SCORE, change=change)
    assert stop_sentence(made) == words
    assert as_json(made)["settled"] == bool(words)


def points(*values: float) -> list[dict[str, Any]]:
    return [
        {"labels": 10 * n, "value": value, "low": value - 0.1, "high": min(1, value + 0.1)}
        for n, value in enumerate(values, 1)
    ]


def test_a_curve_begins_with_two_points_and_says_where_it_ends() -> None:
    assert curve(guide()) == curve(guide(points(0.5))) == ""
    drawn = str(curve(guide(points(0.5, 0.62, 0.8))))
    assert "from 50" in drawn
    assert "to 80" in drawn
    assert "at 30 labels" in drawn
    assert drawn.count("<path") >= 3, "the score and the ends of its interval"


def test_a_curve_is_drawn_where_nothing_changes() -> None:
    assert "<path" in str(curve(guide(points(1.0, 1.0, 1.0))))


@pytest.mark.parametrize(
    ("made", "words"),
    [
        (guide(due=True), "Suggestions are being prepared: the rows are read once."),
        (guide(due=False), ""),
        (guide(labels=3, reader=None), "Nothing on this machine reads such rows"),
        (guide(reader="words"), "Suggested by a small model over counted words."),
        (guide(reader="columns"), "over the columns of the table."),
        (guide(reader="bundled:all-MiniLM-L6-v2"), "over all-MiniLM-L6-v2."),
        (
            guide(vectors="columns", reader="model", suggests=False),
            "Measured by a small model over the columns of the table.",
        ),
        (guide(vectors=None, reader="model"), "Nothing on this machine reads such rows"),
        (guide(error={"message": "No room."}, reader="words"), "No room."),
    ],
)
def test_where_suggestions_come_from(made: Guide, words: str) -> None:
    said = reader_sentence(made)
    assert said.startswith(words) or said.split("It is trained")[0].strip().endswith(words)


def test_the_api_says_it_in_figures() -> None:
    assert as_json(guide(due=True)) == {
        "score": None,
        "history": [],
        "change": None,
        "settled": False,
        "reader": None,
        "learned_from": 0,
        "at_work": True,
    }
    made = as_json(guide(points(0.5), score=SCORE, labels=80, reader="words"))
    assert (made["score"], made["learned_from"], made["at_work"], len(made["history"])) == (SCORE, 80, False, 1)
