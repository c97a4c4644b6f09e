"""What the loops ask of a family: how its inputs become tensors, which model learns from them, and how that is kept."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, Generic, NamedTuple, TypeVar

from trainer.dotted import load_class
from trainer.errors import SpecError
from trainer.messages import _

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np
    from torch import Tensor

    from trainer.events import Emit
    from trainer.learning.baselines import Baseline
    from trainer.learning.job import Job
    from trainer.learning.model import TrainableModel
    from trainer.learning.objective import Fit
    from trainer.learning.rows import Rows
    from trainer.messages import Message
    from trainer.outputs import Outputs
    from trainer.tasks.base import Task


RowsT = TypeVar("RowsT", bound="Rows")
"""The family's own rows."""
ModelT = TypeVar("ModelT")
"""What its `save` keeps."""
NetworkT = TypeVar("NetworkT", bound="TrainableModel")


class Family(ABC, Generic[RowsT, ModelT]):
    """One kind of input. A task names its family by dotted path; `family_of` gives the one instance of it.

    Families whose models learn by gradient or as a probe are a `trainer.learning.supervised.SupervisedFamily`, which
    knows how to run and to be estimated; another says both for itself, as tables do.
    """

    @abstractmethod
    def run(self, job: Job) -> dict[str, Any]:
        """The whole of a run, from the rows to the artifact; the fields of the result event."""

    @abstractmethod
    def estimate(self, job: Job, emit: Emit) -> dict[str, Any]:
        """What a run would take, from a trial: {likely_seconds, expected, memory_bytes, rows_per_second, fixed_seconds,
        basis}."""

    @abstractmethod
    def prepare(self, job: Job) -> RowsT:
        """The job's rows as numbers."""

    @abstractmethod
    def baselines(self, job: Job, rows: RowsT) -> dict[str, Baseline]:
        """What simple methods answer to the test rows, by name."""

    @abstractmethod
    def save(self, model: ModelT, rows: RowsT, folder: Path) -> None:
        """Weights and what belongs to them into the artifact's `model/`, as safetensors."""

    @abstractmethod
    def write_onnx(self, folder: Path, target: Path) -> None:
        """The model of an artifact's `model/` as a float32 graph with one output `logits`."""

    def write_heat(self, folder: Path, graph: Path) -> None:
        """What the packaged `graph` of an artifact's `model/` tells for heat maps, beside it (`trainer.packaging.heat`)."""

    def native(self, folder: Path) -> str | None:
        """The engine that answers from an artifact's `model/` as it is, where no graph is wanted."""
        return None

    def quantises(self, folder: Path) -> bool:
        """Whether int8 is worth trying."""
        return True

    def preview(self, job: Job, folder: Path) -> dict[str, Any]:
        """Write a picture of how rows are changed at random while learning; the fields of the result event."""
        raise SpecError(
            _("%(title)s does not change its rows at random.", title=job.task.title),
            code="bad_task",
            hint=_("Choose a task on images."),
        )


class Way(NamedTuple):
    """One step of a ladder: whose model it is, the rows as that one sees them, and how it learns."""

    family: NetworkFamily[Any, Any]
    rows: Rows
    fit: Fit
    base: str = ""
    """What its model begins with, where that is not the run's own base model."""


class NetworkFamily(Family[RowsT, NetworkT]):
    """A family whose models learn by gradient, or as one layer over what they see."""

    @abstractmethod
    def fit(self, slug: str) -> Fit:
        """The way to learn that a task's method of this name stands for."""

    def way(self, slug: str, job: Job, rows: RowsT) -> Way:
        """The same as a step of a ladder, for which other rows may be needed."""
        return Way(self, rows, self.fit(slug))

    def simplest(self, rows: RowsT) -> Way | None:
        """The first step of a ladder, where it is not one answer for all rows: what a model answers that does not read."""
        return None

    def nothing_learned(self) -> str:
        """What is said where no step of a ladder is shown to be better than the first."""
        return _(
            "No step is shown to be better than one answer for all rows: nothing in these rows says what the answer is, or they are too few to tell."
        )

    def constant(self, rows: RowsT, known: np.ndarray) -> Outputs:
        """The same outputs for each of these rows: the one answer that is best for all of them."""
        return next(iter(rows.scoring.constant(rows.truth[known], len(known), rows.labels).values())).outputs

    def unread(self, job: Job, rows: RowsT) -> Message | None:
        """Why the run's model cannot make sense of these rows, where that is known before it learns."""
        return None

    @abstractmethod
    def build(self, job: Job, rows: RowsT) -> NetworkT:
        """The untrained or pretrained model; for `probe` and `lora` with `head`, `features` and `encoder`."""

    def names_labels(self, job: Job, rows: RowsT) -> bool:
        """Whether the labels have names or descriptions for `label_vectors`."""
        return False

    def named(self, job: Job, rows: RowsT) -> tuple[Rows, np.ndarray]:
        """(these rows with the names of their labels behind them, which rows those are), for few-shot learning; as they are, and
        none, where names say nothing."""
        return rows, rows.part("none")

    def label_vectors(self, job: Job, model: NetworkT, rows: RowsT) -> Tensor | None:
        """(labels, features), each of length one: where the labels stand among what the model sees, for `zero-shot`; None
        where nothing says so."""
        return None


def family_of(task: type[Task]) -> Family[Any, Any]:
    """The family of a task that can be trained."""
    if task.family is None:
        raise SpecError(
            _("%(title)s cannot be trained yet.", title=task.title),
            code="task_not_trainable",
            hint=_("Choose another task."),
        )
    return load_class(task.family, Family)()
