"""What a training does about trouble by itself, once, and says so: too little memory, a loss out of hand, one answer for all."""

from __future__ import annotations

import gc
import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol

import torch
from torch import Tensor

from trainer.errors import SpecError
from trainer.messages import _

if TYPE_CHECKING:
    from trainer.learning.job import Job

NO_MEMORY = "can't allocate memory"
"""So says torch of the processor's memory, in an error without a kind of its own."""
LOWER = 0.25
"""The learning rate after trouble, as a share of that before."""
RISEN = 3.0
"""Times its first value, from which a loss is out of hand; it must also be 1 above it."""
COLLAPSED_EPOCHS, COLLAPSED_SHARE = 3, 0.25
"""Epochs with one answer for all rows that are too many: this number, or this share of the epochs if that is more."""


def is_out_of_memory(error: BaseException) -> bool:
    """Whether the machine, its GPU or the process's own limit refused memory."""
    if isinstance(error, MemoryError | torch.OutOfMemoryError):
        return True
    return isinstance(error, RuntimeError) and NO_MEMORY in str(error)


class Tuning(Protocol):
    """What is asked of the training (`trainer.learning.fine_tuning.FineTuning`)."""

    job: Job
    params: Any
    optimizer: torch.optim.Optimizer
    step: int
    epochs: int
    best: dict[str, Tensor]
    losses: list[Tensor]

    def state(self) -> dict[str, Tensor]: ...

    def make_optimizer(self) -> torch.optim.Optimizer: ...


class Recovery:
    """Of one training. `share` lowers its learning rate, `parts` is in how many parts a batch is computed."""

    def __init__(self, tuning: Tuning) -> None:
        self.tuning = tuning
        self.share = 1.0
        self.parts: int = tuning.params.gradient_accumulation
        self.has_recovered = False
        self.first_loss: float | None = None
        self.collapsed_epochs = 0
        self.before = copy_of(tuning.state())
        """The weights at the start, until there are better ones to go back to."""

    def state(self) -> dict[str, Any]:
        """For a checkpoint."""
        names = ("share", "parts", "has_recovered", "first_loss", "collapsed_epochs")
        return {name: getattr(self, name) for name in names}

    def restore(self, state: dict[str, Any]) -> None:
        for name, value in state.items():
            setattr(self, name, value)

    # Memory

    def with_less_memory(
        self, compute: Callable[[int], Tensor], rows: int, agree: Callable[[bool], bool] | None = bool
    ) -> Tensor:
        """`compute(parts)`; where memory is refused, again in twice as many parts, down to one row each. What is learned stays
        the same: the gradients of the parts are added up. `agree` says whether it was refused to anyone, of one's own answer;
        None where the others already wait for this one's gradients, so that nothing can be tried again."""
        while True:
            parts = min(self.parts, rows)
            try:
                loss, refusal = compute(parts), None
            except (MemoryError, RuntimeError) as error:
                if not is_out_of_memory(error) or agree is None:
                    raise
                refusal = error.with_traceback(None)  # which would keep the activations
            if agree is None or not agree(refusal is not None):
                return loss
            if parts >= rows:
                raise refusal or MemoryError("Another device of this run has no memory for one row.")
            self.make_room()
            self.parts = 2 * parts
            self.tuning.job.warn(
                "less_memory",
                _(
                    "%(rows)s rows at once need more memory than there is: each batch is computed in %(parts)s parts from here. The result stays the same.",
                    rows=-(-rows // parts),
                    parts=self.parts,
                ),
            )

    def make_room(self) -> None:
        """What a refused batch still holds."""
        self.tuning.optimizer.zero_grad(set_to_none=True)
        gc.collect()
        if torch.cuda.is_available():
            torch.cuda.empty_cache()

    # The loss

    def hear(self, loss: float) -> None:
        """The mean loss of the last steps."""
        if not math.isfinite(loss):
            self.recover(
                code="loss_not_finite",
                message=_("The loss is not a finite number any more at step %(step)s.", step=self.step),
            )
        elif self.first_loss is None:
            self.first_loss = loss
        elif loss > max(RISEN * self.first_loss, self.first_loss + 1):
            self.recover(
                code="loss_rises",
                message=_(
                    "The loss rose from %(first)s to %(now)s by step %(step)s: the learning rate is too high.",
                    first=f"{self.first_loss:.2f}",
                    now=f"{loss:.2f}",
                    step=self.step,
                ),
            )

    def check_epoch(self, is_collapsed: bool) -> None:
        """After each epoch: whether all validation rows, whose answers differ, got the same one."""
        if not is_collapsed:
            self.collapsed_epochs, self.before = 0, {}
            return
        self.collapsed_epochs += 1
        most = max(COLLAPSED_EPOCHS, round(COLLAPSED_SHARE * self.tuning.epochs))
        if self.collapsed_epochs >= most and not self.has_recovered:
            self.recover(
                code="collapsed",
                message=_("After %(count)s epochs, all answers are the same label.", count=self.collapsed_epochs),
            )

    @property
    def step(self) -> int:
        return self.tuning.step

    def recover(self, code: str, message: str) -> None:
        """Go back to weights that were good, at a lower rate. Raises `SpecError` the second time."""
        if self.has_recovered:
            raise SpecError(
                message,
                code="diverged",
                hint=_("Lower params.learning_rate, and look for extreme values in the data."),
            )
        self.has_recovered = True
        self.share *= LOWER
        self.first_loss = None
        good, state = self.before or self.tuning.best, self.tuning.state()
        with torch.no_grad():
            for name, value in good.items():
                state[name].copy_(value)
        self.tuning.optimizer = self.tuning.make_optimizer()
        self.tuning.losses.clear()
        self.tuning.job.warn(
            code,
            message,
            _("Training went back to the last good weights and continues with a quarter of the learning rate."),
        )


def copy_of(state: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name: value.detach().clone() for name, value in state.items()}
