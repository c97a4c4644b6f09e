"""What the sandbox costs: a start, and training.

    python benchmarks/sandbox.py [--starts 20] [--runs 3]

Starts a Python that ends at once, and trains a small text model from beginning to end, by the site's own launcher: without a
sandbox, in bubblewrap and in Landlock by turns, so that a busy machine disturbs all alike. Prints medians of starts in
milliseconds and, of a run, seconds by the clock and of the processor; the difference is
against no sandbox, of a start against a Python that nobody launches.
"""

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))
DATA = tempfile.TemporaryDirectory(prefix="maquette-sandbox-")
os.environ |= {"MAQUETTE_DATA": DATA.name, "DJANGO_SETTINGS_MODULE": "webapp.settings", "HF_HUB_OFFLINE": "1"}

import django  # noqa: E402

django.setup()

from django.conf import settings  # noqa: E402

from sandbox import modes  # noqa: E402
from tests.site import rows_of  # noqa: E402
from webapp.core import confinement  # noqa: E402
from webapp.core.confinement import Access  # noqa: E402
from webapp.core.trainer_process import TrainerProcess, last_words  # noqa: E402
from webapp.runs.access import access_of  # noqa: E402

MODES = ("off", "bubblewrap", "landlock")


class Nothing(TrainerProcess):
    """A program that ends as soon as it runs."""

    PROGRAM = (sys.executable, "-I", "-S", "-c", "pass")


def direct(_mode: str) -> tuple[float, float]:
    """The same without any launcher."""
    before, used = time.perf_counter(), processor_seconds()
    subprocess.run(Nothing.PROGRAM, check=True)
    return time.perf_counter() - before, processor_seconds() - used


def done(program: Callable[..., TrainerProcess], arguments: list[str], access: Access) -> tuple[float, float]:
    """(seconds by the clock, seconds of the processor) until it has ended."""
    log, before, used = Path(DATA.name) / "stderr.log", time.perf_counter(), processor_seconds()
    process = program(arguments, stderr=log, access=access)
    process.process.wait()
    seconds = time.perf_counter() - before
    for _event in process.events():
        pass
    process.end()
    if process.process.returncode:
        raise SystemExit(f"{arguments} failed: {last_words(log)}")
    return seconds, processor_seconds() - used


def processor_seconds() -> float:
    """Of all children that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def by_turns(
    here: list[str], count: int, measure: Callable[[str], tuple[float, float]]
) -> dict[str, list[tuple[float, float]]]:
    measured: dict[str, list[tuple[float, float]]] = {mode: [] for mode in here}
    for _turn in range(count):
        for mode in here:
            settings.MAQUETTE_SANDBOX = mode
            measured[mode].append(measure(mode))
    return measured


def show(title: str, unit: float, measured: dict[str, list[tuple[float, float]]], usual_mode: str = "off") -> None:
    print(title)
    usual = [statistics.median(values) for values in zip(*measured[usual_mode], strict=True)]
    for mode, times in measured.items():
        clock, processor = (statistics.median(values) for values in zip(*times, strict=True))
        least = min(seconds for seconds, _used in times)
        words = f"{clock * unit:8.1f} (least {least * unit:.1f}), processor {processor * unit:8.1f}"
        print(f"  {mode:<12}{words}  {(clock - usual[0]) * unit:+8.1f}, processor {processor / usual[1] - 1:+.1%}")


def specification(version: Path) -> dict[str, object]:
    params = {"epochs": 3, "batch_size": 16, "max_length": 16}
    columns = {"text": "text", "label": "label"}
    return {
        "version": 1,
        "task": "text-classification",
        "dataset": {"path": str(version), "columns": columns},
        "model": "bundled:all-MiniLM-L6-v2",
        "method": "full",
        "params": params,
        "seed": 0,
    }


def start(mode: str) -> tuple[float, float]:
    return direct(mode) if mode == "direct" else done(Nothing, [], Access())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--starts", type=int, default=20)
    parser.add_argument("--runs", type=int, default=3)
    options = parser.parse_args()
    here = [mode for mode in MODES if mode == "off" or modes.probe(mode, confinement.hidden()).works]  # type: ignore[arg-type]
    starts = by_turns(["direct", *here], options.starts, start)
    show("a start, ms", 1000, starts, "direct")
    source = Path(DATA.name) / "rows.csv"
    source.write_bytes(rows_of(200))
    version = Path(DATA.name) / "v1"
    settings.MAQUETTE_SANDBOX = "off"
    done(TrainerProcess, ["inspect", str(source), f"--out={version}"], Access())
    spec = specification(version)

    def train(_mode: str) -> tuple[float, float]:
        out = Path(tempfile.mkdtemp(dir=DATA.name))
        (out / "spec.json").write_text(json.dumps(spec))
        return done(TrainerProcess, ["run", str(out / "spec.json"), "--out", str(out)], access_of(spec, out))

    show("a run, s", 1, by_turns(here, options.runs, train))


if __name__ == "__main__":
    main()
