"""Several labels a text, numbers for texts, and counted words: scores of real sets on their own test rows.

python benchmarks/text_tasks.py [goemotions zh_events readability …]     each name may be followed by :METHOD
"""

import csv
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from _sets import data

ROOT = Path(__file__).resolve().parents[1]
MINILM, WORDS = "bundled:all-MiniLM-L6-v2", "scratch:words"
SETS = {
    "goemotions": ("text_multilabel", "multilabel-classification", {"text": "text", "labels": "labels"}),
    "zh_events": ("text_multilabel", "multilabel-classification", {"text": "content", "labels": "labels"}),
    "readability": ("text_regression", "text-regression", {"text": "excerpt", "target": "easiness"}),
}
METHODS = {"goemotions": ("words", "full"), "zh_events": ("words",), "readability": ("words", "probe", "full")}
PARAMS = {"goemotions": {"max_length": 64}, "readability": {"max_length": 256}}
"""Chosen by how long the texts are."""
PARTS = {"train": "train", "dev": "validation", "test": "test"}


def joined(folder: Path, name: str, target: Path) -> Path:
    """The set's own files as one table whose column `split` keeps their parts."""
    with target.open("w", encoding="utf-8", newline="") as out:
        writer = None
        for part, split in PARTS.items():
            path = folder / f"{name}_{part}.csv"
            if not path.exists():
                continue
            with path.open(encoding="utf-8", newline="") as file:
                for row in csv.DictReader(file):
                    writer = writer or csv.DictWriter(out, [*row, "split"])
                    if out.tell() == 0:
                        writer.writeheader()
                    writer.writerow(row | {"split": split})
    return target


def run(name: str, method: str) -> None:
    """Train, and tell every metric beside the baselines, with the load of the machine."""
    folder, task, columns = SETS[name]
    with tempfile.TemporaryDirectory() as place:
        rows = joined(data(folder), name, Path(place) / "rows.csv")
        model = WORDS if method == "words" else MINILM
        spec = {"task": task, "dataset": {"path": str(rows), "columns": columns}, "model": model, "method": method}
        params = {} if method == "words" else PARAMS.get(name, {})
        (Path(place) / "spec.json").write_text(json.dumps(spec | {"params": params}), "utf-8")
        command = [sys.executable, "-m", "trainer", "run", f"{place}/spec.json", "--out", f"{place}/out"]
        done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True)
    result = json.loads(done.stdout.splitlines()[-1])
    figures = ", ".join(f"{metric} {value:.3f}" for metric, value in result["metrics"].items())
    metric = result["headline"]["name"]
    baselines = ", ".join(f"{title} {figures[metric]:.3f}" for title, figures in result["baselines"].items())
    print(
        f"{name}, {method}: {figures} in {result['seconds']:.0f} s at load {os.getloadavg()[0]:.1f}; {metric} of {baselines}",
        flush=True,
    )


if __name__ == "__main__":
    for asked in sys.argv[1:] or SETS:
        name, _colon, method = asked.partition(":")
        for chosen in (method,) if method else METHODS[name]:
            run(name, chosen)
