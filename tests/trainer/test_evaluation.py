"""Our figures beside scikit-learn's."""

import numpy as np
import pytest
from sklearn import metrics

from trainer.activations import softmax
from trainer.answers import classes_scoring, classes_statistics, number_scoring

GENERATOR = np.random.default_rng(0)


@pytest.mark.parametrize("classes", [2, 7])
def test_scores_as_scikit_learn_gives_them(classes: int) -> None:
    truth = GENERATOR.integers(0, classes, 400)
    probabilities = softmax(GENERATOR.normal(size=(400, classes)) + 2 * np.eye(classes)[truth])
    predicted = probabilities.argmax(1)
    found = classes_statistics.scores(truth, probabilities)
    assert found["accuracy"] == pytest.approx(metrics.accuracy_score(truth, predicted))
    assert found["macro_f1"] == pytest.approx(metrics.f1_score(truth, predicted, average="macro"))
    assert found["log_loss"] == pytest.approx(metrics.log_loss(truth, probabilities))
    matrix = classes_statistics.confusion(truth, predicted, classes)
    assert (matrix == metrics.confusion_matrix(truth, predicted)).all()
    wanted = metrics.precision_recall_fscore_support(truth, predicted)
    for ours, theirs in zip(classes_statistics.per_class(matrix), wanted, strict=False):
        assert ours == pytest.approx(theirs)


def test_a_label_that_was_never_learned_counts_as_wrong() -> None:
    found = classes_statistics.scores(
        np.array([0, 1, -1, -1]), np.array([[0.9, 0.1], [0.2, 0.8], [0.9, 0.1], [0.2, 0.8]])
    )
    assert found["accuracy"] == 0.5
    assert np.isfinite(found["log_loss"])


def test_every_score_has_one_interval_and_says_how_it_was_made() -> None:
    truth = GENERATOR.integers(0, 2, 60)
    probabilities = softmax(GENERATOR.normal(size=(60, 2)) + np.eye(2)[truth])
    for headline, method in (("accuracy", "wilson"), ("roc_auc", "bootstrap")):
        report = classes_scoring.class_report(
            truth, probabilities, ["a", "b"], ["x"] * 60, list(range(60)), headline=headline
        )
        assert report["interval"]["method"] == method
        assert report["headline"]["value"] == pytest.approx(report["metrics"][headline])
        assert report["headline"]["low"] < report["headline"]["value"] < report["headline"]["high"]
    assert report["interval"]["resamples"] == 2000


def test_no_figure_is_minus_nothing() -> None:
    """A perfect answer has a log loss of 0, not -0."""
    found = classes_statistics.scores(np.array([0, 1]), np.eye(2))
    assert str(found["log_loss"]) == "0.0"


def test_mistakes_come_most_confident_first() -> None:
    probabilities = np.array([[0.6, 0.4], [0.9, 0.1], [0.8, 0.2]])
    report = classes_scoring.class_report(np.array([1, 1, 0]), probabilities, ["a", "b"], ["x", "y", "z"], [5, 6, 7])
    assert [(row["row"], row["truth"], row["predicted"]) for row in report["mistakes"]] == [
        (6, "b", "a"),
        (5, "b", "a"),
    ]
    first = report["thresholds"][0]
    assert (first["threshold"], first["answered"], first["right"], first["validation"]) == (0.0, 3, 1, None)
    assert report["confusion"]["matrix"] == [[1, 0], [2, 0]]


def test_number_scores() -> None:
    truth = GENERATOR.normal(size=300) * 4 + 10
    predicted = truth + GENERATOR.normal(size=300)
    found = number_scoring.number_report(truth, predicted, ["x"] * 300, list(range(300)))
    assert found["metrics"]["r2"] == pytest.approx(metrics.r2_score(truth, predicted))
    assert found["metrics"]["rmse"] == pytest.approx(metrics.root_mean_squared_error(truth, predicted))
    assert found["metrics"]["mae"] == pytest.approx(metrics.mean_absolute_error(truth, predicted))
    assert found["headline"]["low"] < found["headline"]["value"] < found["headline"]["high"]
    errors = [abs(one["error"]) for one in found["mistakes"]]
    assert errors == sorted(errors, reverse=True)
