"""Training a text classifier: `probe` (frozen encoder, one layer learned) and `full` (everything fine-tuned)."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from trainer import artifact, evaluation, models
from trainer.data.loading import Loaded
from trainer.tasks import _encoder, _fine_tuning, _probe
from trainer.tasks._encoder_batches import Tokens, forward_in_batches
from trainer.training import Job

EVAL_BATCH = 64


@dataclass
class Texts:
    """The rows of a job, as numbers. `truth` is -1 for a label that the rows to learn from do not have."""

    loaded: Loaded
    labels: list[str]
    truth: np.ndarray
    tokens: Tokens
    tokenizer: Any
    folder: Path
    max_length: int

    @property
    def texts(self) -> list[str]:
        return self.loaded.values["text"]

    def part(self, name: str) -> np.ndarray:
        return self.loaded.part(name)


def train_classifier(job: Job) -> dict[str, Any]:
    """The whole of a run; the fields of the result event."""
    torch.manual_seed(job.spec.seed)
    with job.stage("prepare"):
        folder = models.resolve(job.spec.model)
        rows = prepare(job, folder)
        baselines = baselines_of(job, rows)
    with job.stage("load"):
        method = _probe if job.spec.method == "probe" else _fine_tuning
        model = _encoder.fresh(folder, rows.labels, normalise=method is _probe).to(job.device.torch_device)
        job.log(
            f"{job.spec.model}: {sum(p.numel() for p in model.parameters()) / 1e6:.1f} million weights, on {job.device.name}."
        )
    with job.stage("train"):
        method.fit(job, model, rows)
    with job.stage("evaluate"):
        probabilities = evaluate(job, model, rows)
        report = report_of(job, rows, probabilities, baselines)
    with job.stage("package"):
        artifact.write(job, model, rows, probabilities, report)
    return {name: report[name] for name in ("metrics", "headline", "baselines")}


def prepare(job: Job, folder: Path) -> Texts:
    loaded = job.load_rows()
    train = loaded.part("train")
    labels = sorted({loaded.values["label"][row] for row in train})
    index = {label: at for at, label in enumerate(labels)}
    truth = np.array([index.get(label, -1) for label in loaded.values["label"]])
    tokenizer = _encoder.load_tokenizer(folder)
    max_length = _encoder.longest(folder, job.params.max_length)
    tokens = Tokens(tokenizer, loaded.values["text"], max_length)
    parts = {name: len(loaded.part(name)) for name in ("train", "validation", "test")}
    job.log(
        f"{parts['train']:,} rows to learn from, {parts['validation']:,} to tune with, {parts['test']:,} kept for the test; "
        f"{len(labels)} labels, {tokens.lengths.mean():.0f} tokens a text."
    )
    cut = int((tokens.lengths >= max_length).sum())
    if cut > 0.02 * len(tokens.lengths):
        job.warn(
            "cut_texts",
            f"{cut:,} texts are longer than {max_length} tokens and are cut.",
            "Raise params.max_length to read more.",
        )
    return Texts(loaded, labels, truth, tokens, tokenizer, folder, max_length)


def baselines_of(job: Job, rows: Texts) -> dict[str, Any]:
    """Computed once a folder: a resumed run reads them again."""
    kept = job.out / "baselines.json"
    if kept.exists():
        return json.loads(kept.read_text("utf-8"))
    from trainer.training import write_json

    train, test = np.concatenate([rows.part("train"), rows.part("validation")]), rows.part("test")
    train = train[rows.truth[train] >= 0]
    texts = rows.texts
    found = evaluation.baselines(
        [texts[row] for row in train],
        rows.truth[train],
        [texts[row] for row in test],
        rows.truth[test],
        rows.labels,
        job.spec.seed,
    )
    write_json(kept, found)
    return found


def evaluate(job: Job, model: Any, rows: Texts) -> np.ndarray:
    """Probabilities of the test rows, (test rows, labels): the only time that they are looked at."""
    test = rows.part("test")
    found = np.zeros((len(rows.truth), len(rows.labels)), dtype=np.float32)
    done = 0
    for batch, logits in forward_in_batches(model, rows.tokens, test, EVAL_BATCH, job.device, model):
        found[batch] = logits.numpy()
        done += len(batch)
        job.progress(done, len(test), unit="rows")
        job.check_stop()
    return evaluation.softmax(found[test])


def report_of(job: Job, rows: Texts, probabilities: np.ndarray, baselines: dict[str, Any]) -> dict[str, Any]:
    test = rows.part("test")
    texts = [rows.texts[row] for row in test]
    report = evaluation.report(
        rows.truth[test], probabilities, rows.labels, texts, [rows.loaded.row_numbers[row] for row in test]
    )
    headline = report["headline"]
    job.log(
        f"Right on {headline['value']:.1%} of {len(test):,} test rows, between {headline['low']:.1%} and {headline['high']:.1%}."
    )
    return report | {"baselines": baselines, "history": job.history}
