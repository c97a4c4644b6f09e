"""A model that one device has no room to learn, shared out over several: fully sharded data parallel (FSDP2).

Each device keeps a part of every weight, of its gradient and of its moments; a layer's weights are gathered when it computes.
What is kept in checkpoints and in the end is whole.
"""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, TypeVar

import torch
from torch import Tensor, nn

from trainer.learning import optimizers
from trainer.learning.memory import BYTES_A_WEIGHT, SHARE
from trainer.learning.model import TrainableModel
from trainer.messages import _
from trainer.team import Joined, Team

if TYPE_CHECKING:
    from trainer.learning.job import Job

BYTES_A_FROZEN_WEIGHT = 4
StepT = TypeVar("StepT", bound=nn.Module)


def is_needed(job: Job, model: TrainableModel, team: Team) -> bool:
    """Whether the devices share the weights: where it was asked for, or where one has no room for what learning takes."""
    if team.size == 1 or job.spec.hardware.strategy == "ddp":
        return False
    if (
        type(model).loss is not TrainableModel.loss
    ):  # its loss is not a call of the model, by which weights are gathered
        if job.spec.hardware.strategy == "fsdp":
            job.warn("not_sharded", _("A model of this task cannot be shared out: each device has all of it."))
        return False
    is_wanted = job.spec.hardware.strategy == "fsdp" or (bool(job.device.count) and not has_room(model, job))
    if team.flag(is_wanted):
        job.device.fp16 = False  # what is too small or too great would have to be agreed on
        return True
    return False


def has_room(model: nn.Module, job: Job) -> bool:
    """Whether weights, gradients and moments fit into the memory of this process's GPU, with room to compute."""
    room = SHARE * torch.cuda.get_device_properties(job.device.torch_device).total_memory
    return learning_bytes(model) <= room


def learning_bytes(model: nn.Module) -> int:
    return sum(
        value.numel() * (BYTES_A_WEIGHT if value.requires_grad else BYTES_A_FROZEN_WEIGHT)
        for value in model.parameters()
    )


def copy_of(model: TrainableModel, team: Team) -> TrainableModel:
    """To be sharded, with rank 0's weights; the model itself waits in the processor's memory."""
    team.align(model.cpu())
    return copy.deepcopy(model)


def shard(step: StepT, team: Team) -> StepT:
    """In place: the layers of the encoders one by one, then what is left. `step.model` is the model."""
    from torch.distributed.device_mesh import DeviceMesh
    from torch.distributed.fsdp import fully_shard

    assert isinstance(team, Joined), "a team of one has nothing to share"
    mesh = DeviceMesh.from_group(team.gradients, "cuda" if torch.cuda.is_available() else "cpu")
    model = step.model
    assert isinstance(model, TrainableModel), "a step has its model"
    for layer in optimizers.layers_of(model):
        fully_shard(layer, mesh=mesh)
    fully_shard(step, mesh=mesh, reshard_after_forward=True)
    return step


def whole(value: Tensor) -> Tensor:
    """All of a tensor, by all who have a part of it."""
    from torch.distributed.tensor import DTensor

    return value.full_tensor() if isinstance(value, DTensor) else value


def as_in(weight: Tensor, value: Tensor) -> Tensor:
    """A whole tensor, placed as the weight is: on its device, or this device's part of it."""
    from torch.distributed.tensor import DTensor, distribute_tensor

    if not isinstance(weight, DTensor):
        return value.to(weight.device)
    own = value.to(weight.to_local().device)
    return distribute_tensor(own, weight.device_mesh, weight.placements, src_data_rank=None)


def gather(state: dict[str, Tensor], model: nn.Module) -> None:
    """Copy what learned in parts into the whole model, and put that where it computes."""
    own = dict(model.named_parameters()) | dict(model.named_buffers())
    device = None
    with torch.no_grad():
        for name, value in state.items():
            full = whole(value)
            device = full.device
            own[name].copy_(full)
    if device is not None:
        model.to(device)
