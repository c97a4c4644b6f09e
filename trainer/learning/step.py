"""One step of learning as one call, and what it takes."""

from typing import Any

import numpy as np
from torch import Tensor, nn

from trainer.learning.model import TrainableModel
from trainer.learning.objective import Objective
from trainer.learning.rows import Mix


class Step(nn.Module):
    """The loss of a training step, as one call."""

    def __init__(self, model: TrainableModel, objective: Objective[Any]) -> None:
        super().__init__()
        self.model, self.objective = model, objective

    def forward(self, inputs: tuple[Any, ...], batch: np.ndarray | None = None, mix: Mix | None = None) -> Tensor:
        """Without a batch, what the model answers: one that is sharded can only be called by its root."""
        if batch is not None:
            return self.objective.step(self.model, inputs, batch, mix)
        outputs: Tensor = self.model(*inputs)
        return outputs


def load_of(inputs: object) -> int:
    """What a batch takes of memory, to compare it with another: it grows with the values in it, and with their square where each
    of a row looks at all others."""
    if isinstance(inputs, Tensor):
        return inputs.numel() * (inputs.shape[-1] if inputs.dim() else 1)
    return sum(map(load_of, inputs)) if isinstance(inputs, tuple | list) else 0
