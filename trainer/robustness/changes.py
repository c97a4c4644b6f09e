"""What can be wrong with an input, by its kind, each in five strengths from mild to severe."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from trainer.robustness import pictures, sounds, texts

Changed = Callable[[Any, float, np.random.Generator], Any]
"""(an input as it was `opened`, the strength, what draws) → the input changed, as `Engine.read` takes it."""


@dataclass(frozen=True)
class Change:
    """`strengths` in `unit`: a share, an amount of JPEG's quality, degrees, Hz or dB."""

    name: str
    unit: str
    strengths: tuple[float, ...]
    change: Changed
    moves: bool = False
    """Whether what is in a picture lies elsewhere afterwards, so that boxes no longer fit."""


def without_cells(row: Mapping[str, Any], share: float, generator: np.random.Generator) -> dict[str, Any]:
    """So many of the cells missing."""
    return {name: None if generator.random() < share else cell for name, cell in row.items()}


TEXTS = (
    Change("slips", "share", (0.01, 0.02, 0.05, 0.1, 0.2), texts.with_slips),
    Change("capitals", "share", (0.1, 0.25, 0.5, 0.75, 1.0), texts.in_capitals),
    Change("accents", "share", (0.2, 0.4, 0.6, 0.8, 1.0), texts.without_accents),
    Change("order", "share", (0.02, 0.05, 0.1, 0.2, 0.4), texts.with_swapped_words),
)
PICTURES = (
    Change("blur", "share", (0.005, 0.01, 0.02, 0.04, 0.08), pictures.blurred),
    Change("noise", "share", (0.02, 0.05, 0.1, 0.2, 0.3), pictures.noisy),
    Change("jpeg", "quality", (70, 40, 20, 10, 5), pictures.compressed),
    Change("light", "share", (0.2, 0.4, 0.6, 0.75, 0.9), pictures.lit),
    Change("turn", "degrees", (5, 10, 20, 45, 90), pictures.turned, moves=True),
)
SOUNDS = (
    Change("band", "hertz", (7000, 5000, 3400, 2500, 1500), sounds.banded),
    Change("hiss", "decibels", (30, 20, 10, 5, 0), sounds.noisy),
)
TABLES = (Change("missing", "share", (0.05, 0.1, 0.2, 0.4, 0.6), without_cells),)


def of_text(value: Any) -> Any:  # noqa: ANN401  as a task gives it
    return value


def of_picture(value: Path) -> Any:  # noqa: ANN401  Pillow's
    return pictures.opened(value.read_bytes())


def of_sound(value: Path) -> np.ndarray:
    return sounds.decode(value.read_bytes())


@dataclass(frozen=True)
class Kind:
    """`opened`: an input of the rows, decoded once for all changes."""

    changes: Sequence[Change]
    opened: Callable[[Any], Any]


KINDS = {
    "text": Kind(TEXTS, of_text),
    "image": Kind(PICTURES, of_picture),
    "audio": Kind(SOUNDS, of_sound),
    "table": Kind(TABLES, of_text),
}
"""By the modality of a task."""
