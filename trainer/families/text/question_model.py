"""A text encoder with a layer that scores each token as the first and as the last one of an answer (Devlin et al. 2019)."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from transformers import PreTrainedTokenizerFast

from trainer.families.text.encoder import HEAD_CONFIG, HEAD_WEIGHTS, TextModel, load_encoder
from trainer.passages.decoding import NOWHERE, candidates
from trainer.passages.overlaps import FEATURES
from trainer.passages.windows import Batch

OVERLAP_WEIGHTS = (2.0, 1.0, 0.5, -1.0)
"""Of what a token has in common with the question (`trainer.passages.overlaps.features_of`), before anything is learned."""
AT_ONCE = 64
"""Windows read together where nothing is learned: a row may have several."""


class QuestionModel(TextModel):
    """`reads_types`: whether the encoder tells question and context apart by the types of tokens; `scores_none`: whether the first
    token of a window has learned to stand for “not here”."""

    new_layers = ("head.", "overlap.")

    def __init__(self, encoder: nn.Module, dropout: float = 0.1, *, scores_none: bool = True) -> None:
        super().__init__()
        self.encoder, self.scores_none = encoder, scores_none
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Linear(encoder.config.hidden_size, 2)
        self.overlap = nn.Linear(FEATURES, 2, bias=False)
        with torch.no_grad():
            self.overlap.weight.copy_(torch.tensor([OVERLAP_WEIGHTS, OVERLAP_WEIGHTS]))

    @property
    def reads_types(self) -> bool:
        return (getattr(self.encoder.config, "type_vocab_size", 0) or 0) > 1

    def features(self, ids: Tensor, mask: Tensor, types: Tensor, *_places: Tensor) -> Tensor:
        """(windows, length, hidden) float32."""
        further = {"token_type_ids": types} if self.reads_types else {}
        return self.encoder(input_ids=ids, attention_mask=mask, **further).last_hidden_state.float()

    def scores(self, ids: Tensor, mask: Tensor, types: Tensor, starts: Tensor, overlaps: Tensor) -> Tensor:
        """(windows, length, 2): of the context's tokens and of the first one, which stands for none."""
        scores = self.head(self.dropout(self.features(ids, mask, types))).float() + self.overlap(overlaps).float()
        return allowed(scores, starts)

    def forward(
        self, ids: Tensor, mask: Tensor, types: Tensor, starts: Tensor, overlaps: Tensor, *places: Tensor
    ) -> Tensor:
        """The scores where it learns; with the `places` of a batch (ends, owners and how many rows) the candidates of each row
        (`trainer.passages.decoding`)."""
        if not places:
            return self.scores(ids, mask, types, starts, overlaps)
        inputs = ids, mask, types, starts, overlaps
        parts = [
            self.scores(*(each[first : first + AT_ONCE] for each in inputs)) for first in range(0, len(ids), AT_ONCE)
        ]
        return self.listed(torch.cat(parts), *inputs, *places)

    def without_reading(
        self, ids: Tensor, mask: Tensor, types: Tensor, starts: Tensor, overlaps: Tensor, *places: Tensor
    ) -> Tensor:
        """The candidates of each row by what tokens have in common with the question alone."""
        scores = allowed(self.overlap(overlaps).float(), starts)
        return self.listed(scores, ids, mask, types, starts, overlaps, *places)

    def listed(self, scores: Tensor, *batch: Tensor) -> Tensor:
        """The candidates of each row of a batch, from the scores (windows, length, 2)."""
        ids, mask, types, starts, overlaps, ends, owners, rows = batch
        arrays = [each.cpu().numpy() for each in (ids, mask, types, starts, ends, overlaps, owners)]
        return torch.from_numpy(self.candidates(scores.float().cpu().numpy(), Batch(*arrays), int(rows)))

    def candidates(self, scores: np.ndarray, batch: Batch, rows: int) -> np.ndarray:
        return candidates(scores, batch, rows, scores_none=self.scores_none)

    def save(self, folder: Path, tokenizer: PreTrainedTokenizerFast, max_length: int) -> None:
        """Encoder and tokenizer as `save_pretrained` lays them, the head beside them."""
        self.save_encoder(folder, tokenizer)
        weights = {name: value.detach().contiguous() for name, value in self.head.state_dict().items()}
        save_file(weights, folder / HEAD_WEIGHTS)
        config = {"answer": "passage", "labels": [], "max_length": max_length, "scores_none": self.scores_none}
        config["overlap"] = self.overlap.weight.detach().cpu().double().numpy().round(7).tolist()
        (folder / HEAD_CONFIG).write_text(json.dumps(config, ensure_ascii=False, indent=2), "utf-8")

    @classmethod
    def load(cls, folder: Path, attention: str = "sdpa") -> QuestionModel:
        """A trained model from `artifact/model/`."""
        config = json.loads((folder / HEAD_CONFIG).read_text("utf-8"))
        model = cls(load_encoder(folder, attention), scores_none=config["scores_none"])
        model.head.load_state_dict(load_file(folder / HEAD_WEIGHTS))
        with torch.no_grad():
            model.overlap.weight.copy_(torch.tensor(config["overlap"]))
        return model.eval()


def allowed(scores: Tensor, starts: Tensor) -> Tensor:
    """Without those of tokens that are not the context's, but for the first one."""
    is_allowed = starts >= 0
    is_allowed[:, 0] = True
    return scores.masked_fill(~is_allowed[..., None], NOWHERE)


def passage_loss(scores: Tensor, targets: Tensor) -> Tensor:
    """The mean cross-entropy of the first and the last token: scores (windows, length, 2), targets (windows, 2)."""
    return torch.stack([nn.functional.cross_entropy(scores[..., side], targets[:, side]) for side in (0, 1)]).mean()


class Graph(nn.Module):
    """(ids, mask, types) → scores of every token (windows, length, 2): what is packaged."""

    def __init__(self, model: QuestionModel) -> None:
        super().__init__()
        self.encoder, self.head = model.encoder, model.head

    def forward(self, input_ids: Tensor, attention_mask: Tensor, token_type_ids: Tensor | None = None) -> Tensor:
        further = {} if token_type_ids is None else {"token_type_ids": token_type_ids}
        return self.head(self.encoder(input_ids=input_ids, attention_mask=attention_mask, **further).last_hidden_state)
