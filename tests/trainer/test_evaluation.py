"""Our figures beside scikit-learn's."""

import numpy as np
import pytest
from sklearn import metrics

from trainer import evaluation

GENERATOR = np.random.default_rng(0)


@pytest.mark.parametrize("classes", [2, 7])
def test_scores_as_scikit_learn_gives_them(classes: int) -> None:
    truth = GENERATOR.integers(0, classes, 400)
    probabilities = evaluation.softmax(GENERATOR.normal(size=(400, classes)) + 2 * np.eye(classes)[truth])
    predicted = probabilities.argmax(1)
    found = evaluation.scores(truth, probabilities)
    assert found["accuracy"] == pytest.approx(metrics.accuracy_score(truth, predicted))
    assert found["macro_f1"] == pytest.approx(metrics.f1_score(truth, predicted, average="macro"))
    assert found["log_loss"] == pytest.approx(metrics.log_loss(truth, probabilities))
    matrix = evaluation.confusion(truth, predicted, classes)
    assert (matrix == metrics.confusion_matrix(truth, predicted)).all()
    wanted = metrics.precision_recall_fscore_support(truth, predicted)
    for ours, theirs in zip(evaluation.per_class(matrix), wanted, strict=False):
        assert ours == pytest.approx(theirs)


def test_a_label_that_was_never_learned_counts_as_wrong() -> None:
    found = evaluation.scores(np.array([0, 1, -1, -1]), np.array([[0.9, 0.1], [0.2, 0.8], [0.9, 0.1], [0.2, 0.8]]))
    assert found["accuracy"] == 0.5
    assert np.isfinite(found["log_loss"])


def test_the_interval_covers_what_it_says() -> None:
    """Of 300 samples with a known share, about 95 in 100 intervals hold it."""
    hits = 0
    for seed in range(300):
        low, high = evaluation.interval(np.random.default_rng(seed).random(200) < 0.8, seed)
        hits += low <= 0.8 <= high
    assert 0.90 <= hits / 300 <= 0.99


def test_the_interval_of_a_perfect_score() -> None:
    """Ten rows all right say little: Wilson's interval for 10 of 10, and its mirror image for none."""
    assert evaluation.interval(np.ones(10, dtype=bool)) == pytest.approx((0.7225, 1.0), abs=1e-4)
    assert evaluation.interval(np.zeros(10, dtype=bool)) == pytest.approx((0.0, 0.2775), abs=1e-4)


def test_mistakes_come_most_confident_first() -> None:
    probabilities = np.array([[0.6, 0.4], [0.9, 0.1], [0.8, 0.2]])
    report = evaluation.class_report(np.array([1, 1, 0]), probabilities, ["a", "b"], ["x", "y", "z"], [5, 6, 7])
    assert [(row["row"], row["truth"], row["predicted"]) for row in report["mistakes"]] == [
        (6, "b", "a"),
        (5, "b", "a"),
    ]
    assert report["thresholds"][0] == {"threshold": 0.0, "answered": 3, "right": 1}
    assert report["confusion"]["matrix"] == [[1, 0], [2, 0]]


def test_baselines_know_nothing_of_the_test() -> None:
    texts = ["good film", "good play", "good book", "bad film", "bad play"] * 4
    truth = np.array([1, 1, 1, 0, 0] * 4)
    found = evaluation.class_baselines(
        truth,
        np.array([1, 0]),
        ["bad", "good"],
        "tfidf_logistic",
        lambda: evaluation.word_counting(texts, truth, ["good day", "bad day"], 0),
    )
    assert found["majority"]["label"] == "good"
    assert found["majority"]["accuracy"] == 0.5
    assert found["tfidf_logistic"]["accuracy"] == 1.0
    assert found["tfidf_logistic"]["low"] <= 1.0 <= found["tfidf_logistic"]["high"]


def test_number_scores() -> None:
    truth = GENERATOR.normal(size=300) * 4 + 10
    predicted = truth + GENERATOR.normal(size=300)
    found = evaluation.number_report(truth, predicted, ["x"] * 300, list(range(300)))
    assert found["metrics"]["r2"] == pytest.approx(metrics.r2_score(truth, predicted))
    assert found["metrics"]["rmse"] == pytest.approx(metrics.root_mean_squared_error(truth, predicted))
    assert found["metrics"]["mae"] == pytest.approx(metrics.mean_absolute_error(truth, predicted))
    assert found["headline"]["low"] < found["headline"]["value"] < found["headline"]["high"]
    errors = [abs(one["error"]) for one in found["mistakes"]]
    assert errors == sorted(errors, reverse=True)
