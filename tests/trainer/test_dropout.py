"""Learning turns off every way in which pretrained encoders drop values at random."""

import torch
from torch import nn

from trainer.learning.heads import DROPOUT_SHARES, without_dropout


class Attention(nn.Module):
    """A layer that keeps shares as numbers, as those of transformers do; one of its `dropout` is a module."""

    def __init__(self) -> None:
        super().__init__()
        for name in DROPOUT_SHARES:
            setattr(self, name, 0.1)
        self.dropout = nn.Dropout(0.1)
        self.layers, self.heads = 2, "two"


def test_no_share_is_left() -> None:
    encoder = nn.Sequential(Attention(), nn.Dropout(0.5))
    without_dropout(encoder)
    attention = encoder[0]
    assert attention.dropout.p == encoder[1].p == 0.0
    assert [getattr(attention, name) for name in DROPOUT_SHARES if name != "dropout"] == [0.0] * 4
    assert (attention.layers, attention.heads) == (2, "two")
    values = torch.ones(4, 8)
    assert torch.equal(encoder[1].train()(values), values)
