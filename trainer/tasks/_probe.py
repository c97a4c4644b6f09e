"""`probe`: the encoder stays as it is; a logistic regression over its vectors, its strength chosen by cross-validation."""

import hashlib
import json
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from trainer.tasks._encoder_batches import forward_in_batches

BATCH = 64
STRENGTHS = (3e-5, 1e-4, 3e-4, 1e-3, 3e-3, 1e-2)
"""L2 penalties per row, from loose to tight."""
FOLDS = 3
MOST_FOLD_ROWS = 6_000
ITERATIONS, FOLD_ITERATIONS = 200, 60


def fit(job: Any, model: Any, rows: Any) -> None:
    """Learn the head in place."""
    features = torch.from_numpy(embed(job, model, rows))
    known = np.concatenate([rows.part("train"), rows.part("validation")])
    known = known[rows.truth[known] >= 0]
    truth = torch.from_numpy(rows.truth)
    mean, scale = features[known].mean(0), features[known].std(0).clamp(min=1e-6)
    standard = (features - mean) / scale
    strength = choose_strength(job, standard, truth, known, len(rows.labels))
    weight, bias = logistic(standard[known], truth[known], len(rows.labels), strength, ITERATIONS)
    with torch.no_grad():
        model.head.weight.copy_(weight / scale)
        model.head.bias.copy_(bias - (weight * (mean / scale)).sum(1))
    right = (standard[known] @ weight.T + bias).argmax(1) == truth[known]
    job.metric("accuracy", "train", right.float().mean().item(), step=1, epoch=1)


def cache_path(job: Any, rows: Any) -> Path:
    """Where these vectors are kept: named by weights, texts and length, so another run of the same rows finds them."""
    digest = hashlib.sha256()
    for weights in sorted(rows.folder.glob("*.safetensors")):
        stat = weights.stat()
        digest.update(f"{weights.name}:{stat.st_size}:{stat.st_mtime_ns}".encode())
    digest.update(json.dumps([job.spec.model, rows.max_length, job.device.bf16, job.device.torch_device.type]).encode())
    for text in rows.texts:
        digest.update(text.encode("utf-8", "surrogatepass") + b"\0")
    return job.cache / "embeddings" / f"{digest.hexdigest()[:32]}.npy"


def embed(job: Any, model: Any, rows: Any) -> np.ndarray:
    """One vector for every row, (rows, hidden); the test rows' are for the predictions at the end only."""
    path = cache_path(job, rows)
    if path.exists():
        job.log("Vectors of these texts were computed before and are used again.")
        return np.load(path)
    every = np.arange(len(rows.texts))
    features = np.zeros((len(every), model.encoder.config.hidden_size), dtype=np.float32)
    started, done = time.monotonic(), 0
    tokens_total, tokens_done = int(rows.tokens.lengths.sum()), 0
    for batch, output in forward_in_batches(model, rows.tokens, every, BATCH, job.device, model.features):
        features[batch] = output.numpy()
        done += len(batch)
        tokens_done += int(rows.tokens.lengths[batch].sum())
        job.progress(
            0.85 * tokens_done, tokens_total, unit="tokens", rows_per_second=done / (time.monotonic() - started)
        )
        job.check_stop()
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(".part.npy")
    np.save(part, features)
    part.replace(path)
    job.log(f"{done:,} texts read at {done / (time.monotonic() - started):.0f} a second.")
    return features


def choose_strength(job: Any, features: Tensor, truth: Tensor, known: np.ndarray, classes: int) -> float:
    """The penalty with the best cross-validated likelihood."""
    generator = np.random.default_rng(job.spec.seed)
    rows = generator.permutation(known)[:MOST_FOLD_ROWS]
    folds = stratified_folds(rows, truth.numpy(), generator)
    losses = np.zeros(len(STRENGTHS))
    rights = np.zeros(len(STRENGTHS))
    for number, held in enumerate(folds):
        kept = torch.from_numpy(np.concatenate([fold for at, fold in enumerate(folds) if at != number]))
        held_rows = torch.from_numpy(held)
        start: tuple[Tensor, Tensor] | None = None
        for at in reversed(range(len(STRENGTHS))):
            start = logistic(features[kept], truth[kept], classes, STRENGTHS[at], FOLD_ITERATIONS, start)
            logits = features[held_rows] @ start[0].T + start[1]
            losses[at] += torch.nn.functional.cross_entropy(logits, truth[held_rows], reduction="sum").item()
            rights[at] += (logits.argmax(1) == truth[held_rows]).sum().item()
            job.check_stop()
        job.progress(0.85 + 0.1 * (number + 1) / FOLDS, 1)
    best = int(np.argmin(losses))
    job.metric("accuracy", "validation", rights[best] / len(rows), step=1, epoch=1)
    job.metric("loss", "validation", losses[best] / len(rows), step=1, epoch=1)
    job.log(
        f"Penalty {STRENGTHS[best]:g} of {len(STRENGTHS)} tried was best: {rights[best] / len(rows):.1%} right across {FOLDS} folds."
    )
    return STRENGTHS[best]


def stratified_folds(rows: np.ndarray, truth: np.ndarray, generator: Any) -> list[np.ndarray]:
    """FOLDS parts with the same mix of labels."""
    order = rows[np.lexsort((generator.random(len(rows)), truth[rows]))]
    return [order[start::FOLDS] for start in range(FOLDS)]


def logistic(
    features: Tensor,
    truth: Tensor,
    classes: int,
    strength: float,
    iterations: int,
    start: tuple[Tensor, Tensor] | None = None,
) -> tuple[Tensor, Tensor]:
    """Multinomial logistic regression by L-BFGS: weight (classes, features), bias (classes).

    Minimises mean cross-entropy + strength · |weight|² / 2 · classes-independent; standardised features are assumed.
    """
    weight = (start[0] if start else torch.zeros(classes, features.shape[1])).clone().requires_grad_()
    bias = (start[1] if start else torch.zeros(classes)).clone().requires_grad_()
    solver = torch.optim.LBFGS(
        [weight, bias], max_iter=iterations, history_size=10, tolerance_grad=1e-5, line_search_fn="strong_wolfe"
    )

    def closure() -> Tensor:
        solver.zero_grad()
        loss = (
            torch.nn.functional.cross_entropy(features @ weight.T + bias, truth) + strength * weight.square().sum() / 2
        )
        loss.backward()
        return loss

    solver.step(closure)
    return weight.detach(), bias.detach()
