"""Texts into tokens, by the `tokenizers` library alone."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, cast

import numpy as np

from trainer.engines import ArrayEngine
from trainer.engines.explanations import MOST_PARTS, Parts, word_parts
from trainer.json_types import JsonObject

if TYPE_CHECKING:
    from tokenizers import Tokenizer

SORTED_FROM = 8
"""Batches from this size on are answered in order of length, in pieces, to save padding."""
PIECE = 16


class TextEngine(ArrayEngine[str]):
    methods: tuple[str, ...] = ("occlusion", "lime")

    def __init__(
        self, artifact: Path, manifest: JsonObject, engine: str | None, threads: int | None, *, verify: bool = False
    ) -> None:
        super().__init__(artifact, manifest, engine, threads, verify=verify)
        self.tokenizer = open_tokenizer(self.artifact / "model" / "tokenizer.json", self.manifest["max_length"])

    def other_files(self) -> tuple[Path, ...]:
        return (self.artifact / "model" / "tokenizer.json",)

    def warm_input(self) -> str:
        return "a"

    def read(self, value: object) -> str:
        self.check(value)
        return cast("str", value)

    def predict(self, inputs: Sequence[str]) -> list[JsonObject]:
        """As every engine; `truncated: true` where a text is longer than what the model reads of it."""
        if not inputs:
            return []
        encodings = self.tokenizer.encode_batch_fast(inputs)
        predictions = self.served(self.logits([encoding.ids for encoding in encodings]))
        for prediction, encoding in zip(predictions, encodings, strict=True):
            if encoding.overflowing:
                prediction["truncated"] = True
        return predictions

    def outputs(self, inputs: Sequence[str]) -> np.ndarray:
        return self.logits([encoding.ids for encoding in self.tokenizer.encode_batch_fast(inputs)])

    def logits(self, encoded: list[list[int]]) -> np.ndarray:
        if len(encoded) < SORTED_FROM:
            return self.run(encoded)
        order = sorted(range(len(encoded)), key=lambda row: len(encoded[row]))
        logits = np.empty((len(encoded), self.outputs_each), dtype=np.float32)
        for start in range(0, len(order), PIECE):
            rows = order[start : start + PIECE]
            logits[rows] = self.run([encoded[row] for row in rows])
        return logits

    def run(self, encoded: list[list[int]]) -> np.ndarray:
        return self.session.run(None, padded(encoded))[0]

    def order(self, inputs: Sequence[str]) -> list[int]:
        return sorted(range(len(inputs)), key=lambda row: len(inputs[row]))

    def parts(self, value: str, most: int = MOST_PARTS) -> Parts[str]:
        return word_parts(value, str, most)


def padded(encoded: list[list[int]]) -> dict[str, np.ndarray]:
    """The graph's arguments for texts as token ids."""
    longest = max(2, max(map(len, encoded)))
    ids = np.zeros((len(encoded), longest), dtype=np.int64)
    mask = np.zeros((len(encoded), longest), dtype=np.int64)
    for row, tokens in enumerate(encoded):
        ids[row, : len(tokens)] = tokens
        mask[row, : len(tokens)] = 1
    return {"input_ids": ids, "attention_mask": mask}


def open_tokenizer(path: Path, max_length: int) -> "Tokenizer":
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(path))
    tokenizer.no_padding()
    tokenizer.enable_truncation(max_length)
    return tokenizer
