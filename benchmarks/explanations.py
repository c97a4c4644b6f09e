"""How faithful and how quick the explanations of finished runs are.

python benchmarks/explanations.py ARTIFACT…   of these
python benchmarks/explanations.py             of tables: trees, a linear model and a small net, trained for it
"""

import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from _sets import data

from trainer.engines import Engine, open_engine
from trainer.events import silent
from trainer.files import read_json
from trainer.learning.run import run
from trainer.packaging.export import read_saved
from trainer.spec import parse

MOST_INPUTS = 30
SECONDS = 1.0
"""As serving allows."""
SETS = (
    ("german_credit", "tabular-classification", "class"),
    ("telco_churn", "tabular-classification", "Churn"),
    ("california_housing", "tabular-regression", "median_house_value"),
)
MODELS = (("boosting", "scratch:lightgbm"), ("linear", "scratch:linear"), ("net", "scratch:table-net"))


def sorted_ms(engine: Engine[Any, Any], method: str, values: list[Any]) -> list[float]:
    """Milliseconds of each input, the first asked once before."""
    times = []
    for value in (values[0], *values):
        started = time.perf_counter()
        engine.explain(value, method, SECONDS)
        times.append((time.perf_counter() - started) * 1000)
    return sorted(times[1:])


def measure(artifact: Path, name: str) -> None:
    """Of each method: what it gains on a random order, with its interval, and milliseconds for one of the test rows."""
    engine = open_engine(artifact)
    values = list(read_saved(artifact, engine).inputs[:MOST_INPUTS])
    tested = read_json(artifact / "report.json")["explanations"]
    gains = {each["method"]: each for each in tested.get("methods", [])}
    print(f"{name}: {engine.task.slug}, {tested['rows']} rows, explained by {engine.method}")
    for method in engine.methods:
        ms = sorted_ms(engine, method, values)
        gain = gains.get(method)
        faithful = f"{gain['gain']:+.4g} ({gain['low']:.4g} to {gain['high']:.4g})" if gain else "not tested"
        print(f"  {method:18} {faithful:36} {ms[len(ms) // 2]:8.1f} ms, at most {ms[-1]:.1f}, of {len(ms)}", flush=True)


def trained(folder: Path) -> Iterator[tuple[Path, str]]:
    """(artifact, name) of each kind of model of each table."""
    tables = data("tabular")
    for name, task, target in SETS:
        for method, model in MODELS:
            dataset = {"path": str(tables / f"{name}.csv"), "columns": {"target": target}}
            out = folder / f"{name}-{method}"
            run(parse({"task": task, "method": method, "model": model, "dataset": dataset}), out, silent)
            yield out / "artifact", f"{name}, {method}"


if __name__ == "__main__":
    for given in sys.argv[1:]:
        measure(Path(given), given)
    if not sys.argv[1:]:
        with tempfile.TemporaryDirectory() as work:
            for artifact, name in trained(Path(work)):
                measure(artifact, name)
