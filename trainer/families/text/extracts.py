"""The method `extractive`: summaries of a text's own sentences, chosen by what a linear regression over their vectors of a frozen
encoder expects of them. It needs neither a hub nor many rows, and writes nothing that the text does not say."""

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from trainer.data.conversation_rows import TURNS, WRITTEN
from trainer.data.loading import Loaded
from trainer.events import Emit
from trainer.extracts import (
    EXTRACTOR,
    Extractor,
    Sentences,
    read_sentences,
    words_in,
)
from trainer.families.table.vectors import Vectors
from trainer.families.text.encoder_decoder import EncoderDecoderFamily
from trainer.families.text.extract_choice import Rates, choose, known_of
from trainer.families.text.languages import find_unread
from trainer.families.text.text_to_text import lead, nearest_answers
from trainer.families.text.writing_rows import short_examples
from trainer.hardware import Device
from trainer.learning.baselines import Baseline
from trainer.learning.job import Job
from trainer.learning.model import TrainableModel
from trainer.learning.objective import Fit, Learned, Objective
from trainer.learning.rows import Digest, Rows
from trainer.learning.supervised import SupervisedFamily
from trainer.outputs import Outputs
from trainer.table_texts import ENCODER
from trainer.writing.figures import FIGURES

MOST_LEARNED = 2_000
"""Rows whose sentences are learned from."""
TRIAL_ROWS = 40
MEMORY_BYTES = 600 * 2**20
UNLIMITED = 1e12


class ExtractRows(Rows):
    input_name = "document"
    work_unit = "sentences"

    def __init__(self, loaded: Loaded) -> None:
        self.sources: list[str] = [turns[-1]["content"] for turns in loaded.values[TURNS]]
        self.summaries: list[str] = loaded.values[WRITTEN]
        self.read = [read_sentences(text) for text in self.sources]
        self.clauses = is_short(self.read, self.summaries, np.flatnonzero(loaded.split != "test"))
        """Whether parts of sentences are chosen."""
        if self.clauses:
            self.read = [read_sentences(text, clauses=True) for text in self.sources]
        self.sentences = [each.plain for each in self.read]
        self.learned_tokens = np.ones(len(self.sources))
        super().__init__(loaded, [], None, np.array([len(each) for each in self.sentences]))

    def batch(self, rows: np.ndarray, device: torch.device) -> tuple[Tensor, ...]:
        """The rows' numbers: the model looks their sentences up itself."""
        return (torch.from_numpy(np.asarray(rows)),)

    def input(self, row: int) -> str:
        return self.sources[row]

    def written(self, rows: np.ndarray, outputs: Outputs) -> list[str]:
        return [text_of(output) for output in outputs]

    def learned_text(self) -> str:
        """Nothing of it is written."""
        return ""

    def learned_answers(self) -> list[str]:
        return []

    def asked_rows(self) -> list[int]:
        """None: nothing is written, so there is nothing to hold beside a base model's words."""
        return []

    def limited(self, row: int) -> str:
        return self.summaries[row]

    def shown(self, rows: np.ndarray) -> list[str]:
        return [self.sources[row] for row in rows]

    def fingerprint(self, digest: Digest, rows: np.ndarray) -> None:
        for row in rows:
            digest.update(self.sources[row].encode("utf-8", "surrogatepass"))

    def manifest(self) -> dict[str, Any]:
        fields = [{"name": "text", "kind": "text", "long": True}]
        return {"form": "extract", "examples_checked": True, "inputs": fields}

    def card_facts(self) -> list[str]:
        return [
            f"A summary is made of {'parts of sentences' if self.clauses else 'whole sentences'} of the text, in their order; at most 200 are looked at."
        ]

    def examples(self, folder: Path) -> list[dict[str, Any]]:
        return short_examples(self, self.summaries)


def is_short(texts: Sequence[Sentences], summaries: Sequence[str], rows: np.ndarray) -> bool:
    """Whether a usual summary, as a headline is, is shorter than half a usual sentence."""
    lengths = [words_in(summaries[row]) for row in rows]
    words = [words_in(sentence) for row in rows for sentence in texts[row].plain]
    return bool(lengths) and float(np.mean(lengths)) < float(np.mean(words)) / 2


def output_of(text: str) -> np.ndarray:
    """A text in the form of outputs, which begin with figures that mean nothing here: its characters by their codes."""
    return np.array([0.0] * FIGURES + [float(ord(character)) for character in text])


def text_of(output: np.ndarray) -> str:
    return "".join(chr(int(code)) for code in output[FIGURES:])


class ExtractNet(TrainableModel):
    """`trainer.extracts.Extractor` in the place of a network."""

    def __init__(self, rows: ExtractRows, vectors: Vectors) -> None:
        super().__init__()
        self.rows, self.vectors = rows, vectors
        self.extractor: Extractor | None = None
        self.sentences = 0.0
        """Of a summary, on average."""

    def forward(self, rows: Tensor) -> Tensor:
        raise NotImplementedError("it answers row by row")

    def of(self, row: int) -> np.ndarray:
        """(sentences, width)"""
        sentences = self.rows.sentences[row]
        self.vectors.read(sentences, len(sentences))
        return self.vectors.matrix(sentences)

    def outputs_of(self, rows: Rows, part: np.ndarray, device: Device, tell: Callable[[int], None]) -> list[np.ndarray]:
        assert self.extractor is not None, "it has learned"
        outputs = []
        for row in part.tolist():
            outputs.append(output_of(self.extractor.summary(self.rows.read[row], self.of(row))))
            tell(len(outputs))
        return outputs


def fit(job: Job, model: TrainableModel, rows: Rows, objective: Objective[Any], epochs: int | None = None) -> Learned:
    """By ridge regression: how many words of its summary a sentence has. How strongly weights are held, how much the next sentence
    of a summary adds, and whether the first sentences of a text are no worse, is chosen by ROUGE-L in a cross-validation."""
    assert isinstance(model, ExtractNet)
    assert isinstance(rows, ExtractRows)
    numbers = (
        np.random.default_rng(job.spec.seed).permutation(rows.known("train", "validation"))[:MOST_LEARNED].tolist()
    )
    model.vectors.read([sentence for row in numbers for sentence in rows.sentences[row]], 1)
    rates = Rates.of([(rows.read[row], rows.summaries[row]) for row in numbers])
    known = [known_of(rows.read[row], model.of(row), rows.summaries[row], rates) for row in numbers]
    job.progress(0.8, 1)
    model.extractor, score, text = choose(known, rates, rows.clauses)
    job.check_stop()
    job.log(text)
    model.sentences = float(np.mean([len(model.extractor.choose(each.text, each.vectors)) for each in known]))
    return Learned(len(known), validated=score)


class ExtractFamily(SupervisedFamily[ExtractRows, ExtractNet]):
    def prepare(self, job: Job) -> ExtractRows:
        loaded = job.load_rows()
        rows = ExtractRows(loaded)
        job.tell_rows(rows, f"{rows.lengths.mean():.1f} sentences a text")
        if unread := find_unread(job.task, job.spec.model, rows.sources):
            job.warn("unread_language", unread.message, unread.hint)
        return rows

    def baselines(self, job: Job, rows: ExtractRows) -> dict[str, Baseline]:
        sources = [rows.sources[row] for row in rows.part("test")]
        known = rows.known("train")
        simple = {
            "copied": sources,
            "lead_3": [lead(text) for text in sources],
            "nearest_pair": nearest_answers(rows.sources, rows.summaries, known, sources),
        }
        return {name: Baseline([output_of(text) for text in texts]) for name, texts in simple.items()}

    def fit(self, slug: str) -> Fit:
        return fit

    def build(self, job: Job, rows: ExtractRows) -> ExtractNet:
        return ExtractNet(rows, Vectors(job, UNLIMITED))

    def save(self, model: ExtractNet, rows: ExtractRows, folder: Path) -> None:
        assert model.extractor is not None
        model.extractor.save(folder)
        model.vectors.save(folder / ENCODER)

    def native(self, folder: Path) -> str:
        return "extract"

    def write_onnx(self, folder: Path, target: Path) -> None:
        raise NotImplementedError("it answers from its own files")

    def report(self, job: Job, model: ExtractNet, rows: ExtractRows) -> dict[str, Any]:
        assert model.extractor is not None
        return {"sentences": round(model.sentences, 1)}

    def estimate(self, job: Job, emit: Emit) -> dict[str, Any]:
        """By reading the sentences of some rows; the time grows with them."""
        started = time.monotonic()
        rows = self.prepare(job)
        model = self.build(job, rows)
        some = np.random.default_rng(job.spec.seed).permutation(rows.count)[:TRIAL_ROWS].tolist()
        texts = [sentence for row in some for sentence in rows.sentences[row]]
        model.vectors.open(texts[:8])
        fixed, started = time.monotonic() - started + 2, time.monotonic()
        model.vectors.read(texts, len(texts))
        each = (time.monotonic() - started) / max(len(texts), 1)
        every = int(rows.lengths[: MOST_LEARNED + len(rows.part("test"))].sum())
        return {
            "likely_seconds": fixed + each * every,
            "memory_bytes": MEMORY_BYTES,
            "expected": None,
            "rows_per_second": round(1 / max(each * float(rows.lengths.mean()), 1e-9), 1),
            "fixed_seconds": round(fixed, 1),
            "basis": f"Measured by reading {len(texts)} sentences of these rows on {job.device.name}.",
        }


class SummarizationFamily(EncoderDecoderFamily):
    """Summaries in other words, and by the method `extractive` of the text's own sentences."""

    def run(self, job: Job) -> dict[str, Any]:
        return ExtractFamily().run(job) if job.spec.method == "extractive" else super().run(job)

    def estimate(self, job: Job, emit: Emit) -> dict[str, Any]:
        return ExtractFamily().estimate(job, emit) if job.spec.method == "extractive" else super().estimate(job, emit)

    def native(self, folder: Path) -> str:
        return "extract" if (folder / EXTRACTOR).exists() else super().native(folder)
