"""What is learned and how it is scored: a class out of a few, or a number."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from trainer import comparison, evaluation
from trainer.learning.baselines import Baseline
from trainer.learning.rows import Mix, Rows
from trainer.packaging import card
from trainer.thresholds import Certainty

SKEW = 8
"""Commonest label over rarest, from which the rare ones count for more."""


class Learned(NamedTuple):
    """What a way to learn tells when it has ended."""

    rows: int
    """Learned from."""
    validation: int = 0
    """Kept out of learning, to say when to stop."""
    epoch: int | None = None
    """After which the model was best."""
    certainty: Certainty | None = None
    """Of answers to rows that were not learned from: the validation rows, or those of inner folds."""
    source: str = "validation"
    """validation or out-of-fold: where these answers come from."""
    validated: float | None = None
    """The objective's first figure on rows that were not learned from, by what was kept; None where there were none."""


class Objective:
    """One per run."""

    headline: str
    """The metric that a run is judged by."""

    told: tuple[tuple[str, str], ...]
    """(metric as the events name it, figure) pairs told after each epoch."""

    def __init__(self, job: Any, rows: Rows) -> None:
        self.job, self.rows = job, rows
        self.device = job.device.torch_device

    def prepare(self, model: Any, train: np.ndarray) -> None:
        """Before the first step: what the loss needs to know of the rows to learn from."""

    def settle(self, rounds: Sequence[Any] = ()) -> None:
        """After the last step: what is chosen on the validation rows with the model that was learned; after a
        cross-validation by what its rounds (`trainer.learning.folds.Round`) chose."""

    def step(self, call: Any, inputs: tuple[Tensor, ...], rows: np.ndarray, mix: Mix | None) -> Tensor:
        """The loss of a training step, from the model's arguments; for a model that computes its own, override this."""
        with self.job.device.autocast():
            outputs = call(*inputs)
        return self.loss(outputs.float(), rows, mix)

    def loss(self, outputs: Tensor, rows: np.ndarray, mix: Mix | None = None) -> Tensor:
        """The mean over these rows; with a `Mix`, of both answers by their share."""
        own = self.row_loss(outputs, rows)
        return own if mix is None else mix.share * own + (1 - mix.share) * self.row_loss(outputs, mix.others)

    def row_loss(self, outputs: Tensor, rows: np.ndarray) -> Tensor:
        raise NotImplementedError

    def figures(self, rows: np.ndarray, outputs: np.ndarray) -> dict[str, float]:
        """The metrics of these rows by outputs (rows, outputs)."""
        raise NotImplementedError

    def rank(self, figures: dict[str, float]) -> tuple[float, ...]:
        """Greater is better."""
        raise NotImplementedError

    def words(self, figures: dict[str, float]) -> str:
        """The figures in a few words for the log."""
        raise NotImplementedError

    def report(self, outputs: np.ndarray) -> dict[str, Any]:
        """The part of report.json that the test rows give."""
        raise NotImplementedError

    # How a baseline or another model is scored: as this one is

    def simple(self, baseline: Baseline) -> "Objective":
        """By which a baseline is scored, where what was chosen for the model does not hold for them."""
        return self

    def actual(self, rows: np.ndarray) -> Any:
        """The right answers of these rows, as `trainer.comparison` takes them."""
        return self.rows.truth[rows]

    def answers(self, metric: str, outputs: np.ndarray) -> Any:
        """The test rows' outputs as the answers that `trainer.comparison` takes for a metric."""
        raise NotImplementedError

    def metrics(self, outputs: np.ndarray) -> dict[str, float]:
        """All metrics of the test rows by outputs of the model or of a baseline."""
        return self.figures(self.rows.part("test"), outputs)

    def certainty(self, rows: np.ndarray, outputs: np.ndarray) -> Certainty | None:
        """How sure the answers to these rows are and whether they are right; None where an answer has no probability."""
        return None

    def sentence(self, report: dict[str, Any]) -> str:
        """The headline for the log."""
        raise NotImplementedError

    def card(self, report: dict[str, Any]) -> str:
        """How good it is, as Markdown for the model card."""
        raise NotImplementedError

    def predictions(self, outputs: np.ndarray) -> dict[str, list[Any]]:
        """Columns of predictions.parquet: truth, predicted and what goes with them, one entry a test row."""
        raise NotImplementedError


class Classification(Objective):
    headline = "accuracy"
    told = (("accuracy", "accuracy"), ("macro_f1", "macro_f1"), ("loss", "log_loss"))

    def __init__(self, job: Any, rows: Rows) -> None:
        super().__init__(job, rows)
        self.truth = torch.from_numpy(rows.truth).to(self.device)
        self.criterion = nn.CrossEntropyLoss()

    def prepare(self, model: Any, train: np.ndarray) -> None:
        weights = self.class_weights(train)
        smoothing = getattr(self.job.params, "label_smoothing", 0.0)
        self.criterion = nn.CrossEntropyLoss(weight=weights, label_smoothing=smoothing)

    def class_weights(self, train: np.ndarray) -> Tensor | None:
        """Inverse square root of frequency, mean one, when the labels are skewed; otherwise none."""
        counts = np.bincount(self.rows.truth[train], minlength=len(self.rows.labels)).clip(min=1)
        if counts.max() < SKEW * counts.min():
            return None
        self.job.log("The labels are skewed, so mistakes on rare ones count for more.")
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


class Regression(Objective):
    """Answers are learned in standard units, by a loss that a few wild ones do not rule (Huber)."""

    headline = "r2"
    told = (("r2", "r2"), ("rmse", "rmse"), ("mae", "mae"))

    def __init__(self, job: Any, rows: Rows) -> None:
        super().__init__(job, rows)
        known = rows.truth[rows.known("train", "validation")]
        self.mean, self.scale = float(known.mean()), float(known.std()) or 1.0
        self.truth = torch.from_numpy(rows.truth).float().to(self.device)

    def prepare(self, model: Any, train: np.ndarray) -> None:
        model.head.set_units(self.mean, self.scale)

    def row_loss(self, outputs: Tensor, rows: np.ndarray) -> Tensor:
        return nn.functional.smooth_l1_loss(self.standard(outputs[:, 0]), self.standard(self.truth[rows]))

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


def objective_of(job: Any, rows: Rows) -> Objective:
    return (Classification if job.task.answer == "class" else Regression)(job, rows)
