"""Texts as batches of tokens of nearly one length, so that little is computed on padding."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from torch import Tensor

POOL_BATCHES = 50
"""Rows are shuffled, then sorted by length within pools of this many batches: random, yet hardly padded."""


class Tokens:
    """Token ids of every text, cut to `max_length`."""

    def __init__(self, tokenizer: Any, texts: list[str], max_length: int) -> None:
        backend = tokenizer.backend_tokenizer
        backend.no_padding()
        backend.enable_truncation(max_length)
        self.ids = [np.array(one.ids, dtype=np.int64) for one in backend.encode_batch_fast(texts)]
        self.lengths = np.array([len(ids) for ids in self.ids])
        self.pad = tokenizer.pad_token_id or 0

    def batch(self, rows: np.ndarray, device: torch.device) -> tuple[Tensor, Tensor]:
        """(ids, mask), each (rows, longest of these rows)."""
        longest = int(self.lengths[rows].max())
        ids = np.full((len(rows), longest), self.pad, dtype=np.int64)
        mask = np.zeros((len(rows), longest), dtype=np.int64)
        for at, row in enumerate(rows):
            length = self.lengths[row]
            ids[at, :length] = self.ids[row]
            mask[at, :length] = 1
        return torch.from_numpy(ids).to(device), torch.from_numpy(mask).to(device)

    def sorted_batches(self, rows: np.ndarray, size: int) -> list[np.ndarray]:
        """Every row once, longest first: for a pass that only reads."""
        order = rows[np.argsort(-self.lengths[rows], kind="stable")]
        return [order[start : start + size] for start in range(0, len(order), size)]

    def training_batches(self, rows: np.ndarray, size: int, seed: int, epoch: int) -> list[np.ndarray]:
        """Every row once in an order that seed and epoch fix."""
        generator = np.random.default_rng([seed, epoch])
        order = generator.permutation(rows)
        batches: list[np.ndarray] = []
        for start in range(0, len(order), size * POOL_BATCHES):
            pool = order[start : start + size * POOL_BATCHES]
            pool = pool[np.argsort(self.lengths[pool], kind="stable")]
            batches += [pool[at : at + size] for at in range(0, len(pool), size)]
        return [batches[at] for at in generator.permutation(len(batches))]


def forward_in_batches(
    model: Any, tokens: Tokens, rows: np.ndarray, size: int, device: Any, call: Any
) -> Iterator[tuple[np.ndarray, Tensor]]:
    """Every row once; see `forward_batches`."""
    return forward_batches(model, tokens, tokens.sorted_batches(rows, size), device, call)


def forward_batches(
    model: Any, tokens: Tokens, batches: list[np.ndarray], device: Any, call: Any
) -> Iterator[tuple[np.ndarray, Tensor]]:
    """(rows, outputs in float32 on the CPU) batch by batch, without gradients."""
    model.eval()
    with torch.inference_mode():
        for batch in batches:
            with device.autocast():
                output = call(*tokens.batch(batch, device.torch_device))
            yield batch, output.float().cpu()
