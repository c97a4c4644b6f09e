"""What is learned and how it is scored. Each kind of answer (`trainer.answers`) has an objective of its own."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Generic, NamedTuple, Protocol, TypeVar

import numpy as np

from trainer import answers
from trainer.dotted import load_class
from trainer.errors import SpecError
from trainer.messages import _
from trainer.outputs import Outputs
from trainer.thresholds import Certainty

if TYPE_CHECKING:
    from torch import Tensor

    from trainer.answers.base_scoring import Given
    from trainer.learning.baselines import Baseline
    from trainer.learning.job import Job
    from trainer.learning.model import TrainableModel
    from trainer.learning.rows import Mix, Rows


OutputsT = TypeVar("OutputsT", bound=Outputs)


class Held(NamedTuple):
    """Outputs of rows by models that did not learn from them, in the same order."""

    rows: np.ndarray
    outputs: Outputs


class Won(NamedTuple):
    """What is tested and packaged in place of what a ladder was given: the model of the step that won, its own rows and objective."""

    family: Any
    """A `trainer.learning.family.NetworkFamily`."""
    model: TrainableModel
    rows: Rows
    objective: Objective[Any]
    base: str = ""
    """The base model of the step, where that is not the run's."""


class Learned(NamedTuple):
    """What a way to learn tells when it has ended."""

    rows: int
    """Learned from."""
    validation: int = 0
    """Kept out of learning, to say when to stop."""
    epoch: int | None = None
    """After which the model was best."""
    certainty: Certainty | None = None
    """Of answers to rows that were not learned from: the validation rows, or those of inner folds."""
    source: str = "validation"
    """validation or out-of-fold: where these answers come from."""
    validated: float | None = None
    """The objective's first figure on rows that were not learned from, by what was kept; None where there were none."""
    held: Held | None = None
    """By which two ways to learn are compared before the test; None where it learned from every row."""
    ladder: dict[str, Any] | None = None
    """The steps that were taken to choose the way to learn (`trainer.learning.ladder`), where there were several."""
    won: Won | None = None
    """Of a ladder."""


class Regressed(NamedTuple):
    """A layer learned by regression on vectors in standard units: `weight` (outputs, features) and `bias` (outputs), how good
    it is on rows that were not learned from, and how sure its answers to them are."""

    weight: Tensor
    bias: Tensor
    validated: float
    certainty: Certainty | None = None
    held: Held | None = None


class Fit(Protocol):
    """A method (`trainer.learning.probe.fit` …): learn in place, for so many epochs where they are given."""

    def __call__(
        self, job: Job, model: TrainableModel, rows: Rows, objective: Objective[Any], epochs: int | None = None
    ) -> Learned: ...


class Objective(Generic[OutputsT]):
    """One per run. `OutputsT`: the form of the outputs that it scores."""

    headline: str
    """The metric that a run is judged by."""

    epoch_metrics: tuple[tuple[str, str], ...]
    """(metric as the events name it, figure) pairs told after each epoch."""

    has_certainty = False
    """Whether an answer has a probability (`certainty`)."""

    def __init__(self, job: Job, rows: Rows) -> None:
        self.job, self.rows = job, rows
        self.device = job.device.torch_device

    def prepare(self, model: TrainableModel, train: np.ndarray) -> None:
        """Before the first step: what the loss needs to know of the rows to learn from."""

    def tune_threshold(self, rounds: Sequence[Any] = ()) -> None:
        """After the last step: what is chosen on the validation rows with the model that was learned; after a
        cross-validation by what its rounds (`trainer.learning.folds.Round`) chose."""

    def show(self, model: TrainableModel, step: int, epoch: float) -> None:
        """After an epoch: what can be told of the model beside figures."""

    def hold(self, rows: np.ndarray, outputs: OutputsT) -> None:
        """Outputs of rows that were not learned from, by which `tune_threshold` may choose."""

    @property
    def threshold(self) -> float | np.ndarray | None:
        """What `tune_threshold` chose, where there is one."""
        return None

    def step(
        self, call: Callable[..., Tensor], inputs: tuple[Tensor, ...], rows: np.ndarray, mix: Mix | None
    ) -> Tensor:
        """The loss of a training step, from the model's arguments; for a model that computes its own, override this."""
        with self.job.device.autocast():
            outputs = call(*inputs)
        return self.loss(outputs.float(), rows, mix)

    def loss(self, outputs: Tensor, rows: np.ndarray, mix: Mix | None = None) -> Tensor:
        """The mean over these rows; with a `Mix`, of both answers by their share."""
        own = self.row_loss(outputs, rows)
        return own if mix is None else mix.share * own + (1 - mix.share) * self.row_loss(outputs, mix.others)

    def row_loss(self, outputs: Tensor, rows: np.ndarray) -> Tensor:
        raise NotImplementedError

    def weight(self, rows: np.ndarray) -> float:
        """By how much these rows count in the mean of `loss`, for a batch that is computed in parts."""
        return float(len(rows))

    def is_collapsed(self, rows: np.ndarray, outputs: OutputsT) -> bool:
        """Whether these rows, whose answers differ, all get the same one."""
        return False

    def regress(self, features: Tensor, known: np.ndarray, further: Tensor | None = None) -> Regressed:
        """For `probe`: the layer over vectors (all rows, features) in standard units, from the rows `known`. `further`: (known,
        features) of worse copies of those, which are learned from too, and by which nothing is chosen."""
        raise SpecError(
            _("%(title)s cannot be learned as a probe.", title=self.job.task.title),
            code="bad_method",
            hint=_("Choose another method."),
        )

    def figures(self, rows: np.ndarray, outputs: OutputsT) -> dict[str, float]:
        """The metrics of these rows by outputs (rows, outputs)."""
        raise NotImplementedError

    def rank(self, figures: dict[str, float]) -> tuple[float, ...]:
        """Greater is better."""
        raise NotImplementedError

    def describe(self, figures: dict[str, float]) -> str:
        """The figures in a few words for the log."""
        raise NotImplementedError

    def report(self, outputs: OutputsT) -> dict[str, Any]:
        """The part of report.json that the test rows give."""
        raise NotImplementedError

    def beside_base(
        self, report: dict[str, Any], outputs: OutputsT, baselines: Mapping[str, Baseline]
    ) -> dict[str, Any]:
        """What report.json says besides where the base model answers the same test rows."""
        return {}

    # How a baseline or another model is scored: as this one is

    def simple(self, baseline: Baseline) -> Objective[OutputsT]:
        """By which a baseline is scored, where what was chosen for the model does not hold for them."""
        return self

    def actual(self, rows: np.ndarray) -> Given:
        """The right answers of these rows, as `trainer.comparison` takes them."""
        actual: np.ndarray = self.rows.truth[rows]
        return actual

    def flawless(self, rows: np.ndarray) -> Given:
        """What a model without mistakes would answer to these rows, in the form of `answers`."""
        return self.actual(rows)

    def answers(self, metric: str, outputs: OutputsT, rows: np.ndarray | None = None) -> Given:
        """The outputs of these rows (the test's, where none are given) as the answers that `trainer.comparison` takes for a metric."""
        raise NotImplementedError

    def metrics(self, outputs: OutputsT) -> dict[str, float]:
        """All metrics of the test rows by outputs of the model or of a baseline."""
        return self.figures(self.rows.part("test"), outputs)

    def certainty(self, rows: np.ndarray, outputs: OutputsT) -> Certainty | None:
        """How sure the answers to these rows are and whether they are right; None where an answer has no probability."""
        return None

    def manifest(self) -> dict[str, Any]:
        """What serving must know to answer as this objective does, for manifest.json."""
        return {}

    def sentence(self, report: dict[str, Any]) -> str:
        """The headline for the log."""
        raise NotImplementedError

    def card(self, report: dict[str, Any]) -> str:
        """How good it is, as Markdown for the model card."""
        raise NotImplementedError

    def predictions(self, outputs: OutputsT) -> dict[str, list[Any]]:
        """Columns of predictions.parquet: truth, predicted and what goes with them, one entry a test row."""
        raise NotImplementedError


def objective_of(job: Job, rows: Rows) -> Objective[Any]:
    """That of the rows, else of the task's kind of answer."""
    return load_class(rows.objective or answers.get(job.task.answer).objective, Objective)(job, rows)
