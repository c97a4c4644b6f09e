"""Passages with labels, learned and scored. Torch is imported where something is learned, not where answers are scored."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol, cast

import numpy as np

from trainer.answers.base_scoring import WORST, Cells, Given, Manifest, Scoring
from trainer.comparison import headed, interval, total
from trainer.learning.objective import Objective
from trainer.outputs import Outputs
from trainer.packaging import card
from trainer.tagging.decoding import Entities, entities_of, fields_of
from trainer.tagging.scores import Passages, counted, errors, passages, rates, scores

if TYPE_CHECKING:
    from torch import Tensor
    from torch.nn import Module

    from trainer.data.loading import Loaded
    from trainer.learning.baselines import Baseline
    from trainer.learning.job import Job
    from trainer.learning.rows import Mix, Rows

OUTSIDE = ""
"""In the table of types: where there is no passage."""
MOST_CONFUSED = 30


class Marked(Protocol):
    """What rows of texts with passages give beside what all rows do (`trainer.families.text.tagging.Marked`)."""

    texts: list[str]

    def targets(self, rows: np.ndarray) -> np.ndarray:
        """(rows, most units): the tag of each unit, -100 where there is none to learn."""
        ...


class Tagging(Objective[Outputs]):
    """Outputs are the scores of each text's units, (units, tags) or longer where they are padded."""

    headline = "entity_f1"
    epoch_metrics = (("entity_f1", "entity_f1"),)

    def __init__(self, job: Job, rows: Rows) -> None:
        super().__init__(job, rows)
        self.marked = cast("Marked", rows)
        self.model: Module = None
        self.decoded: tuple[object, list[Entities]] = (None, [])

    def prepare(self, model: Module, train: np.ndarray) -> None:
        self.model = model

    def step(
        self, call: Callable[..., Tensor], inputs: tuple[Tensor, ...], rows: np.ndarray, mix: Mix | None
    ) -> Tensor:
        import torch

        with self.job.device.autocast():
            outputs = call(*inputs)
        targets = torch.from_numpy(self.marked.targets(rows)).to(outputs.device)
        return self.model.tag_loss(outputs.float(), targets, self.job.params.label_smoothing)

    def entities(self, rows: np.ndarray, outputs: Outputs) -> list[Entities]:
        """What these rows' outputs say; those asked for last are kept."""
        if self.decoded[0] is not outputs:
            follows = None if self.model is None else self.model.follows()
            texts = [self.marked.texts[row] for row in rows]
            self.decoded = outputs, entities_of(texts, list(outputs), self.rows.labels, follows)
        return self.decoded[1]

    def simple(self, baseline: Baseline) -> Objective[Outputs]:
        """A baseline's scores know nothing of the transitions that the model has learned."""
        return Tagging(self.job, self.rows)

    def figures(self, rows: np.ndarray, outputs: Outputs) -> dict[str, float]:
        return scores(self.actual(rows), [passages(each) for each in self.entities(rows, outputs)])

    def actual(self, rows: np.ndarray) -> list[Passages]:
        return [passages(json.loads(self.rows.loaded.answers[row])) for row in rows]

    def answers(self, metric: str, outputs: Outputs, rows: np.ndarray | None = None) -> list[Passages]:
        part = self.rows.part("test") if rows is None else rows
        return [passages(each) for each in self.entities(part, outputs)]

    def rank(self, figures: dict[str, float]) -> tuple[float, ...]:
        return (figures["entity_f1"],)

    def describe(self, figures: dict[str, float]) -> str:
        return f"entity F1 {figures['entity_f1']:.1%}"

    def report(self, outputs: Outputs) -> dict[str, Any]:
        test, rows = self.rows.part("test"), self.rows
        return report(
            rows.shown(test),
            [json.loads(rows.loaded.answers[row]) for row in test],
            self.entities(test, outputs),
            rows.labels,
            rows.numbers(test),
        )

    def sentence(self, report: dict[str, Any]) -> str:
        score = report["headline"]
        return f"Entity F1 {score['value']:.1%} on {report['test_rows']:,} test texts, between {score['low']:.1%} and {score['high']:.1%}."

    def card(self, report: dict[str, Any]) -> str:
        rows = "\n".join(
            f"| {row['label'].replace('|', '/')} | {row['rows']} | {row['precision']:.1%} | {row['recall']:.1%} | {row['f1']:.1%} |"
            for row in report["per_class"]
        )
        return f"""Entity F1 **{report["metrics"]["entity_f1"]:.1%}**: a passage counts where both its edges and its type are right.
{card.interval_of(report)}

{card.comparison(report, "entity_f1", "entity_precision", "entity_recall")}

| type | test passages | precision | recall | F1 |
|---|---|---|---|---|
{rows}
"""

    def predictions(self, outputs: Outputs) -> dict[str, list[Any]]:
        test = self.rows.part("test")
        return {
            "truth": [self.rows.loaded.answers[row] for row in test],
            "predicted": [json.dumps(each, ensure_ascii=False) for each in self.entities(test, outputs)],
        }


class SpansScoring(Scoring[list[Entities]]):
    """Answers are lists of {text, label, start, end, score}, as the engine makes them of the outputs; kept as JSON."""

    def learnable(self, loaded: Loaded) -> tuple[list[str], None]:
        cells = [json.loads(loaded.answers[row]) for row in loaded.part("train")]
        return sorted({entity["label"] for cell in cells for entity in cell}), None

    def served(self, outputs: list[Entities], manifest: Manifest) -> list[dict[str, Any]]:
        return [{"entities": entities} for entities in outputs]

    def fields(self, output: Mapping[str, Any]) -> dict[str, Any]:
        return dict(fields_of(output["entities"]))

    def stored(self, outputs: list[Entities], manifest: Manifest) -> list[str]:
        return [json.dumps(entities, ensure_ascii=False) for entities in outputs]

    def agreement(self, predicted: Sequence[str], others: Sequence[str], labels: Sequence[str]) -> float:
        """Share of the texts in which both mark the very same."""
        return float(np.mean([own == other for own, other in zip(parsed(predicted), parsed(others), strict=True)]))

    def score(self, predicted: Sequence[str], truth: Sequence[str], labels: Sequence[str]) -> float:
        return scores(parsed(truth), parsed(predicted))["entity_f1"]

    def report(
        self,
        truth: Sequence[str],
        outputs: list[Entities],
        labels: list[str],
        shown: list[str],
        rows: list[int],
        input_name: str,
    ) -> dict[str, Any]:
        return report(shown, [json.loads(cell) for cell in truth], outputs, labels, rows)

    def falls(self, outputs: list[Entities], manifest: Manifest) -> np.ndarray:
        """How much of the score of the passages found is lost: of each the score, less that of the same words with the same
        label without the piece."""
        first, *others = outputs
        own = scored_names(first)
        lost = [
            sum(max(score - other.get(name, 0.0), 0.0) for name, score in own.items())
            for other in map(scored_names, others)
        ]
        return np.array(lost)

    def cells(self, metric: str, truth: Given, predicted: tuple[Given, Given], labels: Sequence[Any]) -> Cells:
        first, second = (counted(list(truth), list(answers)) for answers in predicted)

        def measure(cells: np.ndarray, weights: np.ndarray) -> float:
            return rates(*(total(cells[:, column], weights) for column in range(3)))[metric]

        return Cells(first, first if predicted[0] is predicted[1] else second, measure)

    def read_truth(self, cells: list[str], every: list[str]) -> list[Passages]:
        return parsed(cells)

    def read_predicted(self, metric: str, cells: list[str], own: list[str], every: list[str]) -> list[Passages]:
        return parsed(cells)


def parsed(cells: Sequence[str]) -> list[Passages]:
    return [passages(json.loads(cell)) for cell in cells]


def scored_names(entities: Entities) -> dict[tuple[str, str], float]:
    """{(words, label): the sum of their scores}."""
    sums: Counter[tuple[str, str]] = Counter()
    for entity in entities:
        sums[entity["text"], entity["label"]] += entity["score"]
    return dict(sums)


# How good they are


def report(
    texts: list[str], truth: list[Entities], predicted: list[Entities], labels: list[str], rows: list[int]
) -> dict[str, Any]:
    """The part of report.json that the test rows give."""
    actual, own = [passages(each) for each in truth], [passages(each) for each in predicted]
    every = [errors(true, answer) for true, answer in zip(actual, own, strict=True)]
    return {
        **headed("entity_f1", interval("entity_f1", actual, own)),
        "metrics": scores(actual, own),
        "test_rows": len(texts),
        "test_entities": sum(map(len, actual)),
        "labels": labels,
        "per_class": [of_label(label, actual, own) for label in sorted({*labels, *labels_in(actual)})],
        "errors": dict(Counter(kind for wrong in every for kind, _true, _found in wrong)),
        "confusion": confused(actual, own, every),
        "mistakes": mistakes(texts, truth, predicted, every, rows),
    }


def labels_in(every: Sequence[Passages]) -> set[str]:
    return {label for each in every for _start, _end, label in each}


def of_label(label: str, truth: Sequence[Passages], predicted: Sequence[Passages]) -> dict[str, Any]:
    def only(each: Passages) -> Passages:
        return frozenset(passage for passage in each if passage[2] == label)

    counts = counted(list(map(only, truth)), list(map(only, predicted))).sum(axis=0).tolist()
    figures = rates(*counts)
    named = {"precision": "entity_precision", "recall": "entity_recall", "f1": "entity_f1"}
    return {"label": label, "rows": int(counts[2]), **{name: figures[key] for name, key in named.items()}}


def confused(truth: Sequence[Passages], predicted: Sequence[Passages], every: list[list[Any]]) -> list[dict[str, Any]]:
    """[{truth, predicted, count}] of the types that stand for one another, the commonest first; "" for no passage."""
    pairs: Counter[tuple[str, str]] = Counter()
    for wrong in every:
        for _kind, true, own in wrong:
            pair = (true[2] if true else OUTSIDE, own[2] if own else OUTSIDE)
            pairs[pair] += pair[0] != pair[1]
    return [
        {"truth": true, "predicted": own, "count": count}
        for (true, own), count in pairs.most_common(MOST_CONFUSED)
        if count
    ]


def mistakes(
    texts: list[str], truth: list[Entities], predicted: list[Entities], every: list[list[Any]], rows: list[int]
) -> list[dict[str, Any]]:
    """Texts with the most errors, what is marked and what should be."""
    worst = [row for row in sorted(range(len(texts)), key=lambda row: -len(every[row])) if every[row]][:WORST]
    return [
        {
            "row": rows[row],
            "text": texts[row],
            "truth": named(texts[row], truth[row]),
            "predicted": named(texts[row], predicted[row]),
            "truth_spans": truth[row],
            "predicted_spans": predicted[row],
            "kinds": [kind for kind, _true, _found in every[row]],
        }
        for row in worst
    ]


def named(text: str, entities: Entities) -> str:
    """“Anna (person), Paris (place)”."""
    return ", ".join(f"{text[each['start'] : each['end']]} ({each['label']})" for each in entities) or "–"
