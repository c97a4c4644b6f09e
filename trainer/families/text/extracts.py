"""The method `extractive`: summaries of a text's own sentences, chosen by a linear score over their vectors of a frozen encoder.
It needs neither a hub nor many rows, and writes nothing that the text does not say."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from trainer import text_scores
from trainer.data.conversation_rows import TURNS, WRITTEN
from trainer.data.loading import Loaded
from trainer.events import Emit
from trainer.extracts import EXTRACTOR, Extractor, features_of, joined, sentences_of, words_in
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
MOST_CHOSEN = 6
"""Sentences of a summary."""
SHARES = (0.75, 1.0, 1.5, 2.0)
"""Of the words of a usual summary, that one may have."""
LIKELY = 30
"""Sentences of a long text among which the best summary is looked for."""
UNBOUND = 1_000_000
FOLDS, STRENGTH = 5, 1.0
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
    """A row to learn from: its sentences with their vectors and features, and the right summary."""

    sentences: list[str]
    vectors: np.ndarray
    features: np.ndarray
    summary: str

    def near(self, extractor: Extractor) -> float:
        """ROUGE-L of what an extractor makes of it."""
        places = extractor.choose(self.sentences, self.vectors, self.features)
        return text_scores.rouges(self.summary, joined(self.sentences, places))[2]


class ExtractNet(TrainableModel):
    """`trainer.extracts.Extractor` in the place of a network."""

    def __init__(self, rows: ExtractRows, vectors: Vectors) -> None:
        super().__init__()
        self.rows, self.vectors = rows, vectors
        self.extractor: Extractor | None = None

    def forward(self, rows: Tensor) -> Tensor:
        raise NotImplementedError("it answers row by row")

    def of(self, row: int) -> np.ndarray:
        """(sentences, width)"""
        sentences = self.rows.sentences[row]
        self.vectors.read(sentences, len(sentences))
        return self.vectors.matrix(sentences)

    def known(self, row: int) -> Known:
        sentences, vectors = self.rows.sentences[row], self.of(row)
        return Known(sentences, vectors, features_of(sentences, vectors), self.rows.summaries[row])

    def outputs_of(self, rows: Rows, part: np.ndarray, device: Device, tell: Callable[[int], None]) -> list[np.ndarray]:
        assert self.extractor is not None, "it has learned"
        outputs = []
        for row in part.tolist():
            outputs.append(output_of(self.extractor.summary(self.rows.sentences[row], self.of(row))))
            tell(len(outputs))
        return outputs


def fit(job: Job, model: TrainableModel, rows: Rows, objective: Objective[Any], epochs: int | None = None) -> Learned:
    """By ridge regression: which sentences belong into a summary. What is asked of them, and how long a summary is, is chosen by
    ROUGE-L in a cross-validation."""
    assert isinstance(model, ExtractNet)
    assert isinstance(rows, ExtractRows)
    numbers = (
        np.random.default_rng(job.spec.seed).permutation(rows.known("train", "validation"))[:MOST_LEARNED].tolist()
    )
    model.vectors.read([sentence for row in numbers for sentence in rows.sentences[row]], 1)
    known = [model.known(row) for row in numbers]
    job.progress(0.8, 1)
    length = np.mean([words_in(each.summary) for each in known])
    sizes = [(count, UNBOUND) for count in range(1, MOST_CHOSEN + 1)]
    sizes += [(MOST_CHOSEN, max(round(share * length), 1)) for share in SHARES]
    tried = {}
    for name, target in TARGETS.items():
        wanted = [target(each) for each in known]
        weights = [learn(known, wanted, fold) for fold in range(FOLDS)]
        for size in sizes:
            scores = [each.near(Extractor(weights[row % FOLDS], *size)) for row, each in enumerate(known)]
            tried[name, size] = float(np.mean(scores))
        job.check_stop()
    name, size = max(tried, key=lambda each: tried[each])
    model.extractor = Extractor(learn(known, [TARGETS[name](each) for each in known], -1), *size)
    job.log(
        _(
            "Summaries of at most %(count)s sentences were best: ROUGE-L %(score)s in a cross-validation.",
            count=size[0],
            score=f"{tried[name, size]:.1%}",
        )
    )
    return Learned(len(known))


def alone(each: Known) -> np.ndarray:
    """How near each sentence alone is to the right summary."""
    return np.array([float(np.mean(text_scores.rouges(each.summary, sentence))) for sentence in each.sentences])


def together(each: Known) -> np.ndarray:
    """1 for the sentences that make the best summary, chosen one after another (Nallapati, Zhai and Zhou 2017); 0 for others."""
    chosen: list[int] = []
    best = 0.0
    likely = np.argsort(-alone(each), kind="stable")[:LIKELY].tolist()
    while len(chosen) < MOST_CHOSEN:
        others = [place for place in likely if place not in chosen]
        made = {
            place: sum(text_scores.rouges(each.summary, joined(each.sentences, sorted([*chosen, place])))[::2])
            for place in others
        }
        place = max(made, key=lambda other: made[other], default=-1)
        if place < 0 or made[place] <= best:
            break
        best = made[place]
        chosen.append(place)
    return np.isin(np.arange(len(each.sentences)), chosen).astype(np.float64)


TARGETS: dict[str, Callable[[Known], np.ndarray]] = {"alone": alone, "together": together}


def learn(known: list[Known], wanted: list[np.ndarray], left_out: int) -> np.ndarray:
    """Weights (FEATURES,) from all but a fold of the rows; a constant would change no order."""
    chosen = [row for row in range(len(known)) if row % FOLDS != left_out] or list(range(len(known)))
    features = np.concatenate([known[row].features for row in chosen])
    target = np.concatenate([wanted[row] for row in chosen])
    spread = np.maximum(features.std(axis=0), 1e-6)
    scaled = (features - features.mean(axis=0)) / spread
    solved = np.linalg.solve(
        scaled.T @ scaled + STRENGTH * np.eye(features.shape[1]), scaled.T @ (target - target.mean())
    )
    weights: np.ndarray = solved / spread
    return weights


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
        return {"sentences": model.extractor.count}

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
