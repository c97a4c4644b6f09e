"""A network that learns to write: a pretrained decoder, or a small net that begins with random weights."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, cast

import numpy as np
import torch
from torch import Tensor, nn
from transformers import AutoModelForCausalLM, LlamaConfig, LlamaForCausalLM

from trainer.errors import ModelError
from trainer.families.text.networks import Network, RecurrentNet, Transformer
from trainer.families.text.packing import IGNORED, lay
from trainer.files import read_json, write_json
from trainer.hardware import Device
from trainer.learning import qlora
from trainer.learning.heads import without_dropout
from trainer.learning.model import TrainableModel
from trainer.learning.passes import read_batches
from trainer.messages import _
from trainer.packaging.adapters import save_adapter
from trainer.params import OptimisationParams
from trainer.writing import decoders, encoder_decoders
from trainer.writing.gaps import CHAT
from trainer.writing.prompts import TOKENIZER, Template, config_of

if TYPE_CHECKING:
    from trainer.engines.writing import Prompt
    from trainer.learning.rows import Rows

WRITTEN_AT_ONCE = 32
"""Texts."""
HEAD_SIZE = 32
KEPT = (
    TOKENIZER,
    "tokenizer_config.json",
    "special_tokens_map.json",
    "generation_config.json",
    "chat_template.jinja",
)


class Prompted(Protocol):
    """What rows of texts to write give beside what all rows do (`trainer.families.text.writing.WritingRows`)."""

    characters: Sequence[int]
    """Of each row's answer."""

    def asked_rows(self) -> list[int]: ...

    def input(self, row: int) -> Prompt: ...


class WritingModel(TrainableModel):
    """`network` is all of it; `encoder` all but the last layer, which mostly shares the weights of the first."""

    new_layers = ("none.",)

    def __init__(self, network: Network, template: Template, source: Path | None = None) -> None:
        super().__init__()
        self.whole = (network,)  # in a tuple, so that shared weights are registered once
        self.encoder = network.body
        if network.head is not None:
            self.head = network.head
        self.template, self.source = template, source
        self.smoothing = 0.0
        self.eval()

    def forward(self, ids: Tensor | list[Tensor], targets: Tensor | list[Tensor]) -> Tensor:
        """(rows, 2): nats of the tokens that are targets, each after all before it, and how many they are. `targets` (rows, length)
        are ids, IGNORED where nothing is learned; a row's padding stands after it, where nothing attends to it. Lists of rows
        (length,) are read in one sequence, where none sees another."""
        (network,) = self.whole
        if isinstance(ids, list):
            assert isinstance(targets, list)
            laid = lay(ids, targets, next(self.parameters()).device)
            hidden, labels = network.hidden_of_rows(laid)[:, :-1], laid.targets[:, 1:]
            asked = labels != IGNORED
            numbers = laid.numbers[None, 1:][asked]
        else:
            assert isinstance(targets, Tensor)
            hidden, labels = network.hidden(ids)[:, :-1], targets[:, 1:]
            asked = labels != IGNORED
            numbers = asked.nonzero()[:, 0]
        return self.summed(network.scores(hidden[asked]).float(), labels[asked], numbers, len(ids))

    def summed(self, scores: Tensor, labels: Tensor, numbers: Tensor, rows: int) -> Tensor:
        """(rows, 2): nats, and how many, of `labels` (tokens,) by their scores (tokens, vocabulary) and the numbers of their rows."""
        doubt = self.smoothing if self.training else 0.0
        nats = nn.functional.cross_entropy(scores, labels, reduction="none", label_smoothing=doubt)
        figures = torch.stack([nats, torch.ones_like(nats)], dim=1)
        return torch.zeros((rows, 2), device=nats.device).index_add(0, numbers, figures)

    def pack(self) -> bool:
        """Let the rows of a step be learned in one sequence; whether it can be done."""
        (network,) = self.whole
        if network.can_pack:
            network.pack()
        return network.can_pack

    def features(self, ids: Tensor | list[Tensor], targets: Tensor | list[Tensor]) -> Tensor:
        """What an estimate times: all of it."""
        return self(ids, targets)

    def outputs_of(
        self, rows: Rows, part: np.ndarray, device: Device, tell: Callable[[int], None]
    ) -> list[np.ndarray] | None:
        """Of the test rows also what it writes to the first of them; of others it reads batch by batch as other models do."""
        writing = cast("Prompted", rows)
        figures: dict[int, np.ndarray] = {}
        for batch, outputs in read_batches(self, rows, rows.sorted_batches(part, rows.read_batch), device, self):
            for row, output in zip(batch.tolist(), outputs.numpy(), strict=True):
                figures[row] = np.array([*output, writing.characters[row]], dtype=np.float64)
            tell(len(figures))
        asked = set(writing.asked_rows()) if np.array_equal(part, rows.part("test")) else set()
        written = self.written([row for row in part.tolist() if row in asked], writing)
        nothing = np.zeros(0)
        return [np.concatenate([figures[row], written.get(row, nothing)]) for row in part.tolist()]

    def written(self, asked: list[int], rows: Prompted) -> dict[int, np.ndarray]:
        """{row: the ids that it writes to it}, rows of like length at once."""
        prompts = {row: rows.input(row) for row in asked}
        order = sorted(asked, key=lambda row: len(prompts[row].ids))
        by_row: dict[int, np.ndarray] = {}
        for start in range(0, len(order), WRITTEN_AT_ONCE):
            batch = order[start : start + WRITTEN_AT_ONCE]
            most = max(prompts[row].options.most for row in batch)
            texts = self.greedy([prompts[row].ids for row in batch], most)
            by_row |= {row: ids.astype(np.float64) for row, ids in zip(batch, texts, strict=True)}
        return by_row

    def greedy(self, prompts: Sequence[np.ndarray], most: int) -> list[np.ndarray]:
        """After each prompt the likeliest token each time, until an end, so many tokens or the last position."""
        (network,) = self.whole
        device, longest = next(self.parameters()).device, max(len(ids) for ids in prompts)
        ids, is_read = torch.zeros((2, len(prompts), longest), dtype=torch.int64)
        for row, prompt in enumerate(prompts):
            ids[row, longest - len(prompt) :], is_read[row, longest - len(prompt) :] = torch.from_numpy(prompt), 1
        written = np.full((len(prompts), 0), IGNORED)
        unread, mask, past = ids.to(device), is_read.to(device), None
        places, ended = (mask.cumsum(1) - 1).clamp(min=0), torch.zeros(len(prompts), dtype=torch.bool, device=device)
        ends = torch.tensor(self.template.ends, device=device)
        with torch.inference_mode():
            for _number in range(min(most, network.positions - longest)):
                scores, past = network.advance(unread, mask, places, past)
                token = scores.argmax(1)
                ended |= torch.isin(token, ends)
                if ended.all():
                    break
                written = np.concatenate([written, torch.where(ended, IGNORED, token).cpu().numpy()[:, None]], axis=1)
                unread, places = token[:, None], places[:, -1:] + 1
                mask = torch.cat([mask, mask.new_ones(len(prompts), 1)], dim=1)
        return [row[row != IGNORED] for row in written]

    def spelled(self, prompt: Prompt, most: int) -> str:
        """The likeliest answer to a prompt, so many tokens of it."""
        (ids,) = self.greedy([prompt.ids], most)
        return self.template.continued(prompt.ids if prompt.continues else [], ids)

    def save_adapter(self, folder: Path, base: str | None) -> None:
        """What `lora` learned, where the model was trained by it (`trainer.packaging.adapters`)."""
        (network,) = self.whole
        if self.adapter is None or not isinstance(network, Transformer):
            return
        whole = network.network
        under = "" if network.body is whole else f"{whole.base_model_prefix}."
        last = None if network.head is None else network.head.weight
        save_adapter(self.adapter, folder, under=under, base=base, last=last)

    def prepare_to_learn(self, params: OptimisationParams) -> None:
        self.smoothing = params.label_smoothing
        if params.dropout is None:
            without_dropout(self.encoder)

    def save(self, folder: Path) -> None:
        """As transformers lays a model, with its tokenizer."""
        (network,) = self.whole
        folder.mkdir(parents=True, exist_ok=True)
        if self.whole_weights:
            self.cpu()
            qlora.restore(self, torch.float32, torch.device("cpu"))
        network.save(folder)
        if self.template.gaps:
            write_json(folder / CHAT, {"gaps": dict(self.template.gaps)})
        if self.source is None:
            self.template.tokenizer.save(str(folder / TOKENIZER))
            return
        for name in KEPT:
            if (self.source / name).exists():
                shutil.copyfile(self.source / name, folder / name)

    @classmethod
    def fresh(cls, template: Template, *, layers: int, width: int, positions: int) -> WritingModel:
        """A small GPT with random weights: rotary positions, gated layers, the first and last layer alike (a Llama)."""
        heads = max(width // HEAD_SIZE, 1)
        width = heads * HEAD_SIZE
        config = LlamaConfig(
            vocab_size=template.tokenizer.get_vocab_size(),
            hidden_size=width,
            intermediate_size=width * 8 // 3 // 16 * 16,
            num_hidden_layers=layers,
            num_attention_heads=heads,
            num_key_value_heads=heads,
            max_position_embeddings=positions,
            tie_word_embeddings=True,
            pad_token_id=None,
            **config_of(template),
        )
        network = LlamaForCausalLM(config)
        add_dropout(network)
        return cls(Transformer(network), template)

    @classmethod
    def recurrent(cls, kind: str, template: Template, *, layers: int, width: int, positions: int) -> WritingModel:
        """A small LSTM or GRU with random weights; what it embeds is half as wide as what it keeps."""
        config = {
            "model_type": kind,
            "vocab_size": template.tokenizer.get_vocab_size(),
            "hidden_size": max(width // 2, 16),
            "inner_size": width,
            "num_hidden_layers": layers,
            "max_position_embeddings": positions,
            **config_of(template),
        }
        return cls(RecurrentNet(config), template)

    @classmethod
    def of(cls, folder: Path, template: Template) -> WritingModel:
        """A pretrained one; `ModelError` where it cannot be loaded."""
        return cls(Transformer(loaded_network(AutoModelForCausalLM, folder)), template, folder)


def check_architecture(folder: Path, kinds: frozenset[str]) -> None:
    """`ModelError` for a model that is none of these kinds, or could not be served."""
    config = read_json(folder / "config.json")
    kind = str(config.get("model_type"))
    unusual = encoder_decoders.unsupported if encoder_decoders.is_encoder_decoder(config) else decoders.unsupported
    if other := unusual(config) if kind in kinds else kind:
        raise ModelError(
            _("This kind of model cannot be trained to write yet (%(other)s).", other=other),
            hint=_("Choose a model of one of these kinds: %(names)s; or scratch:gpt.", names=", ".join(sorted(kinds))),
        )


def loaded_network(kind: Any, folder: Path) -> Any:  # noqa: ANN401
    """One of transformers' own classes, in float32; `ModelError`."""
    try:
        return kind.from_pretrained(folder, local_files_only=True, dtype=torch.float32)
    except (OSError, ValueError, KeyError) as error:
        raise ModelError(
            _("The base model cannot be loaded: %(error)s", error=str(error)[:200]), hint=_("Choose another model.")
        ) from error


def add_dropout(network: LlamaForCausalLM) -> None:
    """Dropout of what is embedded and of what each layer adds (Vaswani et al. 2017), which Llamas have not; none until the
    setting asks for it (`trainer.learning.optimizers.drop`)."""
    parts = [part for layer in network.model.layers for part in (layer.self_attn.o_proj, layer.mlp.down_proj)]
    for part in (network.model.embed_tokens, *parts):
        part.dropout = nn.Dropout(0.0)
        part.register_forward_hook(lambda module, _inputs, output: module.dropout(output))
