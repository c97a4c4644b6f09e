"""What is said of figures, beside scipy and scikit-learn: calibration, folds, intervals, thresholds that cost least."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from scipy import stats
from scipy.optimize import minimize_scalar
from sklearn.calibration import calibration_curve
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss as stock_log_loss
from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold

from trainer import comparison, intervals, thresholds
from trainer.activations import softmax
from trainer.answers.classes_statistics import calibration
from trainer.data.row_keys import Keys
from trainer.data.splitting import fold_rows
from trainer.engines.table import decided, finished
from trainer.families.table.search import calibrate, decide, folds_of, given_threshold, platt
from trainer.learning.expectation import GROWTH, range_of
from trainer.learning.heads import NumberHead

TWO: dict[str, Any] = {"labels": ["no", "yes"]}
FOUR: dict[str, Any] = {"labels": list("abcd")}


def chances(raw: np.ndarray, facts: dict[str, Any], calibration: dict[str, Any]) -> np.ndarray:
    return softmax(finished(raw, facts | {"calibration": calibration}))


def margins(rows: int, scale: float, seed: int = 0, share: float = 0.4) -> tuple[np.ndarray, np.ndarray]:
    """Logits that would be true, times `scale`."""
    generator = np.random.default_rng(seed)
    true = generator.normal(size=rows) * 2 + np.log(share / (1 - share))
    return (scale * true)[:, None], (generator.random(rows) < 1 / (1 + np.exp(-true))).astype(int)


# Calibration


@pytest.mark.parametrize(("scale", "share"), [(1, 0.5), (8, 0.3), (0.05, 0.1), (3, 0.02)])
def test_platt_is_a_logistic_regression_on_the_margin(scale: float, share: float) -> None:
    raw, truth = margins(2_000, scale, share=share)
    found = platt(raw, truth, TWO)
    theirs = LogisticRegression(C=1e12, max_iter=1_000, tol=1e-10).fit(raw, truth)
    assert found["scale"] == pytest.approx(theirs.coef_[0, 0], rel=0.05)
    assert chances(raw, TWO, found) == pytest.approx(theirs.predict_proba(raw), abs=0.02)


def test_margins_that_part_the_labels_do_not_make_every_answer_certain() -> None:
    """By plain likelihood the scale would grow without end; Platt's targets hold it."""
    raw = np.concatenate([np.linspace(-3, -1, 40), np.linspace(1, 3, 40)])[:, None]
    truth = np.repeat([0, 1], 40)
    sure = chances(raw, TWO, platt(raw, truth, TWO)).max(1)
    assert sure.min() > 0.8
    assert sure.max() < 0.9999


@pytest.mark.parametrize("shift", [0.0, 500.0])
def test_a_scale_is_found_however_large_the_margins(shift: float) -> None:
    raw, truth = margins(1_000, 1)
    plain, far = platt(raw, truth, TWO), platt(100 * raw + shift, truth, TWO)
    assert chances(100 * raw + shift, TWO, far) == pytest.approx(chances(raw, TWO, plain), abs=1e-4)


def test_a_temperature_is_the_one_of_least_surprise() -> None:
    generator = np.random.default_rng(0)
    true = generator.normal(size=(800, 4)) * 1.5
    truth = np.array([generator.choice(4, p=row) for row in softmax(true)])
    raw = 5 * true

    def surprise(scale: float) -> float:
        return float(stock_log_loss(truth, softmax(scale * raw)))

    wanted = minimize_scalar(surprise, bounds=(0.01, 3), method="bounded")
    found = platt(raw, truth, FOUR)
    assert found["bias"] == 0
    assert found["scale"] == pytest.approx(wanted.x, rel=0.01)
    assert found["scale"] == pytest.approx(1 / 5, rel=0.15)


@pytest.mark.parametrize("facts", [TWO, FOUR], ids=["two", "four"])
def test_calibration_helps_on_rows_it_has_not_seen_or_is_left_out(facts: dict[str, Any]) -> None:
    def case(scale: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
        if facts is TWO:
            return margins(600, scale, seed)
        generator = np.random.default_rng(seed)
        true = generator.normal(size=(600, 4)) * 1.5
        return scale * true, np.array([generator.choice(4, p=row) for row in softmax(true)])

    plain = {"scale": 1.0, "bias": 0.0}
    for scale in (0.2, 6.0):
        raw, truth = case(scale, 0)
        found = calibrate(raw, truth, facts)
        fresh, answers = case(scale, 1)
        before, after = (stock_log_loss(answers, chances(fresh, facts, one)) for one in (plain, found))
        assert after < before
    raw, truth = case(1.0, 2)
    kept = calibrate(raw, truth, facts)
    assert 0.7 < kept["scale"] < 1.4, "what is true already stays nearly as it is"
    assert calibrate(raw[:49], truth[:49], facts) == plain, "too few rows to tell"
    assert calibrate(raw, truth, {"answer": "number", "labels": []}) == plain


def test_the_calibration_error_is_over_scikit_learn_s_bins() -> None:
    generator = np.random.default_rng(0)
    sure = generator.uniform(0.3, 1, 700)
    right = generator.random(700) < sure**1.5
    found = calibration(right, sure)
    really, said = calibration_curve(right, sure, n_bins=10, strategy="uniform")
    assert [one["right"] for one in found["bins"]] == pytest.approx(really)
    assert [one["said"] for one in found["bins"]] == pytest.approx(said)
    rows = np.array([one["rows"] for one in found["bins"]])
    assert rows.sum() == 700
    assert found["expected_calibration_error"] == pytest.approx((np.abs(really - said) * rows).sum() / 700)
    certain = calibration(np.array([True, False]), np.array([1.0, 1.0]))
    assert certain["expected_calibration_error"] == 0.5


# Thresholds that cost least


@pytest.mark.parametrize(("false_positive", "false_negative"), [(1, 1), (1, 8), (5, 1)])
def test_true_probabilities_are_answered_as_the_costs_say(false_positive: float, false_negative: float) -> None:
    raw, truth = margins(4_000, 1)
    sure = chances(raw, TWO, {"scale": 1.0, "bias": 0.0})
    params = SimpleNamespace(cost_false_positive=false_positive, cost_false_negative=false_negative)
    found = decide(sure, truth, params, TWO["labels"], 1)
    said = sure[:, 1] >= found["threshold"]
    cost = (false_positive * (said & (truth == 0)) + false_negative * (~said & (truth == 1))).mean()
    assert found["expected_cost"] == pytest.approx(cost)
    assert found["expected_cost"] <= found["expected_cost_at_half"] + 1e-12
    grid = [
        (
            false_positive * ((sure[:, 1] >= mark) & (truth == 0))
            + false_negative * ((sure[:, 1] < mark) & (truth == 1))
        ).mean()
        for mark in np.linspace(0, 1, 501)
    ]
    assert found["expected_cost"] <= min(grid) * 1.02
    assert given_threshold(params) == pytest.approx(false_positive / (false_positive + false_negative))
    assert (decided(sure, {"decision": found}) == np.where(said, 1, 0)).all()


def test_the_positive_label_may_be_the_first() -> None:
    raw, truth = margins(900, 1, share=0.8)
    sure = chances(raw, TWO, {"scale": 1.0, "bias": 0.0})
    params = SimpleNamespace(cost_false_positive=1.0, cost_false_negative=4.0)
    first = decide(sure, truth, params, TWO["labels"], 0)
    mirrored = decide(sure[:, ::-1], 1 - truth, params, TWO["labels"][::-1], 1)
    assert first["threshold"] == pytest.approx(mirrored["threshold"])
    assert (first["positive"], first["positive_index"]) == ("no", 0)
    assert (decided(sure, {"decision": first}) == 1 - decided(sure[:, ::-1], {"decision": mirrored})).all()


def test_the_lowest_threshold_is_chosen_from_which_on_all_hold() -> None:
    generator = np.random.default_rng(3)
    sure = generator.uniform(0, 1, 500)
    rows = thresholds.Certainty(sure, generator.random(500) < sure)
    for target in thresholds.TARGETS:
        shares = {}
        for mark in thresholds.THRESHOLDS:
            answered = rows.right[sure >= mark]
            if len(answered) >= thresholds.MIN_ANSWERED:
                shares[mark] = answered.mean()
        holding = [mark for mark in shares if all(share >= target for at, share in shares.items() if at >= mark)]
        assert thresholds.choose_threshold(rows, target) == (min(holding) if holding else None)


# Folds


@pytest.mark.parametrize("rows", [63, 200])
def test_folds_of_a_table_share_labels_out_as_scikit_learn_does(rows: int) -> None:
    truth = np.sort(np.random.default_rng(0).choice(3, rows, p=[0.6, 0.25, 0.15]))
    ours = folds_of(truth, True, 1)
    theirs = np.empty(rows, dtype=int)
    count = ours.max() + 1
    splitter = StratifiedKFold(count, shuffle=True, random_state=0)
    for fold, (_learned, held) in enumerate(splitter.split(np.zeros((rows, 1)), truth)):
        theirs[held] = fold
    for label in range(3):
        found, wanted = (np.bincount(folds[truth == label], minlength=count) for folds in (ours, theirs))
        assert found.max() - found.min() <= 1
        assert sorted(found) == sorted(wanted)
    sizes = np.bincount(ours)
    assert sizes.sum() == rows
    assert sizes.max() - sizes.min() <= 1
    assert not np.array_equal(ours, folds_of(truth, True, 2))


def test_grouped_folds_are_as_even_as_scikit_learn_s() -> None:
    """Copies stay together; no class is spread worse than by StratifiedGroupKFold."""
    generator = np.random.default_rng(0)
    texts = generator.integers(1, 150, 400).astype(np.uint64)
    codes = (texts % np.uint64(4)).astype(np.int64)
    ours = fold_rows(Keys(texts, codes, list("abcd")), 5, 0).astype(int)
    theirs = np.empty(400, dtype=int)
    for fold, (_learned, held) in enumerate(
        StratifiedGroupKFold(5, shuffle=True, random_state=0).split(texts, codes, texts)
    ):
        theirs[held] = fold
    for text in np.unique(texts):
        assert len(np.unique(ours[texts == text])) == 1

    def unevenness(folds: np.ndarray) -> float:
        return float(np.mean([np.bincount(folds[codes == code], minlength=5).std() for code in range(4)]))

    assert unevenness(ours) <= unevenness(theirs) * 1.1


# Intervals


def covers(metric: str, rows: int, draw: Any, tests: int, truth_value: float, **fields: Any) -> float:
    held = 0
    for seed in range(tests):
        truth, answers = draw(np.random.default_rng(seed), rows)
        found = comparison.interval(metric, truth, answers, resamples=200, **fields)
        held += found.low <= truth_value <= found.high
    return held / tests


def numbers(generator: np.random.Generator, rows: int) -> tuple[np.ndarray, np.ndarray]:
    truth = generator.normal(size=rows)
    return truth, truth + 0.5 * generator.normal(size=rows)


def sides(generator: np.random.Generator, rows: int) -> tuple[np.ndarray, np.ndarray]:
    truth = np.arange(rows) % 2
    score = truth * 1.5 + generator.normal(size=rows)
    return truth, np.stack([-score, score], axis=1)


@pytest.mark.parametrize(
    ("metric", "draw", "value", "fields"),
    [
        ("mae", numbers, 0.5 * np.sqrt(2 / np.pi), {}),
        ("rmse", numbers, 0.5, {}),
        ("r2", numbers, 0.75, {}),
        ("roc_auc", sides, float(stats.norm.cdf(1.5 / np.sqrt(2))), {"labels": [0, 1]}),
    ],
)
def test_a_bootstrap_interval_covers_the_true_value(
    metric: str, draw: Any, value: float, fields: dict[str, Any]
) -> None:
    """The true value is known by calculation; 120 tests of 100 rows tell 0.95 from 0.88."""
    assert covers(metric, 100, draw, 120, value, **fields) >= 0.88


def test_the_interval_of_paired_shares_covers_what_it_says() -> None:
    """Exactly, over every outcome of 40 rows, whatever the two models' shares of rows that they alone have right."""
    rows = 40
    for first, second in ((0.05, 0.05), (0.2, 0.1), (0.3, 0.05), (0.02, 0.1)):
        held = 0.0
        for only_first in range(rows + 1):
            for only_second in range(rows + 1 - only_first):
                low, high = intervals.paired_share_interval(only_first, only_second, rows)
                if low <= first - second <= high:
                    both = rows - only_first - only_second
                    outcome = [only_first, only_second, both]
                    held += stats.multinomial.pmf(outcome, rows, [first, second, 1 - first - second])
        assert 0.93 <= held <= 1.0, (first, second)


def test_the_bootstrap_draws_rows_with_replacement() -> None:
    weights = list(intervals.draw_weights(50, 400, np.random.default_rng(0)))
    assert all(one.sum() == 50 for one in weights)
    counts = np.concatenate(weights)
    assert counts.var() == pytest.approx(1 - 1 / 50, rel=0.05), "of a binomial of 50 draws of one in 50"


# What a run is foretold, and what a number is answered in


def test_errors_are_foretold_to_fall_as_a_power_of_the_rows() -> None:
    """With luck out of the way (a great many rows) the middle of the range is the power law, for any number of rows."""
    for more in (1_000, 4_000, 64_000):
        found = range_of("accuracy", 0.8, 10**9, 10**9, learned=1_000, more=more, tuned=False)
        share = 1_000 / more
        assert 1 - found["high"] == pytest.approx(0.2 * share**GROWTH, abs=1e-4)
        assert 1 - found["low"] == pytest.approx(0.2 * share ** (GROWTH / 2), abs=1e-4)
    widths = []
    for rows in (50, 200, 800):
        found = range_of("accuracy", 0.8, rows, rows, learned=rows, more=rows, tuned=False)
        widths.append(found["high"] - found["low"])
        half = 1.64 * np.sqrt(0.2 * 0.8 * 2 / rows)
        assert widths[-1] == pytest.approx(2 * half, abs=1e-3)
    assert widths == sorted(widths, reverse=True)


def test_a_number_is_answered_in_its_own_unit() -> None:
    import torch

    head = NumberHead(3)
    inputs = torch.randn(5, 3)
    plain = head(inputs).detach()
    head.set_units(40.0, 7.0)
    assert torch.allclose(head(inputs), plain * 7 + 40)
