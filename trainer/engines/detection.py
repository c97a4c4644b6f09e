"""Objects in pictures: boxes in the pixels of the picture that was sent."""

import io
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from PIL import Image

from trainer.answers import objects_scoring
from trainer.boxes import THRESHOLD, above, listed, objects_of, of_list
from trainer.engines.image import ImageEngine, bytes_of

if TYPE_CHECKING:
    from trainer.data.loading import Loaded

AT_ONCE = 8
"""Pictures answered together: detectors look at large ones."""
ORIENTATION, TURNED = 0x0112, (5, 6, 7, 8)
"""The EXIF tag, and its values for a picture that lies on its side."""


class Picture(NamedTuple):
    """`pixels` as the model takes them; `size` (width, height) of what was sent."""

    pixels: np.ndarray
    size: tuple[int, int]


class DetectionEngine(ImageEngine):
    """The graph gives (pictures, queries, labels + 4): a score for each label, then centre and size as shares."""

    @property
    def threshold(self) -> float:
        return self.manifest.get("threshold", THRESHOLD)

    def read(self, value: Any) -> Picture:
        pixels = super().read(value)
        return Picture(pixels, upright_size(bytes_of(value)))

    def warm_input(self) -> Picture:
        return Picture(super().warm_input(), self.preprocess.shape[1::-1])

    def encode(self, inputs: list[Picture]) -> dict[str, np.ndarray]:
        return super().encode([one.pixels for one in inputs])

    def answered(self, inputs: list[Picture]) -> list[list[dict[str, Any]]]:
        """Boxes in the pixels of each picture, the surest first."""
        shown = [above(objects_of(output), self.threshold) for output in self.outputs(inputs)]
        return [listed(one, self.labels, picture.size) for one, picture in zip(shown, inputs, strict=True)]

    def answers(self, inputs: list[Picture], batch: int) -> list[Any]:
        return super().answers(inputs, min(batch, AT_ONCE))

    def report(self, rows: "Loaded", outputs: np.ndarray, shown: list[str]) -> dict[str, Any]:
        sizes = [upright_size(rows.media / name) for name in shown]
        index = {label: at for at, label in enumerate(self.labels)}
        truth = [
            of_list(json.loads(cell) if cell else [], index, size)
            for cell, size in zip(rows.answers, sizes, strict=True)
        ]
        answers = [objects_of(output) for output in outputs]
        return objects_scoring.report(truth, answers, self.labels, sizes, shown, rows.row_numbers, self.threshold)

    def explain(self, value: Picture) -> dict[str, Any]:
        """Which regions carry the surest object: how far its label's best score falls when one is covered."""
        pieces = super().pieces(value.pixels)
        covered = [Picture(without, value.size) for _region, without in pieces]
        first = self.answered([value])[0]
        scores = np.concatenate([self.outputs(covered[at : at + AT_ONCE]) for at in range(0, len(covered), AT_ONCE)])
        if not first:
            return {"objects": [], self.parts_name: []}
        label = self.labels.index(first[0]["label"])
        falls = first[0]["score"] - scores[:, :, label].max(1)
        weighed = [{**region, "weight": round(float(fall), 4)} for (region, _), fall in zip(pieces, falls, strict=True)]
        return {"objects": first, self.parts_name: weighed}


def upright_size(picture: bytes | Path) -> tuple[int, int]:
    """(width, height) as people see it: boxes are drawn on the picture turned the right way."""
    with Image.open(io.BytesIO(picture) if isinstance(picture, bytes) else picture) as image:
        width, height = image.size
        return (height, width) if image.getexif().get(ORIENTATION) in TURNED else (width, height)
