"""Packing: the rows of a step stand end to end in one sequence, so that nothing is spent on padding, and none sees another.

Positions begin anew with each row, and attention is computed row by row: a causal mask in blocks, of which only the blocks are
computed (as "varlen" kernels do: Dao et al. 2022). A row is learned as it is alone, and a step has as many rows as without it.
"""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn
from transformers import AttentionInterface, AttentionMaskInterface
from transformers.masking_utils import sdpa_mask

from trainer import attention

ROW_BY_ROW = "row-by-row"
"""transformers' name of `attend`."""
IGNORED = -100
"""A target that is not learned, as cross-entropy has it."""


class Laid(NamedTuple):
    """Rows end to end: `ids`, `targets` and `places` (1, tokens), `numbers` (tokens,): which row each token is of."""

    ids: Tensor
    targets: Tensor
    places: Tensor
    numbers: Tensor
    lengths: list[int]


def lay(ids: Sequence[Tensor], targets: Sequence[Tensor], device: torch.device) -> Laid:
    """Rows of (tokens,) as one sequence. The first token of a row is no target: what stands before it is another row's."""
    lengths = [len(row) for row in ids]
    numbers = torch.arange(len(lengths)).repeat_interleave(torch.tensor(lengths))
    places = torch.cat([torch.arange(length) for length in lengths])
    joined_targets = torch.cat(list(targets)).cpu().masked_fill(places == 0, IGNORED)
    joined = torch.stack([torch.cat(list(ids)).cpu(), joined_targets, places, numbers]).to(device)
    return Laid(joined[:1], joined[1:2], joined[2:3], joined[3], lengths)


def balance(lengths: np.ndarray, rows: np.ndarray, size: int, generator: np.random.Generator) -> list[np.ndarray]:
    """Every row once, in as many steps as `size` rows each would make, of about as many tokens each: the longest rows first, each
    into the step with the fewest tokens so far (Graham 1969). The steps, and the rows of each, stand in a
    random order, so that a part of a step, of one device or of less memory, has its share of the long ones."""
    order = generator.permutation(rows)
    order = order[np.argsort(-lengths[order], kind="stable")]
    steps: list[list[int]] = [[] for _step in range(-(-len(rows) // size))]
    heap = [(0, number) for number in range(len(steps))]
    for row in order.tolist():
        tokens, number = heap[0]
        steps[number].append(row)
        heapq.heapreplace(heap, (tokens + int(lengths[row]), number))
    return [
        generator.permutation(np.array(steps[number], dtype=rows.dtype)) for number in generator.permutation(len(steps))
    ]


def attend(
    module: nn.Module,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    row_lengths: list[int] | None = None,
    sliding_window: int | None = None,
    **options: Any,  # noqa: ANN401
) -> tuple[Tensor, None]:
    """(batch, length, heads, width) of (batch, heads, length, width), as transformers asks for it: with `row_lengths` each row of
    a sequence looks at itself alone, otherwise as usual."""
    if row_lengths is None:
        return attention.attend(module, query, key, value, attention_mask, **options)
    options["is_causal"] = True
    outputs = []
    parts = (part.split(row_lengths, dim=2) for part in (query, key, value))
    for asking, asked, values in zip(*parts, strict=True):
        mask = window_mask(asking.shape[2], sliding_window, query.device)
        outputs.append(attention.attend(module, asking, asked, values, mask, **options)[0])
    return torch.cat(outputs, dim=1), None


def window_mask(length: int, window: int | None, device: torch.device) -> Tensor | None:
    """(1, 1, length, length): True where a token is seen, itself and those before it within the window; None where it sees all."""
    if window is None or length <= window:
        return None
    places = torch.arange(length, device=device)
    behind = places[:, None] - places
    return ((behind >= 0) & (behind < window))[None, None]


AttentionInterface.register(ROW_BY_ROW, attend)
AttentionMaskInterface.register(ROW_BY_ROW, sdpa_mask)


def hidden_of_rows(body: nn.Module, laid: Laid) -> Tensor:
    """(1, tokens, width) by a decoder of transformers whose attention is `attend`. The mask is none: of four dimensions, it is
    taken for a finished one, so that none is made."""
    unused = torch.ones((1, 1, 1, 1), dtype=torch.bool, device=laid.ids.device)
    options = {"attention_mask": unused, "row_lengths": laid.lengths, "use_cache": False}
    hidden: Tensor = body(input_ids=laid.ids, position_ids=laid.places, **options).last_hidden_state
    return hidden
