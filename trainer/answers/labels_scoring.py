"""Several labels a row, learned and scored. Outputs are logits (rows, labels). Torch is imported where something is learned."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from trainer.answers.base_scoring import WORST, Cells, Given, Manifest, Scoring
from trainer.answers.classes_statistics import ranked
from trainer.answers.labels_statistics import (
    average_precisions,
    cooccurrence,
    counted,
    label_matrix,
    label_scores,
    mean_average_precision,
    per_label_f1,
    with_unknown,
)
from trainer.answers.metrics import named
from trainer.comparison import headed, interval, mean, total
from trainer.label_lists import count_labels, learned_labels, read_labels, write_labels
from trainer.label_thresholds import choose_thresholds, logit, sigmoid
from trainer.learning.baselines import Baseline
from trainer.learning.objective import Held, Objective, Regressed
from trainer.packaging import card

if TYPE_CHECKING:
    from torch import Tensor
    from torch.nn import Module

    from trainer.data.loading import Loaded
    from trainer.learning.job import Job
    from trainer.learning.rows import Rows

EVEN = 0.5
"""The threshold where none was chosen."""
SHOWN_TOGETHER = 12
"""Labels in the picture of which occur together."""
TUNING_ROWS = 500


class Labelling(Objective[np.ndarray]):
    """Each label is a question of its own (binary cross-entropy); `thresholds` (labels,) say from which probability it applies."""

    headline = "micro_f1"
    epoch_metrics = (("micro_f1", "micro_f1"), ("mean_average_precision", "mean_average_precision"))

    def __init__(self, job: Job, rows: Rows) -> None:
        super().__init__(job, rows)
        self.thresholds: np.ndarray | None = None
        self.limits: np.ndarray | None = None
        """(rows, labels) of a cross-validation, where each round chose its own."""
        self.held: tuple[np.ndarray, np.ndarray] | None = None
        """Rows that were not learned from, and outputs for them."""
        self.model: Module = None

    def prepare(self, model: Module, train: np.ndarray) -> None:
        """The head begins with the base rates, which few labels are far from."""
        import torch

        self.model = model
        rates = self.rows.truth[train][:, :-1].mean(axis=0)
        head = getattr(model, "head", None)
        if head is not None:
            with torch.no_grad():
                head.bias.copy_(torch.from_numpy(logit(np.clip(rates, 1e-3, 1 - 1e-3))))

    def row_loss(self, outputs: Tensor, rows: np.ndarray) -> Tensor:
        import torch

        truth = torch.from_numpy(self.rows.truth[rows][:, :-1]).to(outputs)
        return torch.nn.functional.binary_cross_entropy_with_logits(outputs, truth)

    def regress(self, features: Tensor, known: np.ndarray, further: Tensor | None = None) -> Regressed:
        """A logistic regression for each label, their one strength chosen by cross-validation."""
        import torch

        from trainer.learning import label_probe

        truth = self.rows.truth[:, :-1]
        strength, held, outputs = label_probe.choose_strength(self.job, features, truth, known)
        learned, right = features[known], truth[known]
        if further is not None:
            learned, right = torch.cat([learned, further]), np.concatenate([right, right])
        weight, bias = label_probe.logistic(learned, right, strength, label_probe.ITERATIONS)
        self.hold(held, outputs)
        validated = self.figures(held, outputs)["micro_f1"]
        self.job.metric("micro_f1", "validation", validated, step=1, epoch=None, rows=len(held))
        return Regressed(weight, bias, validated, held=Held(held, outputs))

    def hold(self, rows: np.ndarray, outputs: np.ndarray) -> None:
        self.held = rows, outputs

    @property
    def threshold(self) -> np.ndarray | None:
        return self.thresholds

    def tune_threshold(self, rounds: Sequence[Any] = ()) -> None:
        """By rows that were not learned from; after a cross-validation the middle of what its rounds chose."""
        if rounds:
            self.thresholds = np.median([each.threshold for each in rounds], axis=0)
            self.limits = np.zeros((self.rows.count, len(self.rows.labels)))
            for each in rounds:
                self.limits[each.rows] = each.threshold
            return
        rows, outputs = self.held or self.read_validation()
        self.thresholds = choose_thresholds(self.rows.truth[rows][:, :-1], outputs)

    def read_validation(self) -> tuple[np.ndarray, np.ndarray]:
        """Of the model that was learned: the validation rows, else some of those learned from."""
        from trainer.learning.passes import read_part

        part = self.rows.part("validation")
        part = part if len(part) else self.rows.part("train")[:TUNING_ROWS]
        return part, np.asarray(read_part(self.model, self.rows, part, self.job.device))

    def chosen(self, rows: np.ndarray, outputs: np.ndarray) -> np.ndarray:
        """(rows, labels + 1), which labels are answered. Before thresholds are chosen, by those best for these very rows."""
        limits = self.thresholds if self.limits is None else self.limits[rows]
        if limits is None:
            limits = choose_thresholds(self.rows.truth[rows][:, :-1], outputs)
        return with_unknown(sigmoid(outputs) >= limits)

    def figures(self, rows: np.ndarray, outputs: np.ndarray) -> dict[str, float]:
        return label_scores(self.rows.truth[rows], self.chosen(rows, outputs), outputs)

    def simple(self, baseline: Baseline) -> Labelling:
        """A baseline's outputs hold its thresholds already."""
        objective = copy.copy(self)
        objective.thresholds, objective.limits = np.full(len(self.rows.labels), EVEN), None
        return objective

    def answers(self, metric: str, outputs: np.ndarray, rows: np.ndarray | None = None) -> np.ndarray:
        if named(metric).column == "probabilities":
            return sigmoid(outputs)
        if self.thresholds is None and rows is not None:
            return with_unknown(self.fairly_chosen(rows, outputs))
        return self.chosen(self.rows.part("test") if rows is None else rows, outputs)

    def fairly_chosen(self, rows: np.ndarray, outputs: np.ndarray) -> np.ndarray:
        """(rows, labels), which labels are answered before there are thresholds: half of the rows by those that are best for the
        other half, so that no row's answer is chosen by what is right for it."""
        truth, halves = self.rows.truth[rows][:, :-1], np.arange(len(rows)) % 2
        chosen = np.zeros(outputs.shape, dtype=bool)
        for half in (0, 1):
            own, others = halves == half, halves != half
            limits = choose_thresholds(truth[others], outputs[others]) if others.any() else EVEN
            chosen[own] = sigmoid(outputs[own]) >= limits
        return chosen

    def rank(self, figures: dict[str, float]) -> tuple[float, ...]:
        return figures["micro_f1"], figures["mean_average_precision"]

    def describe(self, figures: dict[str, float]) -> str:
        return f"micro F1 {figures['micro_f1']:.1%}"

    def report(self, outputs: np.ndarray) -> dict[str, Any]:
        test, rows = self.rows.part("test"), self.rows
        chosen = self.chosen(test, outputs)
        shown = rows.shown(test), rows.numbers(test), rows.input_name
        return label_report(rows.truth[test], chosen, outputs, rows.labels, self.thresholds, *shown)

    def manifest(self) -> dict[str, Any]:
        return {"thresholds": [] if self.thresholds is None else self.thresholds.round(6).tolist()}

    def sentence(self, report: dict[str, Any]) -> str:
        score = report["headline"]
        return f"Micro F1 {score['value']:.1%} on {report['test_rows']:,} test rows, between {score['low']:.1%} and {score['high']:.1%}."

    def card(self, report: dict[str, Any]) -> str:
        return figures_card(report)

    def predictions(self, outputs: np.ndarray) -> dict[str, list[Any]]:
        test, labels = self.rows.part("test"), self.rows.labels
        return {
            "truth": [self.rows.loaded.answers[row] for row in test],
            "predicted": written(self.chosen(test, outputs), labels),
            "probabilities": list(sigmoid(outputs).astype(np.float32)),
        }


class LabelsScoring(Scoring[np.ndarray]):
    """Outputs are logits (rows, labels); manifest.json has the `thresholds`."""

    def learnable(self, loaded: Loaded) -> tuple[list[str], np.ndarray]:
        """The labels of the rows to learn from (the commonest, where they are very many), and `truth` (rows, labels + 1)."""
        labels = learned_labels(count_labels(loaded.answers[row] for row in loaded.part("train")))
        return labels, label_matrix(loaded.answers, labels)

    def constant(self, truth: np.ndarray, rows: int, labels: Sequence[str]) -> dict[str, Baseline]:
        """Every row gets the base rates, and so the labels that are best to answer always."""
        rates = np.tile(logit(truth[:, :-1].mean(axis=0)), (len(truth), 1))
        outputs = above_thresholds(rates, truth[:, :-1])[:1]
        always = [label for label, output in zip(labels, outputs[0], strict=True) if output >= 0]
        return {"usual_labels": Baseline(np.tile(outputs, (rows, 1)), ", ".join(always[:5]) or "–")}

    def served(self, outputs: np.ndarray, manifest: Manifest) -> list[dict[str, Any]]:
        labels, probabilities = manifest["labels"], sigmoid(outputs)
        chosen = probabilities >= thresholds_of(manifest)
        order = np.argsort(-probabilities, axis=1, kind="stable")
        answers = []
        for places, scores, applies in zip(order, probabilities, chosen, strict=True):
            listed = [{"label": labels[place], "score": round(float(scores[place]), 6)} for place in places]
            applying = [entry for entry, place in zip(listed, places, strict=True) if applies[place]]
            answers.append({"labels": applying, "scores": listed})
        return answers

    def stored(self, outputs: np.ndarray, manifest: Manifest) -> list[str]:
        return written(sigmoid(outputs) >= thresholds_of(manifest), manifest["labels"])

    def agreement(self, predicted: Sequence[str], others: Sequence[str], labels: Sequence[str]) -> float:
        """Share of the rows with the same labels."""
        same = [read_labels(own) == read_labels(other) for own, other in zip(predicted, others, strict=True)]
        return float(np.mean(same))

    def score(self, predicted: Sequence[str], truth: Sequence[str], labels: Sequence[str]) -> float:
        """Micro F1."""
        right, both = counted(label_matrix(truth, labels), label_matrix(predicted, labels)).sum(axis=0).tolist()
        return float(right / both) if both else 1.0

    def for_report(self, outputs: np.ndarray, manifest: Manifest) -> np.ndarray:
        return np.asarray(outputs - logit(np.asarray(thresholds_of(manifest))))

    def report(
        self,
        truth: Sequence[str],
        outputs: np.ndarray,
        labels: list[str],
        shown: list[str],
        rows: list[int],
        input_name: str,
    ) -> dict[str, Any]:
        matrix, chosen = label_matrix(truth, labels), with_unknown(outputs >= 0)
        return label_report(matrix, chosen, outputs, labels, None, shown, rows, input_name)

    falls_in = "probability"

    def falls(self, outputs: np.ndarray, manifest: Manifest) -> np.ndarray:
        """Of the mean probability of the labels answered; of the likeliest one where none is."""
        answer, probabilities = self.served(outputs[:1], manifest)[0], sigmoid(outputs)
        names = [entry["label"] for entry in answer["labels"]] or [answer["scores"][0]["label"]]
        places = [manifest["labels"].index(name) for name in names]
        strength = probabilities[:, places].mean(axis=1)
        return np.asarray(strength[0] - strength[1:])

    def direction(self, outputs: np.ndarray, manifest: Manifest) -> np.ndarray:
        """The labels answered, evenly; the likeliest one where none is."""
        applies = sigmoid(outputs) >= thresholds_of(manifest)
        applies[outputs.argmax()] |= not applies.any()
        return np.asarray(applies / applies.sum())

    def cells(self, metric: str, truth: Given, predicted: tuple[Given, Given], labels: Sequence[Any]) -> Cells:
        actual = np.asarray(truth, dtype=bool)
        first, second = predicted
        if metric == "mean_average_precision":
            ranks = ranked(np.asarray(first)), ranked(np.asarray(second))
            return Cells(*ranks, lambda cells, weights: mean_average_precision(actual[:, :-1], cells, weights))
        chosen = np.asarray(first, dtype=bool), np.asarray(second, dtype=bool)
        if metric == "exact_match_ratio":
            right = [(side == actual).all(axis=1).astype(float) for side in chosen]
            return Cells(right[0], right[1], mean)
        if metric == "label_macro_f1":
            occurs = np.flatnonzero(actual[:, :-1].any(axis=0))
            sides = chosen[0][:, occurs], chosen[1][:, occurs]
            return Cells(*sides, lambda cells, weights: float(per_label_f1(actual[:, occurs], cells, weights).mean()))
        counts = counted(actual, chosen[0]), counted(actual, chosen[1])
        return Cells(*counts, micro_f1)

    def read_truth(self, cells: list[str], every: list[str]) -> Given:
        return label_matrix(cells, every)

    def read_predicted(self, metric: str, cells: list[Any], own: list[str], every: list[str]) -> Given:
        if named(metric).column != "probabilities":
            return label_matrix(cells, every)
        probabilities = np.zeros((len(cells), len(every)))
        probabilities[:, [every.index(label) for label in own]] = np.array(cells, dtype=np.float64)
        return probabilities


def micro_f1(cells: np.ndarray, weights: np.ndarray) -> float:
    """Of `counted` rows; 1 where there was nothing to find and nothing was answered."""
    both = total(cells[:, 1], weights)
    return total(cells[:, 0], weights) / both if both else 1.0


def thresholds_of(manifest: Manifest) -> np.ndarray:
    """(labels,) probabilities from which labels apply."""
    listed = manifest.get("thresholds") or [EVEN] * len(manifest["labels"])
    return np.asarray(listed, dtype=np.float64)


def above_thresholds(logits: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Logits moved so that labels apply from 0 on, by the thresholds that are best for these rows."""
    return np.asarray(logits - logit(choose_thresholds(truth, logits)))


def written(chosen: np.ndarray, labels: Sequence[str]) -> list[str]:
    """What was chosen (rows, labels or one more) as cells of predictions.parquet."""
    return [write_labels(names) for names in names_of(chosen, labels)]


def names_of(chosen: np.ndarray, labels: Sequence[str]) -> list[list[str]]:
    return [[labels[place] for place in np.flatnonzero(row[: len(labels)]).tolist()] for row in chosen]


def label_report(
    truth: np.ndarray,
    chosen: np.ndarray,
    logits: np.ndarray,
    labels: list[str],
    thresholds: np.ndarray | None,
    shown: list[str],
    rows: list[int],
    input_name: str,
) -> dict[str, Any]:
    """The part of report.json that the test rows give: headline, figures of each label, which occur together, mistakes.

    `truth` and `chosen` (rows, labels + 1), `logits` (rows, labels).
    """
    known, answered = truth[:, :-1], chosen[:, :-1]
    return {
        **headed("micro_f1", interval("micro_f1", truth, chosen)),
        "metrics": label_scores(truth, chosen, logits),
        "test_rows": len(truth),
        "labels": labels,
        "per_class": per_label(known, answered, logits, labels, thresholds),
        "together": cooccurrence(known, answered, labels, SHOWN_TOGETHER),
        "none": {"truth": int((~truth.any(axis=1)).sum()), "predicted": int((~chosen.any(axis=1)).sum())},
        "unknown_label_rows": int(truth[:, -1].sum()),
        "mistakes": mistakes(truth, chosen, logits, labels, shown, rows, input_name),
    }


def per_label(
    truth: np.ndarray, chosen: np.ndarray, logits: np.ndarray, labels: list[str], thresholds: np.ndarray | None
) -> list[dict[str, Any]]:
    precisions = average_precisions(truth, ranked(logits), np.ones(len(truth)))
    right, predicted, actual = ((side).sum(axis=0).tolist() for side in (truth & chosen, chosen, truth))
    return [
        {
            "label": label,
            "rows": actual[place],
            "precision": right[place] / max(predicted[place], 1),
            "recall": right[place] / max(actual[place], 1),
            "f1": 2 * right[place] / max(predicted[place] + actual[place], 1),
            "average_precision": precisions[place],
            "threshold": None if thresholds is None else round(float(thresholds[place]), 4),
        }
        for place, label in enumerate(labels)
    ]


def mistakes(
    truth: np.ndarray,
    chosen: np.ndarray,
    logits: np.ndarray,
    labels: list[str],
    shown: list[str],
    rows: list[int],
    input_name: str,
) -> list[dict[str, Any]]:
    """The rows that are furthest off: by how sure the model was of the labels that it got wrong."""
    wrong = truth != chosen
    off = (np.abs(sigmoid(logits) - truth[:, :-1]) * wrong[:, :-1]).sum(axis=1) + wrong[:, -1]
    worst = [row for row in np.argsort(-off, kind="stable").tolist()[:WORST] if wrong[row].any()]
    actual, answered = names_of(truth[worst], labels), names_of(chosen[worst], labels)
    return [
        {
            "row": rows[row],
            input_name: shown[row],
            "truth": ", ".join(actual[place]) or "–",
            "predicted": ", ".join(answered[place]) or "–",
            "missed": [label for label in actual[place] if label not in answered[place]],
            "extra": [label for label in answered[place] if label not in actual[place]],
        }
        for place, row in enumerate(worst)
    ]


def figures_card(report: dict[str, Any]) -> str:
    """How good it is, as Markdown for the model card."""
    metrics, names = report["metrics"], ("micro_f1", "label_macro_f1", "mean_average_precision")
    listed = "\n".join(
        f"| {row['label'].replace('|', '/')} | {row['rows']} | {row['precision']:.1%} | {row['recall']:.1%} | {row['f1']:.1%} |"
        for row in report["per_class"]
    )
    return f"""Micro F1 **{metrics["micro_f1"]:.1%}**, macro F1 {metrics["label_macro_f1"]:.1%}; all labels right in
{metrics["exact_match_ratio"]:.1%} of {report["test_rows"]:,} test rows. {card.interval_of(report)}

{card.comparison(report, *names)}

| label | test rows | precision | recall | F1 |
|---|---|---|---|---|
{listed}
"""
