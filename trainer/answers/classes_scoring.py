"""A label out of a few, learned and scored. Torch is imported where something is learned, not where answers are scored."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from trainer import thresholds
from trainer.activations import softmax
from trainer.answers.base_scoring import WORST, Cells, Given, Manifest, Scoring
from trainer.answers.classes_statistics import (
    calibration,
    class_metrics,
    confusion,
    curve_cells,
    label_cells,
    loss_cells,
    per_class,
    scores,
)
from trainer.answers.metrics import named
from trainer.comparison import headed, interval
from trainer.learning.baselines import Baseline, logits
from trainer.learning.objective import Held, Objective, Regressed
from trainer.messages import _
from trainer.packaging import card
from trainer.thresholds import Certainty

if TYPE_CHECKING:
    from torch import Tensor
    from torch.nn import Module

    from trainer.data.loading import Loaded
    from trainer.learning.job import Job
    from trainer.learning.rows import Rows

SKEW = 8
"""Commonest label over rarest, from which the rare ones count for more."""


class Classification(Objective[np.ndarray]):
    headline = "accuracy"
    epoch_metrics = (("accuracy", "accuracy"), ("macro_f1", "macro_f1"), ("loss", "log_loss"))
    has_certainty = True

    def __init__(self, job: Job, rows: Rows) -> None:
        import torch

        super().__init__(job, rows)
        self.truth = torch.from_numpy(rows.truth).to(self.device)
        self.weights: Tensor | None = None
        self.smoothing = self.gamma = 0.0

    def prepare(self, model: Module, train: np.ndarray) -> None:
        self.weights = self.class_weights(train)
        self.smoothing = getattr(self.job.params, "label_smoothing", 0.0)
        self.gamma = getattr(self.job.params, "focal_gamma", 0.0)

    def class_weights(self, train: np.ndarray) -> Tensor | None:
        """Inverse frequency where each label is to count the same; its square root when nothing is said and the labels are skewed;
        else none. Their mean over the rows is one."""
        import torch

        asked = getattr(self.job.params, "class_weights", "auto")
        counts = np.bincount(self.rows.truth[train], minlength=len(self.rows.labels)).clip(min=1)
        if asked == "none" or (asked == "auto" and counts.max() < SKEW * counts.min()):
            return None
        self.job.log(_("The labels are imbalanced, so rare ones get more weight."))
        weights = 1 / counts if asked == "balanced" else 1 / np.sqrt(counts)
        weights *= counts.sum() / (weights * counts).sum()
        return torch.tensor(weights, dtype=torch.float32, device=self.device)

    def row_loss(self, outputs: Tensor, rows: np.ndarray) -> Tensor:
        """Cross-entropy; with a gamma, each row by how far it is from right (Lin et al. 2017, equation 5)."""
        import torch

        truth = self.truth[rows]
        options: dict[str, Any] = {"weight": self.weights, "label_smoothing": self.smoothing}
        if not self.gamma:
            loss: Tensor = torch.nn.functional.cross_entropy(outputs, truth, **options)
            return loss
        losses = torch.nn.functional.cross_entropy(outputs, truth, reduction="none", **options)
        right = torch.softmax(outputs, dim=1).gather(1, truth[:, None])[:, 0]
        every = len(truth) if self.weights is None else self.weights[truth].sum()
        focused: Tensor = ((1 - right) ** self.gamma * losses).sum() / every
        return focused

    def weight(self, rows: np.ndarray) -> float:
        return float(len(rows) if self.weights is None else self.weights[self.truth[rows]].sum())

    def is_collapsed(self, rows: np.ndarray, outputs: np.ndarray) -> bool:
        truth = self.rows.truth[rows]
        return len(np.unique(truth)) > 1 and len(np.unique(outputs.argmax(1))) == 1

    def regress(self, features: Tensor, known: np.ndarray, further: Tensor | None = None) -> Regressed:
        """Multinomial logistic regression, its strength chosen by cross-validation, whose answers give the certainty."""
        import torch

        from trainer.learning import probe

        truth, classes = torch.from_numpy(self.rows.truth), len(self.rows.labels)
        strength, held, outputs = probe.choose_strength(self.job, features, truth, known, classes)
        learned, right = features[known], truth[known]
        if further is not None:
            learned, right = torch.cat([learned, further]), right.repeat(2)
        weight, bias = probe.logistic(learned, right, classes, strength, probe.ITERATIONS)
        validated = float((outputs.argmax(1) == self.rows.truth[held]).mean())
        return Regressed(weight, bias, validated, self.certainty(held, outputs), Held(held, outputs))

    def figures(self, rows: np.ndarray, outputs: np.ndarray) -> dict[str, float]:
        return scores(self.rows.truth[rows], softmax(outputs))

    def answers(self, metric: str, outputs: np.ndarray, rows: np.ndarray | None = None) -> np.ndarray:
        return outputs.argmax(1) if named(metric).column == "predicted" else softmax(outputs)

    def metrics(self, outputs: np.ndarray) -> dict[str, float]:
        truth = self.rows.truth[self.rows.part("test")]
        return class_metrics(truth, softmax(outputs), outputs.argmax(1))

    def certainty(self, rows: np.ndarray, outputs: np.ndarray) -> Certainty:
        probabilities = softmax(outputs)
        return Certainty(probabilities.max(1), probabilities.argmax(1) == self.rows.truth[rows])

    def rank(self, figures: dict[str, float]) -> tuple[float, ...]:
        return figures["accuracy"], -figures["log_loss"]

    def describe(self, figures: dict[str, float]) -> str:
        return f"{figures['accuracy']:.1%} right"

    def report(self, outputs: np.ndarray) -> dict[str, Any]:
        test = self.rows.part("test")
        numbers, asked = self.rows.numbers(test), self.rows.asked(test)
        name, shown = next(iter(asked.items()))
        others = {other: cells for other, cells in asked.items() if other != name}
        truth, probabilities = self.rows.truth[test], softmax(outputs)
        return class_report(truth, probabilities, self.rows.labels, shown, numbers, name, other_inputs=others)

    def sentence(self, report: dict[str, Any]) -> str:
        score = report["headline"]
        return f"Right on {score['value']:.1%} of {report['test_rows']:,} test rows, between {score['low']:.1%} and {score['high']:.1%}."

    def card(self, report: dict[str, Any]) -> str:
        return figures_card(report)

    def predictions(self, outputs: np.ndarray) -> dict[str, list[Any]]:
        probabilities = softmax(outputs)
        answers = self.rows.loaded.answers
        return {
            "truth": [answers[row] for row in self.rows.part("test")],
            "predicted": [self.rows.labels[place] for place in probabilities.argmax(1)],
            "score": probabilities.max(1).tolist(),
            "probabilities": list(probabilities.astype(np.float32)),
        }


class ClassScoring(Scoring[np.ndarray]):
    """Outputs are logits (rows, labels)."""

    def learnable(self, loaded: Loaded) -> tuple[list[str], np.ndarray]:
        """Each row's index among the labels, -1 for one that the rows to learn from do not have."""
        cells = loaded.answers
        labels = sorted({cells[row] for row in loaded.part("train")})
        index = {label: place for place, label in enumerate(labels)}
        return labels, np.array([index.get(label, -1) for label in cells])

    def constant(self, truth: np.ndarray, rows: int, labels: Sequence[str]) -> dict[str, Baseline]:
        """The commonest label, each as likely as it is in `truth`."""
        counts = np.bincount(truth, minlength=len(labels))
        always = np.broadcast_to(logits(counts / counts.sum()), (rows, len(labels)))
        return {"majority": Baseline(always, labels[int(counts.argmax())])}

    def outputs_of(self, values: np.ndarray) -> np.ndarray:
        return logits(values)

    def served(self, outputs: np.ndarray, manifest: Manifest) -> list[dict[str, Any]]:
        probabilities, labels = softmax(outputs), manifest["labels"]
        order = np.argsort(-probabilities, axis=1, kind="stable")
        ranked = np.take_along_axis(probabilities, order, axis=1).round(6).tolist()
        answers = []
        for places, values in zip(order.tolist(), ranked, strict=True):
            listed = [{"label": labels[place], "score": score} for place, score in zip(places, values, strict=True)]
            answers.append({"label": listed[0]["label"], "score": values[0], "scores": listed})
        return answers

    def stored(self, outputs: np.ndarray, manifest: Manifest) -> list[str]:
        return [manifest["labels"][place] for place in outputs.argmax(1)]

    def agreement(self, predicted: Sequence[str], others: Sequence[str], labels: Sequence[str]) -> float:
        """Share of the rows with the same label."""
        return float(np.mean([own == other for own, other in zip(predicted, others, strict=True)]))

    def score(self, predicted: Sequence[str], truth: Sequence[str], labels: Sequence[str]) -> float:
        """Accuracy."""
        return self.agreement(predicted, truth, labels)

    def report(
        self,
        truth: Sequence[str],
        outputs: np.ndarray,
        labels: list[str],
        shown: list[str],
        rows: list[int],
        input_name: str,
    ) -> dict[str, Any]:
        return class_report(places_of(truth, labels), softmax(outputs), labels, shown, rows, input_name)

    falls_in = "probability"

    def falls(self, outputs: np.ndarray, manifest: Manifest) -> np.ndarray:
        """Of the likeliest label's probability."""
        probabilities = softmax(outputs)
        top = int(probabilities[0].argmax())
        return np.asarray(probabilities[0, top] - probabilities[1:, top])

    def cells(self, metric: str, truth: Given, predicted: tuple[Given, Given], labels: Sequence[Any]) -> Cells:
        if named(metric).column == "predicted":
            return label_cells(metric, truth, predicted)
        actual = places_of(np.asarray(truth).tolist(), labels)
        return loss_cells(actual, predicted) if metric == "log_loss" else curve_cells(metric, actual, predicted)

    def read_predicted(self, metric: str, cells: list[Any], own: list[str], every: list[str]) -> Given:
        """Of labels that a model does not have the probability is 0."""
        if named(metric).column == "predicted":
            return cells
        probabilities = np.zeros((len(cells), len(every)))
        probabilities[:, [every.index(label) for label in own]] = cells
        return probabilities


def places_of(truth: Sequence[Any], labels: Sequence[Any]) -> np.ndarray:
    """(rows,) each label's place among `labels`, -1 for one that is not among them."""
    index = {label: place for place, label in enumerate(labels)}
    return np.array([index.get(label, -1) for label in truth])


def class_report(  # noqa: PLR0913
    truth: np.ndarray,
    probabilities: np.ndarray,
    labels: list[str],
    shown: list[str],
    rows: list[int],
    input_name: str = "text",
    predicted: np.ndarray | None = None,
    other_inputs: dict[str, list[str]] | None = None,
    headline: str = "accuracy",
) -> dict[str, Any]:
    """The part of report.json that the test rows give: headline with interval, classes, confusion, mistakes, thresholds.

    `shown[i]` is row i as people see it, kept under `input_name`; `predicted`: where it is not the likeliest label;
    `other_inputs`: further inputs of the rows, by name; `headline`: accuracy or roc_auc.
    """
    predicted = probabilities.argmax(1) if predicted is None else predicted
    sure = probabilities[np.arange(len(predicted)), predicted]
    right = predicted == truth
    learned = truth >= 0
    matrix = confusion(truth[learned], predicted[learned], len(labels))
    precision, recall, f1 = per_class(matrix)
    answers = predicted if headline == "accuracy" else probabilities
    worst = sorted(np.flatnonzero(~right & learned), key=lambda row: -sure[row])[:WORST]
    return {
        **headed(headline, interval(headline, truth, answers, labels=range(len(labels)))),
        "metrics": class_metrics(truth, probabilities, predicted),
        "test_rows": len(truth),
        "labels": labels,
        "per_class": [
            {
                "label": label,
                "rows": int(matrix[place].sum()),
                "precision": float(precision[place]),
                "recall": float(recall[place]),
                "f1": float(f1[place]),
            }
            for place, label in enumerate(labels)
        ],
        "confusion": {"labels": labels, "matrix": matrix.tolist()},
        "mistakes": [
            {
                "row": rows[row],
                input_name: shown[row],
                **{name: cells[row] for name, cells in (other_inputs or {}).items()},
                "truth": labels[truth[row]],
                "predicted": labels[predicted[row]],
                "score": float(sure[row]),
            }
            for row in worst
        ],
        "thresholds": thresholds.table(Certainty(sure, right)),
        "calibration": calibration(right, sure),
    }


def figures_card(report: dict[str, Any]) -> str:
    """How good it is, as Markdown for the model card."""
    per_class = "\n".join(
        f"| {row['label'].replace('|', '/')} | {row['rows']} | {row['precision']:.1%} | {row['recall']:.1%} | {row['f1']:.1%} |"
        for row in sorted(report["per_class"], key=lambda row: row["f1"])
    )
    metrics = report["metrics"]
    return f"""Accuracy **{metrics["accuracy"]:.1%}** on {report["test_rows"]:,} test rows, macro F1 {metrics["macro_f1"]:.1%}. {card.interval_of(report)}

{card.comparison(report, *dict.fromkeys((report["headline"]["name"], "accuracy", "macro_f1")))}

| label | test rows | precision | recall | F1 |
|---|---|---|---|---|
{per_class}
"""
