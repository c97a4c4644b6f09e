"""What `lora` learns beside the layers of a model."""

from typing import NamedTuple

from torch import Tensor

SCALE = 2
"""Of what adapters add."""
LAST = "lm_head"
"""Of models that write: it mostly shares its weights with the first layer."""


class Adapter(NamedTuple):
    """What was learned beside the layers. `layers`: their names under the encoder → (lora_A (rank, inputs), lora_B (outputs, rank)),
    of which `SCALE` times B A was added; `turned`: the layers hold their weights as (inputs, outputs)."""

    rank: int
    turned: bool
    layers: dict[str, tuple[Tensor, Tensor]]
