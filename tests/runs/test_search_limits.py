"""What a search gives its trials: never more than its limits leave, the best of what was scored, and a reason for every end."""

from decimal import Decimal
from typing import Any

import pytest
from django.utils import timezone
from hypothesis import assume, given, settings
from hypothesis import strategies as some

from webapp.core.problems import Problem
from webapp.runs.models import Run, Search, Status
from webapp.runs.searches import (
    FINISHING_SHARE,
    LEAST_SHARE,
    MOST_FAILED,
    best_of,
    check_count,
    facts_of,
    left_of,
    limits_of_next,
    limits_of_test,
    metric_of,
    outage_of,
    reason_to_stop,
    rounded_down,
    score_of,
)

often = settings(max_examples=100, deadline=None, derandomize=True)


def trial(
    number: int = 1,
    value: float | None = None,
    status: str = Status.SCORED,
    cost: float = 0,
    limits: dict[str, float] | None = None,
    code: str = "",
    metric: str = "accuracy",
) -> Run:
    return Run(
        trial=number,
        status=status,
        cost=Decimal(str(cost)),
        limits=limits or {},
        validation=None if value is None else {"name": metric, "value": value},
        error={"code": code} if code else None,
    )


def search(most: int = 20, **limits: float) -> Search:
    return Search(most_trials=most, limits=limits, space={"batch_size": {"choices": [8, 16]}})


# Limits


COSTS = some.lists(some.integers(1, 400).map(lambda cents: cents / 100), max_size=8)


@often
@given(some.integers(1, 2_000).map(lambda cents: cents / 100), COSTS, COSTS, some.integers(0, 5))
def test_trials_that_begin_together_stay_within_what_is_left(
    limit: float, ended: list[float], at_work: list[float], slots: int
) -> None:
    wanted = search(cost=limit)
    trials = [trial(1, 0.5, cost=cost) for cost in ended] + [
        trial(1, status=Status.RUNNING, limits={"cost": cost}) for cost in at_work
    ]
    given_limits = limits_of_next(wanted, trials, slots)
    left = left_of(wanted, trials, "cost")
    assert left is not None
    assert left == pytest.approx(limit * (1 - FINISHING_SHARE) - sum(ended) - sum(at_work))
    assert len(given_limits) <= slots
    assert sum(each["cost"] for each in given_limits) <= max(left, 0) + 1e-9
    assert all(each["cost"] > 0 for each in given_limits)


@often
@given(some.integers(1, 2_000).map(lambda cents: cents / 100), COSTS)
def test_there_is_a_reason_exactly_where_no_trial_can_begin(limit: float, ended: list[float]) -> None:
    wanted, trials = search(cost=limit), [trial(1, 0.5, cost=cost) for cost in ended]
    reason = reason_to_stop(wanted, trials)
    assert (reason is None) == bool(limits_of_next(wanted, trials, 1))
    if reason:
        assert reason["code"] == "cost"
        assert reason["left"] >= 0
        assert reason["left"] == 0 or reason["left"] < LEAST_SHARE * reason["usual"]


def test_fewer_trials_begin_where_too_little_is_left_for_all() -> None:
    trials = [trial(1, 0.5, cost=1.0)]
    assert [len(limits_of_next(search(cost=limit), trials, 4)) for limit in (1.2, 1.9, 2.3, 2.9, 3.5, 99)] == [
        0,
        1,
        2,
        3,
        4,
        4,
    ]


def test_without_limits_all_begin_and_nothing_is_promised() -> None:
    assert limits_of_next(search(), [], 3) == [{}, {}, {}]
    assert left_of(search(), [], "cost") is None
    assert limits_of_next(search(), [], 0) == []


def test_a_trial_at_work_has_what_it_was_promised_or_has_spent_if_that_is_more() -> None:
    running = trial(status=Status.RUNNING, cost=3, limits={"cost": 2})
    assert left_of(search(cost=10), [running], "cost") == pytest.approx(6.0)
    running.cost = Decimal(1)
    assert left_of(search(cost=10), [running], "cost") == pytest.approx(7.0)
    running.status = Status.SCORED
    assert left_of(search(cost=10), [running], "cost") == pytest.approx(8.0)


@often
@given(some.integers(1, 2_000).map(lambda cents: cents / 100), COSTS)
def test_the_test_of_the_best_may_take_all_that_is_left_and_what_it_took(limit: float, costs: list[float]) -> None:
    assume(costs)
    trials = [trial(number, 0.5, cost=cost) for number, cost in enumerate(costs, 1)]
    limits = limits_of_test(search(cost=limit), trials, trials[0])
    spent = sum(costs)
    assert limits["cost"] == pytest.approx(max(limit - spent, 0) + costs[0], abs=2e-6)
    assert limits["cost"] <= max(limit - spent, 0) + costs[0] + 1e-9
    assert limits_of_test(search(), trials, trials[0]) == {}


@often
@given(some.floats(0, 1e6))
def test_limits_are_rounded_down_and_lose_less_than_a_millionth(value: float) -> None:
    assert 0 <= value - rounded_down(value) < 1.1e-6


# Which is best


@often
@given(
    some.lists(
        some.tuples(
            some.sampled_from([0.1, 0.5, 0.9, None]),
            some.sampled_from([Status.SCORED, Status.PRUNED, Status.FAILED, Status.SUCCEEDED]),
        ),
        max_size=8,
    ),
    some.booleans(),
)
def test_the_best_is_the_first_of_the_best_scores(made: list[tuple[float | None, str]], is_error: bool) -> None:
    metric = "mae" if is_error else "accuracy"
    trials = [trial(number, value, status, metric=metric) for number, (value, status) in enumerate(made, 1)]
    best = best_of(trials)
    scored = [run for run in trials if score_of(run) is not None]
    if not scored:
        assert best is None
        return
    wanted = (min if is_error else max)(score_of(run) or 0 for run in scored)
    assert best is not None
    assert best.trial == next(run.trial for run in scored if score_of(run) == wanted)
    assert metric_of(trials) == metric


def test_a_pruned_trial_has_no_score_and_no_trials_have_no_metric() -> None:
    assert score_of(trial(1, 0.9, Status.PRUNED)) is None
    assert (metric_of([]), best_of([]), metric_of([trial()])) == (None, None, None)


@pytest.mark.parametrize(
    ("result", "facts"),
    [
        ({}, {}),
        ({"validation": {"value": 1}}, {}),
        ({"pruned": True, "validation": {"value": 1}}, {"status": Status.PRUNED, "validation": {"value": 1}}),
        ({"pruned": False, "validation": {"value": 1}}, {"status": Status.SCORED, "validation": {"value": 1}}),
    ],
)
def test_what_a_trial_leaves(result: dict[str, Any], facts: dict[str, Any]) -> None:
    assert facts_of(result) == facts


# Why it ends


def test_reasons_come_in_their_order() -> None:
    wanted = search(most=2, cost=1)
    trials = [trial(1, 0.5, cost=5), trial(2, 0.6)]
    assert reason_to_stop(wanted, trials) == {"code": "trials", "count": 2}
    wanted.stop_requested_at = timezone.now()
    assert reason_to_stop(wanted, trials) == {"code": "asked"}
    assert reason_to_stop(search(), []) is None


@pytest.mark.parametrize(
    ("codes", "ends"),
    [
        ([], None),
        (["out_of_memory"] * (MOST_FAILED - 1), None),
        (["out_of_memory"] * MOST_FAILED, "out_of_memory"),
        (["out_of_memory", "no_space"], "no_space"),
        (["workspace_limit"], "workspace_limit"),
    ],
)
def test_an_outage_or_too_many_failures_end_a_search(codes: list[str], ends: str | None) -> None:
    trials = [trial(number, status=Status.FAILED, code=code) for number, code in enumerate(codes, 1)]
    assert (outage_of(trials) or {}).get("code") == ends
    scored = [trial(9, 0.5), *trials]
    assert (outage_of(scored) or {}).get("code") == (ends if ends in ("no_space", "workspace_limit") else None)


@pytest.mark.parametrize(("value", "number"), [(None, 20), ("", 20), (1, 1), (100, 100)])
def test_a_number_of_trials_is_what_was_sent_or_the_usual(value: object, number: int) -> None:
    assert check_count(value, 20, 100, "trials") == number


@pytest.mark.parametrize("value", [0, 101, -1, 2.5, "3", True, [], "x" * 400])
def test_another_number_is_refused_beside_its_field(value: object) -> None:
    with pytest.raises(Problem) as refused:
        check_count(value, 20, 100, "trials")
    assert (refused.value.code, refused.value.field, refused.value.hint) == (
        "bad_search",
        "trials",
        "Enter a whole number.",
    )
    assert "from 1 to 100" in refused.value.message
    assert len(refused.value.message) < 100
