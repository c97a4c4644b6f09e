"""Boxes of objects, learned and scored. Torch is imported where something is learned, not where answers are scored."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Protocol, cast

import numpy as np

from trainer.answers.base_scoring import WORST, Cells, Given, Manifest, Scoring
from trainer.answers.classes_statistics import ranked
from trainer.average_precision import (
    MOST_ANSWERS,
    OVERLAPS,
    Matched,
    Objects,
    Precision,
    average_precision,
    matched_counts,
)
from trainer.boxes import Sizes, above, listed, objects_of, of_list
from trainer.comparison import headed, interval
from trainer.learning.objective import Objective
from trainer.packaging import card

if TYPE_CHECKING:
    from torch import Tensor
    from torch.nn import Module

    from trainer.data.loading import Loaded
    from trainer.learning.job import Job
    from trainer.learning.rows import Mix, Rows

TUNING_PICTURES = 200
FAINTEST = 0.01
"""Score from which an answer is kept in predictions.parquet, so that two runs can be compared by average precision."""


class Scenes(Protocol):
    """What rows of pictures with boxes give beside what all rows do (`trainer.families.image.detection.Scenes`)."""

    sizes: list[tuple[int, int]]
    """(width, height) of every picture in pixels."""
    threshold: float
    """The score from which an object is shown."""

    def objects(self, rows: np.ndarray) -> list[Objects]:
        """What is in these pictures, corners as shares of the picture."""
        ...


class Detection(Objective[np.ndarray]):
    headline = "map_50"
    epoch_metrics = (("map_50", "map_50"), ("map", "map"))

    def __init__(self, job: Job, rows: Rows) -> None:
        super().__init__(job, rows)
        self.scenes = cast("Scenes", rows)
        self.model: Module = None

    def prepare(self, model: Module, train: np.ndarray) -> None:
        self.model = model

    def step(
        self, call: Callable[..., Tensor], inputs: tuple[Tensor, ...], rows: np.ndarray, mix: Mix | None
    ) -> Tensor:
        with self.job.device.autocast():
            return self.model.loss(*inputs)

    @property
    def threshold(self) -> float:
        return self.scenes.threshold

    def tune_threshold(self, rounds: Sequence[Any] = ()) -> None:
        """Choose on the validation rows, else on those learned from, from which score an object is shown: the best F1."""
        if rounds:
            self.scenes.threshold = float(np.median([fold.threshold for fold in rounds]))
            return
        from trainer.learning.passes import read_part

        part = self.rows.part("validation")
        part = part if len(part) else self.rows.part("train")[:TUNING_PICTURES]
        answers = list(map(objects_of, read_part(self.model, self.rows, part, self.job.device)))
        labels = len(self.rows.labels)
        self.scenes.threshold = best_threshold(self.scenes.objects(part), answers, labels)

    def figures(self, rows: np.ndarray, outputs: np.ndarray) -> dict[str, float]:
        precision = average_precision(self.scenes.objects(rows), list(map(objects_of, outputs)), len(self.rows.labels))
        return {"map_50": precision.map_50, "map": precision.map}

    def actual(self, rows: np.ndarray) -> list[Objects]:
        return self.scenes.objects(rows)

    def answers(self, metric: str, outputs: np.ndarray, rows: np.ndarray | None = None) -> list[Objects]:
        return list(map(objects_of, outputs))

    def rank(self, figures: dict[str, float]) -> tuple[float, ...]:
        return (figures["map_50"] + figures["map"],)

    def describe(self, figures: dict[str, float]) -> str:
        return f"average precision {figures['map_50']:.1%} (at half overlap)"

    def report(self, outputs: np.ndarray) -> dict[str, Any]:
        test, scenes, rows = self.rows.part("test"), self.scenes, self.rows
        answers = list(map(objects_of, outputs))
        sizes = [scenes.sizes[row] for row in test]
        shown, numbers = rows.shown(test), rows.numbers(test)
        return report(scenes.objects(test), answers, rows.labels, sizes, shown, numbers, scenes.threshold)

    def sentence(self, report: dict[str, Any]) -> str:
        score = report["headline"]
        return f"Average precision {score['value']:.1%} at half overlap on {report['test_rows']:,} test pictures, between {score['low']:.1%} and {score['high']:.1%}."

    def card(self, report: dict[str, Any]) -> str:
        rows = "\n".join(
            f"| {row['label'].replace('|', '/')} | {row['rows']} | {row['map_50']:.1%} | {row['map']:.1%} | {row['precision']:.1%} | {row['recall']:.1%} |"
            for row in report["per_class"]
        )
        metrics = report["metrics"]
        return f"""Average precision **{metrics["map_50"]:.1%}** at half overlap, {metrics["map"]:.1%} over overlaps from 50 to 95 %, counted as COCO does.
{card.interval_of(report)} Objects are shown from a score of {report["threshold"]:.2f} on.

{card.comparison(report, "map_50", "map")}

| label | test objects | AP50 | AP50-95 | precision | recall |
|---|---|---|---|---|---|
{rows}
"""

    def predictions(self, outputs: np.ndarray) -> dict[str, list[Any]]:
        test = self.rows.part("test")
        sizes = [self.scenes.sizes[row] for row in test]
        labels = self.rows.labels
        truth = [listed(objects, labels, size) for objects, size in zip(self.scenes.objects(test), sizes, strict=True)]
        every = list(map(objects_of, outputs))
        visible = [above(objects, self.scenes.threshold) for objects in every]
        predicted = [listed(objects, labels, size) for objects, size in zip(visible, sizes, strict=True)]
        detections = [
            listed(above(objects, FAINTEST), labels, size) for objects, size in zip(every, sizes, strict=True)
        ]
        return {
            "truth": [json.dumps(objects) for objects in truth],
            "predicted": [json.dumps(objects) for objects in predicted],
            "detections": [json.dumps(objects[:MOST_ANSWERS]) for objects in detections],
        }


Boxes = Sequence[list[dict[str, Any]]]
"""Of each picture {label, score, box [x, y, width, height] in its pixels}, the surest first."""


class ObjectScoring(Scoring[Boxes]):
    """Answers are lists of {label, score, box} in pixels of the picture, as the engine makes them of the outputs; kept as JSON."""

    def learnable(self, loaded: Loaded) -> tuple[list[str], None]:
        boxes = [json.loads(loaded.answers[row] or "[]") for row in loaded.part("train")]
        return sorted({box["label"] for row in boxes for box in row}), None

    def served(self, outputs: Boxes, manifest: Manifest) -> list[dict[str, Any]]:
        return [{"objects": boxes} for boxes in outputs]

    def stored(self, outputs: Boxes, manifest: Manifest) -> list[str]:
        return [json.dumps(boxes) for boxes in outputs]

    def agreement(self, predicted: Sequence[str], others: Sequence[str], labels: Sequence[str]) -> float:
        """Of all objects of both, those found by both."""
        first, second = parsed(predicted, labels), parsed(others, labels)
        counts = np.sum([matched_counts(second, first, label) for label in range(len(labels))], axis=0)
        right, of_first, of_second = counts.tolist()
        return 2 * right / (of_first + of_second) if of_first + of_second else 1.0

    def score(self, predicted: Sequence[str], truth: Sequence[str], labels: Sequence[str]) -> float:
        """Average precision at half overlap, of the objects that are shown."""
        return average_precision(parsed(truth, labels), parsed(predicted, labels), len(labels)).map_50

    def report(
        self,
        truth: Sequence[Any],
        outputs: Boxes,
        labels: list[str],
        shown: list[str],
        rows: list[int],
        input_name: str,
    ) -> dict[str, Any]:
        raise NotImplementedError("boxes are scored beside the sizes of their pictures: see `report`")

    def falls(self, outputs: Boxes, manifest: Manifest) -> np.ndarray:
        raise NotImplementedError("a picture is explained by its surest object: see `trainer.engines.detection`")

    def cells(
        self,
        metric: str,
        truth: Given,
        predicted: tuple[Given, Given],
        labels: Sequence[Any],
    ) -> Cells:
        """Both models' answers are matched once; a cell says which of all these pictures is looked at. Scores become ranks,
        since two models' are of no common scale."""
        pictures, same = len(truth), predicted[0] is predicted[1]
        every: list[Objects] = []
        for objects in predicted[: 1 if same else 2]:
            values = np.concatenate([picture.scores for picture in objects]).reshape(-1, 1)
            ranks = ranked(values)[:, 0] / max(2 * len(values), 1)
            ends = np.cumsum([len(picture.scores) for picture in objects])[:-1]
            parts = zip(objects, np.split(ranks, ends), strict=True)
            every += [Objects(picture.boxes, picture.labels, part) for picture, part in parts]
        matched = Matched(list(truth) * (len(every) // pictures), every, len(labels))
        overlaps = 1 if metric == "map_50" else len(OVERLAPS)

        def measure(cells: np.ndarray, weights: np.ndarray) -> float:
            return float(matched.precision(np.bincount(cells, weights, len(every)), overlaps).map)

        first = np.arange(pictures)
        return Cells(first, first if same else first + pictures, measure)

    def read_truth(self, cells: list[str], every: list[str]) -> list[Objects]:
        return parsed(cells, every)

    def read_predicted(self, metric: str, cells: list[str], own: list[str], every: list[str]) -> list[Objects]:
        return parsed(cells, every)


def parsed(cells: Sequence[str], labels: Sequence[str]) -> list[Objects]:
    """Cells of predictions.parquet; labels as places among `labels`."""
    index = {label: place for place, label in enumerate(labels)}
    return [of_list(json.loads(cell), index) for cell in cells]


# How good they are


def report(
    truth: list[Objects],
    answers: list[Objects],
    labels: list[str],
    sizes: Sizes,
    shown: list[str],
    rows: list[int],
    threshold: float,
) -> dict[str, Any]:
    """The part of report.json that the test pictures give; corners as shares of the pictures."""
    precision = average_precision(truth, answers, len(labels))
    visible = [above(objects, threshold) for objects in answers]
    return {
        **headed("map_50", interval("map_50", truth, answers, labels=labels)),
        "metrics": {"map_50": precision.map_50, "map": precision.map},
        "test_rows": len(truth),
        "labels": labels,
        "per_class": [per_class(precision, truth, visible, place, label) for place, label in enumerate(labels)],
        "threshold": threshold,
        "mistakes": mistakes(truth, visible, labels, sizes, shown, rows),
    }


def per_class(
    average: Precision, truth: list[Objects], visible: list[Objects], place: int, label: str
) -> dict[str, Any]:
    """Average precision, and precision and recall of what is shown."""
    right, predicted, actual = matched_counts(truth, visible, place)
    precision, recall = right / max(predicted, 1), right / max(actual, 1)
    f1 = 2 * precision * recall / max(precision + recall, 1e-9)
    half, whole = average.of_label(place)
    figures = {"precision": precision, "recall": recall, "f1": f1, "map_50": half, "map": whole}
    return {"label": label, "rows": actual, **figures}


def mistakes(
    truth: list[Objects], visible: list[Objects], labels: list[str], sizes: Sizes, shown: list[str], rows: list[int]
) -> list[dict[str, Any]]:
    """Pictures with the most objects missed or made up, boxes in their pixels."""
    wrong: list[tuple[int, dict[str, Any]]] = []
    for index, (actual, predicted) in enumerate(zip(truth, visible, strict=True)):
        right = sum(matched_counts([actual], [predicted], label)[0] for label in range(len(labels)))
        missed, extra = len(actual.labels) - right, len(predicted.labels) - right
        if missed or extra:
            boxes = {
                name: listed(objects, labels, sizes[index])
                for name, objects in (("truth", actual), ("predicted", predicted))
            }
            picture = {"row": rows[index], "image": shown[index], **boxes, "missed": missed, "extra": extra}
            wrong.append((missed + extra, picture))
    return [picture for _count, picture in sorted(wrong, key=lambda pair: -pair[0])[:WORST]]


def best_threshold(truth: list[Objects], answers: list[Objects], labels: int) -> float:
    """The score from which showing objects gives the best F1."""

    def f1(threshold: float) -> float:
        visible = [above(objects, threshold) for objects in answers]
        counts = np.sum([matched_counts(truth, visible, label) for label in range(labels)], axis=0)
        right, predicted, actual = counts.tolist()
        return float(2 * right / max(predicted + actual, 1))

    return float(max(np.round(np.arange(0.1, 0.95, 0.05), 2), key=f1))
