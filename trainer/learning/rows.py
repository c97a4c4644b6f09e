"""The rows of a run as numbers: what the training loops see of texts, pictures and sounds alike."""

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple, Protocol, overload

import numpy as np
import torch
from torch import Tensor

from trainer import answers
from trainer.answers.base import Answer
from trainer.answers.base_scoring import Scoring, scoring_of
from trainer.data.loading import Loaded
from trainer.tasks.base import Task

POOL_BATCHES = 50
"""Rows are shuffled, then sorted by length within pools of this many batches: random, yet hardly padded."""


class Digest(Protocol):
    """A hash of `hashlib` that is being fed."""

    def update(self, data: bytes, /) -> None: ...

    def hexdigest(self) -> str: ...


class Mix(NamedTuple):
    """Rows blended pairwise: `share` of each row's own answer, the rest of `others`'."""

    others: np.ndarray
    share: float


class Rows:
    """A family of tasks subclasses this and says how rows become tensors.

    `truth[i]`: the index of a label, -1 for one that the rows to learn from do not have; or a number. None where answers are of
    another kind (boxes, texts), which their objective reads from the rows itself.
    `lengths[i]`: how much work a row is, for batches of like rows.
    """

    input_name = "input"
    """The column of predictions.parquet that shows what was asked."""
    work_unit = "rows"
    """Of `lengths`."""
    read_batch = 64
    """Rows read together where nothing is learned."""
    most_compared: int | None = None
    """Test rows, the first of them, whose answers the packaged model is compared on; None: as packaging chooses."""
    folder: Path
    """Of the base model."""
    objective: str = ""
    """Dotted path of what is learned of them, where that is not what their kind of answer says."""

    def __init__(
        self, loaded: Loaded, labels: list[str], truth: np.ndarray | None, lengths: np.ndarray | None = None
    ) -> None:
        self.loaded, self.labels = loaded, labels
        self.truth: Any = truth
        self.lengths = np.ones(self.count, dtype=np.int64) if lengths is None else lengths

    @property
    def count(self) -> int:
        return len(self.loaded.split)

    @property
    def answer(self) -> Answer:
        """The kind of their answers."""
        return answers.get(self.loaded.kind)

    @property
    def scoring(self) -> Scoring[Any]:
        """The heavy half of that."""
        return scoring_of(self.loaded.kind)

    @property
    def is_class(self) -> bool:
        """Whether each row is answered with one of `labels`."""
        return self.answer.labelled

    def part(self, name: str) -> np.ndarray:
        """Indices of the rows of train, validation or test."""
        return self.loaded.part(name)

    def known(self, *parts: str) -> np.ndarray:
        """Rows of these parts that have an answer to learn."""
        rows = np.sort(np.concatenate([self.part(name) for name in parts]))
        return rows[self.truth[rows] >= 0] if self.is_class else rows

    def numbers(self, rows: np.ndarray) -> list[int]:
        """Where the rows stand in the file, counted from 1."""
        return [self.loaded.row_numbers[row] for row in rows]

    # What a family fills in

    def batch(self, rows: np.ndarray, device: torch.device) -> tuple[Tensor, ...]:
        """The model's arguments, as prediction has them."""
        raise NotImplementedError

    def learning_batch(
        self, rows: np.ndarray, device: torch.device, generator: np.random.Generator
    ) -> tuple[tuple[Tensor, ...], Mix | None]:
        """The model's arguments for a training step, changed at random where the task does that."""
        return self.batch(rows, device), None

    def made_worse(self, rows: np.ndarray) -> "tuple[Rows, np.ndarray] | None":
        """(these rows with worse copies of some behind them, which those are), where they are learned from too."""
        return None

    def input(self, row: int) -> object:
        """One row as an engine has read it."""
        raise NotImplementedError

    def inputs(self, rows: np.ndarray) -> Sequence[Any]:
        """The same of several, each when it is asked for."""
        return Lazily(self, rows)

    def shown(self, rows: np.ndarray) -> list[str]:
        """The rows as a report shows them: the text, or the name of the picture or sound."""
        raise NotImplementedError

    def asked(self, rows: np.ndarray) -> dict[str, list[str]]:
        """The same by input, as predictions.parquet and the mistakes of a report keep it."""
        return {self.input_name: self.shown(rows)}

    def fingerprint(self, digest: Digest, rows: np.ndarray) -> None:
        """Feed a SHA-256 with what the vectors of these rows depend on beside the model."""
        for shown in self.shown(rows):
            digest.update(shown.encode("utf-8", "surrogatepass") + b"\0")

    def manifest(self) -> dict[str, Any]:
        """What an engine must know to read an input as these rows were read."""
        return {}

    def card_facts(self) -> list[str]:
        """Sentences for the model card on what is done to an input."""
        return []

    def snippet(self) -> str:
        """Python that asks the model without Maquette, where it is not answered as the task's models usually are."""
        return ""

    def examples(self, folder: Path) -> list[dict[str, Any]]:
        """A few test rows to try, each of another label where there are labels: {input, label}.

        `folder`: the artifact, for what is kept as a file.
        """
        raise NotImplementedError

    # Batches

    def sorted_batches(self, rows: np.ndarray, size: int) -> list[np.ndarray]:
        """Every row once, longest first: for a pass that only reads."""
        order = rows[np.argsort(-self.lengths[rows], kind="stable")]
        return [order[start : start + size] for start in range(0, len(order), size)]

    def training_batches(self, rows: np.ndarray, size: int, seed: int, epoch: int) -> list[np.ndarray]:
        """Every row once in an order that seed and epoch fix."""
        generator = np.random.default_rng([seed, epoch])
        order = generator.permutation(rows)
        batches: list[np.ndarray] = []
        for start in range(0, len(order), size * POOL_BATCHES):
            pool = order[start : start + size * POOL_BATCHES]
            pool = pool[np.argsort(self.lengths[pool], kind="stable")]
            batches += [pool[first : first + size] for first in range(0, len(pool), size)]
        return [batches[index] for index in generator.permutation(len(batches))]


class Lazily(Sequence[object]):
    """Inputs read when they are asked for, so that thousands of pictures or sounds need not be in memory at once."""

    def __init__(self, rows: Rows, chosen: np.ndarray) -> None:
        self.rows, self.chosen = rows, chosen

    def __len__(self) -> int:
        return len(self.chosen)

    @overload
    def __getitem__(self, index: int) -> object: ...

    @overload
    def __getitem__(self, index: slice) -> "Lazily": ...

    def __getitem__(self, index: int | slice) -> object:
        if isinstance(index, slice):
            return Lazily(self.rows, self.chosen[index])
        return self.rows.input(int(self.chosen[index]))


def truth_of(task: type[Task], loaded: Loaded) -> tuple[list[str], Any]:
    """(labels, truth) of the rows by their kind of answer, as `Rows` takes them."""
    return scoring_of(task.answer).learnable(loaded)


def digest_of(*parts: object) -> Digest:
    """A SHA-256 begun with these parts."""
    return hashlib.sha256(repr(parts).encode())


def digest_weights(digest: Digest, folder: Path) -> None:
    """Feed a SHA-256 with which weights a model's folder holds."""
    for weights in sorted(folder.glob("*.safetensors")):
        stat = weights.stat()
        digest.update(f"{weights.name}:{stat.st_size}:{stat.st_mtime_ns}".encode())
