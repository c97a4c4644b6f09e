"""Models that were tuned by adapters from one base share its weights in memory.

An artifact holds the merged weights and the adapter (`trainer.packaging.adapters`); its manifest says from which file of weights it
came. The first such model that is opened takes its adapter out of its weights again, and what is left is the base, but for the last
bit of rounding. All others of this base that are opened while one is there read their adapter alone, and add what it says to what
the base computes (Hu et al. 2021): x W + (x A) B.
"""

import json
import threading
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple
from weakref import WeakValueDictionary

import numpy as np

from trainer.files import read_json
from trainer.writing.weights import WEIGHTS, read_header, read_weights

SHARED_FROM = 64 * 1024**2
"""Bytes of weights below which a model keeps its own: two more products a layer would cost more than the memory is worth."""
ADAPTER, ADAPTER_WEIGHTS, ADAPTER_CONFIG = "adapter", "adapter_model.safetensors", "adapter_config.json"
PREFIX, FIRST, SECOND = "base_model.model.", ".lora_A.weight", ".lora_B.weight"
Key = tuple[str, ...]
"""Names of the weights that an array was made of, and what was made of them."""


class Base:
    """The arrays that networks of one base have in common, made once. Kept as long as one of them is open."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.arrays: dict[Key, np.ndarray] = {}
        self.lock = threading.Lock()

    @property
    def bytes(self) -> int:
        return sum(array.nbytes for array in self.arrays.values())


class Low(NamedTuple):
    """What an adapter adds to a layer: x `down` (inputs, rank) `up` (rank, outputs)."""

    down: np.ndarray
    up: np.ndarray


BASES: WeakValueDictionary[str, Base] = WeakValueDictionary()
OPENING = threading.Lock()


class Tuned(Mapping[str, np.ndarray]):
    """The merged weights of a model by name, read when the first is asked for, and what of them is the base's."""

    def __init__(self, folder: Path, base: Base) -> None:
        self.path, self.base = folder / WEIGHTS, base
        self.header = read_header(self.path)
        self.lows, self.own = read_adapter(folder.parent / ADAPTER)
        self.read: dict[str, np.ndarray] | None = None

    def __getitem__(self, name: str) -> np.ndarray:
        if self.read is None:
            self.read = read_weights(self.path)
        return self.read[name]

    def __contains__(self, name: object) -> bool:
        return name in self.header

    def __iter__(self) -> Iterator[str]:
        return iter(self.header)

    def __len__(self) -> int:
        return len(self.header)

    def prepared(self, key: Key, make: Callable[[], np.ndarray]) -> np.ndarray:
        """The base's array of this key, made of these weights where it is the first time; of weights that this model alone has
        learned, its own."""
        if self.own.intersection(key):
            return make()
        if key not in self.base.arrays:
            self.base.arrays[key] = make()
        return self.base.arrays[key]

    def low(self, names: Key, widths: list[int]) -> Low | None:
        """What was learned beside layers that stand side by side, each of so many outputs."""
        parts = [self.lows.get(name.removesuffix(".weight")) for name in names]
        known = [(place, low) for place, low in enumerate(parts) if low is not None]
        if not known:
            return None
        starts = np.cumsum([0, *widths])
        up = np.zeros((sum(low.up.shape[0] for _place, low in known), starts[-1]), dtype=np.float32)
        row = 0
        for place, low in known:
            up[row : row + len(low.up), starts[place] : starts[place + 1]] = low.up
            row += len(low.up)
        return Low(np.ascontiguousarray(np.concatenate([low.down for _place, low in known], axis=1)), up)

    def width(self, name: str, is_turned: bool) -> int:
        """Outputs of a layer, by the header alone."""
        return int(self.header[name]["shape"][1 if is_turned else 0])

    def release(self) -> None:
        """The merged weights, once a network is made."""
        self.read = None

    @property
    def own_bytes(self) -> int:
        """Of what no other model shares."""
        own = sum(4 * int(np.prod(self.header[name]["shape"])) for name in self.own)
        return own + 2 * sum(low.down.nbytes + low.up.nbytes for low in self.lows.values())


def read_adapter(folder: Path) -> tuple[dict[str, Low], frozenset[str]]:
    """({layer: what is added to it}, names of weights that were learned as a whole)."""
    config = json.loads((folder / ADAPTER_CONFIG).read_text("utf-8"))
    weights = read_weights(folder / ADAPTER_WEIGHTS)
    scale = np.float32(config["lora_alpha"] / config["r"])
    lows: dict[str, Low] = {}
    for name, values in weights.items():
        if name.endswith(FIRST):
            layer = name.removesuffix(FIRST)
            second = weights[layer + SECOND]
            lows[layer.removeprefix(PREFIX)] = Low(values.T, scale * second.T)
    whole = (name.removeprefix(PREFIX) for name in weights if not name.endswith((FIRST, SECOND)))
    return lows, frozenset(whole)


def base_of(folder: Path) -> str:
    """By its manifest, the SHA-256 of the weights that a model's folder was tuned from, where these are worth sharing; else empty."""
    artifact = folder.parent
    if not (artifact / ADAPTER / ADAPTER_WEIGHTS).is_file() or (folder / WEIGHTS).stat().st_size < SHARED_FROM:
        return ""
    manifest = read_json(artifact / "manifest.json") if (artifact / "manifest.json").is_file() else {}
    return str(manifest.get("base_sha256") or "")


def open_tuned(folder: Path) -> Tuned | None:
    """None of a model that shares nothing."""
    name = base_of(folder)
    if not name:
        return None
    with OPENING:
        base = BASES.get(name)
        if base is None:
            base = BASES[name] = Base(name)
    return Tuned(folder, base)
