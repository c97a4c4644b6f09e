"""Passages marked in texts: entity F1 on the sets of the reference data, beside the dictionary of most frequent tags.

python benchmarks/entities.py [--sets atis wnut17 resume_zh] [--seconds 480]
"""

import argparse
import json
import os
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from trainer.__main__ import main as trainer  # noqa: E402

SHARED = Path(os.environ.get("MAQUETTE_SHARED", Path(__file__).resolve().parents[2] / "shared")) / "data"
SETS = {
    "resume_zh": ("ner/resume_zh_train.jsonl", "ner/resume_zh_test.jsonl", "scratch:cnn-crf", "scratch", 0.92),
    "atis": ("extraction/atis_train.jsonl", "extraction/atis_test.jsonl", "bundled:all-MiniLM-L6-v2", "full", 0.92),
    "wnut17": ("ner/wnut17_train.conll", "ner/wnut17_test.conll", "bundled:all-MiniLM-L6-v2", "full", 0.30),
}
"""{set: (training file, test file, model, method, target)}."""


def measure(name: str, folder: Path, seconds: float | None) -> str:
    """A row of the table: what a run of this set reached, and in which time."""
    train, test, model, method, target = SETS[name]
    dataset = {"path": str(SHARED / train), "test_path": str(SHARED / test)}
    fields = {"task": "token-classification", "dataset": dataset, "model": model, "method": method}
    limits = {"limits": {"seconds": seconds}} if seconds else {}
    spec = folder / f"{name}.json"
    spec.write_text(json.dumps(fields | limits), "utf-8")
    started = time.monotonic()
    if trainer(["run", str(spec), "--out", str(folder / name)]):
        sys.exit(f"the run of {name} failed")
    took = time.monotonic() - started
    report = json.loads((folder / name / "artifact" / "report.json").read_text("utf-8"))
    score, baseline = report["headline"], report["baselines"]["frequent_tags"]["entity_f1"]
    reached = f"{score['value']:.3f} ({score['low']:.3f} to {score['high']:.3f})"
    return f"| {name} | {method} | {reached} | {target:.2f} | {baseline:.3f} | {took:.0f} s | {report['export']['engine']} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sets", nargs="+", default=list(SETS), choices=list(SETS))
    parser.add_argument("--seconds", type=float, help="limit of each run")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="maquette-entities-") as folder:
        rows = [measure(name, Path(folder), options.seconds) for name in options.sets]
    load = f"load {os.getloadavg()[0]:.1f}"
    head = ["| set | method | entity F1 | target | dictionary | time | served as |", "|---|---|---|---|---|---|---|"]
    print("\n".join([*head, *rows, load]), file=sys.stderr)


if __name__ == "__main__":
    main()
