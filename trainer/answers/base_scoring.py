"""What the heavy half of a kind of answer says: how answers are learned from, served, scored and compared. Needs numpy alone."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Generic, NamedTuple, TypeVar

import numpy as np

from trainer import answers
from trainer.dotted import load_class
from trainer.learning.baselines import Baseline

if TYPE_CHECKING:
    from trainer.data.loading import Loaded

WORST = 50
"""Mistakes that a report keeps."""
Given = np.ndarray | Sequence[Any]
"""Right answers, or a model's, one entry a row, as a metric of their kind compares them."""
Manifest = Mapping[str, Any]
"""manifest.json of an artifact, as it was read."""
Answered = TypeVar("Answered")
Measure = Callable[[np.ndarray, np.ndarray], float]
"""(what a metric needs to know of each row, how often each row counts) → the metric."""


class Cells(NamedTuple):
    """Of two models' answers to the same rows: what a metric needs to know of each row, (rows, …) each, and the metric itself.

    Where both are the same object, so are the cells.
    """

    first: np.ndarray
    second: np.ndarray
    measure: Measure


class Scoring(ABC, Generic[Answered]):
    """One kind of answer, to whoever serves, scores or compares it (`scoring_of`).

    `Answered` is what its engines give for some inputs (`trainer.engines.Engine.answered`): the model's outputs, or what is
    made of them first, such as texts.
    """

    # Before learning

    @abstractmethod
    def learnable(self, loaded: Loaded) -> tuple[list[str], np.ndarray | None]:
        """(labels of the rows to learn from, the right answer of every row as its objective takes it).

        `truth` is None where the objective reads the answers of the rows itself.
        """

    def constant(self, truth: np.ndarray, rows: int, labels: Sequence[str]) -> dict[str, Baseline]:
        """What always gives one answer, chosen by the `truth` of the rows to learn from, as outputs for so many `rows`."""
        return {}

    def baselines(
        self,
        truth: np.ndarray,
        rows: int,
        labels: Sequence[str],
        name: str = "",
        simple: Callable[[], np.ndarray] | None = None,
    ) -> dict[str, Baseline]:
        """The constant one, and the `simple` method where there is one, for so many test `rows`, by what the report calls them.

        `truth` is that of the rows to learn from; `simple` computes probabilities (rows, labels), or numbers (rows,).
        """
        baselines = self.constant(truth, rows, labels)
        if simple is not None:
            started = time.monotonic()
            outputs = self.outputs_of(simple())
            baselines[name] = Baseline(outputs, seconds=round(time.monotonic() - started, 2))
        return baselines

    def outputs_of(self, values: np.ndarray) -> np.ndarray:
        """What a simple method answers, in the form of a model's outputs."""
        return values

    # What serving and the command line call

    @abstractmethod
    def served(self, outputs: Answered, manifest: Manifest) -> list[dict[str, Any]]:
        """One answer each as serving gives it, with the fields of `Answer.output`."""

    def fields(self, output: Mapping[str, Any]) -> dict[str, Any] | None:
        """An answer as serving gives it, as an object of fields (`?as=fields`); None for a kind that has none."""
        return None

    @abstractmethod
    def stored(self, outputs: Answered, manifest: Manifest) -> list[Any]:
        """The same as predictions.parquet keeps it under `predicted`."""

    @abstractmethod
    def agreement(self, predicted: Sequence[Any], others: Sequence[Any], labels: Sequence[str]) -> float:
        """How far two models agree, 1 at best, by their answers to the same rows as `stored` gives them."""

    @abstractmethod
    def score(self, predicted: Sequence[Any], truth: Sequence[Any], labels: Sequence[str]) -> float:
        """How good answers are, 1 at best; both as predictions.parquet keeps them."""

    def for_report(self, outputs: Answered, manifest: Manifest) -> Answered:
        """Outputs as `report` takes them, where what serving decides by is in the manifest."""
        return outputs

    @abstractmethod
    def report(
        self,
        truth: Sequence[Any],
        outputs: Answered,
        labels: list[str],
        shown: list[str],
        rows: list[int],
        input_name: str,
    ) -> dict[str, Any]:
        """The part of report.json that rows give whose answers (`truth`, as `trainer.data.loading` reads them) are known.

        `shown[i]` is row i as people see it, kept under `input_name`, and stands in line `rows[i]` of its file.
        """

    falls_in = "score"
    """The unit of `falls`, one of `trainer.engines.explanations.UNITS`."""
    sums_in = "log_odds"
    """The unit of outputs under `direction`."""

    @abstractmethod
    def falls(self, outputs: Answered, manifest: Manifest) -> np.ndarray:
        """How far the first input's answer falls in each of the others, which lack parts of that input."""

    def direction(self, outputs: np.ndarray, manifest: Manifest) -> np.ndarray:
        """Of a linear model's outputs for one input, (outputs,): the weights under which they say the answer, for an exact
        explanation. Usually the output answered against the mean of the others."""
        if len(outputs) == 1:
            return np.ones(1)
        others = np.full(len(outputs), -1 / (len(outputs) - 1))
        others[outputs.argmax()] = 1
        return others

    # What `trainer.comparison` calls

    @abstractmethod
    def cells(self, metric: str, truth: Given, predicted: tuple[Given, Given], labels: Sequence[Any]) -> Cells:
        """Two models' answers to the rows of `truth`, each as `trainer.comparison.compare` takes them, for a metric."""

    def read_truth(self, cells: list[Any], every: list[str]) -> Given:
        """Cells of the column `truth` of predictions.parquet as `cells` takes them; labels as places in `every`."""
        return cells

    def read_predicted(self, metric: str, cells: list[Any], own: list[str], every: list[str]) -> Given:
        """Cells of the metric's column (`Metric.column`) of a model with the labels `own`, as `cells` takes them."""
        return cells


def scoring_of(key: str) -> Scoring[Any]:
    """The heavy half of the kind of this key."""
    return load_class(answers.get(key).scoring, Scoring)()
