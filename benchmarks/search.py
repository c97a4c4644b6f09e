"""Texts compared and searched: scores on the sets of the reference data, and how quickly a search over many texts answers.

python benchmarks/search.py [--sets stsb_en stsb_zh lcqmc_zh cranfield] [--method zero-shot full] [--seconds 480] [--texts 20000]
"""

import argparse
import json
import os
import shutil
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from trainer.__main__ import main as trainer
from trainer.engines import open_engine
from trainer.files import sha256, write_json
from trainer.similarity.bm25 import WordIndex
from trainer.similarity.corpus import Corpus

SHARED = Path(os.environ.get("MAQUETTE_SHARED", Path(__file__).resolve().parents[2] / "shared")) / "data"
PAIRS = "sentence_pairs"
SETS = {
    "stsb_en": [f"{PAIRS}/stsb_en_{part}.csv" for part in ("train", "dev", "test")],
    "stsb_zh": [f"{PAIRS}/stsb_zh_{part}.csv" for part in ("train", "dev", "test")],
    "lcqmc_zh": [f"{PAIRS}/lcqmc_zh_{part}.jsonl" for part in ("train", "test")],
    "cranfield": [f"retrieval/cranfield/{name}" for name in ("corpus.jsonl", "queries.jsonl", "qrels.tsv")],
}
TARGETS = {"stsb_en": "0.845 (0.820 before)", "cranfield": "0.42 (BM25 0.351, dense 0.399)"}
QUERIES = 200


def measure(name: str, method: str, folder: Path, params: dict[str, int], seconds: float | None) -> str:
    """A row of the table: what a run of this set reached, beside its baselines."""
    version, out = folder / f"{name}-data", folder / f"{name}-{method}"
    files = [str(SHARED / file) for file in SETS[name]]
    if not version.exists() and trainer(["inspect", *files, "--out", str(version), "--task", "sentence-similarity"]):
        sys.exit(f"{name} could not be read")
    fields = {"task": "sentence-similarity", "dataset": {"path": str(version)}, "method": method, "params": params}
    fields |= {"model": "bundled:all-MiniLM-L6-v2", "limits": {"seconds": seconds}}
    spec = folder / f"{name}-{method}.json"
    spec.write_text(json.dumps(fields), "utf-8")
    started, busy = time.monotonic(), time.process_time()
    if trainer(["run", str(spec), "--out", str(out)]):
        sys.exit(f"the run of {name} failed")
    took, busy = time.monotonic() - started, time.process_time() - busy
    report = json.loads((out / "artifact" / "report.json").read_text("utf-8"))
    score = report["headline"]
    baselines = ", ".join(f"{key} {figures[score['name']]:.3f}" for key, figures in report["baselines"].items())
    reached = f"{score['name']} {score['value']:.3f} ({score['low']:.3f} to {score['high']:.3f})"
    served = report["export"]["engine"]
    return f"| {name} | {method} | {reached} | {TARGETS.get(name, '')} | {baselines} | {took:.0f} s ({busy:.0f} s) | {served} |"


def speed(artifact: Path, texts: int, folder: Path) -> str:
    """Milliseconds of one query at a time over so many texts: those of the artifact again and again, each with other words."""
    large = folder / "large"
    shutil.copytree(artifact, large)
    own = Corpus.load(artifact / "model")
    generator = np.random.default_rng(0)
    places = generator.integers(0, len(own), texts)
    many = [f"{own.texts[place]} number {number}" for number, place in enumerate(places.tolist())]
    vectors = own.vectors[places] + 0.02 * generator.standard_normal((texts, own.vectors.shape[1])).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    Corpus(many, list(range(1, texts + 1)), vectors, WordIndex.of(many), own.share).save(large / "model")
    manifest = json.loads((large / "manifest.json").read_text("utf-8"))
    manifest["files"] |= {f"model/{path.name}": sha256(path) for path in (large / "model").glob("corpus.*")}
    write_json(large / "manifest.json", manifest)
    engine = open_engine(large, verify=True)
    engine.warm()
    taken = []
    for number in range(QUERIES):
        words = own.texts[number % len(own)].split()
        query = engine.read(" ".join(words[: 6 + number % 10]))
        started = time.perf_counter()
        engine.predict([query])
        taken.append((time.perf_counter() - started) * 1000)
    median, p95 = np.percentile(taken, [50, 95])
    return f"{texts:,} texts, one client: median {median:.1f} ms, 95 % within {p95:.1f} ms ({engine.engine}, {QUERIES} queries)"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sets", nargs="+", default=list(SETS), choices=list(SETS))
    parser.add_argument("--method", nargs="+", default=["zero-shot", "full"])
    parser.add_argument("--seconds", type=float, help="limit of each run")
    parser.add_argument("--epochs", type=int)
    parser.add_argument("--texts", type=int, default=20_000, help="of the search whose speed is measured; 0: none")
    options = parser.parse_args()
    rows, params = [], {"epochs": options.epochs} if options.epochs else {}
    with tempfile.TemporaryDirectory(prefix="maquette-search-") as name:
        folder = Path(name)
        for which in options.sets:
            for method in options.method:
                rows.append(measure(which, method, folder, params if method == "full" else {}, options.seconds))
        artifact = folder / f"{options.sets[-1]}-{options.method[0]}" / "artifact"
        quick = [speed(artifact, options.texts, folder)] if options.texts else []
    head = [
        "| set | method | score | target | baselines | time (processor time) | served as |",
        "|---|---|---|---|---|---|---|",
    ]
    print("\n".join([*head, *rows, *quick, f"load {os.getloadavg()[0]:.1f}"]), file=sys.stderr)


if __name__ == "__main__":
    main()
