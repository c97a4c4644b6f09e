"""How alike two texts are, or which texts answer a query, learned and scored.

Outputs are (pairs, 1) scores, or of a search (queries, ranks) the places of the texts found, the best first."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from trainer.answers.base_scoring import Cells, Given, Manifest, Scoring
from trainer.answers.metrics import named
from trainer.answers.similarity_reports import pair_report, search_report
from trainer.comparison import mean
from trainer.learning.baselines import Baseline
from trainer.learning.objective import Objective
from trainer.packaging import card
from trainer.similarity import measures
from trainer.similarity.forms import BINARY, GRADED, SEARCHED, scale_of
from trainer.similarity.measures import SEARCHES

if TYPE_CHECKING:
    from torch import Tensor

    from trainer.data.loading import Loaded
    from trainer.families.text.pair_rows import Pairs
    from trainer.learning.job import Job
    from trainer.learning.rows import Mix

HEADLINES = {GRADED: "spearman", BINARY: "pair_auc"}
PAIR_METRICS = ("spearman", "similarity_pearson", "pair_auc")
SAME = 0.15
"""Scores that differ by less than this share of their spread are the same answer."""
COMPARED = 10
"""Ranks by which two searches are compared."""


def headline_of(form: str) -> str:
    return HEADLINES.get(form, "ndcg_10")


class Similarity(Objective[np.ndarray]):
    headline = "spearman"
    epoch_metrics: tuple[tuple[str, str], ...] = (
        ("spearman", "spearman"),
        ("similarity_pearson", "similarity_pearson"),
        ("pair_auc", "pair_auc"),
    )
    rows: Pairs

    def __init__(self, job: Job, rows: Pairs) -> None:
        super().__init__(job, rows)
        self.headline = headline_of(rows.form)
        self.is_search = rows.form in SEARCHED
        names = tuple(SEARCHES) if self.is_search else PAIR_METRICS
        ordered = [self.headline, *(name for name in names if name != self.headline)]
        self.epoch_metrics = tuple((name, name) for name in ordered)

    def step(
        self, call: Callable[..., Tensor], inputs: tuple[Tensor, ...], rows: np.ndarray, mix: Mix | None
    ) -> Tensor:
        import torch

        from trainer.families.text import pair_losses

        with self.job.device.autocast():
            vectors = call(*inputs)
        vectors = vectors.float()
        if self.rows.reads_jointly:
            return self.joint_loss(vectors, rows)
        name = self.job.params.loss
        name = pair_losses.usual_loss(self.rows.form) if name == "auto" else name
        shares = torch.from_numpy(self.rows.shares(rows)).float().to(vectors.device)
        if name in ("cosent", "cosine") and not self.is_search:
            return pair_losses.cosent(vectors, shares) if name == "cosent" else pair_losses.cosine(vectors, shares)
        is_alike = shares > 0.5
        same = torch.from_numpy(self.rows.also_right(rows)).to(vectors.device)
        if name == "triplet":
            return pair_losses.triplet(vectors, is_alike, same, self.job.params.margin)
        return pair_losses.multiple_negatives(vectors, is_alike, same)

    def joint_loss(self, logits: Tensor, rows: np.ndarray) -> Tensor:
        """Of a model that reads both texts at once: cross-entropy of the text that answers among those beside it; of pairs, of their
        share of the scale."""
        import torch

        if self.is_search:
            by_query = logits.view(len(rows), -1)
            first = torch.zeros(len(rows), dtype=torch.long, device=logits.device)
            return torch.nn.functional.cross_entropy(by_query, first)
        shares = torch.from_numpy(self.rows.shares(rows)).float().to(logits.device).clamp(0, 1)
        return torch.nn.functional.binary_cross_entropy_with_logits(logits[:, 0], shares)

    def figures(self, rows: np.ndarray, outputs: np.ndarray) -> dict[str, float]:
        if self.is_search:
            return measures.search_scores(outputs.tolist(), [self.rows.judged[row] for row in rows.tolist()])
        return measures.pair_scores(self.rows.truth[rows], outputs[:, 0].astype(np.float64), self.rows.scale.middle)

    def actual(self, rows: np.ndarray) -> Given:
        if self.is_search:
            return [self.rows.judged[row] for row in rows.tolist()]
        actual: np.ndarray = self.rows.truth[rows]
        return actual

    def flawless(self, rows: np.ndarray) -> Given:
        if not self.is_search:
            return self.actual(rows)
        judged = [self.rows.judged[row] for row in rows.tolist()]
        return [sorted(right, key=lambda place: -right[place]) for right in judged]

    def answers(self, metric: str, outputs: np.ndarray, rows: np.ndarray | None = None) -> Given:
        return outputs if self.is_search else outputs[:, 0].astype(np.float64)

    def rank(self, figures: dict[str, float]) -> tuple[float, ...]:
        return (figures[self.headline],)

    def describe(self, figures: dict[str, float]) -> str:
        if self.is_search:
            return f"nDCG@10 {figures['ndcg_10']:.3f}, recall@10 {figures['recall_10']:.3f}"
        return f"Spearman {figures['spearman']:.3f}, ROC AUC {figures['pair_auc']:.3f}"

    def report(self, outputs: np.ndarray) -> dict[str, Any]:
        test, rows = self.rows.part("test"), self.rows
        if self.is_search:
            judged = [rows.judged[row] for row in test.tolist()]
            queries = [rows.firsts[row] for row in test.tolist()]
            return search_report(judged, outputs.tolist(), queries, rows.numbers(test), list(rows.searched))
        return pair_report(
            rows.truth[test], outputs[:, 0], rows.shown(test), rows.numbers(test), self.headline, rows.scale
        )

    def sentence(self, report: dict[str, Any]) -> str:
        score, unit = report["headline"], "queries" if self.is_search else "pairs"
        name = named(score["name"]).within_sentence
        ends = (card.written(score[end], score["name"]) for end in ("value", "low", "high"))
        value, low, high = ends
        return f"{name} {value} on {report['test_rows']:,} test {unit}, between {low} and {high}."

    def card(self, report: dict[str, Any]) -> str:
        names = ("ndcg_10", "recall_10") if self.is_search else ("spearman", "pair_auc")
        return f"{card.interval_of(report)}\n\n{card.comparison(report, *names)}\n"

    def predictions(self, outputs: np.ndarray) -> dict[str, list[Any]]:
        test, rows = self.rows.part("test"), self.rows
        if self.is_search:
            numbers = list(rows.searched.values())
            truth = [
                json.dumps({str(numbers[place]): gain for place, gain in rows.judged[row].items()})
                for row in test.tolist()
            ]
            return {
                "truth": truth,
                "predicted": [json.dumps([numbers[place] for place in ranks]) for ranks in outputs.tolist()],
            }
        return {"truth": rows.truth[test].tolist(), "predicted": outputs[:, 0].astype(float).tolist()}


class SimilarityScoring(Scoring[list[dict[str, Any]]]):
    """Engines give answers as they are served."""

    def learnable(self, loaded: Loaded) -> tuple[list[str], np.ndarray]:
        """1 for rows without a score: their texts belong together."""
        if "score" not in loaded.values:
            return [], np.ones(len(loaded.split))
        return [], np.array(loaded.values["score"], dtype=np.float64)

    def constant(self, truth: np.ndarray, rows: int, labels: Sequence[str]) -> dict[str, Baseline]:
        average = float(truth.mean())
        return {"usual_score": Baseline(np.full((rows, 1), average), f"{average:.3g}")}

    def served(self, outputs: list[dict[str, Any]], manifest: Manifest) -> list[dict[str, Any]]:
        return outputs

    def stored(self, outputs: list[dict[str, Any]], manifest: Manifest) -> list[Any]:
        return [
            json.dumps([match["row"] for match in answer["matches"]])
            if "matches" in answer
            else answer.get("score", 0.0)
            for answer in outputs
        ]

    def agreement(self, predicted: Sequence[Any], others: Sequence[Any], labels: Sequence[str]) -> float:
        """Share of the pairs with about the same score; of a search, of the first texts that are among the other's first."""
        if predicted and isinstance(predicted[0], str):
            pairs = zip(map(json.loads, predicted), map(json.loads, others), strict=True)
            return float(np.mean([shared_share(own[:COMPARED], other[:COMPARED]) for own, other in pairs]))
        spread = float(np.std(others)) or 1.0
        return float(np.mean(np.abs(np.subtract(predicted, others)) <= SAME * spread + 1e-9))

    def score(self, predicted: Sequence[Any], truth: Sequence[Any], labels: Sequence[str]) -> float:
        """nDCG of searches; of pairs the correlation of the ranks, or the area under the curve where they are alike or not."""
        if predicted and isinstance(predicted[0], str):
            ranked = [json.loads(cell) for cell in predicted]
            return measures.search_scores(ranked, [judged_of(cell) for cell in truth])["ndcg_10"]
        actual, own = np.asarray(truth, dtype=np.float64), np.asarray(predicted, dtype=np.float64)
        figures = measures.pair_scores(actual, own, scale_of(actual).middle)
        return figures["pair_auc" if set(np.unique(actual).tolist()) <= {0.0, 1.0} else "spearman"]

    def report(
        self,
        truth: Sequence[Any],
        outputs: list[dict[str, Any]],
        labels: list[str],
        shown: list[str],
        rows: list[int],
        input_name: str,
    ) -> dict[str, Any]:
        """Of pairs with a score."""
        actual = np.asarray(truth, dtype=np.float64)
        form = BINARY if set(np.unique(actual).tolist()) <= {0.0, 1.0} else GRADED
        predicted = np.array([answer.get("score", 0.0) for answer in outputs])
        return pair_report(actual, predicted, shown, rows, headline_of(form), scale_of(actual))

    def falls(self, outputs: list[dict[str, Any]], manifest: Manifest) -> np.ndarray:
        """Of the score of a pair, or of the best match."""
        values = [score_in(answer) for answer in outputs]
        differences: np.ndarray = values[0] - np.array(values[1:])
        return differences

    def cells(self, metric: str, truth: Given, predicted: tuple[Given, Given], labels: Sequence[Any]) -> Cells:
        if metric in SEARCHES:
            measure = SEARCHES[metric]
            first, second = (
                np.array([measure(ranks, judged) for ranks, judged in zip(side, truth, strict=True)])
                for side in predicted
            )
            return Cells(first, second, mean)
        actual = np.asarray(truth, dtype=np.float64)
        left, right = (alike_scaled(np.asarray(side, dtype=np.float64), metric) for side in predicted)
        if metric == "pair_auc":
            is_alike = actual > scale_of(actual).middle
            return Cells(left, right, lambda cells, weights: measures.auc(is_alike, cells, weights))
        if metric == "spearman":
            return Cells(left, right, lambda cells, weights: measures.spearman(actual, cells, weights))
        return Cells(left, right, lambda cells, weights: measures.pearson(actual, cells, weights))

    def read_truth(self, cells: list[Any], every: list[str]) -> Given:
        return [judged_of(cell) for cell in cells] if cells and isinstance(cells[0], str) else cells

    def read_predicted(self, metric: str, cells: list[Any], own: list[str], every: list[str]) -> Given:
        return [json.loads(cell) for cell in cells] if cells and isinstance(cells[0], str) else cells


def shared_share(own: list[int], others: list[int]) -> float:
    """Share of the others that were found too; 1 where there are none on either side."""
    return len({*own} & {*others}) / len(others) if others else float(not own)


def alike_scaled(predicted: np.ndarray, metric: str) -> np.ndarray:
    """One model's scores as ranks, or in standard units where ranks are not what counts: on the scale of any other model's, so
    that rows can be exchanged between the two (`trainer.intervals.exchange_test`)."""
    if metric == "similarity_pearson":
        return np.asarray((predicted - predicted.mean()) / (predicted.std() or 1.0))
    return measures.midranks(predicted, np.ones(len(predicted)))


def judged_of(cell: str) -> dict[int, float]:
    return {int(row): float(gain) for row, gain in json.loads(cell).items()}


def score_in(answer: dict[str, Any]) -> float:
    if "score" in answer:
        return float(answer["score"])
    return float(answer["matches"][0]["score"]) if answer.get("matches") else 0.0
