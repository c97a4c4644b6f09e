"""Models that label each unit of a text."""

import json
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from transformers import PreTrainedTokenizerFast

from trainer.families.text.encoder import HEAD_CONFIG, HEAD_WEIGHTS, TextModel, load_encoder
from trainer.tagging.readers import write_config

IGNORED = -100
"""The target of a unit that is not learned from."""
OUTSIDE = -20.0


class Tagger(TextModel):
    """A text encoder with a layer over the first sub-word of each unit.

    `tags`: how many, two for each label and one for what is outside (`trainer.tagging.units.tags_of`).
    """

    def __init__(self, encoder: nn.Module, labels: list[str], dropout: float = 0.1) -> None:
        super().__init__()
        self.encoder, self.labels = encoder, labels
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Linear(encoder.config.hidden_size, 2 * len(labels) + 1)

    def follows(self) -> np.ndarray | None:
        """Scores for one tag after another: none are learned here, so that all that may be are alike."""
        return None

    def features(self, ids: Tensor, mask: Tensor, picks: Tensor) -> Tensor:
        """(texts, most units, hidden) float32; windows (windows, length), picks (texts, most units)."""
        hidden = self.encoder(input_ids=ids, attention_mask=mask).last_hidden_state
        return hidden.reshape(-1, hidden.shape[-1])[picks.clamp(min=0)].float()

    def forward(self, ids: Tensor, mask: Tensor, picks: Tensor) -> Tensor:
        """(texts, most units, tags): scores; a unit without a sub-word is outside."""
        scores = self.head(self.dropout(self.features(ids, mask, picks)))
        nowhere = torch.full((scores.shape[-1],), OUTSIDE, dtype=scores.dtype, device=scores.device)
        nowhere[0] = 0.0
        return torch.where((picks < 0)[..., None], nowhere, scores)

    def tag_loss(self, scores: Tensor, targets: Tensor, smoothing: float) -> Tensor:
        """The mean over the units of targets (texts, most units)."""
        return nn.functional.cross_entropy(
            scores.flatten(0, 1), targets.flatten(), ignore_index=IGNORED, label_smoothing=smoothing
        )

    def save(self, folder: Path, tokenizer: PreTrainedTokenizerFast, max_length: int) -> None:
        """Encoder and tokenizer as `save_pretrained` lays them, the head beside them."""
        self.save_encoder(folder, tokenizer)
        weights = {name: value.detach().contiguous() for name, value in self.head.state_dict().items()}
        save_file(weights, folder / HEAD_WEIGHTS)
        config = {"answer": "spans", "labels": self.labels, "max_length": max_length}
        (folder / HEAD_CONFIG).write_text(json.dumps(config, ensure_ascii=False, indent=2), "utf-8")
        write_config(folder, {"kind": "subwords", "max_length": max_length, "follows": None})

    @classmethod
    def load(cls, folder: Path, attention: str = "sdpa") -> "Tagger":
        """A trained model from `artifact/model/`."""
        config = json.loads((folder / HEAD_CONFIG).read_text("utf-8"))
        model = cls(load_encoder(folder, attention), config["labels"])
        model.head.load_state_dict(load_file(folder / HEAD_WEIGHTS))
        return model.eval()


class Graph(nn.Module):
    """(ids, mask) → scores of every sub-word (windows, length, tags): what is packaged."""

    def __init__(self, tagger: Tagger) -> None:
        super().__init__()
        self.encoder, self.head = tagger.encoder, tagger.head

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        return self.head(self.encoder(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state)
