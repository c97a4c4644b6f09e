"""A file of safetensors read with numpy alone (https://github.com/huggingface/safetensors#format)."""

import json
from pathlib import Path
from typing import Any

import numpy as np

WEIGHTS, CONFIG = "model.safetensors", "config.json"
TYPES = {"F32": "<f4", "F16": "<f2", "F64": "<f8"}
SHORT = "BF16"
"""The upper half of a float32, which numpy does not know."""


def read_header(path: Path) -> dict[str, dict[str, Any]]:
    """{name: {dtype, shape, data_offsets}} of every tensor in the file."""
    with path.open("rb") as file:
        header: dict[str, dict[str, Any]] = json.loads(file.read(int.from_bytes(file.read(8), "little")))
    header.pop("__metadata__", None)
    return header


def read_weights(path: Path) -> dict[str, np.ndarray]:
    """{name: float32} of every tensor in the file. ValueError: one of another type."""
    data = path.read_bytes()
    size = int.from_bytes(data[:8], "little")
    header = json.loads(data[8 : 8 + size])
    header.pop("__metadata__", None)
    body = memoryview(data)[8 + size :]
    return {name: tensor(body, facts["dtype"], facts["shape"], facts["data_offsets"]) for name, facts in header.items()}


def tensor(body: memoryview, kind: str, shape: list[int], offsets: list[int]) -> np.ndarray:
    part = body[offsets[0] : offsets[1]]
    if kind == SHORT:
        halves = np.frombuffer(part, dtype="<u2").astype("<u4") << 16
        return halves.view("<f4").reshape(shape)
    if kind not in TYPES:
        raise ValueError(f"weights of the type {kind} cannot be read")
    return np.frombuffer(part, dtype=TYPES[kind]).astype(np.float32).reshape(shape)
