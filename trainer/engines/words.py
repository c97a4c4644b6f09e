"""Texts by their counted words: answers straight from the weights, without a graph."""

from collections.abc import Sequence
from pathlib import Path
from typing import cast

import numpy as np

from trainer.engines import ArrayEngine
from trainer.engines.explanations import MOST_PARTS, Parts, Weighed, word_parts
from trainer.json_types import JsonObject
from trainer.words import SETTINGS, WEIGHTS, WordModel


class WordsEngine(ArrayEngine[str]):
    methods = ("sums", "occlusion", "lime")

    def model_file(self) -> Path:
        return self.artifact / "model" / WEIGHTS

    def other_files(self) -> tuple[Path, ...]:
        return (self.artifact / "model" / SETTINGS,)

    def open(self, threads: int | None) -> None:
        self.model = WordModel.load(self.artifact / "model")

    def warm_input(self) -> str:
        return "a"

    def read(self, value: object) -> str:
        self.check(value)
        return cast("str", value)

    def outputs(self, inputs: Sequence[str]) -> np.ndarray:
        return self.model.outputs(inputs)

    def parts(self, value: str, most: int = MOST_PARTS) -> Parts[str]:
        return word_parts(value, str, most)

    def exact(self, value: str) -> tuple[list[JsonObject], Weighed]:
        """What each word adds to the answer's output: the model is a sum over its terms."""
        direction = self.scoring.direction(self.outputs([value])[0], self.manifest)
        contributions = self.model.contributions(value, direction)
        words: list[JsonObject] = [
            {"kind": "word", "text": value[start:end], "start": start, "end": end}
            for start, end, _part in contributions
        ]
        weights = np.array([part for _start, _end, part in contributions])
        return words, Weighed(weights, self.scoring.sums_in, 1, float(self.model.bias @ direction))
