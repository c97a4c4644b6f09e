"""The method `words`: texts as counted words under one linear layer, without a pretrained model. It reads any language."""

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from trainer.data.loading import Loaded
from trainer.events import Emit
from trainer.families.text.rows import TextRows, compute_baselines
from trainer.learning import expectation, linear_texts
from trainer.learning.baselines import Baseline
from trainer.learning.job import Job
from trainer.learning.linear_texts import FOLDS, MOST_HELD_ROWS, Linear
from trainer.learning.model import TrainableModel
from trainer.learning.objective import Fit, Held, Learned, Objective, objective_of
from trainer.learning.rows import Rows, truth_of
from trainer.learning.supervised import SupervisedFamily
from trainer.messages import _
from trainer.robustness.texts import with_slips
from trainer.words import WordModel, shown_term

TRIAL_ROWS = 400
SHOWN_LABELS, SHOWN_TERMS = 20, 8
EXPECTED = ("accuracy", "r2", "micro_f1")
"""Figures whose range a trial can foresee."""
MEMORY_BYTES = 400 * 2**20

SNIPPET = r"""
import json, re, numpy
from collections import Counter
from pathlib import Path
labels = json.loads(Path("manifest.json").read_text("utf-8"))["labels"]
facts = json.loads(Path("model/words.json").read_text("utf-8"))
with numpy.load("model/words.npz") as file:
    arrays = dict(file)
text = "your text".lower()
words, marked = re.findall(r"\w+|[^\w\s]", text), re.sub(r"\s", " ", text)
low, high = facts["terms"]["words"]
terms = [" ".join(words[at : at + n]) for n in range(low, high + 1) if n for at in range(len(words) - n + 1)]
low, high = facts["terms"]["characters"]
pieces = [marked[at : at + n] for n in range(low, high + 1) if n for at in range(len(marked) - n + 1)]
terms += ["\x01" + piece for piece in pieces if piece.strip() and "  " not in piece]
index = {name: place for place, name in enumerate(facts["names"])}
counts = Counter(index[term] for term in terms if term in index)
places, weights = list(counts), 1 + numpy.log(list(counts.values()))
weights = weights * arrays["idf"][places]
logits = weights / max(numpy.linalg.norm(weights), 1e-12) @ arrays["weight"][places] + arrays["bias"]
"""
"""Answers as `trainer.words.WordModel` does."""


class CountedTexts(TextRows):
    work_unit = "characters"

    def __init__(self, loaded: Loaded, labels: list[str], truth: np.ndarray) -> None:
        texts: list[str] = loaded.values["text"]
        super().__init__(loaded, labels, truth, texts, np.array([len(text) for text in texts]))

    def batch(self, rows: np.ndarray, device: torch.device) -> tuple[Tensor, ...]:
        """The rows' numbers: the model counts the words of their texts itself, by the code that serves it."""
        return (torch.from_numpy(np.asarray(rows)),)

    def snippet(self) -> str:
        return f"{SNIPPET}print({self.answer.expression.format(labels='labels')})"

    def card_facts(self) -> list[str]:
        return [
            "Texts are read as counts of their words or characters (TF-IDF); the order of words matters only within a term."
        ]


class WordNet(TrainableModel):
    """`trainer.words.WordModel` in the place of a network: rows (batch,) → (batch, outputs)."""

    def __init__(self, texts: Sequence[str]) -> None:
        super().__init__()
        self.texts = texts
        self.words: WordModel | None = None

    def forward(self, rows: Tensor) -> Tensor:
        assert self.words is not None, "it has learned"
        return torch.from_numpy(self.words.outputs([self.texts[row] for row in rows.tolist()]))


def build_targets(rows: Rows, known: np.ndarray) -> np.ndarray:
    """(known, outputs): whether each label applies, or a number."""
    truth = rows.truth[known]
    if rows.is_class:
        return np.asarray(truth[:, None] == np.arange(len(rows.labels)))
    return truth[:, : len(rows.labels)] if rows.answer.cells == "labels" else truth[:, None].astype(np.float64)


def fit(job: Job, model: TrainableModel, rows: Rows, objective: Objective[Any], epochs: int | None = None) -> Learned:
    """Choose the terms, learn from all rows but the test's, and tell how good answers to held rows are."""
    from scipy.sparse import vstack

    assert isinstance(model, WordNet)
    known = rows.known("train", "validation")
    texts, targets = [model.texts[row] for row in known], build_targets(rows, known)
    choice = linear_texts.choose(job, texts, targets)
    vocabulary = linear_texts.learn_vocabulary(texts, choice.terms, targets.shape[1])
    features = linear_texts.sparse(vocabulary.count(texts), len(vocabulary.names))
    some = np.random.default_rng(job.spec.seed).permutation(len(known))[:MOST_HELD_ROWS]
    outputs = linear_texts.out_of_fold(features[some], targets[some], choice.strength, job.spec.seed)
    job.progress(0.7, 1)
    if slips := getattr(job.params, "slips", 0.0):
        generator = np.random.default_rng(job.spec.seed)
        counted = vocabulary.count([with_slips(text, slips, generator) for text in texts])
        features = vstack([features, linear_texts.sparse(counted, len(vocabulary.names))]).tocsr()
        targets = np.concatenate([targets, targets])
    learned = linear_texts.solve(features, targets, choice.strength, job.spec.seed)
    if rows.is_class:
        scale = linear_texts.temperature(outputs, rows.truth[known[some]])
        outputs, learned = outputs * scale, Linear(learned.weight * scale, learned.bias * scale)
    model.words = WordModel(vocabulary, learned.weight.astype(np.float32), learned.bias.astype(np.float32))
    validated = tell(job, objective, known[some], outputs)
    held = Held(known[some], outputs)
    certainty = objective.certainty(*held)
    return Learned(len(known), certainty=certainty, source="out-of-fold", validated=validated, held=held)


def tell(job: Job, objective: Objective[Any], held: np.ndarray, outputs: np.ndarray) -> float:
    """The objective's first figure of rows that were not learned from."""
    objective.hold(held, outputs)
    name, key = objective.epoch_metrics[0]
    value = float(objective.figures(held, outputs)[key])
    job.metric(name, "validation", value, step=1, epoch=None, rows=len(held), folds=FOLDS)
    job.log(
        _(
            "%(description)s in %(folds)s-fold cross-validation.",
            description=objective.describe(objective.figures(held, outputs)).capitalize(),
            folds=FOLDS,
        )
    )
    return value


class WordsFamily(SupervisedFamily[CountedTexts, WordNet]):
    def prepare(self, job: Job) -> CountedTexts:
        loaded = job.load_rows()
        rows = CountedTexts(loaded, *truth_of(job.task, loaded))
        job.tell_rows(rows, f"{rows.lengths.mean():.0f} characters a text")
        return rows

    def baselines(self, job: Job, rows: CountedTexts) -> dict[str, Baseline]:
        return compute_baselines(job, rows)

    def fit(self, slug: str) -> Fit:
        return fit

    def build(self, job: Job, rows: CountedTexts) -> WordNet:
        return WordNet(rows.texts)

    def save(self, model: WordNet, rows: CountedTexts, folder: Path) -> None:
        assert model.words is not None
        model.words.save(folder)

    def write_onnx(self, folder: Path, target: Path) -> None:
        raise NotImplementedError("it answers from its own file")

    def report(self, job: Job, model: WordNet, rows: CountedTexts) -> dict[str, Any]:
        """`terms`: of each of the commonest labels, the terms that speak most for it and against it."""
        assert model.words is not None
        return {"terms": strongest_terms(model.words, rows)}

    def estimate(self, job: Job, emit: Emit) -> dict[str, Any]:
        """By learning from some of the rows; the time grows with the rows."""
        started = time.monotonic()
        rows = self.prepare(job)
        read = time.monotonic() - started
        rounds = 1 if rows.loaded.folds is None else int(rows.loaded.folds.max()) + 2
        every = rows.known("train", "validation")
        some = np.sort(np.random.default_rng(job.spec.seed).permutation(every)[:TRIAL_ROWS])
        rows.loaded.split = np.where(np.isin(np.arange(rows.count), some), "train", "")
        model, objective, started = WordNet(rows.texts), objective_of(job, rows), time.monotonic()
        learned = fit(job, model, rows, objective)
        each = (time.monotonic() - started) / max(len(some), 1)
        expected = None
        if objective.headline in EXPECTED and learned.validated is not None:
            share, more = len(some) * (FOLDS - 1) // FOLDS, len(every)
            tested = max(rows.count - more, 1)
            expected = expectation.range_of(
                objective.headline, learned.validated, len(some), tested, learned=share, more=more, tuned=False
            )
        return {
            "likely_seconds": read + 2 + rounds * each * len(every),
            "memory_bytes": MEMORY_BYTES,
            "expected": expected,
            "rows_per_second": round(1 / max(each, 1e-9), 1),
            "fixed_seconds": round(read + 2, 1),
            "basis": f"Measured by learning from {len(some)} of these rows on {job.device.name}.",
        }


def strongest_terms(model: WordModel, rows: CountedTexts) -> list[dict[str, Any]]:
    """[{label, speaks_for, speaks_against}]: terms by what they add to a text on average, those first that matter most. A class is
    compared with the mean of the others; a number has no label."""
    known = rows.known("train", "validation")
    counted = model.vocabulary.count(rows.shown(known))
    usual = np.bincount(counted.places, counted.values, minlength=len(model.vocabulary.names)) / max(len(known), 1)
    weight = model.weight - model.weight.mean(axis=1, keepdims=True) if rows.is_class else model.weight
    targets = build_targets(rows, known)
    places = np.argsort(-targets.sum(axis=0), kind="stable")[:SHOWN_LABELS] if rows.labels else np.array([0])
    listed = []
    for place in places.tolist():
        worth = weight[:, place] * usual
        order = np.argsort(-worth, kind="stable")
        pro = [shown_term(model.vocabulary.names[term]) for term in order[:SHOWN_TERMS] if worth[term] > 0]
        contra = [shown_term(model.vocabulary.names[term]) for term in order[::-1][:SHOWN_TERMS] if worth[term] < 0]
        label = rows.labels[place] if rows.labels else None
        listed.append({"label": label, "speaks_for": pro, "speaks_against": contra})
    return listed
