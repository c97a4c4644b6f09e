"""What it takes to read a small file and to train on it, where almost all is the beginning of a process: seconds of the clock and of
the processor, the middle of several turns.

python benchmarks/beginning.py [--tree FOLDER] [--turns 5]     another checkout of this project, by turns with this one
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
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
ROWS = 80


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tree", type=Path)
    parser.add_argument("--turns", type=int, default=5)
    arguments = parser.parse_args()
    trees = [ROOT, *([arguments.tree.resolve()] if arguments.tree else [])]
    with tempfile.TemporaryDirectory() as folder:
        commands = commands_in(Path(folder))
        for name, words in commands.items():
            took: dict[Path, list[tuple[float, float]]] = {tree: [] for tree in trees}
            for turn in range(arguments.turns):
                for tree in trees:
                    took[tree].append(timed(tree, [*words, "--out", f"{folder}/{name}-{trees.index(tree)}-{turn}"]))
            for tree in trees:
                clock, processor = (statistics.median(column) for column in zip(*took[tree], strict=True))
                print(
                    f"{name:12s} {'this' if tree == ROOT else 'other':6s} {clock:6.2f} s, of the processor {processor:6.2f} s"
                )


def commands_in(folder: Path) -> dict[str, list[str]]:
    rows = [
        (f"the staff was {'lovely' if number % 2 else 'rude'} at table {number}", number % 2) for number in range(ROWS)
    ]
    table, spec = folder / "rows.csv", folder / "spec.json"
    table.write_text(
        "text,label\n" + "".join(f"{text},{'good' if label else 'bad'}\n" for text, label in rows), "utf-8"
    )
    dataset = {"path": str(table), "columns": {"text": "text", "label": "label"}}
    asked = {"task": "text-classification", "dataset": dataset, "model": "bundled:all-MiniLM-L6-v2"}
    runs = {"probe": asked | {"method": "probe"}, "full": asked | {"method": "full", "params": {"epochs": 1}}}
    commands = {"read": ["inspect", str(table)]}
    for name, run in runs.items():
        path = spec.with_stem(name)
        path.write_text(json.dumps(run), "utf-8")
        commands[name] = ["run", str(path)]
    return commands


def timed(tree: Path, words: list[str]) -> tuple[float, float]:
    """(seconds of the clock, of the processor)."""
    before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    env = os.environ | {"MAQUETTE_CACHE": "", "HF_HUB_OFFLINE": "1"}
    subprocess.run([sys.executable, "-m", "trainer", *words], cwd=tree, env=env, check=True, capture_output=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    processor = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return time.perf_counter() - started, processor


if __name__ == "__main__":
    main()
