"""Whether learning fits into memory, measured on one row with the model itself."""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from trainer.learning.job import Job
from trainer.machine import free_memory_bytes

BYTES_A_WEIGHT = 16
"""Weight, gradient and the two moments of AdamW, 4 bytes each."""
SHARE = 0.7
"""Of the free memory that learning may take."""
OVERHEAD = 1.3
"""What a step takes over what it keeps for going backwards."""
LEAST_BATCH = 8


def free_bytes(job: Job) -> int:
    """Of the device that learns."""
    if job.device.count:
        return int(torch.cuda.mem_get_info()[0])
    return free_memory_bytes()


def row_bytes(model: nn.Module, inputs: tuple[Tensor, ...]) -> int:
    """Bytes that a step keeps for each of these rows until it goes backwards."""
    storages: dict[int, int] = {}
    weights = {value.untyped_storage().data_ptr() for value in model.parameters()}

    def keep(value: Tensor) -> Tensor:
        storage = value.untyped_storage()
        if storage.data_ptr() not in weights:
            storages[storage.data_ptr()] = storage.nbytes()
        return value

    with torch.enable_grad(), torch.autograd.graph.saved_tensors_hooks(keep, lambda value: value):
        kept_alive = model(*inputs)
    del kept_alive
    return sum(storages.values()) // len(inputs[0])


def fitting(
    job: Job, batch: int | None, usual: int, sides: list[int], measure: Callable[[int], tuple[int, int]]
) -> tuple[int, int]:
    """(batch size, pixels a side) that fit: fewer rows a step first, then smaller pictures.

    `batch`: what was set by hand; `sides`: the wanted one, then smaller ones; `measure`: (bytes of a row, weights) at one.
    """
    room = SHARE * free_bytes(job)
    size = batch or usual
    for side in sides:
        with torch.random.fork_rng(devices=[]):  # what is drawn for a measurement must not change what is learned
            row, weights = measure(side)
        size = batch or usual
        while fixed_bytes(weights) + OVERHEAD * size * row > room and size > LEAST_BATCH and batch is None:
            size //= 2
        if fixed_bytes(weights) + OVERHEAD * size * row <= room:
            return size, side
    return size, sides[-1]


def fixed_bytes(weights: int) -> int:
    return BYTES_A_WEIGHT * weights
