"""A text encoder with one layer on top: the one model behind every method, behind training and export."""

import json
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from transformers import AutoConfig, AutoModel, AutoTokenizer, PreTrainedTokenizerFast

from trainer import answers
from trainer.errors import ModelError
from trainer.learning.heads import DirectionHead, head_of, without_dropout
from trainer.learning.model import TrainableModel
from trainer.messages import _
from trainer.params import OptimisationParams, TextParams

HEAD_WEIGHTS, HEAD_CONFIG = "head.safetensors", "head.json"
LAST_LAYER, ALL_LAYERS = "last", "mean"
DIRECTION_SCALE = 16.0
"""How far a logit can lie from its bias."""
UNEVEN = ("funnel",)
"""Architectures whose layers differ in length, so that there is no mean of them."""
CLS_POOLED = ("deberta-v2", "roberta", "xlm-roberta", "electra")
"""Architectures whose first token is the better summary; all others are averaged over their tokens."""


class TextModel(TrainableModel):
    """What models over a pretrained text encoder share."""

    def prepare_to_learn(self, params: OptimisationParams) -> None:
        """No dropout; word vectors stay as they are, unless they are to learn too."""
        without_dropout(self.encoder)
        assert isinstance(params, TextParams), "a task that reads texts has settings for them"
        if not params.train_embeddings:
            self.encoder.get_input_embeddings().weight.requires_grad_(False)
            embeddings = getattr(self.encoder, "embeddings", None)
            if isinstance(embeddings, nn.Module):
                embeddings.requires_grad_(False)

    def save_encoder(self, folder: Path, tokenizer: PreTrainedTokenizerFast) -> None:
        """Encoder and tokenizer as `save_pretrained` lays them."""
        folder.mkdir(parents=True, exist_ok=True)
        self.encoder.save_pretrained(folder, safe_serialization=True)
        tokenizer.save_pretrained(folder)


class EncoderClassifier(TextModel):
    """`outputs = head(dropout(pool(encoder(tokens))))`, tokens (batch, length) → (batch, outputs).

    `answer`: the kind of its answers (`trainer.answers`). `layers`: which of the encoder's layers are pooled, the last or the
    mean of all.
    """

    def __init__(
        self,
        encoder: nn.Module,
        labels: list[str],
        *,
        pooling: str,
        normalise: bool = False,
        dropout: float = 0.1,
        answer: str = "class",
        layers: str = LAST_LAYER,
    ) -> None:
        super().__init__()
        self.encoder = encoder
        self.labels, self.answer = labels, answer
        self.pooling = pooling
        self.normalise = normalise
        self.layers = layers
        self.features_name = "" if layers == LAST_LAYER else layers
        self.dropout = nn.Dropout(dropout)
        self.head = head_of(encoder.config.hidden_size, len(labels), answer)

    def learn_directions(self) -> None:
        """From here on until it answers: a label is a direction of vectors of one length."""
        self.normalise = True
        self.head = DirectionHead(self.head.in_features, len(self.labels), DIRECTION_SCALE)

    def prepare_to_answer(self) -> None:
        if isinstance(self.head, DirectionHead):
            self.head.fix_directions()

    def features(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        """One vector a text: (batch, hidden), float32."""
        hidden = self.hidden(input_ids, attention_mask)
        pooled = pool(hidden, attention_mask, self.pooling)
        return nn.functional.normalize(pooled, dim=-1) if self.normalise else pooled

    def hidden(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        """What is pooled: (batch, length, hidden)."""
        if self.layers == LAST_LAYER:
            last: Tensor = self.encoder(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state
            return last
        every = self.encoder(input_ids=input_ids, attention_mask=attention_mask, output_hidden_states=True)
        _words, first, *others = every.hidden_states
        total: Tensor = sum(others, first.float())
        return total / (1 + len(others))

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        return self.head(self.dropout(self.features(input_ids, attention_mask)))

    def save(self, folder: Path, tokenizer: PreTrainedTokenizerFast, max_length: int) -> None:
        """Encoder and tokenizer as `save_pretrained` lays them, the head beside them."""
        self.save_encoder(folder, tokenizer)
        save_file(
            {name: value.detach().contiguous() for name, value in self.head.state_dict().items()}, folder / HEAD_WEIGHTS
        )
        config = {
            "answer": self.answer,
            "labels": self.labels,
            "pooling": self.pooling,
            "normalise": self.normalise,
            "layers": self.layers,
            "max_length": max_length,
        }
        (folder / HEAD_CONFIG).write_text(json.dumps(config, ensure_ascii=False, indent=2), "utf-8")

    @classmethod
    def load(cls, folder: Path, attention: str = "sdpa") -> "EncoderClassifier":
        """A trained model from `artifact/model/`. Its `max_length` stands in head.json."""
        config = json.loads((folder / HEAD_CONFIG).read_text("utf-8"))
        encoder = load_encoder(folder, attention)
        answer = answers.of_file(config).key
        settings = {"pooling": config["pooling"], "normalise": config["normalise"], "answer": answer}
        model = cls(encoder, config["labels"], **settings, layers=config.get("layers", LAST_LAYER))
        model.head.load_state_dict(load_file(folder / HEAD_WEIGHTS))
        return model.eval()


def pool(hidden: Tensor, attention_mask: Tensor, pooling: str) -> Tensor:
    """One vector a text, (batch, hidden) float32, from those of its tokens (batch, length, hidden): the first one's (`cls`), or
    the mean of all but the padding."""
    if pooling == "cls":
        return hidden[:, 0].float()
    mask = attention_mask.unsqueeze(-1).to(hidden.dtype)
    return ((hidden * mask).sum(1) / mask.sum(1).clamp(min=1)).float()


def load_encoder(folder: Path, attention: str = "sdpa") -> nn.Module:
    """The pretrained encoder in float32, from safetensors only and without any code of its own."""
    try:
        config = AutoConfig.from_pretrained(folder, local_files_only=True)
        extra = (
            {"add_pooling_layer": False} if config.model_type in ("bert", "roberta", "xlm-roberta", "camembert") else {}
        )
        return AutoModel.from_pretrained(
            folder,
            config=config,
            local_files_only=True,
            use_safetensors=True,
            dtype=torch.float32,
            attn_implementation=None if attention == "sdpa" else attention,  # else refused by those without it
            **extra,
        )
    except (OSError, ValueError, KeyError) as error:
        raise ModelError(
            _("The base model cannot be loaded: %(error)s", error=str(error).splitlines()[0]),
            hint=_("Choose another one."),
        ) from error


def load_tokenizer(folder: Path) -> PreTrainedTokenizerFast:
    """A fast tokenizer: its tokenizer.json is all that serving needs."""
    tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True, use_fast=True)
    if not tokenizer.is_fast:
        raise ModelError(_("This model has no fast tokenizer."), hint=_("Choose a model with a tokenizer.json."))
    return tokenizer


def fresh(
    folder: Path,
    labels: list[str],
    *,
    normalise: bool = False,
    dropout: float = 0.1,
    answer: str = "class",
    layers: str = LAST_LAYER,
) -> EncoderClassifier:
    """The pretrained encoder under a new head. Layers below the last have no summary in their first token."""
    encoder = load_encoder(folder)
    layers = LAST_LAYER if encoder.config.model_type in UNEVEN else layers
    pooling = "cls" if encoder.config.model_type in CLS_POOLED and layers == LAST_LAYER else "mean"
    return EncoderClassifier(
        encoder, labels, pooling=pooling, normalise=normalise, dropout=dropout, answer=answer, layers=layers
    )


def longest(folder: Path, most: int) -> int:
    """`most` tokens, or as many as the model has positions for."""
    config = AutoConfig.from_pretrained(folder, local_files_only=True)
    positions = getattr(config, "max_position_embeddings", None) or most
    offset = 2 if config.model_type in ("roberta", "xlm-roberta", "camembert") else 0
    return max(8, min(most, positions - offset))
