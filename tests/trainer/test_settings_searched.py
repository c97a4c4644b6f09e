"""Which settings a search tries: bounds that make sense, what optuna proposes within them, and what is said of the trials."""

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trainer import tasks
from trainer.errors import SpecError, UserError
from trainer.hyperparameters import request, space, study
from trainer.hyperparameters.space import MOST_CHOICES, MOST_DIMENSIONS, Dimension
from trainer.hyperparameters.study import RANDOM_TRIALS, Trial
from trainer.learning import trial

TASK = tasks.get("text-classification")
RATE = {"low": 1e-5, "high": 1e-3, "log": True}
SPACE = [
    Dimension("learning_rate", 1e-5, 1e-3, log=True),
    Dimension("epochs", 1, 8, whole=True),
    Dimension("batch_size", choices=(8, 16, 32)),
]


def checked(**given_space: Any) -> list[Dimension]:
    return space.dimensions(TASK, "full", given_space)


# Spaces


def test_a_space_is_read_with_whole_numbers_where_the_setting_has_them() -> None:
    rate, epochs, batch = checked(learning_rate=RATE, epochs={"low": 1.0, "high": 8}, batch_size={"choices": [8, 16]})
    assert rate == Dimension("learning_rate", 1e-5, 1e-3, log=True)
    assert (epochs.low, epochs.high, epochs.whole, type(epochs.low)) == (1, 8, True, int)
    assert batch.choices == (8, 16)
    assert [each.as_dict() for each in (rate, batch)] == [RATE, {"choices": [8, 16]}]


@pytest.mark.parametrize(
    ("name", "given_one", "said"),
    [
        ("learning_rat", RATE, "there is no setting of this name"),
        ("learning_rate", RATE | {"step": 1}, "step is unknown"),
        ("learning_rate", {"low": 1e-5}, "low and high, or choices, are missing"),
        ("learning_rate", {"low": "1", "high": 2}, "low and high, or choices, are missing"),
        ("learning_rate", {"low": True, "high": 2}, "low and high, or choices, are missing"),
        ("learning_rate", {"low": math.nan, "high": 1}, "low and high, or choices, are missing"),
        ("learning_rate", {"low": 1e-3, "high": 1e-3}, "low must be below high"),
        ("learning_rate", {"low": 0, "high": 1e-3, "log": True}, "low must be above 0"),
        ("epochs", {"low": 1.5, "high": 3}, "whole numbers"),
        ("batch_size", {"choices": [8]}, f"2 to {MOST_CHOICES} choices"),
        ("batch_size", {"choices": list(range(1, MOST_CHOICES + 2))}, f"2 to {MOST_CHOICES} choices"),
        ("batch_size", {"choices": "8, 16"}, f"2 to {MOST_CHOICES} choices"),
        ("batch_size", {"choices": [8, 8]}, "a choice is there twice"),
        ("batch_size", {"choices": [8, [16]]}, "a choice is a number, a text, or true or false"),
    ],
)
def test_what_is_no_space_is_told_by_its_setting_with_an_example(name: str, given_one: Any, said: str) -> None:
    with pytest.raises(SpecError, match=said) as raised:
        checked(**{name: given_one})
    assert f"search.space.{name}" in str(raised.value.message)
    assert raised.value.code == "bad_space"
    assert "choices" in str(raised.value.hint)


@pytest.mark.parametrize(
    "given_one", [{"low": -1, "high": 1e-3}, {"choices": [1e-4, "fast"]}, {"low": 1e-5, "high": 1e9}]
)
def test_bounds_that_a_run_would_refuse_are_refused_at_once(given_one: dict[str, Any]) -> None:
    with pytest.raises(UserError, match="learning_rate"):
        checked(learning_rate=given_one)


def test_nothing_and_too_much_cannot_be_searched() -> None:
    with pytest.raises(SpecError, match="no setting to search"):
        checked()
    many = {f"setting{number}": RATE for number in range(MOST_DIMENSIONS + 1)}
    with pytest.raises(SpecError, match="cannot find anything"):
        checked(**many)
    with pytest.raises(SpecError, match="learning_rate is both given and searched"):
        space.dimensions(TASK, "full", {"learning_rate": RATE}, {"learning_rate": 1e-4})


def test_a_method_without_settings_says_so() -> None:
    assert not space.can_search(TASK, "zero-shot")
    with pytest.raises(SpecError) as raised:
        space.dimensions(TASK, "zero-shot")
    assert "zero-shot" in str(raised.value.hint)


def test_the_usual_space_is_a_part_of_what_is_offered_and_is_no_fault() -> None:
    for task in tasks.all():
        for method in task.methods:
            every, usual = space.offered(task, method.slug), space.usual(task, method.slug)
            assert usual.keys() <= every.keys()
            if usual:
                assert {each.name for each in space.dimensions(task, method.slug)} == usual.keys()


def test_the_recommended_values_are_defaults_that_lie_within() -> None:
    params = TASK.params
    default = params.model_fields["batch_size"].default
    found = space.recommended(params, [Dimension("batch_size", choices=(default, default + 1))])
    assert found == {"batch_size": default}
    assert space.recommended(params, [Dimension("batch_size", choices=(default + 1, default + 2))]) == {}
    assert space.recommended(params, [Dimension("batch_size", 1, max(default - 1, 2), whole=True)]) in ({}, found)


@pytest.mark.parametrize("value", [10**400, -(10**400), math.inf, math.nan, True, None, "1"])
def test_what_no_float_holds_is_no_number(value: Any) -> None:
    assert space.number(value) is None


# Proposals


@settings(max_examples=12, deadline=None, derandomize=True)
@given(st.integers(0, 2**31), st.integers(0, RANDOM_TRIALS + 2))
def test_every_proposal_lies_within_the_space(seed: int, done: int) -> None:
    drawn = np.random.default_rng(seed)
    trials = [
        Trial(
            {
                "learning_rate": float(10 ** drawn.uniform(-5, -3)),
                "epochs": int(drawn.integers(1, 9)),
                "batch_size": 16,
            },
            "done",
            float(drawn.random()),
        )
        for _trial in range(done)
    ]
    params = study.propose(SPACE, trials, "accuracy", seed, {})
    assert params.keys() == {"learning_rate", "epochs", "batch_size"}
    assert 1e-5 <= params["learning_rate"] <= 1e-3
    assert params["learning_rate"] == float(f"{params['learning_rate']:.4g}"), "as a person would write it"
    assert params["epochs"] in range(1, 9)
    assert params["batch_size"] in (8, 16, 32)
    assert params == study.propose(SPACE, trials, "accuracy", seed, {})


def test_the_first_trial_takes_what_is_recommended_and_the_others_do_not() -> None:
    first = {"learning_rate": 3e-5}
    assert study.propose(SPACE, [], None, 0, first)["learning_rate"] == 3e-5
    later = study.propose(
        SPACE, [Trial({"learning_rate": 3e-5, "epochs": 1, "batch_size": 8}, "running")], None, 0, first
    )
    assert later["learning_rate"] != 3e-5


def test_later_proposals_go_where_scores_are_good() -> None:
    """Of many trials the good ones had few epochs: whether more or fewer is better depends on the metric."""

    def proposed(metric: str, sign: int) -> float:
        trials = [
            Trial({"epochs": epochs}, "done", sign * (1.0 - abs(epochs - 10) / 100)) for epochs in range(1, 101, 3)
        ]
        wide = [Dimension("epochs", 1, 100, whole=True)]
        return float(np.median([study.propose(wide, trials, metric, seed, {})["epochs"] for seed in range(7)]))

    assert proposed("accuracy", 1) < 40
    assert proposed("log_loss", -1) < 40
    assert proposed("log_loss", 1) > 40


def test_failed_and_pruned_trials_are_no_scores() -> None:
    trials = [Trial({"epochs": number, "batch_size": 8, "learning_rate": 1e-4}, "failed") for number in range(1, 9)]
    assert study.importance(SPACE, trials, "accuracy") == {}
    assert study.propose(SPACE, trials, "accuracy", 1, {})


def test_importance_adds_up_to_one_and_names_what_matters_first() -> None:
    drawn = np.random.default_rng(0)
    trials = []
    for _trial in range(30):
        params = {
            "learning_rate": float(10 ** drawn.uniform(-5, -3)),
            "epochs": int(drawn.integers(1, 9)),
            "batch_size": 8,
        }
        trials.append(Trial(params, "done", params["epochs"] / 8 + 0.001 * float(drawn.random())))
    shares = study.importance(SPACE, trials, "accuracy")
    assert sum(shares.values()) == pytest.approx(1.0)
    assert next(iter(shares)) == "epochs"
    same = [Trial(each.params, "done", 0.5) for each in trials]
    assert study.importance(SPACE, same, "accuracy") == {}


# Pruning


EARLIER = [[(1, 0.5), (2, 0.6), (3, 0.7)] for _trial in range(4)]


@pytest.mark.parametrize(
    ("metric", "curve", "pruned"),
    [
        ("accuracy", [(1, 0.1)], False),
        ("accuracy", [(1, 0.1), (2, 0.2)], True),
        ("accuracy", [(1, 0.1), (2, 0.2), (3, 0.3)], True),
        ("accuracy", [(1, 0.1), (2, 0.2), (3, 0.9)], False),
        ("accuracy", [(1, 0.9), (2, 0.2), (3, 0.1)], False),
        ("log_loss", [(1, 2.0), (2, 2.0), (3, 2.0)], True),
        ("log_loss", [(1, 2.0), (2, 2.0), (3, 0.1)], False),
    ],
    ids=["the first epoch", "the second", "behind", "ahead", "once ahead", "a high loss", "a low loss"],
)
def test_a_trial_whose_best_is_behind_half_of_the_others_is_pruned(
    metric: str, curve: list[tuple[int, float]], pruned: bool
) -> None:
    assert study.should_prune(metric, EARLIER, curve) is pruned
    assert not study.should_prune(metric, EARLIER[:3], curve), "too few to compare with"


def test_a_watch_hears_its_metric_alone() -> None:
    watch = trial.Watch("accuracy", EARLIER)
    assert not watch.hear("loss", 3, 0.0)
    assert not watch.hear("accuracy", None, 0.0)
    assert not watch.hear("accuracy", 3, math.nan)
    assert watch.curve == {}
    assert not watch.hear("accuracy", 0.4, 0.1)
    assert watch.hear("accuracy", 3.2, 0.1)
    assert watch.curve == {1: 0.1, 3: 0.1}


# What a trial came to


class Ended:
    is_pruned, ended_early = False, True


def test_a_trial_of_several_rounds_is_their_mean() -> None:
    assert trial.result(Ended(), "accuracy", [0.5, 0.7, 0.9], 3) == {
        "validation": {"name": "accuracy", "value": pytest.approx(0.7)},
        "epochs": 3,
        "pruned": False,
        "ended_early": True,
    }


@pytest.mark.parametrize(
    ("scores", "code"),
    [([], "no_validation"), ([None], "no_validation"), ([0.5, None], "no_validation"), ([0.5, math.nan], "no_score")],
)
def test_a_trial_without_a_score_says_what_to_do(scores: list[float | None], code: str) -> None:
    with pytest.raises(SpecError) as raised:
        trial.result(Ended(), "accuracy", scores, None)
    assert raised.value.code == code
    assert raised.value.hint


def test_what_a_trial_came_to_is_kept_whole_or_not_at_all(tmp_path: Path) -> None:
    assert trial.done(tmp_path) is None
    trial.keep(tmp_path, {"validation": 1})
    assert trial.done(tmp_path) == {"validation": 1}
    (tmp_path / trial.FILE).write_text("{")
    assert trial.done(tmp_path) is None


# The command


def asked(folder: Path, **fields: Any) -> dict[str, Any]:
    whole = {"task": "text-classification", "method": "full", "space": {"learning_rate": RATE}} | fields
    (folder / "request.json").write_text(json.dumps(whole))
    return request.propose(folder / "request.json")


def test_several_proposals_at_once_differ_and_the_first_is_the_recommended_one(tmp_path: Path) -> None:
    answer = asked(tmp_path, count=4, seed=7)
    rates = [params["learning_rate"] for params in answer["params"]]
    assert len(set(rates)) == 4
    assert answer["importance"] == {}
    assert answer == asked(tmp_path, count=4, seed=7)
    assert rates[1:] != [params["learning_rate"] for params in asked(tmp_path, count=4, seed=8)["params"]][1:]


@pytest.mark.parametrize("fields", [{"trials": [{"params": {}, "state": "lost"}]}, {"colour": 1}, {"space": []}])
def test_a_request_with_a_fault_is_told(tmp_path: Path, fields: dict[str, Any]) -> None:
    with pytest.raises(SpecError, match="is not a request"):
        asked(tmp_path, **fields)
    with pytest.raises(SpecError, match="is not a request"):
        request.propose(tmp_path / "nowhere.json")
