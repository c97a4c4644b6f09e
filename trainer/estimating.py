"""What a run will take: a short trial on the run's own rows, before anything is spent.

A few real batches, spread over the lengths of the texts, are timed with the run's own code; the rest is arithmetic.
"""

import time
from typing import Any

import numpy as np

from trainer.events import Emit, silent
from trainer.spec import Spec
from trainer.training import Job

TRIAL_BATCHES = 8
TRIAL_SECONDS = 5.0
LIKELY_STOP = 0.85
"""Share of its epochs after which a run usually stops, early ones counted in."""
SPREAD = {"low": 0.7, "likely": 1.0, "high": 1.6}
BYTES_PER_WEIGHT = {"probe": 5, "full": 18}
"""Weights alone; weights, gradients, two moments, and the best copy."""


def estimate(spec: Spec, emit: Emit) -> dict[str, Any]:
    """{seconds {low, likely, high}, memory_bytes, rows_per_second, fixed_seconds, basis}."""
    import tempfile
    from pathlib import Path

    import torch

    from trainer import models
    from trainer.tasks import _encoder, _encoder_training

    started = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        job = Job(spec, Path(folder), silent)
        torch.manual_seed(spec.seed)
        base = models.resolve(spec.model)
        rows = _encoder_training.prepare(job, base)
        read = time.monotonic() - started
        emit("progress", stage="estimate", fraction=0.3)
        model = _encoder.fresh(base, rows.labels, normalise=spec.method == "probe").to(job.device.torch_device)
        forward = time_forward(job, model, rows)
        emit("progress", stage="estimate", fraction=0.6)
        found = of_probe(rows, forward) if spec.method == "probe" else of_full(job, model, rows, forward)
        weights = sum(value.numel() for value in model.parameters())
    fixed = read + 6 + baseline_seconds(rows) + package_seconds(rows, forward, weights)
    likely = fixed + found["train"] + len(rows.part("test")) * forward
    limit = job.time_limit()
    seconds = {name: round(min(likely * factor, limit or float("inf")), 1) for name, factor in SPREAD.items()}
    return {
        "seconds": seconds,
        "memory_bytes": int(weights * BYTES_PER_WEIGHT[spec.method] + 600 * 2**20),
        "rows_per_second": round(found["rows_per_second"], 1),
        "fixed_seconds": round(fixed, 1),
        "basis": f"Measured on {found['batches']} batches of these rows on {job.device.name}: {found['rows_per_second']:.0f} rows a second.",
        "expected": None,
    }


def trial_batches(rows: Any, part: np.ndarray, size: int) -> list[np.ndarray]:
    """Batches of nearly one length each, from the middles of equal shares: the few longest texts stand for themselves alone."""
    every = rows.tokens.sorted_batches(part, size)
    count = min(TRIAL_BATCHES, len(every))
    places = ((np.arange(count) + 0.5) / count * len(every)).astype(int)
    return [every[at] for at in dict.fromkeys(places.tolist())]


def time_forward(job: Any, model: Any, rows: Any) -> float:
    """Seconds a row that the encoder takes to read, averaged over the lengths."""
    import torch

    model.eval()
    batches = trial_batches(rows, np.arange(len(rows.texts)), 64)
    spent = []
    with torch.inference_mode(), job.device.autocast():
        model.features(*rows.tokens.batch(batches[-1], job.device.torch_device))
        for batch in batches:
            started = time.monotonic()
            model.features(*rows.tokens.batch(batch, job.device.torch_device))
            spent.append((time.monotonic() - started) / len(batch))
            if sum(spent) * 64 > TRIAL_SECONDS:
                break
    return float(np.mean(spent))


def of_probe(rows: Any, forward: float) -> dict[str, Any]:
    """Reading every row once, then the logistic regressions of the cross-validation."""
    known = len(rows.part("train")) + len(rows.part("validation"))
    regressions = known * len(rows.labels) * 2.2e-5 + 1
    read = len(rows.part("train")) + len(rows.part("validation"))
    return {"train": read * forward + regressions, "rows_per_second": 1 / forward, "batches": TRIAL_BATCHES}


def of_full(job: Any, model: Any, rows: Any, forward: float) -> dict[str, Any]:
    """Real training steps on a few batches, and the tuning rows read once an epoch."""
    from trainer.tasks._fine_tuning import FineTuning

    tuning = FineTuning(job, model, rows)
    model.train()
    batches = trial_batches(rows, tuning.train, tuning.size)
    tuning.learn(batches[-1])
    spent = []
    for batch in batches:
        started = time.monotonic()
        tuning.learn(batch)
        spent.append((time.monotonic() - started) / len(batch))
        if sum(spent) * tuning.size > TRIAL_SECONDS:
            break
    row = float(np.mean(spent))
    epochs = max(1.0, tuning.epochs * LIKELY_STOP)
    train = epochs * (len(tuning.train) * row + len(tuning.validation) * forward)
    return {"train": train, "rows_per_second": 1 / row, "batches": len(spent)}


def baseline_seconds(rows: Any) -> float:
    """Counting words: linear in characters and labels, as measured on two cores."""
    known = min(len(rows.part("train")), 20_000)
    return 0.5 + known * (len(rows.labels) * 8e-6 + 5e-5)


def package_seconds(rows: Any, forward: float, weights: int) -> float:
    """Export, and the test rows read again by the float32 and int8 engines."""
    tested = min(len(rows.part("test")), 2_000)
    return 8 + weights * 3e-7 + tested * forward * 1.2
