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
    call: Callable[[tuple[Any, ...]], Any] | None = None,
) -> Outputs:
    """The model's outputs of these rows, in their order. `tell` hears how many are read. A model that was learned on several
    devices reads on all of them. `call`: of a model that is sharded over them, by which all of them read at the same time."""
    model.eval()
    own = model.outputs_of(rows, part, device, tell)
    if own is not None:
        return own
    by_row: dict[int, np.ndarray] = {}
    with device.team.reading(model, {"do": "read", "rows": part}) as team:
        every = rows.sorted_batches(part, rows.read_batch)
        batches = every[team.rank :: team.size]
        if call is not None:
            batches += every[:1] * (-(-len(every) // team.size) - len(batches))
        for batch, outputs in read_batches(model, rows, batches, device, model, call):
            by_row |= {row: output.numpy() for row, output in zip(batch.tolist(), outputs, strict=True)}
            tell(min(len(by_row) * team.size, len(part)))
        by_row = team.merged(by_row)
    return gathered(by_row[row] for row in part.tolist())


def read_batches(
    model: TrainableModel,
    rows: Rows,
    batches: list[np.ndarray],
    device: Device,
    read: Callable[..., Any],
    call: Callable[[tuple[Any, ...]], Any] | None = None,
) -> Iterator[tuple[np.ndarray, Any]]:
    """(rows, outputs in float32 on the CPU) batch by batch, without gradients: a tensor (rows, …), or of a model whose answers
    are of different lengths a list of tensors."""
    model.eval()
    with torch.inference_mode() if call is None else torch.no_grad():
        for batch in batches:
            inputs = rows.batch(batch, device.torch_device)
            with device.autocast():
                outputs = read(*inputs) if call is None else call(inputs)
            if isinstance(outputs, Tensor):
                yield batch, outputs.float().cpu()
            else:
                yield batch, [output.float().cpu() for output in outputs]
