"""Texts written from other texts, learned and scored beside the right ones. Torch is imported where something is learned.

Outputs of a row are those of a text that goes on from a prompt (`trainer.answers.completion_scoring`); every test row has been
written to.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from trainer import text_scores
from trainer.answers.base_scoring import WORST, Cells, Given, Manifest
from trainer.answers.completion_scoring import CompletionScoring, Writing, Written
from trainer.answers.metrics import named
from trainer.comparison import headed, interval
from trainer.outputs import Outputs
from trainer.packaging import card
from trainer.writing.figures import repeats, totals

if TYPE_CHECKING:
    from trainer.learning.job import Job
    from trainer.learning.rows import Rows

FAR_SHORTER, FAR_LONGER = 0.5, 2.0
"""Of the right text, in words."""


class Rewriting(Writing):
    """Learned by the likelihood of the right texts, judged by what is written."""

    headline = "rouge_l"
    """Of a task that names no other."""
    epoch_metrics = (("loss", "loss"),)

    def __init__(self, job: Job, rows: Rows) -> None:
        super().__init__(job, rows)
        self.headline = job.task.headline

    def figures(self, rows: np.ndarray, outputs: Outputs) -> dict[str, float]:
        nats, tokens, _characters = totals(outputs).sum(axis=0).tolist()
        return {"loss": nats / max(tokens, 1.0)}

    def rank(self, figures: dict[str, float]) -> tuple[float, ...]:
        return (-figures["loss"],)

    def describe(self, figures: dict[str, float]) -> str:
        return f"{figures['loss']:.3f} nats a token"

    def metrics(self, outputs: Outputs) -> dict[str, float]:
        return text_scores.scores(self.answers(self.headline, outputs))

    def answers(self, metric: str, outputs: Outputs, rows: np.ndarray | None = None) -> np.ndarray:
        """Of each row what every score is made of (`trainer.text_scores.count`)."""
        rows = self.rows.part("test") if rows is None else rows
        return text_scores.count(self.actual(rows), self.prompted.written(rows, outputs))

    def report(self, outputs: Outputs) -> dict[str, Any]:
        test = self.rows.part("test")
        texts = self.prompted.written(test, outputs)
        name = self.rows.input_name
        fields = report(self.actual(test), texts, self.rows.shown(test), self.rows.numbers(test), name, self.headline)
        fields["writing"] |= self.copying(texts)
        return fields

    def sentence(self, report: dict[str, Any]) -> str:
        score = report["headline"]
        return (
            f"{named(self.headline).within_sentence} {score['value']:.1%} on {report['test_rows']:,} test rows, between "
            f"{score['low']:.1%} and {score['high']:.1%}."
        )

    def card(self, report: dict[str, Any]) -> str:
        metrics, writing = report["metrics"], report["writing"]
        copied = (
            f", {writing['copied']} of {writing['long']} long ones hold 50 characters of a training row"
            if "copied" in writing
            else ""
        )
        return f"""ROUGE-1 **{metrics["rouge_1"]:.1%}**, ROUGE-2 **{metrics["rouge_2"]:.1%}**, ROUGE-L **{metrics["rouge_l"]:.1%}** (F1), BLEU
**{100 * metrics["bleu"]:.1f}**, chrF **{100 * metrics["chrf"]:.1f}** (sacreBLEU, {writing["tokenizer"]}). {card.interval_of(report)}

{card.comparison(report, "rouge_l", "bleu")}

Of its {report["test_rows"]} texts for the test rows {writing["exact"]} are the right one to the letter,
{writing["empty"]} are empty, {writing["repeating"]} repeat themselves{copied}.

{card.answer_checks(report)}
"""

    def predictions(self, outputs: Outputs) -> dict[str, list[Any]]:
        test = self.rows.part("test")
        counts = self.answers(self.headline, outputs).tolist()
        return {"truth": self.actual(test), "predicted": self.prompted.written(test, outputs), "counts": counts}


class RewritingScoring(CompletionScoring):
    def served(self, outputs: Sequence[Written], manifest: Manifest) -> list[dict[str, Any]]:
        written = super().served(outputs, manifest)
        return [{"generated_text": each.pop("completion"), **each} for each in written]

    def agreement(self, predicted: Sequence[str], others: Sequence[str], labels: Sequence[str]) -> float:
        """Share of the very same text."""
        pairs = zip(predicted, others, strict=True)
        return float(np.mean([own.strip() == other.strip() for own, other in pairs]))

    def score(self, predicted: Sequence[str], truth: Sequence[str], labels: Sequence[str]) -> float:
        """ROUGE-L."""
        pairs = zip(truth, predicted, strict=True)
        return float(np.mean([text_scores.rouges(right, own)[2] for right, own in pairs]))

    def report(
        self,
        truth: Sequence[str],
        outputs: Sequence[Written],
        labels: list[str],
        shown: list[str],
        rows: list[int],
        input_name: str,
    ) -> dict[str, Any]:
        return report(list(truth), [written.text for written in outputs], shown, rows, input_name, "rouge_l")

    def cells(self, metric: str, truth: Given, predicted: tuple[Given, Given], labels: Sequence[Any]) -> Cells:
        first, second = (np.asarray(side, dtype=np.float64).reshape(-1, text_scores.COUNTS) for side in predicted)
        return Cells(first, second, lambda rows, weights: text_scores.scores(rows, weights)[metric])

    def read_predicted(self, metric: str, cells: list[Any], own: list[str], every: list[str]) -> Given:
        return np.array(cells, dtype=np.float64).reshape(-1, text_scores.COUNTS)


def report(
    truth: list[str], texts: list[str], shown: list[str], rows: list[int], input_name: str, headline: str
) -> dict[str, Any]:
    """The part of report.json that the test rows give; `mistakes` are the rows farthest from the right text by ROUGE-L."""
    counts = text_scores.count(truth, texts)
    near = counts[:, text_scores.ROUGES - 1]
    worst = np.argsort(near, kind="stable")[:WORST].tolist()
    lengths = [
        len(text_scores.words_of(text)) / max(len(text_scores.words_of(right)), 1)
        for text, right in zip(texts, truth, strict=True)
    ]
    return {
        **headed(headline, interval(headline, truth, counts)),
        "metrics": text_scores.scores(counts),
        "test_rows": len(truth),
        "labels": [],
        "writing": {
            "tokenizer": text_scores.tokenizer_of(truth),
            "exact": sum(text.strip() == right.strip() for text, right in zip(texts, truth, strict=True)),
            "empty": sum(not text.strip() for text in texts),
            "repeating": sum(map(repeats, texts)),
            "far_shorter": sum(length < FAR_SHORTER for length in lengths),
            "far_longer": sum(length > FAR_LONGER for length in lengths),
        },
        "mistakes": [
            {
                "row": rows[row],
                input_name: shown[row],
                "truth": truth[row],
                "predicted": texts[row],
                "rouge_l": round(float(near[row]), 4),
            }
            for row in worst
        ],
    }
