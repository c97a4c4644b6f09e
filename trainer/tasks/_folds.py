"""Rounds of tests for tiny sets: each row is tested on once, by a model that has not seen it (k-fold cross-validation).

A round learns from the other folds, the next one of them serving to tune with. The answers of all rounds are scored
together; the model that is kept learns from every row in the same way.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from trainer.evaluation import wilson
from trainer.tasks._rows import Rows


class Rounds:
    """Gives the rows their parts, round by round. `count`: how many folds there are."""

    def __init__(self, rows: Rows) -> None:
        self.rows, self.folds = rows, rows.loaded.folds
        self.count = int(self.folds.max()) + 1
        self.learn_all()

    def begin(self, fold: int) -> None:
        split = np.full(len(self.folds), "train", dtype="U10")
        split[self.folds == (fold + 1) % self.count] = "validation"
        split[self.folds == fold] = "test"
        self.rows.loaded.split = split

    def learn_all(self) -> None:
        """Every row is learned from; where tuning rows are needed, the first fold."""
        self.rows.loaded.split = np.where(self.folds == 0, "validation", "train").astype("U10")

    def test_all(self) -> None:
        self.rows.loaded.split = np.full(len(self.folds), "test", dtype="U10")

    def baselines(self, compute: Callable[[], dict[str, dict[str, Any]]]) -> dict[str, dict[str, Any]]:
        """Of every round, weighed by its test rows."""
        found, weights = [], []
        for fold in range(self.count):
            self.begin(fold)
            found.append(compute())
            weights.append(len(self.rows.part("test")))
        self.learn_all()
        return {name: pooled([one[name] for one in found], weights) for name in found[0]}

    def outputs(self, task: Any, job: Any, fit: Any, evaluate: Any) -> np.ndarray:
        """Of every row, (rows, outputs …), by the model of the round that tested on it; rounds done before are read."""
        by_row: dict[int, np.ndarray] = {}
        for fold in range(self.count):
            path = job.out / "folds" / f"{fold}.npy"
            self.begin(fold)
            if not path.exists():
                with job.lap(fold, self.count + 1):
                    found = self.one(task, job, fold, fit, evaluate)
                path.parent.mkdir(exist_ok=True)
                part = path.with_suffix(".part.npy")
                np.save(part, found)
                part.replace(path)
            by_row |= dict(zip(self.rows.part("test").tolist(), np.load(path), strict=True))
        self.learn_all()
        return np.stack([by_row[row] for row in range(len(self.folds))])

    def one(self, task: Any, job: Any, fold: int, fit: Any, evaluate: Any) -> np.ndarray:
        torch.manual_seed(job.spec.seed + fold + 1)
        objective = task.objective(job, self.rows)
        model = task.build(job, self.rows).to(job.device.torch_device)
        fit(job, model, self.rows, objective)
        found = evaluate(model, self.rows, self.rows.part("test"), job.device)
        words = objective.words(objective.figures(self.rows.part("test"), found))
        job.log(f"Round {fold + 1} of {self.count}: {words} on rows that it had not seen.")
        return found


def pooled(found: list[dict[str, Any]], weights: list[int]) -> dict[str, Any]:
    """One baseline's figures over all rounds."""
    told = {
        name: float(np.average([one[name] for one in found], weights=weights)) if isinstance(value, float) else value
        for name, value in found[0].items()
    }
    if "accuracy" in told:
        told["low"], told["high"] = wilson(told["accuracy"], sum(weights))
    return told
