"""Answers found in texts: F1 and exact match on the set of the reference data, beside the best sentence by words.

python benchmarks/question_answering.py [--epochs N] [--seconds 720] [--train FILE --test FILE]

Processor seconds are told beside the time that passed: on two cores with nothing beside it, half of them pass.
"""

import argparse
import json
import os
import resource
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from trainer.__main__ import main as trainer

SHARED = Path(os.environ.get("MAQUETTE_SHARED", Path(__file__).resolve().parents[2] / "shared")) / "data"
SET = SHARED / "question_answering"
TARGET = 0.45


def processor_seconds() -> float:
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(each.ru_utime + each.ru_stime for each in used)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--train", type=Path, default=SET / "wiki_train.json")
    parser.add_argument("--test", type=Path, default=SET / "wiki_test.json")
    parser.add_argument("--method", default="full")
    parser.add_argument("--epochs", type=int)
    parser.add_argument("--seconds", type=float, help="limit of the run")
    parser.add_argument("--out", type=Path, help="where the run is kept")
    options = parser.parse_args()
    dataset = {"path": str(options.train), "test_path": str(options.test)}
    fields = {"task": "question-answering", "dataset": dataset, "method": options.method}
    fields |= {"params": {"epochs": options.epochs}} if options.epochs else {}
    fields |= {"limits": {"seconds": options.seconds}} if options.seconds else {}
    with tempfile.TemporaryDirectory(prefix="maquette-questions-") as folder:
        out, spec = options.out or Path(folder), Path(folder) / "spec.json"
        spec.write_text(json.dumps(fields), "utf-8")
        started = time.monotonic()
        if trainer(["run", str(spec), "--out", str(out)]):
            sys.exit("the run failed")
        took, used = time.monotonic() - started, processor_seconds()
        report = json.loads((out / "artifact" / "report.json").read_text("utf-8"))
    score, baseline = report["headline"], report["baselines"]["best_sentence"]["passage_f1"]
    reached = f"{score['value']:.3f} ({score['low']:.3f} to {score['high']:.3f})"
    exact, engine = report["metrics"]["exact_match"], report["export"]["engine"]
    head = ["| F1 | exact match | target | best sentence | time | processor seconds | served as |", "|---|---|---|---|---|---|---|"]  # fmt: skip
    row = f"| {reached} | {exact:.3f} | {TARGET:.2f} | {baseline:.3f} | {took:.0f} s | {used:.0f} | {engine} |"
    print("\n".join([*head, row, f"load {os.getloadavg()[0]:.1f}"]), file=sys.stderr)


if __name__ == "__main__":
    main()
