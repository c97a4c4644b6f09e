"""How long a small table of one workspace waits while another's large or hostile files are read: `manage.py up`, two tenants.

python benchmarks/readers.py [--rounds 3]

Seconds from the start of B's upload to the version being ready: alone, right after A's three tables of 15 MB, and right after
A's three Parquets of a few megabytes that declare 300 million rows, or unpack to gigabytes.
"""

import argparse
import statistics
import sys
import tempfile
import time
from collections.abc import Iterable
from io import BytesIO
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from tests.site import Site, rows_of, wait  # noqa: E402

MEGABYTE = 10**6
FILES, ROWS, SMALL_ROWS = 3, 300_000_000, 24
WIDE_ROWS, WIDE_CHARACTERS = 600_000, 4_000


def table(size: int) -> bytes:
    """A CSV of texts and labels of about so many bytes."""
    rows = rows_of(2000)
    header, body = rows.split(b"\n", 1)
    return header + b"\n" + body * (size // len(body))


def many_rows() -> bytes:
    """300 million rows of one value."""
    return parquet(pa.table({"text": constant("x", ROWS // 60)}) for _ in range(60))


def wide_rows() -> bytes:
    """2.4 GB of text behind a dictionary of one entry, in as many rows as may be read."""
    return parquet(pa.table({"text": constant("word " * (WIDE_CHARACTERS // 5), WIDE_ROWS // 6)}) for _ in range(6))


def constant(value: str, count: int) -> pa.DictionaryArray:
    return pa.DictionaryArray.from_arrays(pa.array(np.zeros(count, np.int8)), pa.array([value]))


def parquet(parts: Iterable[pa.Table]) -> bytes:
    out, writer = BytesIO(), None
    for part in parts:
        writer = writer or pq.ParquetWriter(out, part.schema, compression="zstd")
        writer.write_table(part)
    assert writer
    writer.close()
    return out.getvalue()


def send(site: Site, name: str, content: bytes) -> str:
    answer = site.api("POST", "/datasets", files={"file": (name, content)})
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


def read(site: Site, content: bytes) -> float:
    """Seconds until a small table is ready."""
    began = time.monotonic()
    pk = send(site, "small.csv", content)
    wait(lambda: site.get(f"/datasets/{pk}")["status"] != "processing", 600, "B's table is read")
    assert site.get(f"/datasets/{pk}")["status"] == "ready"
    return time.monotonic() - began


def compare_readers(first: Site, other: Site, name: str, content: bytes) -> tuple[float, float, list[str]]:
    """(seconds of B, seconds until the last of A's has ended, how A's ended)."""
    began = time.monotonic()
    theirs = [send(first, f"{number}-{name}", content) for number in range(FILES)]
    seconds = read(other, rows_of(SMALL_ROWS))
    states = [
        wait(lambda pk=pk: (row := first.get(f"/datasets/{pk}"))["status"] != "processing" and row, 900, "A's are read")
        for pk in theirs
    ]
    ended = [str((row.get("error") or {}).get("code") or row["status"]) for row in states]
    for pk in theirs:
        first.api("DELETE", f"/datasets/{pk}")
    return seconds, time.monotonic() - began, ended


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    rounds = parser.parse_args().rounds
    files = {"15 MB tables": ("rows.csv", table(15 * MEGABYTE))}
    files["Parquets of 300 million rows"] = ("many.parquet", many_rows())
    files["Parquets of 2.4 GB of text"] = ("wide.parquet", wide_rows())
    with tempfile.TemporaryDirectory() as folder:
        site = Site(Path(folder), Path(folder) / "models")
        site.models.mkdir()
        site.start()
        try:
            other = site.as_somebody("other@example.org")
            read(other, rows_of(SMALL_ROWS))
            alone = [read(other, rows_of(SMALL_ROWS)) for _ in range(rounds)]
            print(f"alone: {words(alone)}")
            for what, (name, content) in files.items():
                took = [compare_readers(site, other, name, content) for _ in range(rounds)]
                print(
                    f"after three {what} ({len(content) / MEGABYTE:.1f} MB each): {words([seconds for seconds, *_ in took])}; "
                    f"A's three within {max(ended for _, ended, _ in took):.1f} s: {', '.join(took[0][2])}"
                )
        finally:
            site.stop()


def words(seconds: list[float]) -> str:
    return f"median {statistics.median(seconds):.1f} s, most {max(seconds):.1f} s"


if __name__ == "__main__":
    main()
