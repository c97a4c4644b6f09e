"""A model's pass over rows from which nothing is learned."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import torch
from torch import Tensor

from trainer.hardware import Device
from trainer.learning.model import TrainableModel
from trainer.learning.rows import Rows
from trainer.outputs import Outputs, gathered


def read_part(
    model: TrainableModel,
    rows: Rows,
    part: np.ndarray,
    device: Device,
    tell: Callable[[int], None] = lambda _done: None,
) -> Outputs:
    """The model's outputs of these rows, in their order. `tell` hears how many are read. A model that was learned on several
    devices reads on all of them."""
    by_row: dict[int, np.ndarray] = {}
    with device.team.reading(model, {"do": "read", "rows": part}) as team:
        batches = rows.sorted_batches(part, rows.read_batch)[team.rank :: team.size]
        for batch, outputs in read_batches(model, rows, batches, device, model):
            by_row |= {row: output.numpy() for row, output in zip(batch.tolist(), outputs, strict=True)}
            tell(min(len(by_row) * team.size, len(part)))
        by_row = team.merged(by_row)
    return gathered(by_row[row] for row in part.tolist())


def read_batches(
    model: TrainableModel, rows: Rows, batches: list[np.ndarray], device: Device, call: Callable[..., Any]
) -> Iterator[tuple[np.ndarray, Any]]:
    """(rows, outputs in float32 on the CPU) batch by batch, without gradients: a tensor (rows, …), or of a model whose answers
    are of different lengths a list of tensors."""
    model.eval()
    with torch.inference_mode():
        for batch in batches:
            with device.autocast():
                outputs = call(*rows.batch(batch, device.torch_device))
            if isinstance(outputs, Tensor):
                yield batch, outputs.float().cpu()
            else:
                yield batch, [output.float().cpu() for output in outputs]
