"""The choice among candidates by cross-validation, and what is settled on its out-of-fold answers."""

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from trainer import answers, comparison
from trainer.activations import softmax
from trainer.answers.classes_statistics import scores
from trainer.answers.number_scoring import number_scores
from trainer.engines.table import finished
from trainer.families.table.models import KINDS, Candidate, candidates
from trainer.files import write_json
from trainer.learning.job import Job
from trainer.machine import cores
from trainer.messages import _
from trainer.tasks.table import TableParams, given_settings

FOLDS, MANY, MOST_SEARCHED = 5, 20_000, 100_000
WORTH = 0.001
"""Share of the log loss that calibration must save on rows it was not fitted on."""
BETTER = 0.01
"""Share of the cost that a threshold must save against the one that the costs alone give."""


def folds_of(truth: np.ndarray, labelled: bool, seed: int) -> np.ndarray:
    """Each row's fold: labels shared out evenly."""
    count = 3 if len(truth) > MANY else max(2, min(FOLDS, len(truth) // 4))
    order = np.random.default_rng(seed).permutation(len(truth))
    if labelled:
        order = order[np.argsort(truth[order], kind="stable")]
    folds = np.empty(len(truth), dtype=int)
    folds[order] = np.arange(len(truth)) % count
    return folds


def score(raw: np.ndarray, truth: np.ndarray, facts: dict[str, Any]) -> float:
    """Greater is better: area under the curve for two labels, log loss for more, R² for a number."""
    if not answers.of_file(facts).labelled:
        return number_scores(truth, raw[:, 0])["r2"]
    probabilities = softmax(finished(raw, facts))
    if len(facts["labels"]) == 2:
        return comparison.score("roc_auc", truth, probabilities, labels=range(2))
    return -scores(truth, probabilities)["log_loss"]


class Search:
    """Tries candidates on the rows given; what each reached is kept in the run's folder, so a resumed run goes on."""

    def __init__(
        self,
        job: Job,
        facts: dict[str, Any],
        matrix: np.ndarray,
        truth: np.ndarray,
        weights: np.ndarray,
        folder: Path,
        held_out: Callable[[int], np.ndarray] | None = None,
    ) -> None:
        """`held_out`: the matrix of all rows as it is where a fold is not learned from; else `matrix` for every fold."""
        self.job, self.facts, self.held_out = job, facts, held_out
        self.total = len(truth)
        chosen = np.arange(len(truth))
        if len(truth) > MOST_SEARCHED:
            chosen = np.sort(np.random.default_rng(job.spec.seed).permutation(len(truth))[:MOST_SEARCHED])
            job.log(
                _(
                    "The search uses %(most_searched)s of %(count)s rows; the best candidate is then trained on all.",
                    most_searched=f"{MOST_SEARCHED:,}",
                    count=f"{len(truth):,}",
                )
            )
        self.chosen = chosen
        self.matrix, self.truth, self.weights = matrix[chosen], truth[chosen], weights[chosen]
        self.folds = folds_of(truth, answers.of_file(facts).labelled, job.spec.seed)[chosen]
        self.folder = folder
        self.folder.mkdir(parents=True, exist_ok=True)

    def run(self, families: tuple[str, ...]) -> list[dict[str, Any]]:
        """What each candidate reached, the best first."""
        every = candidates(families, len(self.truth), given_settings(self.job.params))
        entries: list[dict[str, Any]] = []
        for index, candidate in enumerate(every):
            spent = sum(entry["seconds"] for entry in entries)
            is_cached = self.file(candidate).exists()
            if entries and not is_cached and (spent > self.job.params.search_seconds or self.job.out_of_time()):
                self.job.warn(
                    "search_cut",
                    _(
                        "Time was up after %(at)s of %(count)s candidates; the best of them is kept.",
                        at=index,
                        count=len(every),
                    ),
                )
                break
            entries.append(self.entry_of(candidate))
            self.job.metric("score", "validation", entries[-1]["score"], step=index + 1, epoch=None)
            self.job.log(
                _(
                    "%(name)s: %(found)s in %(found2)s s.",
                    name=candidate.name,
                    found=f"{entries[-1]['score']:.4f}",
                    found2=f"{entries[-1]['seconds']:.1f}",
                )
            )
            self.job.progress(index + 1, len(every) + 1, unit="candidates", force=True)
        return sorted(entries, key=lambda entry: -entry["score"])

    def matrix_of(self, fold: int) -> np.ndarray:
        """The rows as they are where this fold is held back."""
        return self.matrix if self.held_out is None else self.held_out(fold)[self.chosen]

    def file(self, candidate: Candidate) -> Path:
        return self.folder / f"{candidate.name.replace(' ', '-').replace(',', '')}.json"

    def entry_of(self, candidate: Candidate) -> dict[str, Any]:
        path = self.file(candidate)
        if not path.exists():
            outputs, entry = self.cross_validate(candidate)
            np.save(path.with_suffix(".npy"), outputs)
            write_json(path, entry)
            self.job.save_clock()
        return json.loads(path.read_text("utf-8")) | {"outputs": str(path.with_suffix(".npy"))}

    def cross_validate(self, candidate: Candidate) -> tuple[np.ndarray, dict[str, Any]]:
        """(raw outputs of each row by a model that did not learn from it, the candidate's figures).

        Trees answer after as many rounds as all folds stop at on the average: the best of each fold would flatter it.
        """
        started, models, tested = time.monotonic(), [], []
        for fold in range(self.folds.max() + 1):
            matrix = self.matrix_of(fold)
            learn, held = np.flatnonzero(self.folds != fold), np.flatnonzero(self.folds == fold)
            model = KINDS[candidate.family](self.facts, (self.job.spec.hardware.threads or cores()), self.job.spec.seed)
            data = matrix[learn], self.truth[learn], self.weights[learn]
            tested.append(matrix[held])
            model.fit(candidate.settings, data, self.job.check_stop, (tested[-1], self.truth[held]))
            models.append(model)
            self.job.check_stop()
        rounds = max(1, round(float(np.mean([model.rounds for model in models]))))
        outputs = np.zeros((len(self.truth), self.facts["outputs"]))
        for fold, model in enumerate(models):
            outputs[self.folds == fold] = model.raw(tested[fold], rounds)
        return outputs, {
            "family": candidate.family,
            "name": candidate.name,
            "settings": candidate.settings,
            "score": score(outputs, self.truth, self.facts),
            "rounds": rounds,
            "seconds": round(time.monotonic() - started, 2),
        }


def calibrate(raw: np.ndarray, truth: np.ndarray, facts: dict[str, Any]) -> dict[str, Any]:
    """Platt's scale and bias (1999) for two labels, a temperature (Guo et al. 2017) for more; kept only when it helps."""
    plain = {"scale": 1.0, "bias": 0.0}
    if not answers.of_file(facts).labelled or len(truth) < 50:
        return plain
    half = np.arange(len(truth)) % 2 == 0
    before = log_loss(raw, truth, facts, plain)
    crossed = [
        log_loss(raw[~part], truth[~part], facts, platt(raw[part], truth[part], facts)) for part in (half, ~half)
    ]
    return platt(raw, truth, facts) if np.mean(crossed) < before * (1 - WORTH) else plain


def log_loss(raw: np.ndarray, truth: np.ndarray, facts: dict[str, Any], calibration: dict[str, Any]) -> float:
    probabilities = softmax(finished(raw, facts | {"calibration": calibration}))
    return scores(truth, probabilities)["log_loss"]


def platt(raw: np.ndarray, truth: np.ndarray, facts: dict[str, Any]) -> dict[str, Any]:
    from scipy.optimize import minimize

    if len(facts["labels"]) == 2:
        return platt_of_two(raw[:, 0], truth)

    def loss(values: np.ndarray) -> float:
        return log_loss(raw, truth, facts, {"scale": float(values[0]), "bias": 0.0})

    scales = minimize(loss, [1.0], method="Nelder-Mead", options={"maxiter": 100}).x
    return {"scale": max(float(scales[0]), 1e-3), "bias": 0.0}


def platt_of_two(margins: np.ndarray, truth: np.ndarray) -> dict[str, Any]:
    """By Platt's own targets, a little short of 0 and 1: with those, answers that part the labels without exception do not
    make the scale endless, and each answer certain."""
    from scipy.optimize import minimize

    middle, spread = margins.mean(), margins.std() or 1.0
    standard, positive = (margins - middle) / spread, truth == 1
    count = int(positive.sum())
    targets = np.where(positive, (count + 1) / (count + 2), 1 / (len(truth) - count + 2))

    def loss(values: np.ndarray) -> tuple[float, np.ndarray]:
        logits = values[0] * standard + values[1]
        apart = 1 / (1 + np.exp(-np.clip(logits, -500, 500))) - targets
        slope = np.array([(apart * standard).mean(), apart.mean()])
        return float((np.logaddexp(0, logits) - targets * logits).mean()), slope

    scale, bias = minimize(loss, [1.0, 0.0], jac=True, method="BFGS").x
    scale = max(float(scale / spread), 1e-3)
    return {"scale": scale, "bias": float(bias - scale * middle)}


def given_threshold(params: TableParams) -> float:
    """The probability from which answering with the positive label costs least, where probabilities are true."""
    return params.cost_false_positive / (params.cost_false_positive + params.cost_false_negative)


def decide(
    probabilities: np.ndarray, truth: np.ndarray, params: TableParams, labels: list[str], positive: int
) -> dict[str, Any]:
    """Where the positive label (the rarer one) begins to be answered, by what each kind of mistake costs a row."""
    sure, really = probabilities[:, positive], truth == positive
    false_positive, false_negative = params.cost_false_positive, params.cost_false_negative

    def cost(threshold: float) -> float:
        positive = sure >= threshold
        return float((false_positive * (positive & ~really) + false_negative * (~positive & really)).mean())

    given = given_threshold(params)
    marks = np.unique(np.quantile(sure, np.linspace(0.005, 0.995, 199)))
    best = min(marks.tolist(), key=lambda mark: (cost(mark), abs(mark - given)))
    threshold = best if cost(best) < cost(given) * (1 - BETTER) else given
    return {
        "positive": labels[positive],
        "positive_index": positive,
        "threshold": float(threshold),
        "cost_false_positive": false_positive,
        "cost_false_negative": false_negative,
        "expected_cost": cost(threshold),
        "expected_cost_at_half": cost(0.5),
    }
