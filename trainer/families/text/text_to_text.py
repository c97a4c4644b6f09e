"""Pairs of texts, the second written from the first: rows, what is simple to answer, and models that learn to write."""

import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from trainer.data.conversation_rows import TURNS, WRITTEN
from trainer.data.loading import Loaded
from trainer.engines.writing import Prompt
from trainer.families.media.common import fill_settings
from trainer.families.text.writing import SMALL_WEIGHTS, WritingFamily, fresh, fresh_rate
from trainer.families.text.writing_model import WritingModel
from trainer.families.text.writing_rows import WritingRows
from trainer.learning.baselines import Baseline, count_words
from trainer.learning.job import Job
from trainer.learning.passes import read_part
from trainer.outputs import Outputs
from trainer.writing.figures import FIGURES
from trainer.writing.prompts import Template
from trainer.writing.sampling import Options

LONGEST_SHARE, SPARE_TOKENS = 0.995, 8
"""Of the right texts that can be written whole, and tokens more than those have."""
SCRATCH_ROWS, PRETRAINED_ROWS = 144_000, 12_000
"""Rows that are learned from in all, within so many epochs."""
GPT_SIZES = (4, 256)
"""(layers, width) where nobody chose them."""
LEAD = 3
SENTENCE = re.compile(r"(?<=[.!?])\s+|(?<=[。！？])|\n+")
MOST_NEAREST = 20_000
"""Training rows among which the nearest is looked for."""


class TextToTextRows(WritingRows):
    most_compared = 200

    def __init__(self, loaded: Loaded, template: Template, folder: Path, max_length: int, input_name: str) -> None:
        self.input_name = input_name
        self.sources = [turns[-1]["content"] for turns in loaded.values[TURNS]]
        self.most_tokens = longest_answer(loaded, template, max_length)
        room = max_length - self.most_tokens
        self.shortened = [template.shortened(text, room) for text in self.sources]
        super().__init__(loaded, template, folder, max_length)
        self.is_cut = np.array([own != text for own, text in zip(self.shortened, self.sources, strict=True)])

    def turns_of(self, loaded: Loaded) -> list[list[dict[str, str]]]:
        return [[{"role": "user", "content": text}] for text in self.shortened]

    def window(self, row: int, generator: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        return self.encoded[row].ids, self.encoded[row].learned

    def asked_rows(self) -> list[int]:
        """All: texts that are written are what is scored."""
        return [int(row) for row in self.part("test")]

    def input(self, row: int) -> Prompt:
        return self.prompt_of(row)

    def prompt_of(self, row: int) -> Prompt:
        return Prompt(self.template.asked(self.turns[row]), Options(self.most_tokens), self.shortened[row])

    def written(self, rows: np.ndarray, outputs: Outputs) -> list[str]:
        return [self.template.continued([], output[FIGURES:].astype(np.int64)) for output in outputs]

    def shown(self, rows: np.ndarray) -> list[str]:
        return [self.sources[row] for row in rows]

    def asked(self, rows: np.ndarray) -> dict[str, list[str]]:
        return {self.input_name: self.shown(rows)}

    def manifest(self) -> dict[str, Any]:
        return super().manifest() | {"form": "pairs", "most_tokens": self.most_tokens}

    def card_facts(self) -> list[str]:
        room = self.max_length - self.most_tokens
        return [
            f"Of a text the first {room} tokens are read, and at most {self.most_tokens} are written.",
            "Only what is written is learned, not what is read.",
        ]

    def simple(self, texts: Sequence[str]) -> list[np.ndarray]:
        """Texts for the test rows in the form of a model's outputs."""
        return [np.concatenate([np.zeros(FIGURES), self.template.encode(text)]) for text in texts]


def longest_answer(loaded: Loaded, template: Template, max_length: int) -> int:
    """Tokens of nearly the longest text to learn from, and at most half of what is read."""
    known = [loaded.values[WRITTEN][row] for row in loaded.part("train").tolist()]
    lengths = [len(template.encode(text)) for text in known]
    return int(min(np.quantile(lengths, LONGEST_SHARE) + SPARE_TOKENS, max_length // 2))


class TextToTextFamily(WritingFamily):
    def rows_of(self, job: Job, loaded: Loaded, template: Template, folder: Path) -> WritingRows:
        return TextToTextRows(loaded, template, folder, self.longest(job, folder), job.task.roles[0].name)

    def baselines(self, job: Job, rows: WritingRows) -> dict[str, Baseline]:
        assert isinstance(rows, TextToTextRows)
        test, known = rows.part("test"), rows.known("train")
        sources = [rows.sources[row] for row in test]
        simple: dict[str, Callable[[], list[str]]] = {
            "copied": lambda: sources,
            "nearest_pair": lambda: nearest_answers(rows.sources, rows.loaded.values[WRITTEN], known, sources),
        }
        if job.spec.task == "summarization":
            simple["lead_3"] = lambda: [lead(text) for text in sources]
        baselines = {name: Baseline(rows.simple(answers())) for name, answers in simple.items()}
        if not job.spec.model.startswith("scratch:"):
            model = job.device.place(self.model_of(rows))
            baselines["untrained"] = Baseline(read_part(model, rows, test, job.device))
        return baselines

    def build(self, job: Job, rows: WritingRows) -> WritingModel:
        learned = max(len(rows.part("train")), 1)
        if job.spec.model.startswith("scratch:"):
            epochs = int(np.clip(round(SCRATCH_ROWS / learned), 4, 40))
            rate = fresh_rate(job)
            rates = {"learning_rate": rate, "head_learning_rate": rate}
            fill_settings(job, epochs=epochs, batch_size=64, dropout=0.1, patience=3, **rates)
            return fresh(job, rows, GPT_SIZES)
        model = self.model_of(rows)
        is_small = sum(value.numel() for value in model.parameters()) < SMALL_WEIGHTS
        rate = (5e-3 if is_small else 5e-4) if job.spec.method == "lora" else (1e-3 if is_small else 5e-5)
        epochs = int(np.clip(round(PRETRAINED_ROWS / learned), 2, 15))
        fill_settings(job, epochs=epochs, batch_size=16, learning_rate=rate, head_learning_rate=rate, patience=2)
        return model


def lead(text: str) -> str:
    """The first sentences, or lines."""
    return " ".join([piece.strip() for piece in SENTENCE.split(text) if piece.strip()][:LEAD])


def nearest_answers(texts: list[str], written: list[str], known: np.ndarray, prompts: list[str]) -> list[str]:
    """What was written from the text, of those to learn from, that shares the most words (cosine of TF-IDF)."""
    known = known[:MOST_NEAREST]
    learned, features = count_words([texts[row] for row in known], prompts)
    places = []
    for start in range(0, len(prompts), 256):
        near = features[np.arange(start, min(start + 256, len(prompts)))] @ learned.T  # type: ignore[attr-defined]
        places += np.asarray(near.argmax(axis=1)).ravel().tolist()
    return [written[known[place]] for place in places]
