"""How good a run is likely to be, drawn from a small trial on its own rows; the test rows are never looked at.

A probe of some hundred rows is scored across folds. More rows than the trial learned from can only take errors away,
so the range reaches further up than down; its lower end allows for the luck of few rows, here and in the test.
"""

import time
from typing import Any

import numpy as np

from trainer.learning.job import Job
from trainer.learning.model import TrainableModel
from trainer.learning.rows import Rows

Z = 1.64
"""Standard errors to either side: nine of ten."""
MOST_ROWS, MOST_SECONDS, LEAST_ROWS = 400, 4.0, 40
FOLDS = 3
GROWTH = 0.35
"""Errors fall about as rows to the power of minus this, from a few hundred rows on."""
TUNED = 0.5
"""Share of a probe's errors that training the whole model may take away besides."""


def range_of(
    metric: str, value: float, rows: int, tested: int, *, learned: int, more: int, tuned: bool
) -> dict[str, Any]:
    """{metric, low, high} for a score reached on `rows` rows by learning from `learned`, when a run learns from `more`
    and is tested on `tested`. `tuned`: its model learns more than a trial's does."""
    error = min(max(1 - value, 0.5 / max(rows, 1)), 1.0)
    variance = 4 * max(1 - error, 0.05) * error**2 if metric == "r2" else error * (1 - error)  # of one row
    spread = Z * (variance * (1 / max(rows, 1) + 1 / max(tested, 1))) ** 0.5
    share = min(1.0, learned / max(more, 1))
    worst, best = error * share ** (GROWTH / 2), error * share**GROWTH * (1 - TUNED if tuned else 1)
    return {
        "metric": metric,
        "low": round(max(1 - worst - spread, 0.0), 4),
        "high": round(min(1 - best + spread, 1.0), 4),
    }


def probed(job: Job, rows: Rows, model: TrainableModel) -> dict[str, Any] | None:
    """The range of a run whose model has learned before and answers with labels; None where a trial tells nothing."""
    import torch

    from trainer.learning import probe

    pretrained = not job.spec.model.startswith("scratch:") and job.spec.method in (
        "probe",
        "fewshot",
        "lora",
        "full",
        "best",
    )
    known = (
        np.concatenate([rows.part("train"), rows.part("validation")]) if pretrained and rows.is_class else np.array([])
    )
    known = np.array([row for row in known.tolist() if rows.truth[row] >= 0], dtype=int) if len(known) else known
    if len(known) < LEAST_ROWS or job.task.headline != "accuracy" or not hasattr(model, "head"):
        return None
    generator = np.random.default_rng(job.spec.seed)
    vectors, drawn = embed(job, rows, model, generator.permutation(known)[:MOST_ROWS])
    if len(drawn) < LEAST_ROWS:
        return None
    features, truth = torch.from_numpy(vectors), torch.from_numpy(rows.truth[drawn])
    features = (features - features.mean(0)) / features.std(0).clamp(min=1e-6)
    right = 0
    for held in probe.stratified_folds(np.arange(len(drawn)), rows.truth[drawn], generator):
        others = torch.from_numpy(np.setdiff1d(np.arange(len(drawn)), held))
        weight, bias = probe.logistic(features[others], truth[others], len(rows.labels), 1e-3, 40)
        predicted = (features[torch.from_numpy(held)] @ weight.T + bias).argmax(1)
        right += int((predicted == truth[torch.from_numpy(held)]).sum())
    learned = len(drawn) * (FOLDS - 1) // FOLDS
    tested = len(rows.part("test")) or len(known)
    return range_of(
        "accuracy",
        right / len(drawn),
        len(drawn),
        tested,
        learned=learned,
        more=len(known),
        tuned=job.spec.method != "probe",
    )


def embed(job: Job, rows: Rows, model: TrainableModel, numbers: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(vectors, the rows that they are of): as many of the wanted rows as there is time for."""
    from trainer.learning.passes import read_batches

    batches = [numbers[start : start + 32] for start in range(0, len(numbers), 32)]
    started, parts, drawn = time.monotonic(), [], []
    for batch, vectors in read_batches(model, rows, batches, job.device, model.reader(job)):
        parts.append(vectors.numpy())
        drawn.append(batch)
        if time.monotonic() - started > MOST_SECONDS:
            break
    return np.concatenate(parts).astype(np.float32), np.concatenate(drawn)
