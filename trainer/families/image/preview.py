"""Pictures as learning sees them, before it begins: a row for each picture, first as it is, then changed."""

from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

from trainer.families.image import augmentation
from trainer.families.image.augmentation import Augmentation
from trainer.learning.job import Job
from trainer.learning.rows import Rows

ROWS, VARIANTS = 6, 7
GAP, CELL = 4, 112
"""Pixels between cells, and how large small pictures are shown."""
WHITE = 255
FILE = "augmentation.png"


class AugmentedRows(Rows):
    """Pictures that learning changes at random."""

    augmentation: Augmentation

    def pixels(self, rows: np.ndarray) -> np.ndarray:
        """(rows, height, width, channels) bytes."""
        raise NotImplementedError


def preview(job: Job, rows: AugmentedRows, folder: Path) -> dict[str, Any]:
    """Write the grid; {path, rows, variants, changes}."""
    chosen = choose(rows)
    originals = rows.pixels(chosen)
    cells = np.stack([originals, *variants(rows, chosen, job.spec.seed)], axis=1)
    folder.mkdir(parents=True, exist_ok=True)
    grid(cells).save(folder / FILE)
    return {
        "path": str(folder / FILE),
        "rows": rows.numbers(chosen),
        "variants": VARIANTS,
        "changes": augmentation.sentence(rows.augmentation.settings),
    }


def choose(rows: AugmentedRows) -> np.ndarray:
    """A few rows to learn from, of as many labels as can be."""
    learned = rows.known("train")
    if not rows.is_class:
        return learned[np.linspace(0, len(learned) - 1, min(ROWS, len(learned))).astype(int)]
    _labels, first = np.unique(rows.truth[learned], return_index=True)
    order = dict.fromkeys([*first.tolist(), *range(len(learned))])
    return learned[list(order)[:ROWS]]


def variants(rows: AugmentedRows, chosen: np.ndarray, seed: int) -> list[np.ndarray]:
    drawn = []
    for number in range(VARIANTS):
        (values, *_others), _mix = rows.learning_batch(
            chosen, torch.device("cpu"), np.random.default_rng([seed, number])
        )
        drawn.append(values.float().round().clamp(0, 255).byte().numpy())
    return drawn


def grid(cells: np.ndarray) -> Image.Image:
    """(rows, columns, height, width, channels) bytes as one picture."""
    tall, wide, height, width, channels = cells.shape
    scale = max(1, CELL // max(height, width))
    cells = cells.repeat(scale, axis=2).repeat(scale, axis=3)
    height, width = height * scale, width * scale
    sheet = np.full((tall * (height + GAP) - GAP, wide * (width + GAP) - GAP, channels), WHITE, dtype=np.uint8)
    for row in range(tall):
        for column in range(wide):
            top, left = row * (height + GAP), column * (width + GAP)
            sheet[top : top + height, left : left + width] = cells[row, column]
    return Image.fromarray(sheet[:, :, 0] if channels == 1 else sheet)
