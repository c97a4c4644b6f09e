"""Baselines answer row by row and are scored once, as the model is; the verdict compares them in pairs."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from sklearn import metrics

from trainer import verdict
from trainer.answers.baselines import SIMPLE, constants
from trainer.answers.classes_scoring import Classification, ClassScoring
from trainer.answers.number_scoring import Regression
from trainer.data.loading import Loaded
from trainer.learning import baselines
from trainer.learning.baselines import Baseline
from trainer.learning.folds import Rounds
from trainer.learning.rows import Rows

GENERATOR = np.random.default_rng(0)


def rows_of(truth: np.ndarray, labels: list[str], folds: int = 0, kind: str = "class") -> Rows:
    numbers = np.arange(len(truth))
    loaded = Loaded({}, np.full(len(truth), "test"), (numbers + 1).tolist(), {}, [], kind=kind)
    loaded.folds = numbers % folds if folds else None
    return Rows(loaded, labels, truth)


def job() -> Any:
    return SimpleNamespace(device=SimpleNamespace(torch_device="cpu"), params=SimpleNamespace())


@pytest.mark.parametrize("size", [25, 40, 60])
def test_one_predictor_judged_both_ways_gives_one_number(size: int) -> None:
    """In five rounds, as a baseline and as the model: figures of the folds' means were far below those of all rows."""
    truth = GENERATOR.normal(size=size)
    predicted = truth + GENERATOR.normal(size=size)
    rows = rows_of(truth, [], folds=5, kind="number")
    rounds = Rounds(rows)
    found = rounds.baselines(lambda: {"same": Baseline(predicted[rows.part("test")][:, None])})
    objective = Regression(job(), rows)
    rounds.test_all()
    report = verdict.judge(objective, predicted[:, None], found)
    same = report["baselines"]["same"]
    assert same["r2"] == pytest.approx(metrics.r2_score(truth, predicted))
    assert same["rmse"] == pytest.approx(metrics.root_mean_squared_error(truth, predicted))
    assert same["mae"] == pytest.approx(metrics.mean_absolute_error(truth, predicted))
    assert same["pearson"] == pytest.approx(np.corrcoef(truth, predicted)[0, 1])
    assert report["verdict"]["difference"]["value"] == 0
    assert report["verdict"]["outcome"] == "not shown"
    assert {name: same[name] for name in ("r2", "rmse", "mae", "pearson")} == objective.metrics(predicted[:, None])


@pytest.mark.parametrize("labels", [2, 4])
def test_classes_judged_both_ways(labels: int) -> None:
    truth = GENERATOR.integers(0, labels, 60)
    outputs = GENERATOR.normal(size=(60, labels)) + 2 * np.eye(labels)[truth]
    rows = rows_of(truth, list("abcd"[:labels]), folds=5)
    rounds = Rounds(rows)
    found = rounds.baselines(lambda: {"same": Baseline(outputs[rows.part("test")])})
    rounds.test_all()
    objective = Classification(job(), rows)
    same = verdict.judge(objective, outputs, found)["baselines"]["same"]
    assert same["macro_f1"] == pytest.approx(metrics.f1_score(truth, outputs.argmax(1), average="macro"))
    assert same["accuracy"] == pytest.approx(metrics.accuracy_score(truth, outputs.argmax(1)))
    assert {name: same[name] for name in objective.metrics(outputs)} == objective.metrics(outputs)
    assert same["low"] < same["accuracy"] < same["high"]


def test_the_verdict_is_against_the_best_baseline() -> None:
    truth = np.arange(80) % 2
    outputs = {
        share: 4 * np.eye(2)[np.where(np.arange(80) < share * 80, truth, 1 - truth)] for share in (0.5, 0.7, 0.95)
    }
    objective = Classification(job(), rows_of(truth, ["a", "b"]))
    beside = {"majority": Baseline(outputs[0.5], "a"), "tfidf_logistic": Baseline(outputs[0.7])}
    found = verdict.judge(objective, outputs[0.95], beside)["verdict"]
    assert (found["against"], found["outcome"]) == ("tfidf_logistic", "better")
    assert found["difference"]["value"] == pytest.approx(0.25)
    assert found["sentence"].startswith("Better than bag of words")
    assert "accuracy 95.0% against 70.0% on 80 test rows, a difference of +25.0 points" in found["sentence"]
    beside |= {"pixels_logistic": Baseline(outputs[0.95])}
    assert verdict.judge(objective, outputs[0.5], beside)["verdict"]["outcome"] == "worse"
    assert verdict.judge(objective, outputs[0.5], {}) == {"baselines": {}, "verdict": None}


def test_no_model_is_called_no_model() -> None:
    assert all("no model" not in title for title in (constants() | SIMPLE).values())


def test_a_bag_of_words_knows_nothing_of_the_test() -> None:
    texts = ["good film", "good play", "good book", "bad film", "bad play"] * 4
    truth = np.array([1, 1, 1, 0, 0] * 4)
    asked = ["good day", "bad day"]
    found = ClassScoring().baselines(
        truth,
        2,
        ["bad", "good", "unseen"],
        "tfidf_logistic",
        lambda: baselines.word_counting(texts, truth, asked, 3, 0),
    )
    assert found["majority"].label == "good"
    assert np.exp(found["majority"].outputs[0]) == pytest.approx([0.4, 0.6, 0], abs=1e-9)
    assert found["tfidf_logistic"].outputs.argmax(1).tolist() == [1, 0]


def test_one_label_alone_is_learned_without_fuss() -> None:
    found = baselines.logistic(np.ones((3, 1)), np.array([1, 1, 1]), np.ones((2, 1)), 2)
    assert found.tolist() == [[0, 1], [0, 1]]


def test_baselines_are_computed_once(tmp_path: Path) -> None:
    wanted = {"mean": Baseline(np.ones((2, 1)), "1", 0.5)}
    first = baselines.cached(tmp_path / "baselines", lambda: wanted)
    again = baselines.cached(tmp_path / "baselines", dict)
    assert first["mean"].outputs.tolist() == again["mean"].outputs.tolist(), "the same before and after a stop"
    assert again["mean"].outputs.tolist() == [[1], [1]]
    assert again["mean"][1:] == ("1", 0.5)
