"""`reranker`: a second encoder reads both texts at once and says how well they belong together (Nogueira and Cho 2019).

The first encoder stays as it is: its vectors and the words find the texts that the second one orders anew.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from transformers import PreTrainedTokenizerFast

from trainer.families.text.encoder import HEAD_WEIGHTS, load_encoder, pool
from trainer.families.text.matcher import CONFIG, Matcher
from trainer.learning import fine_tuning
from trainer.learning.heads import without_dropout
from trainer.learning.objective import Held, Learned, Objective
from trainer.learning.passes import read_part
from trainer.params import OptimisationParams
from trainer.similarity.forms import SEARCHED, Scale
from trainer.similarity.reranking import DEPTH, FOLDER, USUAL_BLEND

if TYPE_CHECKING:
    from trainer.families.text.pair_rows import Pairs
    from trainer.learning.job import Job
    from trainer.learning.model import TrainableModel
    from trainer.learning.rows import Rows


DEPTH_WHILE_LEARNING = 15
"""Texts read for a validation query after each epoch."""


class Reranker(Matcher):
    """(ids, mask, types) of both texts together, (batch, length) → (batch, 1): while learning logits, else on the scale of the rows."""

    new_layers = ("relevance.",)

    def __init__(self, encoder: nn.Module, joint: nn.Module, form: str, scale: Scale, pooling: str = "") -> None:
        super().__init__(encoder, form, pooling)
        self.joint, self.scale, self.blend = joint, scale, USUAL_BLEND
        self.relevance = nn.Linear(joint.config.hidden_size, 1)

    @property
    def reads_types(self) -> bool:
        return (getattr(self.joint.config, "type_vocab_size", 0) or 0) > 1

    def features(self, *inputs: Tensor) -> Tensor:
        """(batch, 1) logits."""
        ids, mask, *types = inputs
        further = {"token_type_ids": types[0]} if self.reads_types and types else {}
        hidden = self.joint(input_ids=ids, attention_mask=mask, **further).last_hidden_state
        return self.relevance(pool(hidden, mask, "mean")).float()

    def forward(self, *inputs: Tensor) -> Tensor:
        logits = self.features(*inputs)
        return logits if self.training else self.scale.low + torch.sigmoid(logits) * (self.scale.high - self.scale.low)

    def prepare_to_learn(self, params: OptimisationParams) -> None:
        """The second encoder alone learns, its word vectors stay as they are."""
        super().prepare_to_learn(params)
        self.encoder.requires_grad_(False)
        without_dropout(self.joint)
        if not getattr(params, "train_embeddings", False):
            self.joint.get_input_embeddings().weight.requires_grad_(False)

    def save(self, folder: Path, tokenizer: PreTrainedTokenizerFast, facts: dict[str, Any]) -> None:
        super().save(folder, tokenizer, facts | {"blend": self.blend})
        self.joint.save_pretrained(folder / FOLDER, safe_serialization=True)
        weights = {name: value.detach().contiguous() for name, value in self.relevance.state_dict().items()}
        save_file(weights, folder / FOLDER / HEAD_WEIGHTS)

    @classmethod
    def load(cls, folder: Path, attention: str = "sdpa") -> Reranker:
        config = json.loads((folder / CONFIG).read_text("utf-8"))
        encoder, joint = load_encoder(folder, attention), load_encoder(folder / FOLDER, attention)
        model = cls(encoder, joint, config["form"], Scale(*config["scale"]), config["pooling"])
        model.relevance.load_state_dict(load_file(folder / FOLDER / HEAD_WEIGHTS))
        model.blend = config["blend"]
        return cast("Reranker", model.eval())


class RelevanceGraph(nn.Module):
    """What is packaged of the second stage: logits (batch, 1)."""

    def __init__(self, model: Reranker) -> None:
        super().__init__()
        self.model = model

    def forward(self, input_ids: Tensor, attention_mask: Tensor, token_type_ids: Tensor | None = None) -> Tensor:
        types = () if token_type_ids is None else (token_type_ids,)
        return self.model.features(input_ids, attention_mask, *types)


def fit(job: Job, model: TrainableModel, rows: Rows, objective: Objective[Any], epochs: int | None = None) -> Learned:
    """Learn from what the first stage finds; then choose how much the second one counts."""
    reranker, pairs = cast("Reranker", model), cast("Pairs", rows)
    pairs.ready(reranker, job)
    pairs.depth = DEPTH_WHILE_LEARNING
    learned = fine_tuning.fit(job, model, rows, objective, epochs)
    pairs.depth = DEPTH
    if pairs.form in SEARCHED:
        pairs.choose_blend(reranker, job.device)
    if learned.held is None:
        return learned
    held = learned.held.rows
    return learned._replace(held=Held(held, read_part(model, rows, held, job.device)))
