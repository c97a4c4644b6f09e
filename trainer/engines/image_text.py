"""Pictures with texts into pixels and tokens, without torch."""

from collections.abc import Sequence
from pathlib import Path
from typing import cast

import numpy as np

from trainer.engines import ArrayEngine
from trainer.engines.image import Source, cover_regions, read_picture
from trainer.engines.text import PIECE, leave_out_words, open_tokenizer, padded
from trainer.json_types import JsonObject
from trainer.pictures import CONFIG, Preprocess
from trainer.tasks.image_text_classification import parts_of

Pair = tuple[np.ndarray, str]
"""A read input: (height, width, channels) bytes, and the text."""


class ImageTextEngine(ArrayEngine[Pair]):
    reads_slowly = True

    def __init__(
        self, artifact: Path, manifest: JsonObject, engine: str | None, threads: int | None, *, verify: bool = False
    ) -> None:
        super().__init__(artifact, manifest, engine, threads, verify=verify)
        picture, tokenizer = self.other_files()
        self.preprocess = Preprocess.load(picture.parent)
        self.tokenizer = open_tokenizer(tokenizer, self.manifest["max_length"])

    def other_files(self) -> tuple[Path, ...]:
        model = self.artifact / "model"
        return model / "picture" / CONFIG, model / "text" / "tokenizer.json"

    def warm_input(self) -> Pair:
        return np.zeros(self.preprocess.shape, dtype=np.uint8), "a"

    def read(self, value: object) -> Pair:
        """{image, text}, or a picture by itself."""
        self.check(value)
        picture, text = parts_of(cast("JsonObject | Source", value))
        return read_picture(self.preprocess, picture), text

    def encode(self, inputs: Sequence[Pair]) -> dict[str, np.ndarray]:
        ids = [encoding.ids for encoding in self.tokenizer.encode_batch_fast([text for _pixels, text in inputs])]
        return {"pixels": np.stack([pixels for pixels, _text in inputs]), **padded(ids)}

    def outputs(self, inputs: Sequence[Pair]) -> np.ndarray:
        """Piece by piece, so that an explanation's two hundred pictures do not pass through the model at once."""
        return np.concatenate(
            [
                super(ImageTextEngine, self).outputs(inputs[start : start + PIECE])
                for start in range(0, len(inputs), PIECE)
            ]
        )

    def pieces(self, value: Pair) -> list[tuple[JsonObject, Pair]]:
        pixels, text = value
        seen = [(piece, (rest, text)) for piece, rest in cover_regions(pixels, self.preprocess.mean_pixel)]
        return [*seen, *((piece, (pixels, rest)) for piece, rest in leave_out_words(text))]

    def explain(self, value: Pair) -> JsonObject:
        """How far the score falls without each region of the picture, and without each word of the text."""
        explanation = super().explain(value)
        parts = explanation.pop(self.parts_name)
        return explanation | {
            "regions": [part for part in parts if "box" in part],
            "words": [part for part in parts if "box" not in part],
        }
