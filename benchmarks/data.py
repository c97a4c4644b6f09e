"""Reading a large CSV: rows a second and peak memory beside pandas' `read_csv` on the same file.

    python benchmarks/data.py [--rows 1000000]

Three ways, each in a process of its own: pandas, which only parses; our reader alone, which also finds the encoding and
the delimiter and reports bad rows; and the whole of `trainer inspect`, which also profiles, splits, hashes, looks for
faults and personal data, and writes Parquet. Then pages of that version as the site's explorer asks for them, without
anything kept from one to the next, beside the plain way: all cells scanned by DuckDB.
"""

import argparse
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
WAYS = {
    "pandas read_csv": "import pandas; n = len(pandas.read_csv(sys.argv[1], dtype=str))",
    "our reader": "from trainer.data.reading import open_table; n = sum(len(b[0]) for b in open_table(pathlib.Path(sys.argv[1])).batches)",
    "trainer inspect": "from trainer.data.inspect import inspect; n = inspect([pathlib.Path(sys.argv[1])], pathlib.Path(sys.argv[1] + '.v1'))['rows']",
}
PEAK = "print(n, pathlib.Path('/proc/self/status').read_text().partition('VmHWM:')[2].split()[0])"


def write_rows(path: Path, rows: int) -> None:
    """Messages of about 150 characters in four classes, one in fifty with a quoted line end."""
    chosen = random.Random(0)
    words = [f"word{number}" for number in range(400)]
    with path.open("w", encoding="utf-8") as file:
        file.write("id,text,label\n")
        for row in range(rows):
            text = " ".join(chosen.choices(words, k=20))
            if row % 50 == 0:
                text = f'"{text},\nand more"'
            file.write(f"{row},{text},{'abcd'[row % 4]}\n")


PAGES: list[tuple[str, dict[str, Any]]] = [
    ("first page", {}),
    ("page 50,000", {"number": 50_000}),
    ("one label", {"label": "a"}),
    ("one part", {"split": "test"}),
    ("sorted by a number", {"sort": "-id"}),
    ("sorted by text", {"sort": "text"}),
    ("sorted by text, page 50,000", {"sort": "-text", "number": 50_000}),
    ("search, a common word", {"search": "word399"}),
    ("search, a number", {"search": "999999"}),
    ("search, nothing there", {"search": "zzzz"}),
    ("search, three common words", {"search": "word399 word12 word7"}),
]
WANTED_MS = 150
SCAN = "SELECT count(*) FROM read_parquet(?) WHERE contains(lower(text), 'zzzz') OR contains(lower(id), 'zzzz') OR contains(lower(label), 'zzzz')"


def median_ms(call: Callable[[], Any], times: int = 5) -> float:
    call()
    took = []
    for _ in range(times):
        began = time.perf_counter()
        call()
        took.append(1000 * (time.perf_counter() - began))
    return statistics.median(took)


def explore(folder: Path) -> None:
    """`folder` is the version."""
    sys.path.insert(0, str(ROOT))
    os.environ |= {"MAQUETTE_DATA": str(folder.parent), "DJANGO_SETTINGS_MODULE": "webapp.settings"}
    import django

    django.setup()
    from webapp.datasets import rows

    profile = json.loads((folder / "profile.json").read_text("utf-8"))
    fields = {"rows": profile["rows"], "columns": profile["columns"], "label_column": "label"}
    version: Any = SimpleNamespace(pk="", folder=folder, **fields)

    def page(number: int = 1, **asked: str) -> None:
        rows.found_before.clear()
        rows.page(version, number, **asked)

    with rows.connect() as cursor:
        scan = median_ms(lambda: cursor.execute(SCAN, [str(folder / "data.parquet")]).fetchall())
    print(f"\n{'a page of the explorer':<32}{'ms':>8}{'of a scan':>12}   wanted: {WANTED_MS} ms")
    print(f"{'all cells scanned':<32}{scan:>8.0f}{1:>12.2f}")
    for name, asked in PAGES:
        took = median_ms(lambda asked=asked: page(**asked))
        print(f"{name:<32}{took:>8.0f}{took / scan:>12.2f}")
    print(f"load of this machine: {os.getloadavg()[0]:.1f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "rows.csv"
        write_rows(path, options.rows)
        print(f"{options.rows:,} rows, {path.stat().st_size >> 20} MB")
        print(f"{'':<18}{'rows/s':>12}{'seconds':>10}{'peak MB':>10}")
        for name, code in WAYS.items():
            began = time.perf_counter()
            done = subprocess.run(
                [sys.executable, "-c", f"import sys, pathlib; {code}; {PEAK}", str(path)],
                capture_output=True,
                text=True,
                cwd=ROOT,
                check=False,
            )
            seconds = time.perf_counter() - began
            if done.returncode:
                print(f"{name:<18}not measured: {done.stderr.strip().splitlines()[-1]}")
                continue
            rows, peak = map(int, done.stdout.split())
            assert rows == options.rows, (name, rows)
            print(f"{name:<18}{rows / seconds:>12,.0f}{seconds:>10.1f}{peak >> 10:>10}")
        if (version := Path(f"{path}.v1")).exists():
            explore(version)


if __name__ == "__main__":
    main()
