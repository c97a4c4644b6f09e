"""Few-shot learning beside the probe, on a few rows a label of two public sets: accuracy by seed, seconds of learning.

    python benchmarks/fewshot.py [--sets ag_news banking77] [--seeds 5] [--first 0] [--test 600] [--threads 1]

Rows to learn from are drawn by seed from the train file alone, test rows from the test file, the same for each seed. Packaging is left out:
what is timed is the learning (`train`), in seconds by the clock and of the processor, which tells less of what else the machine does.
"""

import argparse
import csv
import json
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from _sets import data

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from trainer.events import silent  # noqa: E402
from trainer.learning import fewshot, probe  # noqa: E402
from trainer.learning.family import family_of  # noqa: E402
from trainer.learning.job import Job  # noqa: E402
from trainer.learning.objective import Fit, objective_of  # noqa: E402
from trainer.learning.passes import read_part  # noqa: E402
from trainer.spec import Spec  # noqa: E402

ROWS_A_LABEL = {"ag_news": 16, "banking77": 8}
FITS: dict[str, Fit] = {"probe": probe.fit, "fewshot": fewshot.fit}


def read(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def write(path: Path, rows: list[dict[str, str]]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    return path


def drawn(rows: list[dict[str, str]], each: int, seed: int) -> list[dict[str, str]]:
    """So many rows of each label."""
    generator = np.random.default_rng(seed)
    labels = np.array([row["label"] for row in rows])
    chosen = [generator.permutation(np.flatnonzero(labels == label))[:each] for label in np.unique(labels)]
    return [rows[index] for index in np.concatenate(chosen).tolist()]


def measure(folder: Path, method: str, train: Path, test: Path, seed: int, threads: int) -> dict[str, Any]:
    spec = Spec.model_validate(
        {
            "task": "text-classification",
            "dataset": {"path": str(train), "test_path": str(test), "columns": {"text": "text", "label": "label"}},
            "method": method,
            "seed": seed,
            "hardware": {"threads": threads},
        }
    )
    job = Job(spec, folder / f"{method}-{seed}", silent)
    family = family_of(job.task)
    rows = family.prepare(job)
    model = job.device.place(family.build(job, rows))
    objective = objective_of(job, rows)
    started, worked = time.monotonic(), time.process_time()
    with job.stage("train"):
        learned = FITS[method](job, model, rows, objective)
    seconds, processor = time.monotonic() - started, time.process_time() - worked
    tested = rows.part("test")
    accuracy = objective.figures(tested, read_part(model, rows, tested, job.device))["accuracy"]
    return {
        "accuracy": round(accuracy, 4),
        "validated": None if learned.validated is None else round(learned.validated, 4),
        "rows": learned.rows,
        "seconds": round(seconds, 1),
        "processor_seconds": round(processor, 1),
        "load": round(os.getloadavg()[0], 1),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sets", nargs="+", default=list(ROWS_A_LABEL))
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--first", type=int, default=0, help="the first seed, to go on from another run's")
    parser.add_argument("--test", type=int, default=600)
    parser.add_argument("--threads", type=int, default=1)
    arguments = parser.parse_args()
    for name in arguments.sets:
        texts = data("text_classification")
        train, test = read(texts / f"{name}_train.csv"), read(texts / f"{name}_test.csv")
        tested = [test[index] for index in np.random.default_rng(0).permutation(len(test))[: arguments.test].tolist()]
        by_method: dict[str, list[float]] = {method: [] for method in FITS}
        for seed in range(arguments.first, arguments.first + arguments.seeds):
            with tempfile.TemporaryDirectory() as folder:
                where = Path(folder)
                chosen = drawn(train, ROWS_A_LABEL[name], seed)
                files = write(where / "train.jsonl", chosen), write(where / "test.jsonl", tested)
                for method, accuracies in by_method.items():
                    score = measure(where, method, *files, seed, arguments.threads)
                    accuracies.append(score["accuracy"])
                    print(json.dumps({"set": name, "seed": seed, "method": method, **score}), flush=True)
        means = {method: round(float(np.mean(accuracies)), 4) for method, accuracies in by_method.items()}
        print(json.dumps({"set": name, "test_rows": len(tested), "mean": means}), flush=True)


if __name__ == "__main__":
    main()
