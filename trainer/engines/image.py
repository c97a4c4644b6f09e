"""Pictures into pixels, by Pillow and numpy alone."""

import base64
import binascii
import itertools
import math
from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from typing import cast

import numpy as np

from trainer.answers.base_scoring import Answered
from trainer.data.media import UnreadableError
from trainer.engines import Engine, Read
from trainer.engines.explanations import MOST_PARTS, Parts
from trainer.engines.heat import HeatEngine
from trainer.errors import DataError
from trainer.json_types import JsonObject
from trainer.messages import _
from trainer.pictures import CONFIG, MAX_PREDICTED_PIXELS, Preprocess

GRID = 7
"""Regions a side that `explain` covers at most."""


Source = str | bytes | Path
"""Of a picture or a sound: a `data:` URL, a file's bytes, or a path from this machine's own rows."""


class PixelEngine(Engine[Read, Answered]):
    """What engines share that look at pictures."""

    reads_slowly = True

    def __init__(
        self, artifact: Path, manifest: JsonObject, engine: str | None, threads: int | None, *, verify: bool = False
    ) -> None:
        super().__init__(artifact, manifest, engine, threads, verify=verify)
        self.preprocess = Preprocess.load(self.artifact / "model")

    def other_files(self) -> tuple[Path, ...]:
        return (self.artifact / "model" / CONFIG, *super().other_files())

    @property
    def view(self) -> JsonObject:
        return self.preprocess.view

    def warm_pixels(self) -> np.ndarray:
        """A black picture, as the model takes it."""
        return np.zeros(self.preprocess.shape, dtype=np.uint8)

    def read_source(self, value: object) -> Source:
        """An input of the task, checked."""
        self.check(value)
        return cast("Source", value)


class ImageEngine(PixelEngine[np.ndarray, np.ndarray], HeatEngine):
    """A read input: (height, width, channels) bytes."""

    def warm_input(self) -> np.ndarray:
        return self.warm_pixels()

    def read(self, value: object) -> np.ndarray:
        """A `Source` as (height, width, channels) bytes."""
        return read_picture(self.preprocess, self.read_source(value))

    def encode(self, inputs: Sequence[np.ndarray]) -> dict[str, np.ndarray]:
        return {"pixels": np.stack(inputs)}

    def parts(self, value: np.ndarray, most: int = MOST_PARTS) -> Parts[np.ndarray]:
        return region_parts(value, self.preprocess.mean_pixel, lambda pixels: pixels, most)


def read_picture(preprocess: Preprocess, value: Source) -> np.ndarray:
    """(height, width, channels) bytes; `DataError`. A picture that was sent may be smaller than one of the rows."""
    try:
        return preprocess.read(bytes_of(value), None if isinstance(value, Path) else MAX_PREDICTED_PIXELS)
    except UnreadableError as error:
        raise DataError(
            _("%(error)s.", error=error), code="bad_input", hint=_("Send a JPEG, PNG, WebP, GIF, BMP or TIFF.")
        ) from error


def region_parts(
    pixels: np.ndarray, paint: np.ndarray, rebuilt: Callable[[np.ndarray], Read], most: int = MOST_PARTS
) -> Parts[Read]:
    """The cells of a grid, painted over; `box` in shares of the picture as the model sees it: [x, y, width, height]. `rebuilt`: the
    input with other pixels."""
    side = min(GRID, math.isqrt(max(most, 4)))
    height, width = pixels.shape[:2]
    rows, columns = (np.linspace(0, length, side + 1).astype(int).tolist() for length in (height, width))
    cells = [
        (top, bottom, left, right)
        for top, bottom in itertools.pairwise(rows)
        for left, right in itertools.pairwise(columns)
    ]

    def without(places: Collection[int]) -> Read:
        painted = pixels.copy()
        for top, bottom, left, right in (cells[place] for place in places):
            painted[top:bottom, left:right] = paint
        return rebuilt(painted)

    return Parts([region(cell, height, width) for cell in cells], without)


def region(cell: tuple[int, int, int, int], height: int, width: int) -> JsonObject:
    top, bottom, left, right = cell
    box = [left / width, top / height, (right - left) / width, (bottom - top) / height]
    return {"kind": "region", "box": [round(side, 4) for side in box]}


def bytes_of(value: Source) -> bytes:
    if isinstance(value, bytes):
        return value
    if isinstance(value, Path):
        try:
            return value.read_bytes()
        except OSError as error:
            raise UnreadableError("is not there") from error
    try:
        return base64.b64decode(value.partition(",")[2], validate=True)
    except (binascii.Error, ValueError) as error:
        raise UnreadableError("is not what base64 looks like") from error
