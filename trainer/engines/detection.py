"""Objects in pictures: boxes in the pixels of the picture that was sent."""

import io
import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from PIL import Image

from trainer.answers import objects_scoring
from trainer.answers.objects_scoring import Boxes
from trainer.boxes import THRESHOLD, above, listed, objects_of, of_list
from trainer.engines import answer
from trainer.engines.explanations import MOST_PARTS, Parts, batched
from trainer.engines.image import PixelEngine, bytes_of, read_picture, region_parts
from trainer.json_types import JsonObject
from trainer.outputs import Outputs

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


class DetectionEngine(PixelEngine[Picture, Boxes]):
    """The graph gives (pictures, queries, labels + 4): a score for each label, then centre and size as shares."""

    @property
    def threshold(self) -> float:
        return float(self.manifest.get("threshold", THRESHOLD))

    def read(self, value: object) -> Picture:
        """A `Source` as pixels, with the size that it has."""
        source = self.read_source(value)
        return Picture(read_picture(self.preprocess, source), upright_size(bytes_of(source)))

    def warm_input(self) -> Picture:
        return Picture(self.warm_pixels(), self.preprocess.shape[1::-1])

    def outputs(self, inputs: Sequence[Picture]) -> np.ndarray:
        """(pictures, queries, labels + 4), in order."""
        return answer(self.session, {"pixels": np.stack([picture.pixels for picture in inputs])})

    def answered(self, inputs: Sequence[Picture]) -> Boxes:
        """Boxes in the pixels of each picture, the surest first."""
        shown = [above(objects_of(output), self.threshold) for output in self.outputs(inputs)]
        return [listed(objects, self.labels, picture.size) for objects, picture in zip(shown, inputs, strict=True)]

    def answers(self, inputs: Sequence[Picture], batch: int) -> list[Any]:
        return super().answers(inputs, min(batch, AT_ONCE))

    def report(self, rows: "Loaded", outputs: Outputs, shown: list[str]) -> JsonObject:
        if rows.media is None:
            raise ValueError("rows of pictures have a folder of media")
        sizes = [upright_size(rows.media / name) for name in shown]
        index = {label: code for code, label in enumerate(self.labels)}
        truth = [
            of_list(json.loads(cell) if cell else [], index, size)
            for cell, size in zip(rows.answers, sizes, strict=True)
        ]
        answers = [objects_of(output) for output in outputs]
        return objects_scoring.report(truth, answers, self.labels, sizes, shown, rows.row_numbers, self.threshold)

    def parts(self, value: Picture, most: int = MOST_PARTS) -> Parts[Picture]:
        return region_parts(value.pixels, self.preprocess.mean_pixel, lambda pixels: Picture(pixels, value.size), most)

    def falls(self, value: Picture, others: Iterable[Picture]) -> np.ndarray:
        """Of the surest object's score: how much lower its label's best score is; nothing where no object is seen."""
        objects = self.answered([value])[0]
        if not objects:
            return np.zeros(sum(1 for _other in others))
        label = self.labels.index(objects[0]["label"])
        best = [self.outputs(batch)[:, :, label].max(1) for batch in batched(others, AT_ONCE)]
        return np.asarray(objects[0]["score"] - np.concatenate([np.zeros(0), *best]))


def upright_size(picture: bytes | Path) -> tuple[int, int]:
    """(width, height) as people see it: boxes are drawn on the picture turned the right way."""
    with Image.open(io.BytesIO(picture) if isinstance(picture, bytes) else picture) as image:
        width, height = image.size
        return (height, width) if image.getexif().get(ORIENTATION) in TURNED else (width, height)
