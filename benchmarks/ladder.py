"""The ladder (`best`) beside each single method, on the same rows: test accuracy and seconds of learning; then labels of pure noise.

    python benchmarks/ladder.py [--rows 1500] [--sets sms_spam ag_news banking77 chn_hotel ag_news:64]

`SET:ROWS` takes so many rows to learn from. Asked for: within a point of the best single method, at no more than 60 % of their summed seconds.
"""

import argparse
import csv
import json
import os
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from _sets import data

from trainer.events import silent
from trainer.learning.run import run
from trainer.spec import Spec

SINGLE = ("zero-shot", "probe", "fewshot", "lora", "full")
MOST_TESTED = 1_000
SETS = ("sms_spam", "ag_news", "banking77", "chn_hotel", "ag_news:64")


def rows_of(name: str, count: int) -> tuple[list[dict[str, str]], list[dict[str, str]]]:
    """(to learn from, to test on), drawn by one seed."""
    folder = data("text_classification")
    generator = np.random.default_rng(0)
    whole = folder / f"{name}.csv"
    paths = (whole,) if whole.exists() else (folder / f"{name}_train.csv", folder / f"{name}_test.csv")
    parts = []
    for path in paths:
        with path.open(newline="", encoding="utf-8") as file:
            rows = [row for row in csv.DictReader(file) if row["text"].strip()]
        parts.append([rows[at] for at in generator.permutation(len(rows)).tolist()])
    if len(parts) == 1:
        return parts[0][MOST_TESTED : MOST_TESTED + count], parts[0][:MOST_TESTED]
    return parts[0][:count], parts[1][:MOST_TESTED]


def noise(count: int) -> tuple[list[dict[str, str]], list[dict[str, str]]]:
    """Texts of a real set under labels drawn at random."""
    train, test = rows_of("ag_news", count)
    generator = np.random.default_rng(1)
    return tuple(
        [{"text": row["text"], "label": str(generator.choice(["a1", "b2"]))} for row in part] for part in (train, test)
    )  # type: ignore[return-value]


def measure(folder: Path, method: str, train: list[dict[str, str]], test: list[dict[str, str]]) -> dict[str, Any]:
    files = [folder / "train.jsonl", folder / "test.jsonl"]
    for path, rows in zip(files, (train, test), strict=True):
        path.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    dataset = {"path": str(files[0]), "test_path": str(files[1]), "columns": {"text": "text", "label": "label"}}
    out = folder / method
    spec = Spec.model_validate({"task": "text-classification", "dataset": dataset, "method": method})
    result = run(spec, out, silent)
    report = json.loads((out / "artifact" / "report.json").read_text("utf-8"))
    found = {"accuracy": round(result["metrics"]["accuracy"], 4), "seconds": report["timings"]["train"]}
    if ladder := report.get("ladder"):
        steps = [f"{step['method']} {step['score']:.3f} {step['seconds']} s" for step in ladder["steps"]]
        found |= {"winner": ladder["winner"], "steps": steps, "stopped": ladder["stopped"]}
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_500)
    parser.add_argument("--sets", nargs="*", default=list(SETS))
    arguments = parser.parse_args()
    for each in arguments.sets:
        name, _colon, count = each.partition(":")
        train, test = rows_of(name, int(count or arguments.rows))
        found = {}
        for method in ("best", *SINGLE):
            with tempfile.TemporaryDirectory() as folder:
                try:
                    found[method] = measure(Path(folder), method, train, test)
                except Exception as error:  # a method that cannot learn these rows says so
                    found[method] = {"error": str(error)}
            print(
                json.dumps({"set": each, "method": method, "load": round(os.getloadavg()[0], 1), **found[method]}),
                flush=True,
            )
        single = [figures for method, figures in found.items() if method != "best" and "accuracy" in figures]
        best = max(figures["accuracy"] for figures in single)
        share = found["best"]["seconds"] / sum(figures["seconds"] for figures in single)
        print(
            json.dumps({"set": each, "behind": round(best - found["best"]["accuracy"], 4), "share": round(share, 3)}),
            flush=True,
        )
    with tempfile.TemporaryDirectory() as folder:
        print(json.dumps({"set": "noise", **measure(Path(folder), "best", *noise(arguments.rows))}), flush=True)


if __name__ == "__main__":
    main()
