"""The processes that learn together in one run, each on a device of its own (`trainer.ranks` starts them).

The first one, rank 0, does the run: it reads, decides, tells, saves and packages, as a run on one device does. The others wait
for its orders (`trainer.learning.followers`): to learn with it, and to read a share of rows. While all do the same,
`together`, each holds the same weights and takes the same decisions, by what is summed or gathered here; what depends on the
clock or on a signal is decided by rank 0 (`flag`).

Orders and figures go by gloo, gradients by NCCL between GPUs and by gloo between processors. The names in the environment are
those of torchrun, so `torchrun -m trainer run …` does as well.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from datetime import timedelta
from functools import lru_cache
from typing import TYPE_CHECKING, Any, TypeVar, cast

if TYPE_CHECKING:
    from torch import nn
    from torch.distributed import ProcessGroup

RANK, LOCAL_RANK, SIZE = "RANK", "LOCAL_RANK", "WORLD_SIZE"
MEETING = "MAQUETTE_RENDEZVOUS"
"""Of the environment: the file by which the processes of a run find each other; without it torchrun's address is used."""
PATIENCE = timedelta(days=7)
"""Others wait while rank 0 prepares and packages. A process that dies is noticed at once, by its connection."""
GPU_PATIENCE = timedelta(hours=1)
STEPS = 1 << 32
"""More than a training has."""
Value = TypeVar("Value")


class Team:
    """A team of one, which shares nothing."""

    rank, size, local_rank = 0, 1, 0

    @property
    def is_leader(self) -> bool:
        return self.rank == 0

    def begin(self, spec: str) -> None:
        """Rank 0, at the start of a run: what all are to do."""

    def end(self) -> None:
        """Rank 0, when there is nothing more to do together."""

    def present(self) -> Team:
        """With whom work can be shared at this point."""
        return ALONE

    @contextmanager
    def together(self, order: Mapping[str, Any], model: nn.Module) -> Iterator[Team]:
        """All follow rank 0's order and do the same inside; `model` is then one that each of them has."""
        yield ALONE

    @contextmanager
    def reading(self, model: nn.Module, order: Mapping[str, Any]) -> Iterator[Team]:
        """Those who can share a pass of this model over rows."""
        yield ALONE

    def flag(self, value: bool) -> bool:
        """What rank 0 says, for all."""
        return value

    def any(self, value: bool) -> bool:
        """Whether it is so for one of them, for all."""
        return value

    def average_gradients(self, weights: Iterable[nn.Parameter]) -> None:
        """Over all, of what each computed by itself. A weight that nobody's batch used keeps none."""

    def draw_apart(self, seed: int, step: int) -> None:
        """What is drawn at random in a step (dropout) is another on each device; rank 0 goes on with its own state."""

    def mean(self, value: float) -> float:
        """Over all."""
        return value

    def merged(self, own: dict[int, Value]) -> dict[int, Value]:
        """Everybody's entries, for all."""
        return own

    def align(self, model: nn.Module) -> None:
        """Give all rank 0's weights, which are in the processor's memory."""


ALONE = Team()


class Joined(Team):
    """One of several."""

    def __init__(self, rank: int, size: int) -> None:
        import torch.distributed as dist

        self.rank, self.size, self.local_rank = rank, size, int(os.environ.get(LOCAL_RANK) or rank)
        self.dist = dist
        place = os.environ.get(MEETING)
        store = {"store": dist.FileStore(place, size)} if place else {}
        dist.init_process_group("gloo", rank=rank, world_size=size, timeout=PATIENCE, **store)
        self.is_together = False
        self.model: nn.Module | None = None

    @property
    def gradients(self) -> ProcessGroup:
        """The group by which gradients are summed."""
        return _gradients()

    # Orders

    def order(self, message: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """Rank 0 gives one; the others wait for it."""
        box = [dict(message or {})]
        self.dist.broadcast_object_list(box, src=0)
        return box[0]

    def begin(self, spec: str) -> None:
        self.order({"do": "begin", "spec": spec})

    def end(self) -> None:
        if self.is_leader:
            self.order({"do": "end"})
        self.dist.destroy_process_group()

    def present(self) -> Team:
        return self if self.is_together else ALONE

    @contextmanager
    def together(self, order: Mapping[str, Any], model: nn.Module) -> Iterator[Team]:
        if self.is_leader:
            self.order(order)
        self.is_together = True
        yield self
        self.is_together, self.model = False, model

    @contextmanager
    def reading(self, model: nn.Module, order: Mapping[str, Any]) -> Iterator[Team]:
        if self.is_together:
            yield self
        elif self.is_leader and self.has(model):
            self.order(order)
            yield self
        else:
            yield ALONE

    def has(self, model: nn.Module) -> bool:
        """Whether it is the one that was learned together, perhaps under another roof."""
        return self.model is not None and next(model.parameters()) is next(self.model.parameters())

    # While all do the same

    def flag(self, value: bool) -> bool:
        import torch

        flag = torch.tensor([value], dtype=torch.uint8)
        self.dist.broadcast(flag, src=0)
        return bool(flag)

    def any(self, value: bool) -> bool:
        import torch

        flag = torch.tensor([value], dtype=torch.uint8)
        self.dist.all_reduce(flag, op=self.dist.ReduceOp.MAX)
        return bool(flag)

    def average_gradients(self, weights: Iterable[nn.Parameter]) -> None:
        import torch

        learning = list(weights)
        used = torch.tensor([weight.grad is not None for weight in learning], dtype=torch.uint8)
        self.dist.all_reduce(used, op=self.dist.ReduceOp.MAX)
        for weight in (weight for weight, is_used in zip(learning, used.tolist(), strict=True) if is_used):
            if weight.grad is None:
                weight.grad = torch.zeros_like(weight)
            self.dist.all_reduce(weight.grad, group=self.gradients)
            weight.grad /= self.size

    def draw_apart(self, seed: int, step: int) -> None:
        if not self.is_leader:
            import torch

            torch.manual_seed(((seed * STEPS + step) * self.size + self.rank) % (1 << 63))

    def mean(self, value: float) -> float:
        import torch

        total = torch.tensor([value], dtype=torch.float64)
        self.dist.all_reduce(total)
        return float(total) / self.size

    def merged(self, own: dict[int, Value]) -> dict[int, Value]:
        parts: list[dict[int, Value]] = [{} for _rank in range(self.size)]
        self.dist.all_gather_object(parts, own)
        return {row: value for part in parts for row, value in part.items()}

    def align(self, model: nn.Module) -> None:
        for value in (*model.parameters(), *model.buffers()):
            self.dist.broadcast(value.detach(), src=0)


@lru_cache
def _gradients() -> ProcessGroup:
    import torch
    import torch.distributed as dist

    if torch.cuda.is_available():
        return dist.new_group(backend="nccl", timeout=GPU_PATIENCE)
    return dist.group.WORLD


def rank_of_environment() -> tuple[int, int]:
    """(rank, size) of this process by its environment; (0, 1) of one that is alone."""
    return int(os.environ.get(RANK) or 0), int(os.environ.get(SIZE) or 1)


@lru_cache
def own() -> Team:
    """This process's team, joined when it is first asked for."""
    rank, size = rank_of_environment()
    return Joined(rank, size) if size > 1 else ALONE


def share(model: nn.Module, team: Team) -> nn.Module:
    """The model whose gradients are the means over the team: distributed data parallel, from rank 0's weights on."""
    from torch.nn.parallel import DistributedDataParallel

    assert isinstance(team, Joined), "a team of one has nothing to share"
    return DistributedDataParallel(model, process_group=team.gradients, find_unused_parameters=True)


def summed(call: nn.Module, now: bool) -> AbstractContextManager[object]:
    """Whether the backward pass inside sums gradients over the team, or keeps them until one that does."""
    from torch.nn.parallel import DistributedDataParallel

    if now or not isinstance(call, DistributedDataParallel):
        return nullcontext()
    return cast("AbstractContextManager[object]", call.no_sync())
