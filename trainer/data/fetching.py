"""The command `fetch-media`: what a list of addresses leads to, into a folder. Bounded in count, bytes, time and at once.

A line of RESULTS is written for each address when it is done, so that a fetch that was killed goes on where it was.
"""

import hashlib
import json
import threading
import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import suppress
from pathlib import Path
from typing import Any

from trainer.data.checked_connection import NotFetchedError, opened
from trainer.data.media_cells import sniff
from trainer.events import Emit

RESULTS = "addresses.jsonl"
MAX_ADDRESSES, MAX_FILE_BYTES, MAX_BYTES = 20_000, 64 << 20, 2 << 30
MAX_SECONDS = 30 * 60
AT_ONCE = 8
PIECE = 1 << 16


class Fetch:
    """One run of the command. `left`: bytes that may still come."""

    def __init__(self, out: Path, emit: Emit, most_bytes: int = MAX_BYTES, most_seconds: float = MAX_SECONDS) -> None:
        self.out, self.emit, self.left = out, emit, most_bytes
        self.until = time.monotonic() + most_seconds
        self.lock = threading.Lock()
        self.fetched = self.failed = 0

    def run(self, addresses: Iterable[str]) -> dict[str, Any]:
        """Fetch each address once. {fetched, failed, bytes}."""
        self.out.mkdir(parents=True, exist_ok=True)
        every = list(dict.fromkeys(addresses))
        done = {address: result for address, result in read_results(self.out).items() if "file" in result}
        self.left -= sum((self.out / str(result["file"])).stat().st_size for result in done.values())
        missing = [address for address in every if address not in done]
        self.fetched = len(every) - len(missing)
        with (self.out / RESULTS).open("a", encoding="utf-8") as file, ThreadPoolExecutor(AT_ONCE) as pool:
            for address in missing[MAX_ADDRESSES:]:
                self.write(file, {"address": address, "reason": f"is beyond the first {MAX_ADDRESSES:,}"})
            for future in as_completed([pool.submit(self.attempt, address) for address in missing[:MAX_ADDRESSES]]):
                self.write(file, future.result())
                count = self.fetched + self.failed
                self.emit(
                    "progress", stage="fetch", fraction=count / len(every), done=count, total=len(every), unit="rows"
                )
        size = sum(path.stat().st_size for path in self.out.iterdir() if path.is_file())
        return {"fetched": self.fetched, "failed": self.failed, "bytes": size}

    def write(self, file: Any, result: dict[str, str]) -> None:  # noqa: ANN401  a text file
        self.fetched, self.failed = self.fetched + ("file" in result), self.failed + ("reason" in result)
        file.write(json.dumps(result, ensure_ascii=False) + "\n")
        file.flush()

    def attempt(self, address: str) -> dict[str, str]:
        """{address, file} or {address, reason}."""
        stem = hashlib.sha256(address.encode("utf-8", "replace")).hexdigest()[:24]
        part = self.out / f"{stem}.part"
        try:
            suffix = self.fetch(address, part)
        except NotFetchedError as error:
            with suppress(FileNotFoundError):
                part.unlink()
            return {"address": address, "reason": str(error)}
        part.replace(self.out / f"{stem}{suffix}")
        return {"address": address, "file": f"{stem}{suffix}"}

    def fetch(self, address: str, part: Path) -> str:
        """Write what an address leads to; the ending that its first bytes ask for."""
        if time.monotonic() > self.until:
            raise NotFetchedError("was not fetched: the time for all of them was over")
        head, size = b"", 0
        with opened(address) as answer, part.open("wb") as file:
            while piece := answer.read(PIECE):
                size += len(piece)
                if not head and not sniff(head := piece[:64]):
                    kind = answer.headers.get_content_type()
                    raise NotFetchedError(f"is not a picture or sound, but {kind}")
                self.take(len(piece), size)
                file.write(piece)
            declared = answer.headers.get("Content-Length", "")
        if declared.isdigit() and size < int(declared):
            raise NotFetchedError("was cut short")
        sniffed = sniff(head)
        if sniffed is None:
            raise NotFetchedError("is empty")
        return sniffed[1]

    def take(self, count: int, size: int) -> None:
        if size > MAX_FILE_BYTES:
            raise NotFetchedError(f"is larger than {MAX_FILE_BYTES >> 20} MB")
        with self.lock:
            self.left -= count
            if self.left < 0:
                raise NotFetchedError("was not fetched: all of them together are too large")
        if time.monotonic() > self.until:
            raise NotFetchedError("was not fetched: the time for all of them was over")


def read_results(folder: Path) -> dict[str, dict[str, str]]:
    """{address: its last result}, of files that are there. A line that was cut short counts for nothing."""
    results: dict[str, dict[str, str]] = {}
    try:
        lines = (folder / RESULTS).read_text("utf-8", "replace").splitlines()
    except FileNotFoundError:
        return {}
    for line in lines:
        with suppress(ValueError, KeyError, TypeError):
            result = json.loads(line)
            name = result.get("file")
            if name is None or ("/" not in name and (folder / name).is_file()):
                results[result["address"]] = result
    return results


def fetch_media(path: Path, out: Path, emit: Emit) -> dict[str, Any]:
    """Of a list with an address a line."""
    lines = path.read_text("utf-8", "replace").splitlines()
    return Fetch(out, emit).run(line.strip() for line in lines if line.strip())
