"""A number, learned and scored. Torch is imported where something is learned, not where answers are scored."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from trainer import evaluation
from trainer.learning.objective import Objective
from trainer.packaging import card

if TYPE_CHECKING:
    from torch import Tensor

    from trainer.learning.rows import Rows


class Regression(Objective):
    """Answers are learned in standard units, by a loss that a few wild ones do not rule (Huber)."""

    headline = "r2"
    told = (("r2", "r2"), ("rmse", "rmse"), ("mae", "mae"))

    def __init__(self, job: Any, rows: Rows) -> None:
        import torch

        super().__init__(job, rows)
        self.row_criterion = torch.nn.functional.smooth_l1_loss
        known = rows.truth[rows.known("train", "validation")]
        self.mean, self.scale = float(known.mean()), float(known.std()) or 1.0
        self.truth = torch.from_numpy(rows.truth).float().to(self.device)

    def prepare(self, model: Any, train: np.ndarray) -> None:
        model.head.set_units(self.mean, self.scale)

    def row_loss(self, outputs: Tensor, rows: np.ndarray) -> Tensor:
        return self.row_criterion(self.standard(outputs[:, 0]), self.standard(self.truth[rows]))

    def standard(self, values: Tensor) -> Tensor:
        return (values - self.mean) / self.scale

    def figures(self, rows: np.ndarray, outputs: np.ndarray) -> dict[str, float]:
        return evaluation.number_scores(self.rows.truth[rows], outputs[:, 0])

    def answers(self, metric: str, outputs: np.ndarray) -> np.ndarray:
        return outputs[:, 0].astype(np.float64)

    def rank(self, figures: dict[str, float]) -> tuple[float, ...]:
        return (-figures["rmse"],)

    def words(self, figures: dict[str, float]) -> str:
        return f"R² {figures['r2']:.3f}, off by {figures['mae']:.3g} on average"

    def report(self, outputs: np.ndarray) -> dict[str, Any]:
        test = self.rows.part("test")
        return evaluation.number_report(
            self.rows.truth[test], outputs[:, 0], self.rows.shown(test), self.rows.numbers(test), self.rows.input_name
        )

    def sentence(self, report: dict[str, Any]) -> str:
        found = report["headline"]
        return f"R² {found['value']:.3f} on {report['test_rows']:,} test rows, between {found['low']:.3f} and {found['high']:.3f}."

    def card(self, report: dict[str, Any]) -> str:
        return card.number_figures(report)

    def predictions(self, outputs: np.ndarray) -> dict[str, list[Any]]:
        test = self.rows.part("test")
        return {"truth": self.rows.truth[test].tolist(), "predicted": outputs[:, 0].astype(float).tolist()}
