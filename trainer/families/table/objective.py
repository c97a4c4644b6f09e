"""How good a model for tables is: metrics, decisions by threshold, predictions, and what each column carries."""

from typing import Any

import numpy as np

from trainer.activations import softmax
from trainer.answers import classes_scoring, number_scoring
from trainer.answers.classes_statistics import areas, class_metrics
from trainer.answers.metrics import named
from trainer.answers.number_scoring import number_report, number_scores
from trainer.engines.table import class_report, decided, finished
from trainer.families.table import search
from trainer.families.table.models import Boosting, Model
from trainer.families.table.rows import TableRows
from trainer.learning.baselines import Baseline
from trainer.learning.job import Job
from trainer.thresholds import Certainty

MOST_PERMUTED = 2_000


def certainty_of(raw: np.ndarray, truth: np.ndarray, facts: dict[str, Any]) -> Certainty:
    probabilities = softmax(finished(raw, facts))
    predicted = decided(probabilities, facts)
    return Certainty(probabilities[np.arange(len(truth)), predicted], predicted == truth)


class TableObjective:
    """Figures and predictions of the test rows (as `trainer.learning.objective.Objective` gives them).

    `limits`: the probability from which each row is answered with the positive label, where rows differ in it.
    """

    def __init__(self, job: Job, rows: TableRows, model: Model, limits: np.ndarray | None = None) -> None:
        self.job, self.rows, self.model, self.facts, self.limits = job, rows, model, model.facts, limits
        self.headline: str = self.facts["headline"]

    def simple(self, baseline: Baseline) -> "TableObjective":
        """For a baseline, for which no threshold was chosen: of two labels it answers as mistakes cost, or always the same."""
        objective = TableObjective(self.job, self.rows, self.model)
        if self.facts["decision"]:
            threshold = 0.5 if baseline.label else search.given_threshold(self.job.params)
            objective.limits = np.full(len(self.rows.truth), threshold)
        return objective

    def manifest(self) -> dict[str, Any]:
        return {}

    def outputs(self, matrix: np.ndarray) -> np.ndarray:
        return finished(self.model.raw(matrix), self.facts)

    def predicted(self, rows: np.ndarray, outputs: np.ndarray) -> np.ndarray:
        """The labels answered to these rows, as their places."""
        probabilities = softmax(outputs)
        if self.limits is None:
            return decided(probabilities, self.facts)
        return decided(probabilities, {"decision": self.facts["decision"] | {"threshold": self.limits[rows]}})

    def actual(self, rows: np.ndarray) -> np.ndarray:
        return self.rows.truth[rows]

    def answers(self, metric: str, outputs: np.ndarray) -> np.ndarray:
        if not self.rows.is_class:
            return outputs[:, 0]
        test = self.rows.part("test")
        return self.predicted(test, outputs) if named(metric).column == "predicted" else softmax(outputs)

    def metrics(self, outputs: np.ndarray) -> dict[str, float]:
        test = self.rows.part("test")
        if not self.rows.is_class:
            return number_scores(self.rows.truth[test], outputs[:, 0])
        probabilities = softmax(outputs)
        return class_metrics(self.rows.truth[test], probabilities, self.predicted(test, outputs))

    def certainty(self, rows: np.ndarray, outputs: np.ndarray) -> Certainty:
        predicted = self.predicted(rows, outputs)
        sure = softmax(outputs)[np.arange(len(rows)), predicted]
        return Certainty(sure, predicted == self.rows.truth[rows])

    def report(self, outputs: np.ndarray) -> dict[str, Any]:
        test = self.rows.part("test")
        shown, numbers, truth = self.rows.shown(test), self.rows.numbers(test), self.rows.truth[test]
        if not self.rows.is_class:
            return number_report(truth, outputs[:, 0], shown, numbers, "input")
        predicted = self.predicted(test, outputs)
        return class_report(truth, softmax(outputs), self.rows.labels, shown, numbers, self.facts, predicted)

    def predictions(self, outputs: np.ndarray) -> dict[str, list[Any]]:
        test = self.rows.part("test")
        if not self.rows.is_class:
            return {"truth": self.rows.truth[test].tolist(), "predicted": outputs[:, 0].tolist()}
        probabilities = softmax(outputs)
        predicted = self.predicted(test, outputs)
        return {
            "truth": [self.rows.loaded.answers[row] for row in test],
            "predicted": [self.rows.labels[code] for code in predicted],
            "score": probabilities[np.arange(len(predicted)), predicted].tolist(),
            "probabilities": list(probabilities.astype(np.float32)),
        }

    def card(self, report: dict[str, Any]) -> str:
        return (classes_scoring if self.rows.is_class else number_scoring).figures_card(report)


def importance(rows: TableRows, objective: TableObjective, model: Model) -> list[dict[str, Any]]:
    """[{column, permutation, gain}], the weightiest first.

    `permutation`: how far the score (area, or R²) falls when the column is shuffled among test rows; `gain`: its share
    of what the trees' splits won.
    """
    test = rows.part("test")[:MOST_PERMUTED]
    if rows.is_class:
        test = test[rows.truth[test] >= 0]
    matrix, truth = rows.matrix[test], rows.truth[test]
    owners = np.array([feature["column"] for feature in rows.features()])
    generator, own = np.random.default_rng(0), quality(objective, matrix, truth)
    gains = model.gains() if isinstance(model, Boosting) else None
    entries = []
    for column in rows.described:
        places = np.flatnonzero(owners == column["name"])
        shuffled = matrix.copy()
        shuffled[:, places] = matrix[np.ix_(generator.permutation(len(matrix)), places)]
        entry = {"column": column["name"], "permutation": own - quality(objective, shuffled, truth) + 0.0}
        if gains is not None:
            entry["gain"] = float(gains[places].sum() / max(gains.sum(), 1e-12))
        entries.append(entry)
    return sorted(entries, key=lambda entry: -entry["permutation"])


def quality(objective: TableObjective, matrix: np.ndarray, truth: np.ndarray) -> float:
    outputs = objective.outputs(matrix)
    if not objective.rows.is_class:
        return number_scores(truth, outputs[:, 0])["r2"]
    return areas(truth, softmax(outputs))["roc_auc"]
