"""A probe for several labels a row: a logistic regression for each label over the same vectors, fitted together."""

import numpy as np
import torch
from torch import Tensor

from trainer.learning.job import Job
from trainer.learning.probe import FOLDS, ITERATIONS, MOST_FOLD_ROWS, STRENGTHS
from trainer.messages import _

__all__ = ["ITERATIONS", "choose_strength", "logistic"]
FOLD_ITERATIONS = 60
MOST_WEIGHTS = 4_000_000
"""Weights fitted at once: what the solver remembers of them is a dozen times as much."""


def choose_strength(
    job: Job, features: Tensor, truth: np.ndarray, known: np.ndarray
) -> tuple[float, np.ndarray, np.ndarray]:
    """(the penalty with the best cross-validated likelihood, rows, their logits (rows, labels) by models that did not learn
    from them). `truth`: (all rows, labels)."""
    generator = np.random.default_rng(job.spec.seed)
    rows = generator.permutation(known)[:MOST_FOLD_ROWS]
    folds = np.array_split(np.arange(len(rows)), FOLDS)
    losses = np.zeros(len(STRENGTHS))
    outputs = np.zeros((len(STRENGTHS), len(rows), truth.shape[1]), dtype=np.float32)
    for number, held in enumerate(folds):
        others = np.setdiff1d(np.arange(len(rows)), held)
        start: tuple[Tensor, Tensor] | None = None
        for index in reversed(range(len(STRENGTHS))):
            start = logistic(features[rows[others]], truth[rows[others]], STRENGTHS[index], FOLD_ITERATIONS, start)
            logits = features[rows[held]] @ start[0].T + start[1]
            outputs[index, held] = logits.numpy()
            losses[index] += loss_of(logits, truth[rows[held]]).item() * len(held)
            job.check_stop()
        job.progress(0.85 + 0.1 * (number + 1) / FOLDS, 1)
    best = int(np.argmin(losses))
    job.log(
        _(
            "Regularization %(strengths)s, of %(count)s tried, was best in %(folds)s-fold cross-validation.",
            strengths=f"{STRENGTHS[best]:g}",
            count=len(STRENGTHS),
            folds=FOLDS,
        )
    )
    return STRENGTHS[best], rows, outputs[best]


def loss_of(logits: Tensor, truth: np.ndarray) -> Tensor:
    """The mean over rows of the sum over labels."""
    targets = torch.from_numpy(np.asarray(truth)).to(logits)
    summed = torch.nn.functional.binary_cross_entropy_with_logits(logits, targets, reduction="sum")
    return summed / max(len(logits), 1)


def logistic(
    features: Tensor,
    truth: np.ndarray,
    strength: float,
    iterations: int,
    start: tuple[Tensor, Tensor] | None = None,
) -> tuple[Tensor, Tensor]:
    """Independent logistic regressions by L-BFGS: weight (labels, features), bias (labels). Standardised features are assumed;
    each minimises mean cross-entropy + strength · |weight|² / 2. `truth`: (rows, labels)."""
    labels, width = truth.shape[1], features.shape[1]
    at_once = max(1, MOST_WEIGHTS // max(width, 1))
    parts = []
    for first in range(0, labels, at_once):
        some = slice(first, first + at_once)
        begin = (start[0][some], start[1][some]) if start else None
        parts.append(solve(features, truth[:, some], strength, iterations, begin))
    return torch.cat([weight for weight, _bias in parts]), torch.cat([bias for _weight, bias in parts])


def solve(
    features: Tensor, truth: np.ndarray, strength: float, iterations: int, start: tuple[Tensor, Tensor] | None
) -> tuple[Tensor, Tensor]:
    labels = truth.shape[1]
    weight = (start[0] if start else torch.zeros(labels, features.shape[1])).clone().requires_grad_()
    bias = (start[1] if start else torch.zeros(labels)).clone().requires_grad_()
    solver = torch.optim.LBFGS(
        [weight, bias], max_iter=iterations, history_size=10, tolerance_grad=1e-5, line_search_fn="strong_wolfe"
    )

    def closure() -> Tensor:
        solver.zero_grad()
        loss = loss_of(features @ weight.T + bias, truth) + strength * weight.square().sum() / 2
        loss.backward()
        return loss

    solver.step(closure)
    return weight.detach(), bias.detach()
