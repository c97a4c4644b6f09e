"""Texts by their counted words: answers straight from the weights, without a graph."""

from collections.abc import Sequence
from pathlib import Path
from typing import cast

import numpy as np

from trainer.engines import ArrayEngine
from trainer.engines.text import MOST_WORDS
from trainer.json_types import JsonObject
from trainer.words import SETTINGS, WEIGHTS, WordModel


class WordsEngine(ArrayEngine[str]):
    parts_name = "words"

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

    def explain(self, value: str) -> JsonObject:
        """What each word adds to the answer's output, exactly: the model is a sum over its terms."""
        outputs = self.outputs([value])
        answer = self.scoring.falls(np.concatenate([outputs, outputs]), self.manifest).answer
        parts = self.model.contributions(value, self.scoring.direction(outputs[0], self.manifest))
        words = [
            {"text": value[start:end], "start": start, "end": end, "weight": round(part, 4)}
            for start, end, part in parts
        ]
        return answer | {self.parts_name: words[:MOST_WORDS]}
