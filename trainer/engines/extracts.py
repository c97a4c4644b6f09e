"""Summaries of a text's own sentences, without torch: vectors by a graph, and a linear score."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from trainer.answers.completion_scoring import Written
from trainer.answers.rewriting_scoring import report
from trainer.engines import Engine
from trainer.engines.explanations import Weighed
from trainer.engines.text_vectors import Encoder
from trainer.extracts import EXTRACTOR, load, read_sentences
from trainer.json_types import JsonObject
from trainer.outputs import Outputs
from trainer.table_texts import ENCODER, GRAPH, TOKENIZER
from trainer.writing.figures import FIGURES

if TYPE_CHECKING:
    from trainer.data.loading import Loaded

MAX_LENGTH = 256
"""Tokens of a sentence."""


class ExtractEngine(Engine[str, list[Written]]):
    methods = ("scores",)

    def model_file(self) -> Path:
        return self.artifact / "model" / EXTRACTOR

    def other_files(self) -> tuple[Path, ...]:
        return tuple(self.artifact / "model" / ENCODER / name for name in (GRAPH, TOKENIZER))

    def open(self, threads: int | None) -> None:
        self.extractor = load(self.artifact / "model")
        self.embed = Encoder(self.artifact / "model" / ENCODER, MAX_LENGTH, threads)

    def warm_input(self) -> str:
        return "a"

    def read(self, value: object) -> str:
        """A text, or an object with it; a right answer beside it changes nothing."""
        self.check(value)
        given: Any = value if isinstance(value, str) else value[self.task.roles[0].name]  # type: ignore[index]
        return str(given)

    def answered(self, inputs: Sequence[str]) -> list[Written]:
        return [self.written(text) for text in inputs]

    def written(self, text: str) -> Written:
        sentences = read_sentences(text, self.extractor.clauses)
        summary = self.extractor.summary(sentences, self.embed(sentences.plain))
        return Written(summary, len(summary.split()), len(text.split()), "stop")

    def outputs(self, inputs: Sequence[str]) -> list[np.ndarray]:
        """The characters of each summary by their codes, after figures that mean nothing here."""
        return [
            np.array([0.0] * FIGURES + [float(ord(character)) for character in each.text])
            for each in self.answered(inputs)
        ]

    def report(self, rows: "Loaded", outputs: Outputs, shown: list[str]) -> JsonObject:
        texts = ["".join(chr(int(code)) for code in row[FIGURES:]) for row in outputs]
        name = self.task.roles[0].name
        return report(list(rows.answers), texts, shown, rows.row_numbers, name, self.task.headline)

    def exact(self, value: str) -> tuple[list[JsonObject], Weighed]:
        """The sentences with their scores, from 0 for the least to 1 for the best."""
        sentences = read_sentences(value, self.extractor.clauses)
        scores = self.extractor.scores(sentences, self.embed(sentences.plain))
        shares = (scores - scores.min()) / max(float(np.ptp(scores)), 1e-9)
        parts: list[JsonObject] = []
        place = 0
        for sentence in sentences.plain:
            start = max(value.find(sentence, place), 0)
            place = start + len(sentence)
            parts.append({"kind": "word", "text": sentence, "start": start, "end": place})
        return parts, Weighed(shares, "score", 1)
