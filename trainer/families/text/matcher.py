"""A text encoder that compares texts: each becomes a vector of length one, and two are as alike as their vectors' cosine."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from transformers import PreTrainedTokenizerFast

from trainer.families.text.encoder import CLS_POOLED, TextModel, load_encoder, pool
from trainer.similarity.forms import BINARY

if TYPE_CHECKING:
    import numpy as np

    from trainer.hardware import Device
    from trainer.learning.rows import Rows
    from trainer.outputs import Outputs

CONFIG = "matching.json"


class Calibrated(nn.Module):
    """A cosine on the scale of the rows: a straight line, bent into a probability where pairs are alike or not."""

    slope: Tensor
    shift: Tensor

    def __init__(self, form: str) -> None:
        super().__init__()
        self.is_probability = form == BINARY
        self.register_buffer("slope", torch.ones(()))
        self.register_buffer("shift", torch.zeros(()))

    def calibrate(self, slope: float, shift: float) -> None:
        self.slope.fill_(slope)
        self.shift.fill_(shift)

    def forward(self, cosines: Tensor) -> Tensor:
        values = cosines * self.slope + self.shift
        return torch.sigmoid(values) if self.is_probability else values


class Matcher(TextModel):
    """(ids, mask) of each of k texts, (batch, length) in turn → while learning their vectors (batch, k, hidden), else the score
    of the first two (batch, 1)."""

    new_layers: tuple[str, ...] = ()

    def __init__(self, encoder: nn.Module, form: str, pooling: str = "") -> None:
        super().__init__()
        self.encoder, self.form = encoder, form
        self.pooling = pooling or ("cls" if encoder.config.model_type in CLS_POOLED else "mean")
        self.head: Calibrated = Calibrated(form)

    def vectors(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        """(batch, hidden) float32 of length one."""
        hidden = self.encoder(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state
        return nn.functional.normalize(pool(hidden, attention_mask, self.pooling), dim=-1)

    def features(self, *inputs: Tensor) -> Tensor:
        """(batch, k, hidden)."""
        pairs = zip(inputs[::2], inputs[1::2], strict=True)
        return torch.stack([self.vectors(ids, mask) for ids, mask in pairs], dim=1)

    def forward(self, *inputs: Tensor) -> Tensor:
        vectors = self.features(*inputs)
        if self.training:
            return vectors
        return self.head((vectors[:, 0] * vectors[:, 1]).sum(-1, keepdim=True))

    def outputs_of(self, rows: Rows, part: np.ndarray, device: Device, tell: Callable[[int], None]) -> Outputs | None:
        ranked = getattr(rows, "ranked", None)
        return ranked(self, part, device, tell) if ranked is not None else None

    def save(self, folder: Path, tokenizer: PreTrainedTokenizerFast, facts: dict[str, Any]) -> None:
        """Encoder and tokenizer as `save_pretrained` lays them, how to compare beside them."""
        self.save_encoder(folder, tokenizer)
        own = {
            "form": self.form,
            "pooling": self.pooling,
            "slope": float(self.head.slope),
            "shift": float(self.head.shift),
        }
        (folder / CONFIG).write_text(json.dumps(own | facts, ensure_ascii=False, indent=2), "utf-8")

    @classmethod
    def load(cls, folder: Path, attention: str = "sdpa") -> Matcher:
        """A trained model from `artifact/model/`."""
        config = json.loads((folder / CONFIG).read_text("utf-8"))
        model = cls(load_encoder(folder, attention), config["form"], config["pooling"])
        model.head.calibrate(config["slope"], config["shift"])
        return model.eval()


class VectorGraph(nn.Module):
    """What is packaged: the vector of each text."""

    def __init__(self, model: Matcher) -> None:
        super().__init__()
        self.model = model

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        return self.model.vectors(input_ids, attention_mask)
