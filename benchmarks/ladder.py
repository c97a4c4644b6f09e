"""The ladder (`best`) beside each single method, on the same rows: test score and seconds of learning; then labels of pure noise.

    python benchmarks/ladder.py [--rows 1500] [--sets sms_spam ag_news chn_hotel ag_news:64 readability] [--noise]

`SET:ROWS` takes so many rows to learn from; readability is of numbers, and scored by R². Seconds are those of the processor, which tell
less of what else the machine does. Asked for: within a point of the best single method, at no more than 60 % of their summed seconds.
`--noise`: pure noise alone.
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

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from trainer.learning.run import run
from trainer.spec import Spec

SINGLE = {
    "text-classification": ("zero-shot", "words", "probe", "fewshot", "lora", "full"),
    "text-regression": ("words", "probe", "lora", "full"),
}
MOST_TESTED = 1_000
SETS = ("sms_spam", "ag_news", "chn_hotel", "ag_news:64", "readability")
NUMBERS = {"readability": {"text": "excerpt", "target": "easiness"}}
"""Sets of text-regression and their columns."""
Rows = list[dict[str, str]]


def task_of(name: str) -> str:
    return "text-regression" if name in NUMBERS else "text-classification"


def rows_of(name: str, count: int) -> tuple[Rows, Rows]:
    """(to learn from, to test on), drawn by one seed."""
    folder = data(task_of(name).replace("-", "_"))
    columns = NUMBERS.get(name, {"text": "text", "label": "label"})
    generator = np.random.default_rng(0)
    whole = folder / f"{name}.csv"
    paths = (whole,) if whole.exists() else (folder / f"{name}_train.csv", folder / f"{name}_test.csv")
    parts = []
    for path in paths:
        with path.open(newline="", encoding="utf-8") as file:
            rows = [{role: row[column] for role, column in columns.items()} for row in csv.DictReader(file)]
            rows = [row for row in rows if row["text"].strip()]
        parts.append([rows[index] for index in generator.permutation(len(rows)).tolist()])
    if len(parts) == 1:
        return parts[0][MOST_TESTED : MOST_TESTED + count], parts[0][:MOST_TESTED]
    return parts[0][:count], parts[1][:MOST_TESTED]


def noise(count: int) -> tuple[Rows, Rows]:
    """Texts of a real set under labels drawn at random."""
    train, test = rows_of("ag_news", count)
    generator = np.random.default_rng(1)
    return tuple(
        [{"text": row["text"], "label": str(generator.choice(["a1", "b2"]))} for row in part] for part in (train, test)
    )  # type: ignore[return-value]


def measure(folder: Path, method: str, train: Rows, test: Rows, task: str = "text-classification") -> dict[str, Any]:
    files = [folder / "train.jsonl", folder / "test.jsonl"]
    for path, rows in zip(files, (train, test), strict=True):
        path.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    dataset = {"path": str(files[0]), "test_path": str(files[1]), "columns": {role: role for role in train[0]}}
    out, learning = folder / method, {"start": 0.0, "seconds": 0.0}

    def hear(kind: str, /, **fields: object) -> None:
        if kind == "stage" and fields["name"] == "train":
            learning[str(fields["state"]).replace("done", "seconds")] = time.process_time()

    spec = Spec.model_validate({"task": task, "dataset": dataset, "method": method})
    result = run(spec, out, hear)
    report = json.loads((out / "artifact" / "report.json").read_text("utf-8"))
    seconds = round(learning["seconds"] - learning["start"], 1)
    outcome = {"score": round(result["headline"]["value"], 4), "seconds": seconds, "clock": report["timings"]["train"]}
    if ladder := report.get("ladder"):
        steps = [f"{step['method']} {step['score']:.3f} {step['seconds']} s" for step in ladder["steps"]]
        outcome |= {"winner": ladder["winner"], "steps": steps, "stopped": ladder["stopped"]}
    return outcome


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_500)
    parser.add_argument("--sets", nargs="*", default=list(SETS))
    parser.add_argument("--noise", action="store_true")
    arguments = parser.parse_args()
    for each in () if arguments.noise else arguments.sets:
        name, _colon, count = each.partition(":")
        train, test = rows_of(name, int(count or arguments.rows))
        outcomes = {}
        for method in ("best", *SINGLE[task_of(name)]):
            with tempfile.TemporaryDirectory() as folder:
                try:
                    outcomes[method] = measure(Path(folder), method, train, test, task_of(name))
                except Exception as error:  # a method that cannot learn these rows says so
                    outcomes[method] = {"error": str(error)}
            print(
                json.dumps({"set": each, "method": method, "load": round(os.getloadavg()[0], 1), **outcomes[method]}),
                flush=True,
            )
        single = [figures for method, figures in outcomes.items() if method != "best" and "score" in figures]
        best = max(figures["score"] for figures in single)
        share = outcomes["best"]["seconds"] / sum(figures["seconds"] for figures in single)
        print(
            json.dumps({"set": each, "behind": round(best - outcomes["best"]["score"], 4), "share": round(share, 3)}),
            flush=True,
        )
    with tempfile.TemporaryDirectory() as folder:
        print(json.dumps({"set": "noise", **measure(Path(folder), "best", *noise(arguments.rows))}), flush=True)


if __name__ == "__main__":
    main()
