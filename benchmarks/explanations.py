"""How faithful and how quick the explanations of finished runs are: `python benchmarks/explanations.py ARTIFACT…`."""

import sys
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from trainer.engines import open_engine
from trainer.files import read_json
from trainer.packaging.export import read_saved

AGAIN = 15
SECONDS = 1.0
"""As serving allows."""


def median_ms(call: Callable[[], object]) -> float:
    call()
    times = []
    for _time in range(AGAIN):
        started = time.perf_counter()
        call()
        times.append((time.perf_counter() - started) * 1000)
    return sorted(times)[AGAIN // 2]


def measure(artifact: Path) -> None:
    """Of each method: what it gains on a random order, with its interval, and milliseconds for one of the test rows."""
    engine = open_engine(artifact)
    value = read_saved(artifact, engine).inputs[0]
    tested = read_json(artifact / "report.json")["explanations"]
    gains = {each["method"]: each for each in tested.get("methods", [])}
    print(f"{artifact}: {engine.task.slug}, {tested['rows']} rows, explained by {engine.method}")
    for method in engine.methods:
        ms = median_ms(lambda method=method: engine.explain(value, method, SECONDS))  # type: ignore[misc]
        gain = gains.get(method)
        faithful = f"{gain['gain']:+.4g} ({gain['low']:.4g} to {gain['high']:.4g})" if gain else "not tested"
        print(f"  {method:10} {faithful:36} {ms:8.1f} ms")


if __name__ == "__main__":
    for name in sys.argv[1:]:
        measure(Path(name))
