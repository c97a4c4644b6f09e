"""A run's events as a browser listens to them: server-sent events, and how many may listen at once."""

import asyncio
import json
from collections import Counter
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from pathlib import Path
from typing import Any

from asgiref.sync import sync_to_async

from trainer.events import now
from webapp.core.connections import releases_connection
from webapp.runs.models import Run
from webapp.runs.querysets import ENDED
from webapp.runs.stream import follow, read

NAMES = {"error": "failure"}
"""What an event is called in the stream: `error` is the browser's own word for a connection that broke."""
KEEP_ALIVE = b": still here\n\n"


async def sse(run_id: str, path: Path, after: int) -> AsyncIterator[bytes]:
    """The event stream's bytes. It closes after `status`, a run's last event; where that is not to come, because it was sent
    before or the run is gone, it is made from the row."""
    yield b"retry: 2000\n\n"
    end = await sync_to_async(status_at_end, thread_sensitive=False)(run_id)
    events = follow(run_id, path, after) if end is None else read_on(path, after)
    async with aclosing(events):
        async for item in events:
            if item is not None:
                yield as_sent(*item)
                if item[1]["type"] == "status":
                    return
            elif end is not None:
                break
            else:
                yield KEEP_ALIVE
                end = await sync_to_async(status_at_end, thread_sensitive=False)(run_id)
    yield as_sent(None, {"t": now(), "type": "status", "status": end})


async def read_on(path: Path, after: int) -> AsyncGenerator[tuple[int, dict[str, Any]] | None]:
    """As `stream.follow` gives them, of a run to which nothing is added."""
    for item in await asyncio.to_thread(lambda: list(read(path, after))):
        yield item


@releases_connection
def status_at_end(run_id: str) -> str | None:
    """None while a run goes on; `deleted` for one that is gone."""
    status = Run.objects.filter(pk=run_id).values_list("status", flat=True).first()
    return "deleted" if status is None else str(status) if status in ENDED else None


def as_sent(number: int | None, event: dict[str, Any]) -> bytes:
    """One event of the stream; without a number where it is not of the file."""
    name, data = NAMES.get(event["type"], event["type"]), json.dumps(event, ensure_ascii=False)
    return (f"id: {number}\n" if number else "").encode() + f"event: {name}\ndata: {data}\n\n".encode()


class Seats:
    """How many streams are open in this process, of one person and in all: each holds a thread of waiting, a connection to
    Redis and two descriptors."""

    OF_ONE, IN_ALL = 20, 200

    def __init__(self) -> None:
        self.taken: Counter[Any] = Counter()
        self.of_workspaces: Counter[str] = Counter()

    def full(self, person: Any, workspace_id: str = "", most: int | None = None) -> bool:
        """`most`: the streams that the workspace may have."""
        of_workspace = most is not None and self.of_workspaces[workspace_id] >= most
        return of_workspace or self.taken[person] >= self.OF_ONE or self.taken.total() >= self.IN_ALL

    async def hold(
        self, person: Any, stream: AsyncIterator[bytes], workspace_id: str = "", most: int | None = None
    ) -> AsyncIterator[bytes]:
        """The stream, while a seat is taken for it; where none is left, only when to ask again."""
        if self.full(person, workspace_id, most):
            yield b"retry: 30000\n\n"
            return
        self.taken[person] += 1
        self.of_workspaces[workspace_id] += 1
        try:
            async for part in stream:
                yield part
        finally:
            self.taken[person] -= 1
            self.of_workspaces[workspace_id] -= 1
            self.taken += Counter()  # those without a stream are forgotten
            self.of_workspaces += Counter()


seats = Seats()
