"""Which rows are asked about next, and what is said of the labels so far: beside the rules by brute force, on points of a plane."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trainer.data.dataset import Dataset
from trainer.errors import SpecError
from trainer.labelling import rows as labelled_rows
from trainer.labelling.asking import (
    FEW_EACH,
    LIKE,
    RANDOM,
    SPREAD,
    TEN,
    TEST,
    UNCERTAIN,
    Turns,
    density,
    order_rows,
    spread_out,
    uncertain_rows,
)
from trainer.labelling.classifier import Fitted, Space, fit, to_unit
from trainer.labelling.progress import ENOUGH, LAST, last_change, score_of, thin_labels
from trainer.labelling.request import DecisionIn, read_request
from trainer.labelling.rows import UNLABELLED, PartlyLabelled


def partly(
    codes: list[int], tested: Sequence[int] = (), reserved: Sequence[int] = (), skipped: Sequence[int] = ()
) -> PartlyLabelled:
    """Rows with these codes; of those without one, some are reserved for the test or were skipped."""
    count, known = len(codes), np.array(codes, dtype=np.int64)
    is_test, is_reserved, is_skipped = (np.isin(np.arange(count), list(each)) for each in (tested, reserved, skipped))
    return PartlyLabelled(
        cast("Dataset", None),
        np.arange(count),
        np.arange(count).astype(np.uint64),
        known,
        ["a", "b", "c"],
        np.full(count, -1, dtype=np.int64),
        is_test,
        is_reserved,
        (known == UNLABELLED) & ~is_skipped,
    )


def circle(*degrees: float) -> np.ndarray:
    angles = np.radians(degrees)
    return np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)


def turns_of(rows: PartlyLabelled, unit: np.ndarray) -> Turns:
    return Turns(rows, unit, np.random.default_rng(0))


MODEL = Fitted(np.array([[3.0, 0.0], [-3.0, 0.0]], dtype=np.float32), np.zeros(2, dtype=np.float32), np.array([0, 1]))
"""Label a to the right, b to the left; in doubt at 90 degrees."""


# What is uncertain, typical, far from all before


def test_the_most_doubtful_rows_come_first_and_each_is_far_from_those_before() -> None:
    rows = partly([0, 1] + [UNLABELLED] * 4)
    unit = circle(0, 180, 90, 91, 270, 10)
    many_learned = np.array([0, 1] * FEW_EACH)
    chosen = uncertain_rows(turns_of(rows, unit), np.array([2, 3, 4, 5]), MODEL, many_learned, 3)
    assert chosen == [2, 4, 3] or chosen[:2] == [4, 2]
    assert 5 not in chosen[:2], "it is sure, and near to what is known"


@settings(max_examples=40, deadline=None, derandomize=True)
@given(st.lists(st.sampled_from([0, 45, 90, 135, 180, 270]), min_size=1, max_size=12), st.integers(1, 15))
def test_no_row_is_chosen_twice_however_many_are_alike(degrees: list[int], count: int) -> None:
    """Of two equal rows one has no distance left, by which it had been chosen again."""
    unit = circle(0, 180, *degrees)
    rows, places = partly([0, 1] + [UNLABELLED] * len(degrees)), np.arange(2, len(unit))
    doubtful = uncertain_rows(turns_of(rows, unit), places, MODEL, np.array([0, 1]), count)
    spread = spread_out(unit, places, unit[:2], count)
    for chosen in (doubtful, spread, spread_out(unit, places, unit[:0], count)):
        assert len(set(chosen)) == len(chosen) == min(count, len(degrees))
        assert set(chosen) <= set(places.tolist())


def test_nothing_to_choose_from_is_nothing() -> None:
    rows, none = partly([0, 1]), np.zeros(0, dtype=np.int64)
    unit = circle(0, 180)
    assert uncertain_rows(turns_of(rows, unit), none, MODEL, np.array([0, 1]), 3) == []
    assert spread_out(unit, none, unit, 3) == []
    assert order_rows(rows, unit, MODEL, None, 5, 0) == []


def test_where_nothing_is_known_the_most_typical_row_comes_first_and_then_the_farthest() -> None:
    unit = circle(0, 5, 10, 15, 190)
    assert spread_out(unit, np.arange(5), unit[:0], 2)[1] == 4
    assert spread_out(unit, np.arange(5), unit[:0], 1)[0] in (0, 1, 2)


def test_rows_in_a_crowd_are_denser_than_one_by_itself() -> None:
    unit = circle(*range(0, 30, 2), 180)
    dense = density(unit, np.arange(len(unit)))
    assert dense.argmin() == len(unit) - 1
    assert (dense > 0).all()


# Turns


def test_before_there_is_a_model_rows_are_spread_and_then_all_others_follow() -> None:
    rows = partly([UNLABELLED] * 6, reserved=[4, 5])
    order = order_rows(rows, circle(0, 60, 120, 180, 240, 300), None, None, 10, seed=1)
    assert [kind for _place, kind in order] == [SPREAD] * 4 + [TEST] * 2
    assert sorted(place for place, _kind in order) == [0, 1, 2, 3, 4, 5]


def test_ten_questions_are_for_what_the_table_says() -> None:
    generator = np.random.default_rng(0)
    unit = to_unit(generator.normal(size=(80, 2)))
    rows = partly([0, 1] + [UNLABELLED] * 78, reserved=list(range(60, 80)))
    order = order_rows(rows, unit, MODEL, 5, 10, seed=0)
    assert [kind for _place, kind in order] == [TEN[(2 + at) % 10] for at in range(10)]
    assert all((place >= 60) is (kind == TEST) for place, kind in order)
    without = order_rows(rows, unit, MODEL, None, 10, seed=0)
    assert LIKE not in {kind for _place, kind in without}
    assert sum(kind == UNCERTAIN for _place, kind in without) == 7


def test_rows_like_the_corrected_one_are_the_nearest() -> None:
    rows = partly([0, 1] + [UNLABELLED] * 40)
    unit = circle(0, 180, *np.linspace(60, 120, 40))
    order = order_rows(rows, unit, MODEL, 2, 10, seed=0)
    like = [place for place, kind in order if kind == LIKE]
    assert like
    assert all(place < 2 + 10 * len(like) + 1 for place in like)


def test_what_was_skipped_is_asked_at_no_turn_and_the_seed_decides() -> None:
    generator = np.random.default_rng(0)
    unit = to_unit(generator.normal(size=(30, 2)))
    rows = partly([0, 1] + [UNLABELLED] * 28, skipped=[7, 8], reserved=[9])
    orders = [order_rows(rows, unit, MODEL, None, 100, seed) for seed in (3, 3, 4)]
    assert orders[0] == orders[1]
    assert orders[0] != orders[2]
    assert {place for place, _kind in orders[0]} == set(range(2, 30)) - {7, 8}
    assert {kind for _place, kind in orders[0][:20]} >= {RANDOM, UNCERTAIN, TEST}


# What is said of the labels


def test_labels_with_few_rows_are_thin_the_fewest_first() -> None:
    rows = partly([0] * ENOUGH + [1] * 3 + [2], tested=[ENOUGH + 3])
    assert thin_labels(rows) == [
        {"label": "c", "rows": 0, "more": ENOUGH},
        {"label": "b", "rows": 3, "more": ENOUGH - 3},
    ]


def test_a_score_is_the_share_of_right_test_rows_with_its_interval() -> None:
    space = Space(circle(0, 180, 10, 170, 80, 100), {})
    scored = score_of(partly([0, 1, 0, 1, 1, 1], tested=[2, 3, 4, 5]), space, MODEL)
    assert scored is not None
    assert (scored["value"], scored["rows"]) == (0.75, 4)
    assert scored["low"] < 0.75 < scored["high"]
    assert score_of(partly([0, 1]), Space(circle(0, 180), {}), MODEL) is None


def test_labels_that_changed_nothing_are_told_as_settled_and_those_that_did_are_not() -> None:
    generator = np.random.default_rng(0)
    sides = generator.integers(0, 2, 200)
    unit = to_unit(np.stack([1 - 2.0 * sides, 0.2 * generator.normal(size=200)], axis=1))
    rows = partly([*sides[:150].tolist(), *[UNLABELLED] * 50], tested=list(range(100, 150)))
    rows.decided[:100] = np.arange(100)
    model = fit(Space(unit, {}), rows.learned, rows.codes, rows.labels)
    assert model is not None
    change = last_change(rows, Space(unit, {}), model)
    assert change is not None
    assert (change["labels"], change["agreement"], change["settled"]) == (LAST, 1.0, True)
    wrong = Fitted(-model.weight, model.bias, model.codes)
    change = last_change(rows, Space(unit, {}), wrong)
    assert change is not None
    assert (change["settled"], change["value"]) == (False, -1.0)
    rows.decided[:70] = -1
    assert last_change(rows, Space(unit, {}), model) is None, "most of the last ones came with the version"


def test_one_label_alone_is_no_model() -> None:
    assert fit(Space(circle(0, 10), {}), np.array([0, 1]), np.array([1, 1]), ["a", "b"]) is None


def test_probabilities_of_two_labels_are_those_of_one_logistic_curve() -> None:
    generator = np.random.default_rng(0)
    unit = to_unit(generator.normal(size=(60, 3)))
    codes = (unit[:, 0] > 0).astype(np.int64)
    model = fit(Space(unit, {}), np.arange(60), codes, ["a", "b"])
    assert model is not None
    outputs = model.outputs(unit)
    assert model.probabilities(unit)[:, 1] == pytest.approx(1 / (1 + np.exp(outputs[:, 0] - outputs[:, 1])), abs=1e-5)
    assert (model.predict(unit) == codes).mean() > 0.95


# Decisions


def decided(*decisions: dict[str, Any], codes: list[int] | None = None) -> tuple[list[int], list[str], dict[int, str]]:
    known = np.array(codes or [0, UNLABELLED, UNLABELLED, UNLABELLED], dtype=np.int64)
    labels, order = ["yes"], np.full(len(known), -1, dtype=np.int64)
    every = [DecisionIn(**each) for each in decisions]
    sources = labelled_rows.given(every, known, order, labels, known == UNLABELLED)
    return known.tolist(), labels, sources


def test_decisions_are_taken_in_order_and_only_of_rows_of_the_pool() -> None:
    codes, labels, sources = decided(
        {"row": 2, "value": " no "},
        {"row": 3, "value": "yes", "source": "rule"},
        {"row": 3, "value": "no"},
        {"row": 4, "value": None},
        {"row": 1, "value": "no"},
        {"row": 99, "value": "yes"},
        {"row": 0, "value": "yes"},
    )
    assert codes == [0, 1, 1, UNLABELLED]
    assert labels == ["yes", "no"]
    assert sources == {1: "person", 2: "person"}


def test_a_sample_of_many_rows_keeps_those_with_labels_and_is_the_same_next_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(labelled_rows, "MOST_ROWS", 10)
    rows, keys = np.arange(50), np.arange(50).astype(np.uint64)
    codes = np.full(50, UNLABELLED)
    codes[[3, 40]] = 0
    first = labelled_rows.sample_of(rows, codes, keys, seed=1)
    assert {3, 40} <= set(first.tolist())
    assert len(first) == 10
    assert first.tolist() == sorted(first.tolist()) == labelled_rows.sample_of(rows, codes, keys, seed=1).tolist()
    assert first.tolist() != labelled_rows.sample_of(rows, codes, keys, seed=2).tolist()


@pytest.mark.parametrize("content", ["", "[]", '{"version": 1, "rows": []}', '{"decisions": [{"value": "a"}]}', "{"])
def test_what_is_no_request_says_where_its_fields_are_listed(content: str, tmp_path: Path) -> None:
    (tmp_path / "request.json").write_text(content)
    with pytest.raises(SpecError) as raised:
        read_request(tmp_path / "request.json")
    assert "docs/trainer.md" in str(raised.value.hint)


def test_a_request_has_defaults(tmp_path: Path) -> None:
    (tmp_path / "request.json").write_text(json.dumps({"version": "/data", "decisions": [{"row": 1}]}))
    request = read_request(tmp_path / "request.json")
    assert (request.count, request.seconds, request.decisions[0].source) == (300, None, "person")
