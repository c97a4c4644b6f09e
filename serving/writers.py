"""Answers that one model writes at the same time: a step of the model advances each by a token.

As with batches there is no timer. After each step who is finished or gone leaves, and who waits takes the place: the client
that has the fewest answers on their way comes first, so that nobody waits behind the many requests of another.
"""

import asyncio
import threading
from collections import deque
from collections.abc import AsyncGenerator
from concurrent.futures import Executor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from trainer.writing.drafts import TOGETHER

if TYPE_CHECKING:
    from trainer.engines import Engine
    from trainer.writing.drafts import Draft, Piece


@dataclass
class Inbox:
    """Pieces that were written and not yet taken."""

    pieces: "deque[Piece | Exception]" = field(default_factory=deque)
    filled: asyncio.Event = field(default_factory=asyncio.Event)

    def put(self, piece: "Piece | Exception") -> None:
        self.pieces.append(piece)
        self.filled.set()

    async def take(self) -> "Piece":
        """The next piece; raises what ended the answer."""
        while not self.pieces:
            self.filled.clear()
            await self.filled.wait()
        piece = self.pieces.popleft()
        if isinstance(piece, Exception):
            raise piece
        return piece


@dataclass(eq=False)
class Job:
    """An answer that somebody waits for. `client`: who; `inbox`: takes each piece, or but the whole at its end where it is not
    `streamed`, or a fault, in the loop's thread."""

    prompt: Any
    client: str
    streamed: bool = True
    draft: "Draft | None" = None
    has_gone: bool = False
    inbox: Inbox = field(default_factory=Inbox)

    @property
    def tokens(self) -> int:
        """Written by now, whether somebody still wants them or not."""
        return len(self.draft.written) if self.draft else 0


class Writers:
    """The answers of one model. Steps are taken in `executor`, whose one thread the model's batches have as well: each step waits
    for its turn there."""

    def __init__(self, engine: "Engine[Any, Any]", executor: Executor, most: int = TOGETHER) -> None:
        self.engine, self.executor, self.most = engine, executor, most
        self.loop = asyncio.get_running_loop()
        self.lock = threading.Lock()
        self.waiting: deque[Job] = deque()
        self.running: list[Job] = []
        self.is_working = False
        self.steps = 0

    async def pieces(self, job: Job) -> "AsyncGenerator[Piece, None]":
        """Each piece when it is written, or all in one. Closing it frees the place before the next step."""
        with self.lock:
            self.waiting.append(job)
            begins, self.is_working = not self.is_working, True
        if begins:
            self.executor.submit(self.work)
        try:
            while True:
                piece = await job.inbox.take()
                yield piece
                if piece.finish:
                    return
        finally:
            job.has_gone = True

    @property
    def count(self) -> int:
        """Answers on their way."""
        return len(self.running) + len(self.waiting)

    # In the model's thread

    def work(self) -> None:
        """One step, and the next one in its turn while there is something to write."""
        pieces: list[tuple[Job, Piece | Exception]] = []
        try:
            pieces = self.step()
        except Exception as error:  # of the step as a whole: nobody's answer can go on
            pieces, self.running = [(job, error) for job in self.running], []
        if pieces:
            self.loop.call_soon_threadsafe(tell, pieces)
        with self.lock:
            self.is_working = bool(self.running or self.waiting)
        if self.is_working:
            self.executor.submit(self.work)

    def step(self) -> "list[tuple[Job, Piece | Exception]]":
        """What there is to tell of it."""
        self.running = [job for job in self.running if not job.has_gone]
        written = self.admit()
        drafts = [draft for job in self.running if (draft := job.draft)]
        pieces = self.engine.advance(drafts) if drafts else []
        self.steps += bool(drafts)
        for job, draft, piece in zip(self.running, drafts, pieces, strict=True):
            if piece and (job.streamed or draft.finish):
                written.append((job, piece if job.streamed else piece._replace(text=draft.text)))
        self.running = [job for job, draft in zip(self.running, drafts, strict=True) if not draft.finish]
        return written

    def admit(self) -> "list[tuple[Job, Piece | Exception]]":
        """Fill the free places; what cannot be begun, with why."""
        failed: list[tuple[Job, Piece | Exception]] = []
        while len(self.running) < self.most and (job := self.next_job()):
            try:
                job.draft = self.engine.begin(job.prompt)
            except Exception as error:
                failed.append((job, error))
            else:
                self.running.append(job)
        return failed

    def next_job(self) -> Job | None:
        """The oldest one of the client that has the fewest answers on their way."""
        with self.lock:
            here = [job for job in self.waiting if not job.has_gone]
            self.waiting.clear()
            self.waiting.extend(here)
            if not here:
                return None
            counts: dict[str, int] = {}
            for job in self.running:
                counts[job.client] = counts.get(job.client, 0) + 1
            chosen = min(here, key=lambda job: counts.get(job.client, 0))
            self.waiting.remove(chosen)
            return chosen


def tell(pieces: "list[tuple[Job, Piece | Exception]]") -> None:
    for job, piece in pieces:
        if not job.has_gone:
            job.inbox.put(piece)
