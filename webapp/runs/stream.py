"""A run's events: appended to `events.jsonl`, sent on through a Redis stream, read back from either.

An event's id is its line number in the file, from 1. The stream's entry ids are `<id>-0`, so a reader may change
from one source to the other at any event, and a lost Redis loses nothing.
"""

import asyncio
import json
import time
from collections.abc import AsyncGenerator, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, cast

import redis

from webapp.core.redis import async_client, best_effort, client, note_erasure
from webapp.core.trainer_process import without_folders

KEEP_ENTRIES = 5000
KEEP_SECONDS = 24 * 3600
WAIT_SECONDS, ANSWER_SECONDS = 10, 5
"""How long a reader waits for the next event, and how much longer for a Redis that hangs."""
AWAY_SECONDS = 30
"""How long a Redis that did not answer is left alone: each try may take seconds, in which the run that is at work costs money
and nobody hears of it."""


Streams = list[tuple[str, list[tuple[str, dict[str, str]]]]]
"""What `XREAD` answers: of each stream its entries, (id, fields)."""


def stream_key(run_id: str) -> str:
    return f"maquette:run:{run_id}"


def delete_streams(run_ids: list[str]) -> None:
    """The streams of runs that were deleted; one that Redis keeps meanwhile ends by itself within a day."""
    with best_effort("removing the events of deleted runs"):
        client().delete(*map(stream_key, run_ids))
    note_erasure()


class EventLog:
    """The worker's end: one line to the file first, then to the stream as well as it can."""

    def __init__(self, run_id: str, path: Path) -> None:
        self.run_id = run_id
        path.parent.mkdir(parents=True, exist_ok=True)
        repair_last_line(path)
        self.last = count_lines(path)
        self.away_until = 0.0
        self.file = path.open("a", encoding="utf-8")

    def append(self, event: dict[str, Any]) -> int:
        line = json.dumps(event, ensure_ascii=False)
        self.file.write(line + "\n")
        self.file.flush()
        self.last += 1
        self.send(line)
        return self.last

    def send(self, line: str) -> None:
        """To the stream, unless Redis did not answer a moment ago: then readers find it in the file."""
        now = time.monotonic()
        if now < self.away_until:
            return
        key = stream_key(self.run_id)
        self.away_until = now + AWAY_SECONDS
        with best_effort("sending an event"):
            try:
                client().xadd(key, {"e": line}, id=f"{self.last}-0", maxlen=KEEP_ENTRIES, approximate=True)
            except redis.ResponseError:
                client().delete(key)  # left from a file that is gone: ids must rise
                client().xadd(key, {"e": line}, id=f"{self.last}-0")
            client().expire(key, KEEP_SECONDS)
            self.away_until = 0.0

    def close(self) -> None:
        self.file.close()


def event_of(line: str) -> dict[str, Any]:
    """For people, so without the places of this machine, which the trainer's result names. `ValueError` for what is not an event."""
    event: dict[str, Any] = json.loads(without_folders(line))
    return event


def count_lines(path: Path) -> int:
    """0 where there is no file."""
    if not path.exists():
        return 0
    with path.open("rb") as file:
        return sum(1 for _line in file)


def repair_last_line(path: Path) -> None:
    """End a line that a killed writer left unfinished, so that line numbers stay event ids."""
    if path.exists() and path.stat().st_size:
        with path.open("rb+") as file:
            file.seek(-1, 2)
            if file.read(1) != b"\n":
                file.write(b"\n")


def read(path: Path, after: int = 0, limit: int | None = None) -> Iterator[tuple[int, dict[str, Any]]]:
    """(id, event) of the file's events after one; a line cut short by a crash is passed over, its number kept."""
    for number, event in Lines(path, after).new():
        if limit is not None and number > after + limit:
            return
        yield number, event


class Lines:
    """The events of a file that grows: each call of `new` reads on from where the last one ended."""

    def __init__(self, path: Path, after: int = 0) -> None:
        """`after`: the id of the last event that is known; those up to it are passed over."""
        self.path, self.after = path, after
        self.rewind()

    def rewind(self) -> None:
        self.offset = self.number = 0

    def replaced(self) -> bool:
        """Whether this is no longer the file that was read: it is shorter than what was read of it."""
        try:
            return self.path.stat().st_size < self.offset
        except FileNotFoundError:
            return self.offset > 0

    def new(self) -> Iterator[tuple[int, dict[str, Any]]]:
        """(id, event) of the whole lines that came since; one cut short by a crash is passed over, its number kept."""
        with suppress(FileNotFoundError), self.path.open("rb") as file:
            file.seek(self.offset)
            for line in file:
                if not line.endswith(b"\n"):
                    return
                self.offset += len(line)
                self.number += 1
                if self.number > self.after:
                    with suppress(ValueError):
                        yield self.number, event_of(line.decode())


async def follow(run_id: str, path: Path, after: int = 0) -> AsyncGenerator[tuple[int, dict[str, Any]] | None]:
    """(id, event) as they come, from the file up to now and then from the stream; None every few seconds of quiet."""
    redis_client = async_client(WAIT_SECONDS + ANSWER_SECONDS)
    lines = Lines(path, after)
    try:
        while True:
            lines.after = after
            for number, event in await asyncio.to_thread(lambda: list(lines.new())):
                after = number
                yield number, event
            try:
                since: dict[bytes | str | memoryview, int | bytes | str | memoryview] = {
                    stream_key(run_id): f"{after}-0"
                }
                streams = cast(Streams, await redis_client.xread(since, block=WAIT_SECONDS * 1000, count=500))
            except (redis.RedisError, OSError):
                await asyncio.sleep(1)
                yield None
                continue
            if not streams:
                yield None
            for entry, fields in streams[0][1] if streams else []:
                number = int(entry.partition("-")[0])
                if number != after + 1:
                    break  # the stream was trimmed or is younger than the file: the file knows what lies between
                after = number
                yield after, event_of(fields["e"])
    finally:
        await redis_client.aclose()
