"""Texts, learned and scored. Torch is imported where something is learned, not where answers are scored."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Protocol, cast

import numpy as np

from trainer.answers.base_scoring import WORST, Cells, Given, Manifest, Scoring
from trainer.comparison import headed, interval, total
from trainer.learning.objective import Objective
from trainer.outputs import Outputs
from trainer.packaging import card
from trainer.transcripts import errors, rates

if TYPE_CHECKING:
    from torch import Tensor
    from torch.nn import Module

    from trainer.data.loading import Loaded
    from trainer.learning.job import Job
    from trainer.learning.rows import Mix, Rows

LOSS_BATCH = 8


class Script(Protocol):
    """What texts are written with (`trainer.transcripts`)."""

    def decode(self, ids: np.ndarray) -> str: ...


class Speech(Protocol):
    """What rows of speech give beside what all rows do (`trainer.families.audio.speech.Speech`)."""

    script: Script
    targets: list[np.ndarray]
    """The ids of each row's text."""

    def little(self) -> list[str]:
        """Whether there is too little to learn from, in a sentence."""
        ...


class Transcription(Objective[Outputs]):
    """Texts; outputs are the ids of each row, as many as it has."""

    headline = "wer"
    epoch_metrics = (("wer", "wer"), ("cer", "cer"), ("loss", "loss"))

    def __init__(self, job: Job, rows: Rows) -> None:
        super().__init__(job, rows)
        self.speech = cast("Speech", rows)
        self.model: Module = None

    def prepare(self, model: Module, train: np.ndarray) -> None:
        self.model = model

    def step(
        self, call: Callable[..., Tensor] | None, inputs: tuple[Tensor, ...], rows: np.ndarray, mix: Mix | None
    ) -> Tensor:
        with self.job.device.autocast():
            return self.model.loss(*inputs, [self.speech.targets[row] for row in rows])

    def figures(self, rows: np.ndarray, outputs: Outputs) -> dict[str, float]:
        return rates(errors(self.actual(rows), self.texts(outputs))) | {"loss": self.mean_loss(rows)}

    def mean_loss(self, rows: np.ndarray) -> float:
        """Of these rows by the weights of the moment."""
        import torch

        total, was = 0.0, self.model.training
        self.model.eval()
        with torch.inference_mode():
            for batch in self.rows.sorted_batches(rows, LOSS_BATCH):
                inputs = self.rows.batch(batch, self.device)
                total += self.step(None, inputs, batch, None).item() * len(batch)
        self.model.train(was)
        return total / max(len(rows), 1)

    def answers(self, metric: str, outputs: Outputs, rows: np.ndarray | None = None) -> list[str]:
        return self.texts(outputs)

    def metrics(self, outputs: Outputs) -> dict[str, float]:
        return rates(errors(self.actual(self.rows.part("test")), self.texts(outputs)))

    def rank(self, figures: dict[str, float]) -> tuple[float, ...]:
        """Until a word is right the loss alone tells that something is learned."""
        return -min(figures["wer"], 1.0), -figures["loss"]

    def describe(self, figures: dict[str, float]) -> str:
        return f"{figures['wer']:.1%} of the words wrong, {figures['cer']:.1%} of the characters"

    def actual(self, rows: np.ndarray) -> list[str]:
        return [self.rows.loaded.answers[row] for row in rows]

    def texts(self, outputs: Outputs) -> list[str]:
        return [self.speech.script.decode(ids) for ids in outputs]

    def report(self, outputs: Outputs) -> dict[str, Any]:
        test = self.rows.part("test")
        fields = report(self.actual(test), self.texts(outputs), self.rows.shown(test), self.rows.numbers(test))
        return fields | {"notes": self.speech.little()}

    def sentence(self, report: dict[str, Any]) -> str:
        score = report["headline"]
        return f"{score['value']:.1%} of the words wrong in {report['test_rows']:,} test rows, between {score['low']:.1%} and {score['high']:.1%}."

    def card(self, report: dict[str, Any]) -> str:
        metrics = report["metrics"]
        return f"""Word error rate **{metrics["wer"]:.1%}**, character error rate {metrics["cer"]:.1%}, on {report["test_words"]:,} words that were kept apart: wrong,
missing and extra words over those that were said. {card.interval_of(report)}

{card.comparison(report, "wer", "cer")}
"""

    def predictions(self, outputs: Outputs) -> dict[str, list[Any]]:
        test = self.rows.part("test")
        truth, predicted = self.actual(test), self.texts(outputs)
        counts = errors(truth, predicted)
        wers = counts[:, 0] / np.maximum(counts[:, 1], 1)
        return {"truth": truth, "predicted": predicted, "wer": wers.tolist()}


class TextScoring(Scoring[Sequence[str]]):
    """Answers are texts, as the engine writes them from the outputs."""

    def learnable(self, loaded: Loaded) -> tuple[list[str], None]:
        return [], None

    def served(self, outputs: Sequence[str], manifest: Manifest) -> list[dict[str, Any]]:
        return [{"text": text} for text in outputs]

    def stored(self, outputs: Sequence[str], manifest: Manifest) -> list[str]:
        return list(outputs)

    def agreement(self, predicted: Sequence[str], others: Sequence[str], labels: Sequence[str]) -> float:
        """Share of the rows with the very same text."""
        return float(np.mean([own == other for own, other in zip(predicted, others, strict=True)]))

    def score(self, predicted: Sequence[str], truth: Sequence[str], labels: Sequence[str]) -> float:
        """One less the word error rate."""
        return 1 - rates(errors(list(truth), list(predicted)))["wer"]

    def report(
        self,
        truth: Sequence[str],
        outputs: Sequence[str],
        labels: list[str],
        shown: list[str],
        rows: list[int],
        input_name: str,
    ) -> dict[str, Any]:
        return report(list(truth), list(outputs), shown, rows)

    falls_in = "share"

    def falls(self, outputs: Sequence[str], manifest: Manifest) -> np.ndarray:
        """How much of the text changes, in characters."""
        text, *without = outputs
        changed = [rates(errors([text], [other]))["cer"] for other in without]
        return np.array(changed)

    def cells(self, metric: str, truth: Given, predicted: tuple[Given, Given], labels: Sequence[Any]) -> Cells:
        """Of each row what is wrong and how much there is."""
        part = slice(0, 2) if metric == "wer" else slice(2, 4)
        first, second = (errors(list(truth), list(texts))[:, part] for texts in predicted)

        def rate(cells: np.ndarray, weights: np.ndarray) -> float:
            return total(cells[:, 0], weights) / max(total(cells[:, 1], weights), 1.0)

        return Cells(first, second, rate)


# How good they are


def report(truth: list[str], predicted: list[str], shown: list[str], rows: list[int]) -> dict[str, Any]:
    """The part of report.json that the test rows give."""
    counts = errors(truth, predicted)
    shares = counts[:, 0] / np.maximum(counts[:, 1], 1)
    worst = [row for row in np.argsort(-shares, kind="stable").tolist() if shares[row] > 0][:WORST]
    return {
        **headed("wer", interval("wer", truth, predicted)),
        "metrics": rates(counts),
        "test_rows": len(truth),
        "test_words": int(counts[:, 1].sum()),
        "labels": [],
        "mistakes": [
            {
                "row": rows[row],
                "audio": shown[row],
                "truth": truth[row],
                "predicted": predicted[row],
                "wer": round(float(shares[row]), 4),
            }
            for row in worst
        ],
    }
