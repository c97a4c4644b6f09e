"""A label out of a few, learned and scored. Torch is imported where something is learned, not where answers are scored."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from trainer import comparison, evaluation
from trainer.learning.objective import Objective
from trainer.messages import _
from trainer.packaging import card
from trainer.thresholds import Certainty

if TYPE_CHECKING:
    from torch import Tensor

    from trainer.learning.rows import Rows

SKEW = 8
"""Commonest label over rarest, from which the rare ones count for more."""


class Classification(Objective):
    headline = "accuracy"
    told = (("accuracy", "accuracy"), ("macro_f1", "macro_f1"), ("loss", "log_loss"))

    def __init__(self, job: Any, rows: Rows) -> None:
        import torch

        super().__init__(job, rows)
        self.truth = torch.from_numpy(rows.truth).to(self.device)
        self.criterion = torch.nn.CrossEntropyLoss()

    def prepare(self, model: Any, train: np.ndarray) -> None:
        import torch

        weights = self.class_weights(train)
        smoothing = getattr(self.job.params, "label_smoothing", 0.0)
        self.criterion = torch.nn.CrossEntropyLoss(weight=weights, label_smoothing=smoothing)

    def class_weights(self, train: np.ndarray) -> Tensor | None:
        """Inverse square root of frequency, mean one, when the labels are skewed; otherwise none."""
        import torch

        counts = np.bincount(self.rows.truth[train], minlength=len(self.rows.labels)).clip(min=1)
        if counts.max() < SKEW * counts.min():
            return None
        self.job.log(_("The labels are imbalanced, so rare ones get more weight."))
        weights = 1 / np.sqrt(counts)
        weights *= counts.sum() / (weights * counts).sum()
        return torch.tensor(weights, dtype=torch.float32, device=self.device)

    def row_loss(self, outputs: Tensor, rows: np.ndarray) -> Tensor:
        return self.criterion(outputs, self.truth[rows])

    def figures(self, rows: np.ndarray, outputs: np.ndarray) -> dict[str, float]:
        return evaluation.scores(self.rows.truth[rows], evaluation.softmax(outputs))

    def answers(self, metric: str, outputs: np.ndarray) -> np.ndarray:
        return outputs.argmax(1) if metric in comparison.LABELS else evaluation.softmax(outputs)

    def metrics(self, outputs: np.ndarray) -> dict[str, float]:
        truth = self.rows.truth[self.rows.part("test")]
        return evaluation.class_metrics(truth, evaluation.softmax(outputs), outputs.argmax(1))

    def certainty(self, rows: np.ndarray, outputs: np.ndarray) -> Certainty:
        probabilities = evaluation.softmax(outputs)
        return Certainty(probabilities.max(1), probabilities.argmax(1) == self.rows.truth[rows])

    def rank(self, figures: dict[str, float]) -> tuple[float, ...]:
        return figures["accuracy"], -figures["log_loss"]

    def words(self, figures: dict[str, float]) -> str:
        return f"{figures['accuracy']:.1%} right"

    def report(self, outputs: np.ndarray) -> dict[str, Any]:
        test = self.rows.part("test")
        probabilities = evaluation.softmax(outputs)
        numbers, asked = self.rows.numbers(test), self.rows.asked(test)
        name, shown = next(iter(asked.items()))
        beside = {other: cells for other, cells in asked.items() if other != name}
        return evaluation.class_report(
            self.rows.truth[test], probabilities, self.rows.labels, shown, numbers, name, beside=beside
        )

    def sentence(self, report: dict[str, Any]) -> str:
        found = report["headline"]
        return f"Right on {found['value']:.1%} of {report['test_rows']:,} test rows, between {found['low']:.1%} and {found['high']:.1%}."

    def card(self, report: dict[str, Any]) -> str:
        return card.class_figures(report)

    def predictions(self, outputs: np.ndarray) -> dict[str, list[Any]]:
        probabilities = evaluation.softmax(outputs)
        answers = self.rows.loaded.answers
        return {
            "truth": [answers[row] for row in self.rows.part("test")],
            "predicted": [self.rows.labels[at] for at in probabilities.argmax(1)],
            "score": probabilities.max(1).tolist(),
            "probabilities": list(probabilities.astype(np.float32)),
        }
