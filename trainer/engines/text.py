"""Texts into tokens, by the `tokenizers` library alone."""

import re
from pathlib import Path
from typing import Any

import numpy as np

from trainer.engines import Engine

SORTED_FROM = 8
"""Batches from this size on are answered in order of length, in pieces, to save padding."""
PIECE = 16
MOST_WORDS = 120
"""Of an explained text."""


class TextEngine(Engine):
    parts_name = "words"

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.tokenizer = open_tokenizer(self.artifact / "model" / "tokenizer.json", self.manifest["max_length"])

    def other_files(self) -> tuple[Path, ...]:
        return (self.artifact / "model" / "tokenizer.json",)

    def warm_input(self) -> str:
        return "a"

    def predict(self, inputs: list[str]) -> list[dict[str, Any]]:
        """As every engine; `truncated: true` where a text is longer than what the model reads of it."""
        if not inputs:
            return []
        encodings = self.tokenizer.encode_batch_fast(inputs)
        outputs = self.logits([one.ids for one in encodings])
        found = self.served(outputs)
        for answer, encoding in zip(found, encodings, strict=True):
            if encoding.overflowing:
                answer["truncated"] = True
        return found

    def outputs(self, inputs: list[str]) -> np.ndarray:
        return self.logits([one.ids for one in self.tokenizer.encode_batch_fast(inputs)])

    def logits(self, encoded: list[list[int]]) -> np.ndarray:
        if len(encoded) < SORTED_FROM:
            return self.run(encoded)
        order = sorted(range(len(encoded)), key=lambda at: len(encoded[at]))
        found = np.empty((len(encoded), self.outputs_each), dtype=np.float32)
        for start in range(0, len(order), PIECE):
            rows = order[start : start + PIECE]
            found[rows] = self.run([encoded[row] for row in rows])
        return found

    def run(self, encoded: list[list[int]]) -> np.ndarray:
        return self.session.run(None, padded(encoded))[0]

    def order(self, inputs: list[str]) -> list[int]:
        return sorted(range(len(inputs)), key=lambda at: len(inputs[at]))

    def pieces(self, value: str) -> list[tuple[dict[str, Any], str]]:
        return words(value)


def padded(encoded: list[list[int]]) -> dict[str, np.ndarray]:
    """The graph's arguments for texts as token ids."""
    longest = max(2, max(map(len, encoded)))
    ids = np.zeros((len(encoded), longest), dtype=np.int64)
    mask = np.zeros((len(encoded), longest), dtype=np.int64)
    for at, one in enumerate(encoded):
        ids[at, : len(one)] = one
        mask[at, : len(one)] = 1
    return {"input_ids": ids, "attention_mask": mask}


def words(text: str) -> list[tuple[dict[str, Any], str]]:
    """(a word or sign and where it stands, the text without it)."""
    spans = [match.span() for match in re.finditer(r"\w+|[^\w\s]", text)][:MOST_WORDS]
    return [
        ({"text": text[start:end], "start": start, "end": end}, (text[:start] + text[end:]).strip() or " ")
        for start, end in spans
    ]


def open_tokenizer(path: Path, max_length: int) -> Any:
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(path))
    tokenizer.no_padding()
    tokenizer.enable_truncation(max_length)
    return tokenizer
