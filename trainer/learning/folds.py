"""Cross-validation for tiny sets: each row is tested on once, by a model that has not seen it.

A round learns from the other folds, the next one of them being its validation rows. The answers of all rounds, and those of
the baselines, are scored together as those of one test. The model that is kept then learns from every row; where the rounds
chose when to stop, it learns for as many epochs as was best in the middle one of them.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Generic, NamedTuple

import numpy as np
import torch

from trainer.hardware import Device
from trainer.learning.baselines import Baseline, pooled
from trainer.learning.family import NetworkFamily, NetworkT, RowsT
from trainer.learning.job import Job
from trainer.learning.model import TrainableModel
from trainer.learning.objective import Fit, Won, objective_of
from trainer.learning.rows import Rows
from trainer.messages import _
from trainer.outputs import Outputs, gathered, packed, unpacked
from trainer.thresholds import Certainty

VALIDATION_OF_TWO = 5
"""Of two folds, one row in so many of the one learned from is a validation row."""

Evaluate = Callable[[TrainableModel, Rows, np.ndarray, Device], Outputs]
"""`trainer.learning.passes.read_part`: the outputs of these rows."""


class Round(NamedTuple):
    """`outputs` of the rows tested on; `epoch`, `certainty`, `source` and `validated` as in `Learned`; `threshold` as its objective
    chose it."""

    rows: np.ndarray
    outputs: Outputs
    epoch: int | None
    certainty: Certainty | None
    source: str
    threshold: float | np.ndarray | None
    validated: float | None = None

    def save(self, path: Path) -> None:
        facts = {name: value for name, value in self._asdict().items() if value is not None and name != "certainty"}
        facts |= packed(self.outputs)
        if self.certainty is not None:
            facts |= self.certainty._asdict()
        path.parent.mkdir(exist_ok=True)
        part = path.with_suffix(".part.npz")
        np.savez(part, **facts)
        part.replace(path)

    @classmethod
    def load(cls, path: Path) -> "Round":
        with np.load(path) as file:
            arrays = {name: file[name] for name in file.files}
        certainty = Certainty(arrays["sure"], arrays["right"]) if "sure" in arrays else None
        epoch = int(arrays["epoch"]) if "epoch" in arrays else None
        chosen = arrays.get("threshold", arrays.get("shown_from"))  # the latter before several labels had one each
        threshold = None if chosen is None else chosen if chosen.ndim else float(chosen)
        validated = float(arrays["validated"]) if "validated" in arrays else None
        return cls(arrays["rows"], unpacked(arrays), epoch, certainty, str(arrays["source"]), threshold, validated)


class Rounds(Generic[RowsT]):
    """Gives the rows their parts, round by round. `count`: how many folds there are."""

    def __init__(self, rows: RowsT) -> None:
        if rows.loaded.folds is None:
            raise ValueError("the rows have no folds")
        self.rows, self.folds = rows, rows.loaded.folds
        self.count = int(self.folds.max()) + 1
        self.learn_all()

    def begin(self, fold: int) -> None:
        split = np.full(len(self.folds), "train", dtype="U10")
        validation = np.flatnonzero(self.folds == (fold + 1) % self.count)
        if self.count == 2:  # there is no third fold to learn from
            validation = validation[::VALIDATION_OF_TWO]
        split[validation] = "validation"
        split[self.folds == fold] = "test"
        self.rows.loaded.split = split

    def learn_all(self) -> None:
        """Every row is learned from."""
        self.rows.loaded.split = np.full(len(self.folds), "train", dtype="U10")

    def test_all(self) -> None:
        self.rows.loaded.split = np.full(len(self.folds), "test", dtype="U10")

    def baselines(self, compute: Callable[[], dict[str, Baseline]]) -> dict[str, Baseline]:
        """Of every row, by what the round that tested on it had to go by."""
        by_round = []
        for fold in range(self.count):
            self.begin(fold)
            by_round.append((self.rows.part("test"), compute()))
        self.learn_all()
        return pooled(by_round, len(self.folds))

    def run(self, family: NetworkFamily[RowsT, NetworkT], job: Job, fit: Fit, evaluate: Evaluate) -> list[Round]:
        """Learn and test in each round; rounds done before are read."""
        rounds = []
        for fold in range(self.count):
            path = job.out / "folds" / f"{fold}.npz"
            self.begin(fold)
            if not path.exists():
                with job.substage(fold, self.count + 1):
                    self.run_fold(family, job, fold, fit, evaluate).save(path)
            rounds.append(Round.load(path))
        self.learn_all()
        return rounds

    def run_fold(
        self, family: NetworkFamily[RowsT, NetworkT], job: Job, fold: int, fit: Fit, evaluate: Evaluate
    ) -> Round:
        torch.manual_seed(job.spec.seed + fold + 1)
        objective = objective_of(job, self.rows)
        model = job.device.place(family.build(job, self.rows))
        learned = fit(job, model, self.rows, objective)
        _family, model, rows, objective, _base = learned.won or Won(family, model, self.rows, objective)
        objective.tune_threshold()
        test = rows.part("test")
        outputs = evaluate(model, rows, test, job.device)
        description = objective.describe(objective.figures(test, outputs))
        job.log(
            _(
                "Fold %(value)s of %(count)s: %(words)s on held-out rows.",
                value=fold + 1,
                count=self.count,
                words=description,
            )
        )
        facts = learned.epoch, learned.certainty, learned.source, objective.threshold, learned.validated
        return Round(test, outputs, *facts)


def outputs_of(rounds: list[Round]) -> Outputs:
    """Of every row, (rows, outputs …), by the model of the round that tested on it."""
    by_row = {
        row: output for tested in rounds for row, output in zip(tested.rows.tolist(), tested.outputs, strict=True)
    }
    return gathered(by_row[row] for row in range(len(by_row)))


def usual_epochs(rounds: list[Round]) -> int | None:
    """After how many epochs the middle one of the rounds was best."""
    epochs = [tested.epoch for tested in rounds if tested.epoch]
    return max(1, round(float(np.median(epochs)))) if epochs else None
