"""Pictures with texts into pixels and tokens, without torch."""

from pathlib import Path
from typing import Any

import numpy as np

from trainer.engines import Engine
from trainer.engines.image import read_picture, regions
from trainer.engines.text import PIECE, open_tokenizer, padded, words
from trainer.pictures import CONFIG, Preprocess
from trainer.tasks.image_text_classification import parts_of

Pair = tuple[np.ndarray, str]
"""A read input: (height, width, channels) bytes, and the text."""


class ImageTextEngine(Engine):
    reads_slowly = True

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        picture, tokenizer = self.other_files()
        self.preprocess = Preprocess.load(picture.parent)
        self.tokenizer = open_tokenizer(tokenizer, self.manifest["max_length"])

    def other_files(self) -> tuple[Path, ...]:
        model = self.artifact / "model"
        return model / "picture" / CONFIG, model / "text" / "tokenizer.json"

    def warm_input(self) -> Pair:
        return np.zeros(self.preprocess.shape, dtype=np.uint8), "a"

    def read(self, value: Any) -> Pair:
        picture, text = parts_of(super().read(value))
        return read_picture(self.preprocess, picture), text

    def encode(self, inputs: list[Pair]) -> dict[str, np.ndarray]:
        ids = [one.ids for one in self.tokenizer.encode_batch_fast([text for _pixels, text in inputs])]
        return {"pixels": np.stack([pixels for pixels, _text in inputs]), **padded(ids)}

    def outputs(self, inputs: list[Pair]) -> np.ndarray:
        """Piece by piece, so that an explanation's two hundred pictures do not pass through the model at once."""
        return np.concatenate(
            [super(ImageTextEngine, self).outputs(inputs[at : at + PIECE]) for at in range(0, len(inputs), PIECE)]
        )

    def pieces(self, value: Pair) -> list[tuple[dict[str, Any], Pair]]:
        pixels, text = value
        seen = [(piece, (rest, text)) for piece, rest in regions(pixels, self.preprocess.mean_pixel)]
        return [*seen, *((piece, (pixels, rest)) for piece, rest in words(text))]

    def explain(self, value: Pair) -> dict[str, Any]:
        """How far the score falls without each region of the picture, and without each word of the text."""
        found = super().explain(value)
        parts = found.pop(self.parts_name)
        return found | {
            "regions": [one for one in parts if "box" in one],
            "words": [one for one in parts if "box" not in one],
        }
