"""Reading a large CSV, and a zip of pictures: rows a second and peak memory, beside pandas' `read_csv` on the same file.

    python benchmarks/data.py [--rows 1000000] [--pictures 10000]

Three ways for the CSV, each in a process of its own: pandas, which only parses; our reader alone, which also finds the
encoding and the delimiter and reports bad rows; and the whole of `trainer inspect`, which also profiles, splits, hashes,
looks for faults and personal data, and writes Parquet. The pictures are JPEGs of 640 × 480 pixels in class folders, for
`trainer inspect` alone.
"""

import argparse
import io
import random
import subprocess
import sys
import tempfile
import time
import zipfile
from pathlib import Path

import numpy as np
from PIL import Image

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


def write_pictures(path: Path, count: int) -> None:
    """Noise over colours that flow into each other, about 60 KB each; every 50 share their pixels, none its bytes."""
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
        if options.pictures:
            write_pictures(pictures, options.pictures)
            print(f"{options.pictures:,} pictures, {pictures.stat().st_size >> 20} MB")
            measure("trainer inspect", WAYS["trainer inspect"], pictures, options.pictures)


if __name__ == "__main__":
    main()
