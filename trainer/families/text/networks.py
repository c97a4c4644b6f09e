"""The networks that learn to write, of torch, behind one interface: transformers' decoders, and small recurrent nets."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Protocol

import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from trainer.families.text.packing import ROW_BY_ROW, Laid, hidden_of_rows
from trainer.files import write_json
from trainer.writing.encoder_decoders import UNBOUNDED
from trainer.writing.recurrent import GATES
from trainer.writing.weights import CONFIG, WEIGHTS

Decoder = Any
"""A `PreTrainedModel` of transformers with a head that scores tokens, whose types say too little."""
Past = Any
"""Keys and values, or a recurrent state; None at the beginning."""


class Network(Protocol):
    """`body`: all of it that learns, but for a last layer with weights of its own (`head`). `positions`: tokens of a row, at most."""

    body: nn.Module
    head: nn.Module | None
    positions: int

    @property
    def can_pack(self) -> bool:
        """Whether several rows can be read in one sequence."""
        ...

    def pack(self) -> None:
        """From now on, rows may come end to end."""
        ...

    def hidden_of_rows(self, laid: Laid) -> Tensor:
        """(1, tokens, width) of rows end to end, each as it is alone."""
        ...

    def hidden(self, ids: Tensor) -> Tensor:
        """(rows, length, width) of ids (rows, length); what stands behind a row changes nothing of it."""
        ...

    def scores(self, hidden: Tensor) -> Tensor:
        """(…, vocabulary): of the token after each."""
        ...

    def advance(self, ids: Tensor, mask: Tensor, places: Tensor, past: Past) -> tuple[Tensor, Past]:
        """(scores of the token after the last (rows, vocabulary), what is kept) of further tokens (rows, length). `mask` (rows, all
        so far): 0 where something stands before a row's beginning. `places`: of these tokens in their rows."""
        ...

    def save(self, folder: Path) -> None: ...


class Transformer:
    """A decoder of transformers."""

    def __init__(self, network: Decoder) -> None:
        self.network, self.body = network, network.base_model
        is_tied = network.get_output_embeddings().weight is network.get_input_embeddings().weight
        self.head = None if is_tied else network.get_output_embeddings()
        self.positions: int = getattr(network.config, "max_position_embeddings", None) or UNBOUNDED

    can_pack = True

    def pack(self) -> None:
        self.network.set_attn_implementation(ROW_BY_ROW)

    def hidden_of_rows(self, laid: Laid) -> Tensor:
        return hidden_of_rows(self.body, laid)

    def hidden(self, ids: Tensor) -> Tensor:
        hidden: Tensor = self.body(input_ids=ids, use_cache=False).last_hidden_state
        return hidden

    def scores(self, hidden: Tensor) -> Tensor:
        scores: Tensor = self.network.get_output_embeddings()(hidden)
        return scores

    def advance(self, ids: Tensor, mask: Tensor, places: Tensor, past: Past) -> tuple[Tensor, Past]:
        read = {"input_ids": ids, "attention_mask": mask, "position_ids": places, "past_key_values": past}
        output = self.network(**read, use_cache=True, logits_to_keep=1)
        return output.logits[:, -1], output.past_key_values

    def save(self, folder: Path) -> None:
        self.network.float().save_pretrained(folder, safe_serialization=True)


class RecurrentNet(nn.Module):
    """LSTM or GRU layers between a table of tokens and, the same turned around, their scores (`trainer.writing.recurrent`)."""

    head: nn.Module | None = None
    can_pack = False

    def __init__(self, config: dict[str, Any]) -> None:
        """`config`: what config.json says: model_type (a key of GATES), vocab_size, hidden_size, inner_size, num_hidden_layers …"""
        super().__init__()
        self.config, self.positions = config, int(config["max_position_embeddings"])
        width, inner, layers = (config[name] for name in ("hidden_size", "inner_size", "num_hidden_layers"))
        kinds: dict[str, type[nn.RNNBase]] = {"lstm": nn.LSTM, "gru": nn.GRU}
        self.embed = nn.Embedding(config["vocab_size"], width)
        nn.init.normal_(self.embed.weight, std=width**-0.5)
        self.cells = kinds[config["model_type"]](width, inner, layers, batch_first=True)
        self.dropout = nn.Dropout(0.0)
        self.out = nn.Linear(inner, width)
        if config["model_type"] == "lstm":
            self.remember()

    @property
    def body(self) -> nn.Module:
        return self

    def remember(self) -> None:
        """Cells begin by keeping what they hold (a bias of 1 of the forget gates: Jozefowicz et al. 2015)."""
        inner = self.cells.hidden_size
        for name, value in self.cells.named_parameters():
            if name.startswith("bias_ih"):
                nn.init.ones_(value.data[inner : 2 * inner])

    def read(self, ids: Tensor, past: Past = None) -> tuple[Tensor, Past]:
        given, state = self.cells(self.dropout(self.embed(ids)), past)
        return self.out(self.dropout(given)), state

    def hidden(self, ids: Tensor) -> Tensor:
        return self.read(ids)[0]

    def pack(self) -> None:
        raise NotImplementedError("what it keeps of a row would go on into the next")

    def hidden_of_rows(self, laid: Laid) -> Tensor:
        raise NotImplementedError

    def scores(self, hidden: Tensor) -> Tensor:
        return hidden @ self.embed.weight.T

    def advance(self, ids: Tensor, mask: Tensor, places: Tensor, past: Past) -> tuple[Tensor, Past]:
        if past is not None:
            hidden, state = self.read(ids, past)
            return self.scores(hidden[:, -1]), state
        read = [self.read(row[own.bool()][None]) for row, own in zip(ids, mask, strict=True)]
        states = [state if isinstance(state, tuple) else (state,) for _hidden, state in read]
        joined = tuple(torch.cat(parts, dim=1) for parts in zip(*states, strict=True))
        last = torch.cat([hidden[:, -1] for hidden, _kept in read])
        return self.scores(last), joined if len(joined) > 1 else joined[0]

    def save(self, folder: Path) -> None:
        write_json(folder / CONFIG, self.config)
        save_file(
            {name: value.detach().float().contiguous() for name, value in self.state_dict().items()}, folder / WEIGHTS
        )


RECURRENT = tuple(GATES)
