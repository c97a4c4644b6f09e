"""Pictures into pixels, by Pillow and numpy alone."""

import base64
import binascii
from collections.abc import Sequence
from pathlib import Path
from typing import cast

import numpy as np

from trainer.answers.base_scoring import Answered
from trainer.data.media import UnreadableError
from trainer.engines import ArrayEngine, Engine, Read
from trainer.errors import DataError
from trainer.json_types import JsonObject
from trainer.messages import _
from trainer.pictures import CONFIG, MAX_PREDICTED_PIXELS, Preprocess

GRID = 7
"""Regions a side that `explain` covers one after another."""


Source = str | bytes | Path
"""Of a picture or a sound: a `data:` URL, a file's bytes, or a path from this machine's own rows."""


class PixelEngine(Engine[Read, Answered]):
    """What engines share that look at pictures."""

    parts_name = "regions"
    reads_slowly = True

    def __init__(
        self, artifact: Path, manifest: JsonObject, engine: str | None, threads: int | None, *, verify: bool = False
    ) -> None:
        super().__init__(artifact, manifest, engine, threads, verify=verify)
        self.preprocess = Preprocess.load(self.artifact / "model")

    def other_files(self) -> tuple[Path, ...]:
        return (self.artifact / "model" / CONFIG,)

    def warm_pixels(self) -> np.ndarray:
        """A black picture, as the model takes it."""
        return np.zeros(self.preprocess.shape, dtype=np.uint8)

    def read_source(self, value: object) -> Source:
        """An input of the task, checked."""
        self.check(value)
        return cast("Source", value)


class ImageEngine(PixelEngine[np.ndarray, np.ndarray], ArrayEngine[np.ndarray]):
    """A read input: (height, width, channels) bytes."""

    def warm_input(self) -> np.ndarray:
        return self.warm_pixels()

    def read(self, value: object) -> np.ndarray:
        """A `Source` as (height, width, channels) bytes."""
        return read_picture(self.preprocess, self.read_source(value))

    def encode(self, inputs: Sequence[np.ndarray]) -> dict[str, np.ndarray]:
        return {"pixels": np.stack(inputs)}

    def pieces(self, value: np.ndarray) -> list[tuple[JsonObject, np.ndarray]]:
        return cover_regions(value, self.preprocess.mean_pixel)


def read_picture(preprocess: Preprocess, value: Source) -> np.ndarray:
    """(height, width, channels) bytes; `DataError`. A picture that was sent may be smaller than one of the rows."""
    try:
        return preprocess.read(bytes_of(value), None if isinstance(value, Path) else MAX_PREDICTED_PIXELS)
    except UnreadableError as error:
        raise DataError(
            _("%(error)s.", error=error), code="bad_input", hint=_("Send a JPEG, PNG, WebP, GIF, BMP or TIFF.")
        ) from error


def cover_regions(pixels: np.ndarray, paint: np.ndarray) -> list[tuple[JsonObject, np.ndarray]]:
    """Each cell of a grid, painted over; `box` in shares of the picture as the model sees it: [x, y, width, height]."""
    rows = np.linspace(0, pixels.shape[0], GRID + 1).astype(int)
    columns = np.linspace(0, pixels.shape[1], GRID + 1).astype(int)
    return [without(pixels, rows[r : r + 2], columns[c : c + 2], paint) for r in range(GRID) for c in range(GRID)]


def without(
    pixels: np.ndarray, rows: np.ndarray, columns: np.ndarray, paint: np.ndarray
) -> tuple[JsonObject, np.ndarray]:
    height, width = pixels.shape[:2]
    (top, bottom), (left, right) = rows.tolist(), columns.tolist()
    box = [left / width, top / height, (right - left) / width, (bottom - top) / height]
    painted = pixels.copy()
    painted[top:bottom, left:right] = paint
    return {"box": [round(side, 4) for side in box]}, painted


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
