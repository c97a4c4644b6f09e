"""A model's pass over rows from which nothing is learned."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import torch
from torch import Tensor

from trainer.learning.rows import Rows


def read_part(
    model: Any, rows: Rows, part: np.ndarray, device: Any, tell: Callable[[int], None] = lambda _done: None
) -> np.ndarray:
    """The model's outputs of these rows, in their order. `tell` hears how many are read."""
    found: dict[int, np.ndarray] = {}
    for batch, outputs in read_batches(model, rows, rows.sorted_batches(part, rows.read_batch), device, model):
        found |= dict(zip(batch.tolist(), outputs.numpy(), strict=True))
        tell(len(found))
    return np.stack([found[row] for row in part.tolist()])


def read_batches(
    model: Any, rows: Rows, batches: list[np.ndarray], device: Any, call: Any
) -> Iterator[tuple[np.ndarray, Tensor]]:
    """(rows, outputs in float32 on the CPU) batch by batch, without gradients."""
    model.eval()
    with torch.inference_mode():
        for batch in batches:
            with device.autocast():
                outputs = call(*rows.batch(batch, device.torch_device))
            yield batch, outputs.float().cpu()
