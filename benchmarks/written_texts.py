"""Summaries and translations: scores of real sets on their own test rows, beside what is simple.

python benchmarks/written_texts.py [multi30k dialogsum headlines]
"""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from _sets import data

ROOT = Path(__file__).resolve().parents[1]
SETS = {
    "multi30k": ("translation", "multi30k_en_de_train.csv multi30k_en_de_val.csv multi30k_en_de_test.csv"),
    "dialogsum": ("summarization", "dialogsum_train500.csv dialogsum_test500.csv"),
    "headlines": ("summarization", "headlines_en_train.jsonl headlines_en_test.jsonl"),
}

EXTRACTIVE = {"model": "bundled:all-MiniLM-L6-v2", "method": "extractive"}


def trainer(*arguments: str) -> dict[str, Any]:
    command = [sys.executable, "-m", "trainer", *arguments]
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True)
    result: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return result


def run(name: str) -> None:
    task, files = SETS[name]
    with tempfile.TemporaryDirectory() as place:
        paths = [str(data("text2text") / file) for file in files.split()]
        trainer("inspect", *paths, "--out", f"{place}/v1", "--task", task)
        way = {"model": "scratch:gpt", "method": "scratch"} if task == "translation" else EXTRACTIVE
        spec = {"task": task, "dataset": {"path": f"{place}/v1"}} | way
        (Path(place) / "spec.json").write_text(json.dumps(spec), "utf-8")
        result = trainer("run", f"{place}/spec.json", "--out", f"{place}/out")
    figures = ", ".join(f"{metric} {value:.3f}" for metric, value in result["metrics"].items())
    metric, low, high = (result["headline"][field] for field in ("name", "low", "high"))
    baselines = ", ".join(f"{title} {figures[metric]:.3f}" for title, figures in result["baselines"].items())
    print(
        f"{name}: {figures} ({metric} {low:.3f} to {high:.3f}) in {result['seconds']:.0f} s at load "
        f"{os.getloadavg()[0]:.1f}; {metric} of {baselines}; {result['verdict']['sentence']}",
        flush=True,
    )


if __name__ == "__main__":
    for name in sys.argv[1:] or SETS:
        run(name)
