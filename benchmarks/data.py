"""Reading a large CSV, and a zip of pictures: rows a second and peak memory, beside pandas' `read_csv` on the same file.

    python benchmarks/data.py [--rows 1000000] [--pictures 10000]

Three ways for the CSV, each in a process of its own: pandas, which only parses; our reader alone, which also finds the
encoding and the delimiter and reports bad rows; and the whole of `trainer inspect`, which also profiles, splits, hashes,
looks for faults and personal data, and writes Parquet. Then pages of that version as the site's explorer asks for them,
without anything kept from one to the next, beside the plain way: all cells scanned by DuckDB. The pictures are JPEGs of
640 × 480 pixels in class folders, for `trainer inspect` alone.
"""

import argparse
import io
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
from PIL import Image

ROOT = Path(__file__).resolve().parents[1]
WAYS = {
    "pandas read_csv": "import pandas; n = len(pandas.read_csv(sys.argv[1], dtype=str))",
    "our reader": "from trainer.data.tables.formats import open_table; n = sum(len(b[0]) for b in open_table(pathlib.Path(sys.argv[1])).batches)",
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


def write_pictures(path: Path, count: int) -> None:
    """Noise over colours that flow into each other, about 108 KB each; every 50 share their pixels, none its bytes."""
    chosen = np.random.default_rng(0)
    with zipfile.ZipFile(path, "w") as archive:
        for number in range(count):
            if number % 50 == 0:
                coarse = Image.fromarray(chosen.integers(0, 256, (12, 16, 3), dtype=np.uint8)).resize((640, 480))
                noise = chosen.normal(0, 12, (480, 640, 1))
                buffer = io.BytesIO()
                Image.fromarray((np.asarray(coarse) + noise).clip(0, 255).astype(np.uint8)).save(
                    buffer, "JPEG", quality=85
                )
                picture = buffer.getvalue()
            comment = b"\xff\xfe\x00\x0a" + f"{number:08}".encode()
            archive.writestr(f"{'abcd'[number % 4]}/{number}.jpg", picture[:2] + comment + picture[2:])


def measure(name: str, code: str, path: Path, expected: int) -> None:
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
        return
    rows, peak = map(int, done.stdout.split())
    assert rows == expected, (name, rows)
    print(f"{name:<18}{rows / seconds:>12,.0f}{seconds:>10.1f}{peak >> 10:>10}")


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
    parser.add_argument("--pictures", type=int, default=10_000)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        rows, pictures = Path(folder) / "rows.csv", Path(folder) / "pictures.zip"
        print(f"{'':<18}{'rows/s':>12}{'seconds':>10}{'peak MB':>10}")
        if options.rows:
            write_rows(rows, options.rows)
            print(f"{options.rows:,} rows, {rows.stat().st_size >> 20} MB")
            for name, code in WAYS.items():
                measure(name, code, rows, options.rows)
            if (version := Path(f"{rows}.v1")).exists():
                explore(version)
        if options.pictures:
            write_pictures(pictures, options.pictures)
            print(f"{options.pictures:,} pictures, {pictures.stat().st_size >> 20} MB")
            measure("trainer inspect", WAYS["trainer inspect"], pictures, options.pictures)


if __name__ == "__main__":
    main()
