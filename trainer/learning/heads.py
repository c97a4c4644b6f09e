"""The new layer on top of a pretrained model."""

import torch
from torch import Tensor, nn

from trainer import answers


class NumberHead(nn.Linear):
    """One number: learned in standard units, answered in the answer's own."""

    def __init__(self, inputs: int) -> None:
        super().__init__(inputs, 1)
        self.register_buffer("shift", torch.zeros(()))
        self.register_buffer("scale", torch.ones(()))

    def set_units(self, mean: float, scale: float) -> None:
        self.shift.fill_(mean)
        self.scale.fill_(scale)

    def forward(self, features: Tensor) -> Tensor:
        return super().forward(features) * self.scale + self.shift


DROPOUT_SHARES = ("dropout", "dropout_prob", "attention_dropout", "activation_dropout", "layerdrop")
"""What the modules of transformers call the shares that they drop themselves."""


def without_dropout(encoder: nn.Module) -> None:
    """No dropout inside: it would also turn off the fused attention."""
    for module in encoder.modules():
        if isinstance(module, nn.Dropout):
            module.p = 0.0
        for name in DROPOUT_SHARES:
            if isinstance(getattr(module, name, None), float):
                setattr(module, name, 0.0)


def head_of(inputs: int, labels: int, answer: str) -> nn.Linear:
    """The outputs of this kind of answer: logits of so many labels, or a number."""
    kind = answers.get(answer)
    return NumberHead(inputs) if kind.one_output else nn.Linear(inputs, kind.outputs(labels))
