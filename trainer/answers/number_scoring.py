"""A number, learned and scored. Torch is imported where something is learned, not where answers are scored."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from trainer.answers.base_scoring import WORST, Cells, Given, Manifest, Scoring
from trainer.comparison import headed, interval, mean, total
from trainer.learning.baselines import Baseline
from trainer.learning.objective import Held, Objective, Regressed
from trainer.packaging import card

if TYPE_CHECKING:
    from torch import Tensor
    from torch.nn import Module

    from trainer.data.loading import Loaded
    from trainer.learning.job import Job
    from trainer.learning.rows import Rows

SCATTER = 500
"""Test rows drawn as truth against answer."""
SAME = 0.02
"""Numbers that differ by less than this share of their standard deviation are the same answer."""


class Regression(Objective[np.ndarray]):
    """Answers are learned in standard units, by a loss that a few wild ones do not rule (Huber)."""

    headline = "r2"
    epoch_metrics = (("r2", "r2"), ("rmse", "rmse"), ("mae", "mae"))

    def __init__(self, job: Job, rows: Rows) -> None:
        import torch

        super().__init__(job, rows)
        self.row_criterion = torch.nn.functional.smooth_l1_loss
        numbers = rows.truth[rows.known("train", "validation")]
        self.mean, self.scale = float(numbers.mean()), float(numbers.std()) or 1.0
        self.truth = torch.from_numpy(rows.truth).float().to(self.device)

    def prepare(self, model: Module, train: np.ndarray) -> None:
        model.head.set_units(self.mean, self.scale)

    def row_loss(self, outputs: Tensor, rows: np.ndarray) -> Tensor:
        return self.row_criterion(self.standard(outputs[:, 0]), self.standard(self.truth[rows]))

    def standard(self, values: Tensor) -> Tensor:
        return (values - self.mean) / self.scale

    def regress(self, features: Tensor, known: np.ndarray, further: Tensor | None = None) -> Regressed:
        """Ridge regression in standard units."""
        from trainer.learning import probe

        weight, bias, r2, outputs = probe.learn_numbers(self.job, features, self.rows, known, further)
        return Regressed(weight, bias, r2, held=Held(known, outputs))

    def figures(self, rows: np.ndarray, outputs: np.ndarray) -> dict[str, float]:
        return number_scores(self.rows.truth[rows], outputs[:, 0])

    def answers(self, metric: str, outputs: np.ndarray, rows: np.ndarray | None = None) -> np.ndarray:
        return outputs[:, 0].astype(np.float64)

    def rank(self, figures: dict[str, float]) -> tuple[float, ...]:
        return (-figures["rmse"],)

    def describe(self, figures: dict[str, float]) -> str:
        return f"R² {figures['r2']:.3f}, off by {figures['mae']:.3g} on average"

    def report(self, outputs: np.ndarray) -> dict[str, Any]:
        test = self.rows.part("test")
        shown, numbers = self.rows.shown(test), self.rows.numbers(test)
        return number_report(self.rows.truth[test], outputs[:, 0], shown, numbers, self.rows.input_name)

    def sentence(self, report: dict[str, Any]) -> str:
        score = report["headline"]
        return f"R² {score['value']:.3f} on {report['test_rows']:,} test rows, between {score['low']:.3f} and {score['high']:.3f}."

    def card(self, report: dict[str, Any]) -> str:
        return figures_card(report)

    def predictions(self, outputs: np.ndarray) -> dict[str, list[Any]]:
        test = self.rows.part("test")
        return {"truth": self.rows.truth[test].tolist(), "predicted": outputs[:, 0].astype(float).tolist()}


class NumberScoring(Scoring[np.ndarray]):
    """Outputs are (rows, 1) numbers in the answer's own unit."""

    def learnable(self, loaded: Loaded) -> tuple[list[str], np.ndarray]:
        return [], np.array(loaded.answers, dtype=np.float64)

    def constant(self, truth: np.ndarray, rows: int, labels: Sequence[str]) -> dict[str, Baseline]:
        average = float(truth.mean())
        label = f"{average:,.0f}" if abs(average) >= 1000 else f"{average:.4g}"
        return {"mean": Baseline(np.full((rows, 1), average), label)}

    def outputs_of(self, values: np.ndarray) -> np.ndarray:
        return np.asarray(values, dtype=np.float64).reshape(-1, 1)

    def served(self, outputs: np.ndarray, manifest: Manifest) -> list[dict[str, Any]]:
        """With the range in which nine of ten test rows lay about their answer, where the run measured it."""
        within = manifest.get("error_p90")
        answers = []
        for value in outputs[:, 0].astype(float).tolist():
            around = {} if within is None else {"low": value - within, "high": value + within}
            answers.append({"value": value, **around})
        return answers

    def stored(self, outputs: np.ndarray, manifest: Manifest) -> list[float]:
        numbers: list[float] = outputs[:, 0].tolist()
        return numbers

    def agreement(self, predicted: Sequence[float], others: Sequence[float], labels: Sequence[str]) -> float:
        """Share of the rows with about the same number."""
        return float(np.mean(np.abs(np.subtract(predicted, others)) <= SAME * (np.std(others) or 1.0)))

    def score(self, predicted: Sequence[float], truth: Sequence[float], labels: Sequence[str]) -> float:
        """R²."""
        return number_scores(np.array(truth, dtype=float), np.array(predicted, dtype=float))["r2"]

    def report(
        self,
        truth: Sequence[float],
        outputs: np.ndarray,
        labels: list[str],
        shown: list[str],
        rows: list[int],
        input_name: str,
    ) -> dict[str, Any]:
        return number_report(np.array(truth), outputs[:, 0], shown, rows, input_name)

    falls_in = sums_in = "number"

    def falls(self, outputs: np.ndarray, manifest: Manifest) -> np.ndarray:
        """Of the number itself."""
        differences: np.ndarray = outputs[0, 0] - outputs[1:, 0]
        return differences

    def cells(self, metric: str, truth: Given, predicted: tuple[Given, Given], labels: Sequence[Any]) -> Cells:
        actual = np.asarray(truth, dtype=np.float64)
        if metric == "pearson":
            first, second = (np.asarray(numbers, dtype=np.float64) for numbers in predicted)
            return Cells(first, second, lambda numbers, weights: correlation(actual, numbers, weights))
        errors = [np.asarray(numbers, dtype=np.float64) - actual for numbers in predicted]
        if metric == "mae":
            return Cells(np.abs(errors[0]), np.abs(errors[1]), mean)
        squares = errors[0] ** 2, errors[1] ** 2
        if metric == "rmse":
            return Cells(*squares, lambda cells, weights: mean(cells, weights) ** 0.5)
        centred = actual - actual.mean()
        away = centred**2
        least = 1e-12 * max(float(away.sum()), 1e-300)

        def r2(cells: np.ndarray, weights: np.ndarray) -> float:
            spread = total(away, weights) - total(centred, weights) ** 2 / float(weights.sum())
            return 1 - total(cells, weights) / spread if spread > least else 0.0

        return Cells(*squares, r2)


def number_scores(truth: np.ndarray, predicted: np.ndarray) -> dict[str, float]:
    """r2 (share of the variance explained), rmse and mae in the answer's own unit, and Pearson's correlation."""
    errors = predicted.astype(np.float64) - truth
    spread = float(((truth - truth.mean()) ** 2).sum())
    return {
        "r2": 1 - float((errors**2).sum()) / spread if spread else 0.0,
        "rmse": float(np.sqrt((errors**2).mean())),
        "mae": float(np.abs(errors).mean()),
        "pearson": correlation(truth, predicted.astype(np.float64), np.ones(len(truth))),
    }


def correlation(first: np.ndarray, second: np.ndarray, weights: np.ndarray) -> float:
    """Pearson's correlation of two columns of numbers, each row counted `weights` times; 0 where one of them is constant."""
    count = max(float(weights.sum()), 1e-12)
    centred = [side - total(side, weights) / count for side in (first, second)]
    spreads = [total(side**2, weights) for side in centred]
    sizes = [total(side**2, weights) for side in (first, second)]
    if any(spread <= 1e-12 * max(size, 1e-300) for spread, size in zip(spreads, sizes, strict=True)):
        return 0.0
    return total(centred[0] * centred[1], weights) / float(np.sqrt(spreads[0] * spreads[1]))


def number_report(
    truth: np.ndarray, predicted: np.ndarray, shown: list[str], rows: list[int], input_name: str = "text"
) -> dict[str, Any]:
    """The part of report.json that the test rows give where the answer is a number: headline, worst misses, spread."""
    predicted = predicted.astype(np.float64)
    errors = np.abs(predicted - truth)
    worst = np.argsort(-errors, kind="stable")[:WORST]
    pairs = np.unique(np.linspace(0, len(truth) - 1, min(len(truth), SCATTER)).astype(int))
    quantiles = (("low", 0.05), ("median", 0.5), ("high", 0.95))
    return {
        **headed("r2", interval("r2", truth, predicted)),
        "metrics": number_scores(truth, predicted),
        "test_rows": len(truth),
        "labels": [],
        "truth": {name: float(np.quantile(truth, share)) for name, share in quantiles},
        "error": {f"p{share}": float(np.quantile(errors, share / 100)) for share in (50, 80, 90, 95)},
        "pairs": [[float(truth[row]), float(predicted[row])] for row in pairs],
        "mistakes": [
            {
                "row": rows[row],
                input_name: shown[row],
                "truth": float(truth[row]),
                "predicted": float(predicted[row]),
                "error": float(predicted[row] - truth[row]),
            }
            for row in worst
        ],
    }


def figures_card(report: dict[str, Any]) -> str:
    """How good it is, as Markdown for the model card."""
    metrics = report["metrics"]
    return f"""R² **{metrics["r2"]:.3f}**, off by {metrics["mae"]:.4g} on average (root mean square {metrics["rmse"]:.4g}); nine of ten test rows
within {report["error"]["p90"]:.4g}. {card.interval_of(report)}

{card.comparison(report, "r2", "mae")}
"""
