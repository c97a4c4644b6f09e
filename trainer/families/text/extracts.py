"""The method `extractive`: summaries of a text's own sentences, chosen by what a linear regression over their vectors of a frozen
encoder expects of them. It needs neither a hub nor many rows, and writes nothing that the text does not say."""

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import reduce
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from trainer import text_scores
from trainer.data.conversation_rows import TURNS, WRITTEN
from trainer.data.loading import Loaded
from trainer.events import Emit
from trainer.extracts import (
    EXTRACTOR,
    FEATURES,
    MORE_FEATURES,
    Expecting,
    Extractor,
    first_sentences,
    lengths_of,
    more_features_of,
    sentences_of,
    summary_of,
)
from trainer.families.table.vectors import Vectors
from trainer.families.text.encoder_decoder import EncoderDecoderFamily
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
from trainer.messages import _
from trainer.outputs import Outputs
from trainer.table_texts import ENCODER
from trainer.writing.figures import FIGURES

MOST_LEARNED = 2_000
"""Rows whose sentences are learned from."""
MOST_FIRST = 6
"""Sentences of a text's beginning that may be the best summary."""
FADES = (0.6, 0.7, 0.8, 1.0)
"""What the next sentence of a summary may add of its words (`trainer.extracts.Expecting`)."""
VECTOR_STRENGTHS = (1_000.0, 10_000.0)
"""Of the ridge on the numbers of a vector, which are many and say little each."""
FOLDS, STRENGTH = 5, 1.0
PLAIN = len(FEATURES) + len(MORE_FEATURES)
TRIAL_ROWS = 40
MEMORY_BYTES = 600 * 2**20
UNLIMITED = 1e12


class ExtractRows(Rows):
    input_name = "document"
    work_unit = "sentences"

    def __init__(self, loaded: Loaded) -> None:
        self.sources: list[str] = [turns[-1]["content"] for turns in loaded.values[TURNS]]
        self.summaries: list[str] = loaded.values[WRITTEN]
        self.sentences = [sentences_of(text) for text in self.sources]
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
            "A summary is made of whole sentences of the text, in their order; at most 200 sentences are looked at."
        ]

    def examples(self, folder: Path) -> list[dict[str, Any]]:
        return short_examples(self, self.summaries)


def output_of(text: str) -> np.ndarray:
    """A text in the form of outputs, which begin with figures that mean nothing here: its characters by their codes."""
    return np.array([0.0] * FIGURES + [float(ord(character)) for character in text])


def text_of(output: np.ndarray) -> str:
    return "".join(chr(int(code)) for code in output[FIGURES:])


class Known(NamedTuple):
    """A row to learn from: its sentences with their vectors, what is known of them, and their words; and those of its summary."""

    sentences: list[str]
    vectors: np.ndarray
    features: np.ndarray
    lengths: np.ndarray
    words: list[list[str]]
    summary: list[str]

    @property
    def shared(self) -> np.ndarray:
        """(sentences,): how many words of the summary each has, in its order."""
        return np.array([text_scores.longest_common(self.summary, own) for own in self.words], dtype=np.float64)

    def near(self, places: list[int]) -> float:
        """ROUGE-L of these sentences."""
        own = [word for place in places for word in self.words[place]]
        return text_scores.f1(text_scores.longest_common(self.summary, own), len(self.summary), len(own))


def known_of(sentences: list[str], vectors: np.ndarray, summary: str) -> Known:
    lengths = lengths_of(sentences)
    words = [text_scores.words_of(sentence) for sentence in sentences]
    features = more_features_of(sentences, vectors, lengths)
    return Known(sentences, vectors, features, lengths, words, text_scores.words_of(summary)[: text_scores.MOST_WORDS])


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

    def known(self, row: int) -> Known:
        return known_of(self.rows.sentences[row], self.of(row), self.rows.summaries[row])

    def outputs_of(self, rows: Rows, part: np.ndarray, device: Device, tell: Callable[[int], None]) -> list[np.ndarray]:
        assert self.extractor is not None, "it has learned"
        outputs = []
        for row in part.tolist():
            outputs.append(output_of(summary_of(self.extractor, self.rows.sentences[row], self.of(row))))
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
    known = [model.known(row) for row in numbers]
    job.progress(0.8, 1)
    model.extractor, score, text = choose(known)
    job.check_stop()
    job.log(text)
    model.sentences = float(np.mean([len(model.extractor.choose(each.sentences, each.vectors)) for each in known]))
    return Learned(len(known), validated=score)


def choose(known: list[Known]) -> tuple[Extractor, float, str]:
    """(the best way to choose sentences, learned from all rows; its ROUGE-L in a cross-validation; both in a sentence)."""
    folds = [sums_of(known[fold::FOLDS], known[0].features.shape[1]) for fold in range(FOLDS)]
    every = reduce(Sums.plus, folds)
    usual = float(np.mean([len(each.summary) for each in known]))
    tried: dict[tuple[float, float], float] = {}
    for strength in VECTOR_STRENGTHS:
        learned = [solved(every.plus(own, -1) if len(known) > FOLDS else every, strength) for own in folds]
        expected = [
            (each.features @ weights + constant).clip(0, each.lengths)
            for row, each in enumerate(known)
            for weights, constant in [learned[row % FOLDS]]
        ]
        for fade in FADES:
            way = Expecting(np.zeros(0), 0.0, usual, fade)
            chosen = (way.best(words, each.lengths, each.vectors) for words, each in zip(expected, known, strict=True))
            tried[strength, fade] = mean_near(known, chosen)
    (strength, fade), score = max(tried.items(), key=lambda each: each[1])
    count, lead = best_beginning(known)
    if lead > score:
        text = _("The first %(count)s sentences were best: ROUGE-L %(score)s.", count=count, score=f"{lead:.1%}")
        return first_sentences(count), lead, text
    text = _(
        "Chosen sentences had ROUGE-L %(score)s in a cross-validation, the first %(count)s sentences %(lead)s.",
        score=f"{score:.1%}",
        count=count,
        lead=f"{lead:.1%}",
    )
    return Expecting(*solved(every, strength), usual, fade), score, text


def best_beginning(known: list[Known]) -> tuple[int, float]:
    """(how many of the first sentences make the best summary, its ROUGE-L)."""
    tried = {
        count: mean_near(known, (list(range(min(count, len(each.sentences)))) for each in known))
        for count in range(1, MOST_FIRST + 1)
    }
    return max(tried.items(), key=lambda each: each[1])


def mean_near(known: list[Known], chosen: Iterable[list[int]]) -> float:
    return float(np.mean([each.near(places) for each, places in zip(known, chosen, strict=True)]))


@dataclass(frozen=True)
class Sums:
    """Of sentences, what a regression needs to know: how many (`rows`), sums of features and of words, of their squares and products."""

    rows: float
    features: np.ndarray
    words: float
    squares: np.ndarray
    products: np.ndarray

    def plus(self, other: "Sums", sign: float = 1.0) -> "Sums":
        return Sums(
            self.rows + sign * other.rows,
            self.features + sign * other.features,
            self.words + sign * other.words,
            self.squares + sign * other.squares,
            self.products + sign * other.products,
        )


def sums_of(known: Sequence[Known], width: int) -> Sums:
    """Row by row, so that the features of all sentences are never in memory twice. `width`: how many features there are."""
    sums = Sums(0, np.zeros(width), 0, np.zeros((width, width)), np.zeros(width))
    for each in known:
        shared = each.shared
        squares, products = each.features.T @ each.features, shared @ each.features
        sums = sums.plus(Sums(len(shared), each.features.sum(0), float(shared.sum()), squares, products))
    return sums


def solved(sums: Sums, strength: float) -> tuple[np.ndarray, float]:
    """(weights, constant) of a ridge regression on features in standard units: STRENGTH on those that are named, `strength` on the
    numbers of the vector."""
    means, mean = sums.features / sums.rows, sums.words / sums.rows
    spread = np.sqrt(np.maximum(np.diag(sums.squares) / sums.rows - means**2, 1e-12))
    squares = (sums.squares - sums.rows * np.outer(means, means)) / np.outer(spread, spread)
    products = (sums.products - sums.rows * means * mean) / spread
    held = np.where(np.arange(len(means)) < PLAIN, STRENGTH, strength)
    weights: np.ndarray = np.linalg.solve(squares + np.diag(held), products) / spread
    return weights, float(mean - means @ weights)


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
