"""A table with columns of texts: with the texts and without them, size and latency of what is packaged.

python benchmarks/text_table.py
"""

import json
import sys
import tempfile
import time
from pathlib import Path

from _sets import data

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))
TARGET, TOLD = "Recommended IND", "Rating"
"""What is predicted, and the column that gives it away."""
TEXTS = ("Title", "Review Text")
ASKED = 200
"""Rows that are asked one by one."""


def measure(folder: Path, roles: dict[str, str]) -> list[str]:
    from trainer.engines import open_engine
    from trainer.events import silent
    from trainer.learning.run import run
    from trainer.spec import parse

    source = data("text_table")
    dataset = {
        "path": str(source / "clothing_reviews_train.csv"),
        "test_path": str(source / "clothing_reviews_test.csv"),
        "columns": {"target": TARGET},
        "roles": {TOLD: "ignore"} | roles,
    }
    spec = parse({"task": "tabular-classification", "dataset": dataset})
    started, spent = time.monotonic(), time.process_time()
    result = run(spec, folder, silent)
    seconds, spent = time.monotonic() - started, time.process_time() - spent
    artifact = folder / "artifact"
    report = json.loads((artifact / "report.json").read_text("utf-8"))
    facts = json.loads((artifact / "model" / "columns.json").read_text("utf-8"))
    engine = open_engine(artifact, threads=1)
    rows = [json.loads(row) for row in saved_inputs(artifact)][:ASKED]
    begun = time.process_time()
    for row in rows:
        engine.predict([engine.read(row)])
    each = (time.process_time() - begun) / len(rows)
    size = sum(path.stat().st_size for path in (artifact / "model").rglob("*") if path.is_file())
    reads = {column["name"]: column["reads"] for column in facts["columns"] if column.get("reads")}
    low, high = (report["headline"][name] for name in ("low", "high"))
    return [
        f"{result['metrics']['roc_auc']:.3f} ({low:.3f} to {high:.3f})",
        ", ".join(f"{name}: {' and '.join(ways)}" for name, ways in reads.items()) or "none",
        report["candidates"][0]["name"],
        f"{seconds:.0f} s ({spent:.0f} s of processor)",
        f"{size / 1e6:.1f} MB",
        f"{1_000 * each:.1f} ms",
        f"{report['export']['agreement']:.3f}",
    ]


def saved_inputs(artifact: Path) -> list[str]:
    import pyarrow.parquet as pq

    inputs: list[str] = pq.read_table(artifact / "predictions.parquet").column("input").to_pylist()
    return inputs


def main() -> None:
    for name, roles in (("without the texts", dict.fromkeys(TEXTS, "ignore")), ("with them", {})):
        with tempfile.TemporaryDirectory() as out:
            print(f"| {' | '.join([name, *measure(Path(out) / 'run', roles)])} |", flush=True)


if __name__ == "__main__":
    main()
