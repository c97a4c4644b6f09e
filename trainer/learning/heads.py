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


class DirectionHead(nn.Linear):
    """A logit a label: `scale` times how near its direction is to the features, which are of length one, plus a bias (Wang et al.
    2017, "NormFace"). A label can be told apart by where it lies alone, not by how long its weights grow.

    Once it has learned, `fix_directions` makes it the `nn.Linear` that answers the same.
    """

    def __init__(self, inputs: int, labels: int, scale: float) -> None:
        super().__init__(inputs, labels)
        self.scale = scale

    def forward(self, features: Tensor) -> Tensor:
        return nn.functional.linear(features, self.directions(), self.bias)

    def directions(self) -> Tensor:
        """(labels, inputs), each row of length `scale`."""
        return self.scale * nn.functional.normalize(self.weight, dim=1)

    def fix_directions(self) -> None:
        with torch.no_grad():
            self.weight.copy_(self.directions())


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
