"""What a training in steps keeps in its checkpoints, and how it goes on from the newest.

The state is whole, whatever it was learned on: another start may go on with another number of devices.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Protocol

import torch
from torch import Tensor, nn

from trainer.learning import checkpoint, sharding
from trainer.messages import _

if TYPE_CHECKING:
    from trainer.learning.job import Job
    from trainer.learning.recovery import Recovery
    from trainer.team import Team

COUNTERS = (
    "epoch",
    "step",
    "best_score",
    "best_epoch",
    "best_figure",
    "bad_epochs",
    "drops",
    "rows_seen",
    "seconds_learning",
)


class Tuning(Protocol):
    """What is kept of (`trainer.learning.fine_tuning.FineTuning`)."""

    job: Job
    team: Team
    is_sharded: bool
    recovery: Recovery
    optimizer: torch.optim.Optimizer
    scaler: torch.amp.GradScaler
    best: dict[str, Tensor]
    best_score: tuple[float, ...]
    step: int
    batch_index: int
    steps_an_epoch: int
    planned: int
    saved_at: float

    def state(self) -> dict[str, Tensor]: ...

    def learning(self) -> dict[str, nn.Parameter]: ...

    def more_to_keep(self) -> dict[str, Tensor]: ...

    def take_back(self, tensors: dict[str, Tensor]) -> None: ...


def save(tuning: Tuning, next_at: int) -> None:
    """Rank 0 alone writes; all gather what is sharded."""
    if tuning.team.is_leader or tuning.is_sharded:
        tensors = tensors_of(tuning) | {"rng.cpu": torch.get_rng_state()}
        if tuning.job.device.count:
            tensors["rng.0"] = torch.cuda.get_rng_state(tuning.job.device.torch_device)
        tensors = {name: sharding.whole(value).contiguous().cpu().clone() for name, value in tensors.items()}
    if tuning.team.is_leader:
        state = {name: getattr(tuning, name) for name in COUNTERS} | {"at": next_at, "history": tuning.job.history}
        state |= {"recovery": tuning.recovery.state(), "scaler": tuning.scaler.state_dict()}
        written = checkpoint.save(tuning.job.checkpoints, tuning.step, tensors, state)
        tuning.job.save_clock()
        tell(tuning, written, resumed=False)
    tuning.saved_at = time.monotonic()


def tensors_of(tuning: Tuning) -> dict[str, Tensor]:
    """Weights, the best ones and the optimizer's moments."""
    tensors = {f"model.{name}": value.detach() for name, value in tuning.state().items()}
    tensors |= {f"best.{name}": value for name, value in tuning.best.items()}
    for name, value in tuning.learning().items():
        for key, moment in tuning.optimizer.state.get(value, {}).items():
            if isinstance(moment, Tensor):
                tensors[f"optimizer.{key}.{name}"] = moment
    return tensors | tuning.more_to_keep()


def tell(tuning: Tuning, written: int, resumed: bool) -> None:
    epoch = round(tuning.step / tuning.steps_an_epoch, 3)
    tuning.job.emit("checkpoint", step=tuning.step, epoch=epoch, bytes=written, resumed=resumed)


def resume(tuning: Tuning) -> None:
    """Go on from the newest checkpoint of this folder, if there is one."""
    newest = checkpoint.latest(tuning.job.checkpoints)
    if newest is None:
        return
    tensors, state = newest
    take(tuning, tensors)
    tuning.take_back(tensors)
    torch.set_rng_state(tensors["rng.cpu"])
    if tuning.job.device.count and "rng.0" in tensors:
        torch.cuda.set_rng_state(tensors["rng.0"], tuning.job.device.torch_device)
    tuning.best_score = tuple(state.pop("best_score"))
    tuning.job.history[:] = state.pop("history")
    tuning.recovery.restore(state.pop("recovery", {}))
    scaler = state.pop("scaler", {})
    if scaler and tuning.scaler.is_enabled():
        tuning.scaler.load_state_dict(scaler)
    tuning.batch_index = state.pop("at")
    for name, value in state.items():
        setattr(tuning, name, value)
    tuning.job.go_on_from(tuning.step / tuning.planned)
    tell(tuning, 0, resumed=True)
    tuning.job.log(_("Resumed from step %(step)s of %(planned)s.", step=tuning.step, planned=tuning.planned))


def take(tuning: Tuning, tensors: dict[str, Tensor]) -> None:
    """Put back what `tensors_of` kept."""
    with torch.no_grad():
        for name, value in tuning.state().items():
            value.copy_(sharding.as_in(value, tensors[f"model.{name}"]))
        tuning.best = {
            name: sharding.as_in(value, tensors[f"best.{name}"]).clone()
            for name, value in tuning.state().items()
            if f"best.{name}" in tensors
        }
    parameters = tuning.learning()
    for name, value in tensors.items():
        kind, _dot, rest = name.partition(".")
        if kind == "optimizer":
            key, _dot, parameter = rest.partition(".")
            tuning.optimizer.state[parameters[parameter]][key] = like(parameters[parameter], value)


def like(weight: Tensor, moment: Tensor) -> Tensor:
    """A moment as it was before it was saved: in memory in the order of its weight (channels last), which the fused step
    takes for granted. The count of steps stays on the processor."""
    if not moment.ndim:
        return moment
    if moment.shape != weight.shape:
        return moment.to(weight.device)
    with torch.no_grad():
        return torch.empty_like(weight).copy_(sharding.as_in(weight, moment))
