"""What a run will take: a short trial on the run's own rows, before anything is spent.

A few real batches, spread over the lengths of the texts, are timed with the run's own code; the rest is arithmetic.
"""

import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from trainer.events import Emit
from trainer.learning import expectation, zero_shot
from trainer.learning.family import NetworkFamily, NetworkT, RowsT, family_of
from trainer.learning.job import Job
from trainer.learning.model import TrainableModel
from trainer.learning.objective import objective_of
from trainer.learning.rows import Rows
from trainer.learning.rungs import WORDS, prepared_for, rungs
from trainer.spec import Spec

TRIAL_BATCHES, LEAST_BATCHES = 8, 2
TRIAL_SECONDS = 5.0
LIKELY_STOP = 0.85
"""Share of its epochs after which a run usually stops, early ones counted in."""
SPREAD = {"low": 0.65, "likely": 1.0, "high": 1.6}
LOAD_SECONDS = 3
"""Reading a model's files, and the report; the start of the process and its imports are measured."""
TRACE_SECONDS, SMALL_SECONDS = 3.0, 0.5
"""What packaging takes apart from the weights, measured on two cores."""
WORD_SECONDS = 1e-3
"""Learning to count words takes, for each row and label."""
SCRATCH = "scratch:"
UNREAD = "unread_language"
"""The warning of a trial that speaks against the run itself."""
BYTES_PER_WEIGHT = {
    "probe": 5,
    "zero-shot": 5,
    "lora": 6,
    "qlora": 6,
    "fewshot": 26,
    "best": 26,
    "full": 18,
    "scratch": 18,
    "reranker": 22,
    "dpo": 18,
}
"""Weights alone, or with gradients, two moments, and the best copy."""


def process_seconds() -> float:
    """Seconds since this process was started, its imports included; 0 where the system does not tell."""
    try:
        fields = Path("/proc/self/stat").read_text("utf-8").rpartition(")")[2].split()
        return max(time.clock_gettime(time.CLOCK_BOOTTIME) - int(fields[19]) / os.sysconf("SC_CLK_TCK"), 0.0)
    except (OSError, AttributeError, ValueError, IndexError):
        return 0.0


def estimate(spec: Spec, emit: Emit, started_in: float = 0.0) -> dict[str, Any]:
    """{seconds {low, likely, high}, expected {metric, low, high} or null, memory_bytes, rows_per_second, fixed_seconds,
    basis}; a task may know better ways. The seconds are those of the whole command: `started_in` is what the trial's own
    process took to start, which that of the run will take as well."""
    with tempfile.TemporaryDirectory(prefix="maquette-estimate-") as folder:
        job = Job(spec, Path(folder), only_downloads(emit))
        job.trial = True
        job.check_rows()
        started = time.monotonic()
        family = family_of(job.task)
        started_in += time.monotonic() - started  # loading its libraries takes as long in the run
        figures = family.estimate(job, emit)
    limit = job.time_limit()
    likely = figures.pop("likely_seconds") + started_in
    figures["fixed_seconds"] = round(figures["fixed_seconds"] + started_in, 1)
    seconds = {name: round(min(likely * factor, limit or float("inf")), 1) for name, factor in SPREAD.items()}
    unread = [warning for warning in job.warnings if warning["code"] == UNREAD]
    return {"seconds": seconds, "expected": None, **figures, "warnings": unread}


def only_downloads(emit: Emit) -> Emit:
    """A trial is silent but for how far its model has come, which may take longer than the trial."""

    def tell(kind: str, /, **fields: object) -> None:
        if kind == "progress" and fields.get("unit") == "bytes":
            emit(kind, **fields)

    return tell


def measure(
    family: NetworkFamily[RowsT, NetworkT], job: Job, emit: Emit, show: Callable[[RowsT], None] = lambda rows: None
) -> dict[str, Any]:
    """Time a few batches of the job's rows: {likely_seconds, memory_bytes, rows_per_second, fixed_seconds, basis}.

    `show` is given the rows, for a task that measures more.
    """
    import torch

    started = time.monotonic()
    torch.manual_seed(job.spec.seed)
    with job.as_method(prepared_for(job)):
        rows = family.prepare(job)
    rounds = 1 if rows.loaded.folds is None else int(rows.loaded.folds.max()) + 2
    show(rows)
    read = time.monotonic() - started
    emit("progress", stage="estimate", fraction=0.3)
    model = job.device.place(family.build(job, rows))
    forward = time_forward(job, model, rows)
    answering = time_answers(job, model, rows, forward)
    emit("progress", stage="estimate", fraction=0.5)
    expected = expectation.probed(job, rows, model)
    emit("progress", stage="estimate", fraction=0.7)
    weights = sum(value.numel() for value in model.parameters())
    ways = {"probe": of_probe, "zero-shot": of_zero_shot}
    way = ways.get(job.spec.method)
    if job.spec.method == "best":
        speed = of_ladder(family, job, model, rows, forward)
    else:
        speed = way(rows, forward) if way else of_full(job, model, rows, forward)
    pretrained = not job.spec.model.startswith(SCRATCH)
    fixed = read + LOAD_SECONDS + baseline_seconds(rows) + package_seconds(rows, answering, weights, pretrained)
    return {
        "likely_seconds": fixed + rounds * speed["train"] + len(rows.part("test")) * answering,
        "memory_bytes": int(weights * BYTES_PER_WEIGHT[job.spec.method] + 600 * 2**20),
        "expected": expected,
        "rows_per_second": round(speed["rows_per_second"], 1),
        "fixed_seconds": round(fixed, 1),
        "basis": f"Measured on {speed['batches']} batches of these rows on {job.device.name}: {speed['rows_per_second']:.0f} rows a second.",
    }


def trial_batches(rows: Rows, every: list[np.ndarray]) -> list[np.ndarray]:
    """Some of these batches, from the middles of equal shares by length: the few longest texts stand for themselves alone.
    Those of middling length come first, a longer and a shorter one by turns, so that the first few stand for all where time
    is up after them; the shortest is the last."""
    every = sorted(every, key=lambda batch: -rows.lengths[batch].mean())
    count = min(TRIAL_BATCHES, len(every))
    places = ((np.arange(count) + 0.5) / count * len(every)).astype(int)
    chosen = list(dict.fromkeys(places.tolist()))
    outwards = sorted(range(len(chosen)), key=lambda index: abs(index - (len(chosen) - 1) / 2))
    return [every[chosen[index]] for index in outwards]


def time_forward(job: Job, model: TrainableModel, rows: Rows) -> float:
    """Seconds a row that the encoder takes to read, averaged over the lengths."""
    import torch

    model.eval()
    read = model.reader(job) if job.spec.method == "probe" else model.features
    batches = trial_batches(rows, rows.sorted_batches(np.arange(rows.count), rows.read_batch))
    spent = []
    with torch.inference_mode(), job.device.autocast():
        read(*rows.batch(batches[-1], job.device.torch_device))
        for batch in batches:
            inputs = rows.batch(batch, job.device.torch_device)
            started = time.monotonic()
            read(*inputs)
            spent.append((time.monotonic() - started) / len(batch))
            if len(spent) >= LEAST_BATCHES and sum(spent) * rows.read_batch > TRIAL_SECONDS:
                break
    return float(np.mean(spent))


def time_answers(job: Job, model: TrainableModel, rows: Rows, forward: float) -> float:
    """Seconds a row that the trained model takes to answer: as long as it takes to read one, unless its answers are costlier."""
    if not model.answers_slower:
        return forward
    model.prepare_to_answer()
    return time_forward(job, model, rows)


def of_probe(rows: Rows, forward: float) -> dict[str, Any]:
    """Reading every row once, then the logistic regressions of the cross-validation."""
    learned = len(rows.part("train")) + len(rows.part("validation"))
    regressions = learned * max(len(rows.labels), 2) * 2.2e-5 + 1
    return {"train": learned * forward + regressions, "rows_per_second": 1 / forward, "batches": TRIAL_BATCHES}


def of_zero_shot(rows: Rows, forward: float) -> dict[str, Any]:
    """Reading the rows from which it is known how sure an answer is."""
    judged = min(len(rows.part("train")) + len(rows.part("validation")), zero_shot.MOST_JUDGED)
    return {"train": judged * forward, "rows_per_second": 1 / forward, "batches": TRIAL_BATCHES}


def of_words(rows: Rows, forward: float) -> dict[str, Any]:
    """Learning as often as the settings that are tried, by some of the rows, and once from all: linear in rows and labels, as measured
    on two cores."""
    learned = len(rows.part("train")) + len(rows.part("validation"))
    each = WORD_SECONDS * max(len(rows.labels), 2)
    return {"train": 1 + learned * each, "rows_per_second": 1 / each, "batches": 0}


def of_ladder(
    family: NetworkFamily[RowsT, NetworkT], job: Job, model: TrainableModel, rows: RowsT, forward: float
) -> dict[str, Any]:
    """As if every step were taken: a run that stops before costs less."""
    cheap, last = rungs(job, rows, family)
    ways = {"probe": of_probe, "zero-shot": of_zero_shot, WORDS: of_words}
    taken = [ways[slug](rows, forward) for slug in cheap]
    if last:
        with job.as_method(last):
            taken.append(of_full(job, model, rows, forward))
    return taken[-1] | {"train": sum(each["train"] for each in taken)}


def of_full(job: Job, model: TrainableModel, rows: Rows, forward: float) -> dict[str, Any]:
    """Real training steps on a few batches, and the tuning rows read once an epoch."""
    from trainer.learning import fewshot, lora
    from trainer.learning.fine_tuning import FineTuning

    if lora.is_meant(job):
        lora.adapt(model.encoder, job.params.lora_rank)
    contrasted = job.spec.method == "fewshot"
    tuning = (fewshot.ContrastiveTuning if contrasted else FineTuning)(job, model, rows, objective_of(job, rows))
    generator = np.random.default_rng(job.spec.seed)
    model.train()
    batches = trial_batches(rows, tuning.batches())
    tuning.learn(batches[-1], generator)
    spent: list[float] = []
    learned_rows = 0
    for batch in batches:
        rows.batch(batch, job.device.torch_device)  # what is read but once in a run is not part of a step
        started = time.monotonic()
        tuning.learn(batch, generator)
        spent.append(time.monotonic() - started)
        learned_rows += len(batch)
        if len(spent) >= LEAST_BATCHES and sum(spent) > TRIAL_SECONDS:
            break
    row = sum(spent) / learned_rows  # steps of packed rows have unlike numbers of them
    epochs = max(1.0, tuning.epochs * LIKELY_STOP)
    learned = tuning.steps_an_epoch * tuning.size if contrasted else len(tuning.train)
    train = epochs * (learned * row + len(tuning.validation) * forward)
    if contrasted and len(tuning.train) + len(tuning.validation) <= fewshot.MOST_CROSSED:
        train *= fewshot.FOLDS + 1
    return {"train": train, "rows_per_second": 1 / row, "batches": len(spent)}


def baseline_seconds(rows: Rows) -> float:
    """Counting words: linear in characters and labels, as measured on two cores."""
    learned = min(len(rows.part("train")), 20_000)
    return 0.5 + learned * (max(len(rows.labels), 2) * 8e-6 + 5e-5)


def package_seconds(rows: Rows, forward: float, weights: int, pretrained: bool = True) -> float:
    """Export, and the test rows read again by the float32 and int8 engines. A small net's graph is written without tracing."""
    tested = min(len(rows.part("test")), 2_000)
    return (TRACE_SECONDS if pretrained else SMALL_SECONDS) + weights * 3e-7 + tested * forward * 1.2
