"""Pictures with texts into pixels and tokens, without torch."""

from collections.abc import Collection, Sequence
from pathlib import Path
from typing import cast

import numpy as np

from trainer.engines import ArrayEngine
from trainer.engines.explanations import MOST_PARTS, Parts, word_parts
from trainer.engines.image import Source, read_picture, region_parts
from trainer.engines.text import PIECE, open_tokenizer, padded
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

    @property
    def view(self) -> JsonObject:
        return self.preprocess.view

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

    def parts(self, value: Pair, most: int = MOST_PARTS) -> Parts[Pair]:
        """Regions of the picture, then words of the text."""
        pixels, text = value
        words = word_parts(text, str, max(most // 2, 1))
        regions = region_parts(pixels, self.preprocess.mean_pixel, np.asarray, most - len(words.described))
        seen = len(regions.described)

        def without(places: Collection[int]) -> Pair:
            read = [place - seen for place in places if place >= seen]
            return regions.without([place for place in places if place < seen]), words.without(read) if read else text

        return Parts([*regions.described, *words.described], without)
