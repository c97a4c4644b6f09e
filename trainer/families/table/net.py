"""The small net for tables: learned vectors for categories beside scaled numbers, then dense layers."""

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from trainer import answers, nets, tables
from trainer.families.image.small_nets import module_of
from trainer.packaging.graphs import trace

BATCH, RATE, DECAY, PATIENCE = 256, 2e-3, 1e-3, 6


class TableNet(nn.Module):
    """(numbers (rows, n), codes (rows, categories)) → (rows, outputs); one output for two labels, whose sigmoid is asked."""

    def __init__(self, numbers: int, levels: list[int], layers: list[dict[str, Any]], outputs: int) -> None:
        super().__init__()
        widths = [min(16, 1 + round(1.6 * (count + 1) ** 0.4)) for count in levels]
        self.vectors = nn.ModuleList(
            nn.Embedding(count + 1, width) for count, width in zip(levels, widths, strict=True)
        )
        shape: tuple[int, ...] = (numbers + sum(widths),)
        modules = []
        for layer, (after, _weights) in zip(layers, nets.walk(layers, shape), strict=True):
            modules.append(module_of(layer, shape))
            shape = after
        self.body, self.head = nn.Sequential(*modules), nn.Linear(shape[0], outputs)

    def forward(self, numbers: Tensor, codes: Tensor) -> Tensor:
        vectors = [embedding(codes[:, column]) for column, embedding in enumerate(self.vectors)]
        return self.head(self.body(torch.cat([numbers, *vectors], dim=1)))


def tensors(scales: dict[str, Any], matrix: np.ndarray) -> tuple[Tensor, Tensor]:
    numbers = torch.from_numpy(tables.scaled(scales, matrix)).float()
    return numbers, torch.from_numpy(tables.codes_of(scales, matrix))


def build(facts: dict[str, Any]) -> TableNet:
    scales = facts["scales"]
    numbers = len(scales["numbers"]) + len(scales["gaps"])
    return TableNet(numbers, [count for _at, count in scales["categories"]], facts["layers"], facts["outputs"])


def loss_of(outputs: Tensor, truth: Tensor, facts: dict[str, Any], weights: Tensor) -> Tensor:
    if not answers.of_file(facts).labelled:
        return nn.functional.smooth_l1_loss(outputs[:, 0], truth)
    if len(facts["labels"]) == 2:
        losses = nn.functional.binary_cross_entropy_with_logits(outputs[:, 0], truth.float(), reduction="none")
    else:
        losses = nn.functional.cross_entropy(outputs, truth, reduction="none")
    return (losses * weights).mean()


def fit(
    facts: dict[str, Any],
    matrix: np.ndarray,
    truth: np.ndarray,
    weights: np.ndarray,
    epochs: int,
    seed: int,
    tell: Callable[[], None],
    held: tuple[np.ndarray, np.ndarray] | None = None,
) -> tuple[TableNet, int]:
    """The net and after how many epochs it was best on the rows `held` back; without those, after all epochs."""
    torch.manual_seed(seed)
    net, labelled = build(facts), answers.of_file(facts).labelled
    inputs = tensors(facts["scales"], matrix)
    shift, scale = (0.0, 1.0) if labelled else (float(truth.mean()), float(truth.std()) or 1.0)

    def convert(values: np.ndarray) -> Tensor:
        return torch.from_numpy(values) if labelled else torch.from_numpy((values - shift) / scale).float()

    targets, shares = convert(truth), torch.from_numpy(weights).float()
    optimizer = torch.optim.AdamW(net.parameters(), lr=RATE, weight_decay=DECAY)
    generator = torch.Generator().manual_seed(seed)
    best, best_epoch, best_weights = float("inf"), epochs, None
    for epoch in range(1, epochs + 1):
        tell()
        net.train()
        order = torch.randperm(len(targets), generator=generator)
        for rows in order.split(BATCH):
            if len(rows) < 2:
                continue  # batch norm needs two
            optimizer.zero_grad()
            loss_of(net(inputs[0][rows], inputs[1][rows]), targets[rows], facts, shares[rows]).backward()
            optimizer.step()
        if held is not None:
            net.eval()
            with torch.inference_mode():
                outputs = net(*tensors(facts["scales"], held[0]))
                loss = float(loss_of(outputs, convert(held[1]), facts, torch.ones(len(held[1]))))
            if loss < best:
                best, best_epoch, best_weights = loss, epoch, copy.deepcopy(net.state_dict())
            elif epoch - best_epoch >= PATIENCE:
                break
    if best_weights is not None:
        net.load_state_dict(best_weights)
    with torch.no_grad():
        net.head.weight.mul_(scale)
        net.head.bias.mul_(scale).add_(shift)
    return net.eval(), best_epoch


def raw(net: TableNet, facts: dict[str, Any], matrix: np.ndarray) -> np.ndarray:
    with torch.inference_mode():
        parts = [net(*tensors(facts["scales"], matrix[start : start + 8192])) for start in range(0, len(matrix), 8192)]
    return torch.cat(parts).numpy().astype(float)


def save(net: TableNet, folder: Path) -> None:
    save_file({name: value.contiguous() for name, value in net.state_dict().items()}, folder / "model.safetensors")


def write_onnx(folder: Path, target: Path) -> None:
    facts = json.loads((folder / "columns.json").read_text("utf-8"))
    net = build(facts)
    net.load_state_dict(load_file(folder / "model.safetensors"))
    scales = facts["scales"]
    numbers = torch.zeros(2, len(scales["numbers"]) + len(scales["gaps"]))
    codes = torch.zeros(2, len(scales["categories"]), dtype=torch.int64)
    trace(net.eval(), (numbers, codes), {"numbers": {0: "batch"}, "codes": {0: "batch"}}, target)
