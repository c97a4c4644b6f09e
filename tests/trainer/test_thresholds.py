"""The threshold is chosen on some rows and proved on others; bounds beside scipy's."""

import numpy as np
import pytest
from scipy import stats

from trainer import thresholds
from trainer.thresholds import Certainty


def answers(rows: int, seed: int) -> Certainty:
    """A model whose certainty is true: it is right as often as it says."""
    generator = np.random.default_rng(seed)
    sure = generator.uniform(0.5, 1, rows)
    return Certainty(sure, generator.random(rows) < sure)


def test_the_bound_is_that_of_scipy() -> None:
    for right, answered in ((0, 7), (7, 7), (52, 60), (500, 501)):
        wanted = stats.binomtest(right, answered, alternative="greater").proportion_ci(0.95, method="exact").low
        assert thresholds.lower_bound(right, answered) == pytest.approx(wanted)
    assert thresholds.lower_bound(0, 0) is None


def test_a_threshold_is_chosen_on_validation_and_proved_on_test() -> None:
    validation, test = answers(400, 0), answers(300, 1)
    report = thresholds.report(test, validation, "validation")
    assert report["threshold_source"] == {"kind": "validation", "rows": 400}
    first = report["thresholds"][0]
    assert (first["answered"], first["right"]) == (300, int(test.right.sum()))
    assert first["validation"] == {"answered": 400, "right": int(validation.right.sum())}
    chosen = next(one for one in report["threshold_choice"] if one["target"] == 0.9)
    kept = validation.sure >= chosen["threshold"]
    assert chosen["validation"] == {"answered": int(kept.sum()), "right": int(validation.right[kept].sum())}
    assert validation.right[kept].mean() >= 0.9
    kept = test.sure >= chosen["threshold"]
    assert (chosen["test"]["answered"], chosen["test"]["right"]) == (int(kept.sum()), int(test.right[kept].sum()))
    assert chosen["test"]["low"] < test.right[kept].mean()


def test_the_bound_holds_though_the_threshold_was_chosen() -> None:
    """200 models: what is promised of the test rows falls short of the truth at most once in 20 or so."""
    broken = 0
    for seed in range(200):
        report = thresholds.report(answers(150, 2 * seed), answers(150, 2 * seed + 1), "validation")
        chosen = next(one for one in report["threshold_choice"] if one["target"] == 0.9)
        if chosen["test"] and chosen["test"]["low"] is not None:
            mark = max(chosen["threshold"], 0.5)
            broken += chosen["test"]["low"] > (mark + 1) / 2  # of those at least so sure, this share is right
    assert broken <= 16


def test_only_what_was_chosen_has_a_bound() -> None:
    report = thresholds.report(answers(300, 1), answers(400, 0), "validation")
    lows = {one["threshold"]: one["test"]["low"] for one in report["threshold_choice"] if one["test"]}
    assert lows
    assert {one["threshold"]: one["low"] for one in report["thresholds"] if one["low"] is not None} == lows
    unchosen = thresholds.report(answers(300, 1), None, "validation")
    assert all(one["low"] is None for one in unchosen["thresholds"])


def test_a_dip_further_up_is_no_threshold() -> None:
    """As often right as wanted from 50 % on, but not among the surest: from there on it is not."""
    sure = np.repeat([0.55, 0.85, 0.99], [60, 40, 20])
    right = np.concatenate([np.ones(60, bool), np.ones(40, bool), np.arange(20) % 5 != 0])
    dips = Certainty(sure, right)
    assert dips.counts(0.5) == {"answered": 120, "right": 116}
    assert thresholds.choose_threshold(dips, 0.95) is None
    assert thresholds.choose_threshold(Certainty(sure, np.ones(120, bool)), 0.95) == 0.0
    # Too few are as sure as that to say so.
    few = Certainty(np.append(sure[:100], 0.99), np.append(right[:100], False))
    assert thresholds.choose_threshold(few, 0.95) == 0.0


def test_what_cannot_be_reached_is_not_offered() -> None:
    wrong = Certainty(np.full(50, 0.8), np.arange(50) % 2 == 0)
    report = thresholds.report(wrong, wrong, "validation")
    assert all(one["threshold"] is one["validation"] is one["test"] is None for one in report["threshold_choice"])
    report = thresholds.report(wrong, None, "validation")
    assert (report["threshold_choice"], report["threshold_source"]) == ([], None)


def test_rounds_prove_each_by_its_own_threshold() -> None:
    """A round's rows are asked by what was chosen without them."""
    sure = Certainty(np.full(20, 0.9), np.ones(20, dtype=bool))
    doubtful = Certainty(np.repeat([0.6, 0.96], 20), np.repeat([False, True], 20))
    rounds = [(sure, doubtful), (doubtful, doubtful)]
    chosen = thresholds.choose_thresholds(thresholds.joined([sure, doubtful]), rounds)[0]
    assert chosen["test"]["answered"] == 40 + 20
    assert chosen["test"]["right"] == 20 + 20


def test_rounds_that_found_no_threshold_prove_nothing() -> None:
    """Two rows of twelve that one round answered were told as what the model answers at 0 %."""
    sure = Certainty(np.full(12, 0.9), np.ones(12, dtype=bool))
    few = Certainty(np.full(3, 0.9), np.ones(3, dtype=bool))  # too few to choose by
    found = thresholds.report(sure, sure, "out-of-fold", [(sure, few), (few, few)])
    assert [one["threshold"] for one in found["threshold_choice"]] == [0.0, 0.0, 0.0]
    assert [one["test"] for one in found["threshold_choice"]] == [None, None, None]
    assert found["thresholds"][0]["answered"] == 12
