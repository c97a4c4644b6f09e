"""A file of safetensors read with numpy alone (https://github.com/huggingface/safetensors#format)."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO

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


def read_weights(path: Path, prefixes: tuple[str, ...] = ("",)) -> dict[str, np.ndarray]:
    """{name: float32} of every tensor in the file whose name begins so. ValueError: one of another type."""
    tensors = {name: facts for name, facts in read_header(path).items() if name.startswith(prefixes)}
    with path.open("rb") as file:
        body = 8 + int.from_bytes(file.read(8), "little")
        return {name: read_tensor(file, body, facts) for name, facts in tensors.items()}


def read_tensor(file: BinaryIO, body: int, facts: Mapping[str, Any]) -> np.ndarray:
    start, end = facts["data_offsets"]
    file.seek(body + start)
    return tensor(file.read(end - start), facts["dtype"], facts["shape"])


def tensor(part: bytes, kind: str, shape: list[int]) -> np.ndarray:
    if kind == SHORT:
        halves = np.frombuffer(part, dtype="<u2").astype("<u4") << 16
        return halves.view("<f4").reshape(shape)
    if kind not in TYPES:
        raise ValueError(f"weights of the type {kind} cannot be read")
    return np.frombuffer(part, dtype=TYPES[kind]).astype(np.float32).reshape(shape)
