"""Reading a large CSV: rows a second and peak memory beside pandas' `read_csv` on the same file.

    python benchmarks/data.py [--rows 1000000]

Three ways, each in a process of its own: pandas, which only parses; our reader alone, which also finds the encoding and
the delimiter and reports bad rows; and the whole of `trainer inspect`, which also profiles, splits, hashes, looks for
faults and personal data, and writes Parquet.
"""

import argparse
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path

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


if __name__ == "__main__":
    main()
