"""Whether estimates come true: `trainer estimate`, then `trainer run`, twelve times over texts, pictures and tables.

python benchmarks/estimates.py [--minutes 20]

After so many minutes no further one is begun. Seconds are of the whole command, from the start of its process to its end.
"""

import argparse
import csv
import json
import subprocess
import sys
import tempfile
import time
import zipfile
from pathlib import Path
from typing import Any

from _sets import data

ROOT = Path(__file__).resolve().parents[1]
TEXTS, PICTURES, TABLES = "text_classification", "image_classification", "tabular"
MOBILENET = {"model": "local:mobilenet_v2_0.35_224"}
RUNS: tuple[tuple[str, str, int, str, dict[str, Any]], ...] = (
    (TEXTS, "sms_spam.csv", 500, "probe", {}),
    (PICTURES, "mnist_png_small.zip", 1000, "scratch", {"params": {"epochs": 4}}),
    (TABLES, "titanic.csv", 891, "auto", {"columns": {"target": "Survived"}}),
    (TEXTS, "sms_spam.csv", 300, "full", {"params": {"epochs": 2}}),
    (PICTURES, "cifar10_small.zip", 1000, "scratch", {"params": {"epochs": 3}}),
    (TABLES, "german_credit.csv", 1000, "linear", {"columns": {"target": "class"}}),
    (TEXTS, "ag_news_train.csv", 800, "probe", {}),
    (PICTURES, "cats_dogs.zip", 200, "probe", MOBILENET),
    (TABLES, "telco_churn.csv", 2500, "boosting", {"columns": {"target": "Churn"}}),
    (TEXTS, "chn_hotel_train.csv", 120, "full", {"params": {"epochs": 1}}),
    (PICTURES, "mnist_png_small.zip", 500, "probe", MOBILENET),
    (TABLES, "california_housing.csv", 3000, "auto", {"columns": {"target": "median_house_value"}}),
)
"""(kind, file, rows taken from it, method, further fields of the specification)."""


def part_of(source: Path, rows: int, target: Path) -> None:
    """So many rows of a table, or pictures of an archive, evenly spread over the whole of it."""
    if source.suffix == ".csv":
        with source.open(encoding="utf-8", newline="") as file:
            header, *every = csv.reader(file)
        with target.open("w", encoding="utf-8", newline="") as file:
            csv.writer(file).writerows([header, *spread(every, rows)])
        return
    with zipfile.ZipFile(source) as whole, zipfile.ZipFile(target, "w") as taken:
        names = [name for name in whole.namelist() if not name.endswith("/")]
        for name in spread(names, rows):
            taken.writestr(name, whole.read(name))


def spread(every: list[Any], count: int) -> list[Any]:
    count = min(count, len(every))
    return [every[index * len(every) // count] for index in range(count)]


def trainer(*arguments: str | Path) -> tuple[dict[str, Any], float]:
    """(the last event of a command, seconds from its start to its end)."""
    started = time.monotonic()
    command = [sys.executable, "-m", "trainer", *map(str, arguments)]
    output = subprocess.run(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, check=False
    )
    lines = output.stdout.splitlines()
    return json.loads(lines[-1]) if lines else {"type": "error", "message": "no words"}, time.monotonic() - started


def try_one(
    folder: Path, kind: str, name: str, rows: int, method: str, more: dict[str, Any]
) -> tuple[bool, bool | None]:
    """(whether the seconds lay in their range, whether the score did, None where none was foretold)."""
    source = folder / name
    part_of(data(kind) / name, rows, source)
    fields = {key: value for key, value in more.items() if key != "columns"}
    columns = {"columns": more["columns"]} if "columns" in more else {}
    spec = folder / "spec.json"
    spec.write_text(json.dumps({"dataset": {"path": str(source)} | columns, "method": method} | fields), "utf-8")
    estimated, _seconds = trainer("estimate", spec)
    result, wall = trainer("run", spec, "--out", folder / "out")
    if "seconds" not in estimated or "headline" not in result:
        print(f"{name:26} {method:9} failed: {estimated.get('message') or result.get('message')}", flush=True)
        return False, None
    seconds, expected, headline = estimated["seconds"], estimated.get("expected"), result["headline"]
    inside = seconds["low"] <= wall <= seconds["high"]
    line = f"{name:26} {method:9} {rows:5} rows  {seconds['low']:6.1f} to {seconds['high']:6.1f} s, took {wall:6.1f}"
    line += f"  {'inside' if inside else 'OUTSIDE'}"
    hit = None
    if expected:
        hit = expected["low"] <= headline["value"] <= expected["high"]
        line += (
            f"  {expected['metric']} {expected['low']:.3f} to {expected['high']:.3f}, became {headline['value']:.3f}"
        )
        line += f"  {'inside' if hit else 'OUTSIDE'}"
    print(line, flush=True)
    return inside, hit


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--minutes", type=float, default=20)
    until = time.monotonic() + 60 * options.parse_args().minutes
    results = []
    for kind, name, rows, method, more in RUNS:
        if time.monotonic() > until:
            break
        with tempfile.TemporaryDirectory() as folder:
            results.append(try_one(Path(folder), kind, name, rows, method, more))
    hits = [hit for _inside, hit in results if hit is not None]
    print(f"Score inside its range in {sum(hits)} of {len(hits)}.")
    print(
        f"Seconds inside their range in {sum(inside for inside, _hit in results)} of {len(results)}, of {len(RUNS)} in all."
    )


if __name__ == "__main__":
    main()
