"""Paired comparisons: metrics beside scikit-learn's, tests beside scipy's, and how often chance is taken for a difference."""

import json
from pathlib import Path
from statistics import NormalDist
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from scipy import stats
from sklearn import metrics

from trainer import answers, comparison, intervals
from trainer.average_precision import Objects, average_precision
from trainer.comparison import compare, compare_artifacts, interval, read_predictions

GENERATOR = np.random.default_rng(0)
ROWS, LABELS = 150, ["a", "b", "c"]


def softmax(logits: np.ndarray) -> np.ndarray:
    powers = np.exp(logits)
    return powers / powers.sum(axis=1, keepdims=True)


def of_classes(labels: int) -> tuple[np.ndarray, np.ndarray]:
    truth = GENERATOR.integers(0, labels, ROWS)
    logits = np.round(GENERATOR.normal(size=(ROWS, labels)) + 1.5 * np.eye(labels)[truth], 1)  # with ties
    return truth, softmax(logits)


@pytest.mark.parametrize("labels", [2, 3])
def test_classes_are_scored_as_scikit_learn_does(labels: int) -> None:
    truth, chances = of_classes(labels)
    names = np.array(LABELS[:labels])
    predicted = names[chances.argmax(1)]
    assert interval("accuracy", names[truth], predicted).value == pytest.approx(
        metrics.accuracy_score(names[truth], predicted)
    )
    assert interval("macro_f1", names[truth], predicted).value == pytest.approx(
        metrics.f1_score(names[truth], predicted, average="macro")
    )
    rarer = int(np.bincount(truth).argmin())
    binary = (truth == rarer, chances[:, rarer])
    wanted = {
        "log_loss": metrics.log_loss(truth, chances),
        "roc_auc": metrics.roc_auc_score(*binary)
        if labels == 2
        else metrics.roc_auc_score(truth, chances, multi_class="ovr"),
        "pr_auc": metrics.average_precision_score(*binary)
        if labels == 2
        else metrics.average_precision_score(np.eye(3)[truth], chances, average="macro"),
    }
    for metric, value in wanted.items():
        found = interval(metric, names[truth], chances, labels=names.tolist(), resamples=50)
        assert found.value == pytest.approx(value), metric
        assert found.low <= found.value <= found.high


def test_numbers_are_scored_as_scikit_learn_does() -> None:
    truth = GENERATOR.normal(size=ROWS) * 3 + 1e4
    predicted = truth + GENERATOR.normal(size=ROWS)
    wanted = {
        "r2": metrics.r2_score(truth, predicted),
        "rmse": metrics.root_mean_squared_error(truth, predicted),
        "mae": metrics.mean_absolute_error(truth, predicted),
    }
    for metric, value in wanted.items():
        found = interval(metric, truth, predicted, resamples=50)
        assert found.value == pytest.approx(value), metric
        assert found.described() == {"method": "bootstrap", "level": 0.95, "resamples": 50}


def test_a_row_counted_twice_is_as_two_rows() -> None:
    """What a bootstrap relies on, for every metric of classes and numbers."""
    truth, chances = of_classes(3)
    predicted = chances.argmax(1)
    rows = GENERATOR.integers(0, ROWS, ROWS)
    weights = np.bincount(rows, minlength=ROWS)
    values = truth + GENERATOR.normal(size=ROWS)
    given: dict[str, Any] = {
        metric.name: chances if metric.column == "probabilities" else predicted
        for metric in answers.get("class").metrics
    }
    given |= {metric.name: values for metric in answers.get("number").metrics}
    for metric, found in given.items():
        cells, _same, score = comparison.prepare_cells(metric, truth, (found, found), range(3))
        again, _same, whole = comparison.prepare_cells(metric, truth[rows], (found[rows], found[rows]), range(3))
        assert score(cells, weights) == pytest.approx(whole(again, np.ones(ROWS))), metric


def test_exact_tests_are_those_of_scipy() -> None:
    for first, second in ((0, 0), (5, 0), (9, 2), (40, 61), (300, 361)):
        wanted = stats.binomtest(first, first + second).pvalue if first + second else 1.0
        assert intervals.mcnemar(first, second) == pytest.approx(wanted)
    for rows in range(1, 200):
        assert intervals.wilson_interval(1.0, rows)[1] == 1.0
        assert intervals.wilson_interval(0.0, rows)[0] == 0.0
    found = stats.binomtest(52, 60).proportion_ci(method="wilson")
    assert intervals.wilson_interval(52 / 60, 60) == pytest.approx((found.low, found.high), abs=1e-4)


def test_the_exchange_finds_the_p_of_scipy() -> None:
    truth = np.zeros(12)
    first, second = GENERATOR.normal(size=12), GENERATOR.normal(size=12) + 1
    wanted = stats.permutation_test(
        (np.abs(first), np.abs(second)),
        lambda one, other, axis: one.mean(axis) - other.mean(axis),
        permutation_type="samples",
    ).pvalue
    assert compare("mae", truth, first, second).p == pytest.approx(wanted, abs=0.03)


def exact_coverage(rows: int, share: float) -> float:
    """Of Wilson's interval, by the probabilities of every number of right rows."""
    right = np.arange(rows + 1)
    held = [low <= share <= high for low, high in (intervals.wilson_interval(at / rows, rows) for at in right)]
    return float(stats.binom.pmf(right, rows, share)[held].sum())


def test_the_interval_of_accuracy_covers_what_it_says() -> None:
    """Exact coverage: the percentile bootstrap it replaces reached 0.868 of 0.95 at 30 rows and 0.906 at 100."""
    for rows in (30, 100):
        coverage = [exact_coverage(rows, share) for share in np.arange(0.70, 0.991, 0.005)]
        assert min(coverage) > 0.915
        assert np.mean(coverage) == pytest.approx(0.95, abs=0.01)


@pytest.mark.parametrize("rows", [5, 12, 40])
def test_equal_models_are_seldom_called_better(rows: int) -> None:
    """Two predictors of the same quality; a bootstrap alone calls one of them better twice as often as it says."""
    tests, better = 200, dict.fromkeys(("accuracy", "r2", "roc_auc"), 0)
    for seed in range(tests):
        generator = np.random.default_rng(seed)
        truth = generator.permutation(np.arange(rows) % 2)
        labels = [np.where(generator.random(rows) < 0.7, truth, 1 - truth) for _model in range(2)]
        chances = [np.stack([-one, one], axis=1) for one in (truth + generator.normal(size=(2, rows)))]
        numbers = [truth + generator.normal(size=rows) for _model in range(2)]
        for metric, given in (("accuracy", labels), ("r2", numbers), ("roc_auc", chances)):
            found = compare(metric, truth, *given, labels=[0, 1], resamples=40)
            better[metric] += found.outcome == "better"
    assert {metric: count for metric, count in better.items() if count > 0.05 * tests} == {}


@pytest.mark.parametrize("apart", [(0.07, 0.02), (0.10, 0.05), (0.15, 0.10)])
def test_models_five_points_apart_are_told_apart_as_often_as_published(apart: tuple[float, float]) -> None:
    """Of 200 pairs on 400 rows at least nine in ten of those that Connor 1987 ("Sample size for testing differences in proportions for
    the paired-sample design") gives. `apart`: shares of rows on which one model alone, and the other alone, is right."""
    rows, found, (only_first, only_second) = 400, 0, apart
    for seed in range(200):
        drawn = np.random.default_rng(seed).random(rows)
        first = drawn < 0.8 + only_first
        second = (drawn < 0.8) | (drawn >= 1 - only_second)
        found += compare("accuracy", np.ones(rows), first * 1, second * 1, labels=[0, 1]).outcome == "better"
    differ, gap = only_first + only_second, only_first - only_second
    power = NormalDist().cdf((gap * rows**0.5 - 1.96 * differ**0.5) / (differ - gap**2) ** 0.5)
    assert found / 200 >= 0.9 * power, power


def test_a_real_difference_is_shown_and_signed() -> None:
    truth = GENERATOR.normal(size=80)
    good, bad = truth + 0.3 * GENERATOR.normal(size=80), truth + GENERATOR.normal(size=80)
    for metric in ("r2", "rmse", "mae", "pearson"):
        found, mirrored = compare(metric, truth, good, bad), compare(metric, truth, bad, good)
        assert (found.outcome, mirrored.outcome) == ("better", "worse")
        assert found.value > 0 > mirrored.value
        assert found.low <= found.value <= found.high
        assert found == compare(metric, truth, good, bad), "the seed is fixed"


def test_few_rows_show_nothing() -> None:
    """Five to none of five rows: chance does as well once in 16."""
    found = compare("accuracy", [1] * 5, [1] * 5, [0] * 5)
    assert (found.value, found.p, found.outcome) == (1.0, pytest.approx(1 / 16), "not shown")
    assert found.low <= 0
    assert compare("accuracy", [1] * 8, [1] * 8, [0] * 8).outcome == "better"
    same = compare("accuracy", [1] * 5, [1] * 5, [1] * 5)
    assert same.low < 0 == same.value < same.high


def test_words_and_objects() -> None:
    texts = ["one two three", "four five", "six seven", "eight", "nine ten", "eleven", "twelve", "a b c d"]
    found = compare("wer", texts, texts, [""] * len(texts))
    assert (found.first, found.second, found.value) == (0.0, 1.0, 1.0)
    assert found.outcome == "better"
    assert 0 < found.low < 1, "eight recordings do not make it certain"
    boxes = [Objects(GENERATOR.random((2, 4)) / 2 + [0, 0, 0.5, 0.5], np.array([0, 1]), np.ones(2)) for _at in range(9)]
    wrong = [Objects(one.boxes * 0.1, one.labels, np.full(2, 0.3)) for one in boxes]
    found = compare("map_50", boxes, boxes, wrong, labels=[0, 1])
    assert (found.first, found.second) == (1.0, average_precision(boxes, wrong, 2).map_50)
    assert found.outcome == "better"


def test_what_cannot_be_compared_is_refused() -> None:
    with pytest.raises(ValueError, match="wit"):
        compare("wit", [1], [1], [1])
    with pytest.raises(ValueError, match="same rows"):
        compare("mae", [1, 2], [1, 2], [1])


def artifact(folder: Path, labels: list[str], rows: list[int], truth: np.ndarray, chances: np.ndarray) -> Path:
    folder.mkdir()
    (folder / "manifest.json").write_text(json.dumps({"labels": labels}), "utf-8")
    names = np.array(labels)
    columns = {
        "row": rows,
        "truth": truth.tolist(),
        "predicted": names[chances.argmax(1)].tolist(),
        "probabilities": list(chances),
    }
    pq.write_table(pa.table(columns), folder / "predictions.parquet")
    return folder


def test_two_finished_runs(tmp_path: Path) -> None:
    truth = np.array(["a", "b"])[GENERATOR.integers(0, 2, 60)]
    good = softmax(3 * (truth[:, None] == ["a", "b"]) + GENERATOR.normal(size=(60, 2)))
    poor = np.concatenate([softmax(GENERATOR.normal(size=(60, 2))), np.zeros((60, 1))], axis=1)
    order = GENERATOR.permutation(60)
    first = artifact(tmp_path / "1", ["a", "b"], list(range(1, 61)), truth, good)
    second = artifact(tmp_path / "2", ["a", "b", "c"], (order + 1).tolist(), truth[order], poor[order])
    for metric in ("accuracy", "roc_auc", "log_loss"):
        found = compare_artifacts(metric, first, second)
        assert found is not None
        assert (found.rows, found.outcome) == (60, "better")
    assert compare_artifacts("map_50", first, second) is None
    assert compare_artifacts("accuracy", first, tmp_path) is None
    assert set(read_predictions(first, "accuracy")[1]) == {"row", "truth", "predicted"}
    assert set(read_predictions(first, "log_loss")[1]) == {"row", "truth", "probabilities"}
