"""What the loops ask of a model that learns by gradient, or as one layer over what it sees."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING

from torch import Tensor, nn

if TYPE_CHECKING:
    import numpy as np

    from trainer.hardware import Device
    from trainer.learning.adapter import Adapter
    from trainer.learning.job import Job
    from trainer.learning.rows import Rows
    from trainer.outputs import Outputs
    from trainer.params import OptimisationParams


class TrainableModel(nn.Module):
    """The model of a family. `probe` needs `features` and `head`, `lora` needs `encoder`; one that computes its own loss
    (objects, speech) has neither and says `loss(*inputs)`."""

    head: nn.Module
    """The last layer: (batch, features) → (batch, outputs)."""
    encoder: nn.Module
    """What was pretrained."""
    new_layers: tuple[str, ...] = ("head.",)
    """Names of parameters that begin so learn at the head's own rate."""
    adapter: Adapter | None = None
    """What `lora` learned, which is folded into the weights."""
    whole_weights: Mapping[str, tuple[Tensor, Tensor | None]] = MappingProxyType({})
    """Weights and biases of the layers that `qlora` holds in four bits, as they were."""
    answers_slower: bool = False
    """Whether answers take longer than the reading of rows in validation: beams."""
    features_name: str = ""
    """Tells vectors of the same rows apart that are cached, where a model has several kinds."""

    def features(self, *inputs: Tensor) -> Tensor:
        """(batch, features) float32: what the head sees."""
        raise NotImplementedError

    def reader(self, job: Job) -> Callable[..., Tensor]:
        """The quickest way to the features of many rows."""
        return self.features

    def outputs_of(self, rows: Rows, part: np.ndarray, device: Device, tell: Callable[[int], None]) -> Outputs | None:
        """The outputs of these rows, of a model that does not answer batch by batch; None of any other."""
        return None

    def prepare_to_learn(self, params: OptimisationParams) -> None:
        """Before the optimizer is made: which layers learn, and without dropout."""

    def prepare_to_answer(self) -> None:
        """Once it has learned: what is costlier than validation can be."""

    def loss(self, *inputs: Tensor) -> Tensor:
        """Of a training step, where the model computes it itself."""
        raise NotImplementedError
