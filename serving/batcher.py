"""Requests that wait for the same model are answered together.

There is no timer: when the worker thread becomes free it takes what waits then, so one client pays no delay and many
clients fill the batches by themselves.
"""

import asyncio
import time
from collections import deque
from collections.abc import Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import Any, Protocol

from serving import problems
from serving.memory import Ledger

MAX_ROWS = 32
MAX_TOKENS = 8_192
"""A batch ends before this many tokens, guessed from the characters, so that long texts do not pile up."""
CHARACTERS_PER_TOKEN = 4
MAX_WAITING_ROWS = 2_048
MAX_EXPLAINING = 16
"""Inputs of one model that wait to be explained."""
COPIES = 17
"""Of an input that is being explained: itself, and a batch without some of its parts."""
MIB = 1024 * 1024
MAX_BYTES = 32 * MIB
"""Of decoded pictures and sounds in one batch; for those of all queues see `serving.memory`."""


class Predictor(Protocol):
    """What of `trainer.engines.Engine` a batcher needs: one output an input that the engine has read, in order."""

    def predict(self, inputs: list[object]) -> list[dict[str, object]]: ...

    def explain(self, value: object, method: str, seconds: float | None) -> dict[str, Any]: ...


@dataclass
class Answer:
    outputs: list[dict[str, object]]
    queue_ms: float
    model_ms: float


@dataclass
class Job:
    inputs: list[object]
    tokens: int
    bytes: int
    future: asyncio.Future[Answer]
    arrived: float


@dataclass
class Figures:
    """What a batcher did so far, for /metrics."""

    batches: int = 0
    rows: int = 0
    seconds: float = 0.0


class Batcher:
    """One model's queue, with at most one batch of it in the executor.

    `executor` has one thread, the model's own: the next batch, which is sent before the last is told, would else begin in
    another thread and hold up the telling. `arrays`: of all batchers of the process.
    """

    def __init__(self, engine: Predictor, executor: Executor, arrays: Ledger) -> None:
        self.engine = engine
        self.executor = executor
        self.arrays = arrays
        self.loop = asyncio.get_running_loop()
        self.waiting: deque[Job] = deque()
        self.rows = 0
        self.working = False
        self.explaining = 0
        self.figures = Figures()

    async def predict(self, inputs: list[object]) -> Answer:
        """One output an input, in order; `Problem` 503 when too much waits already."""
        size = sum(map(count_bytes, inputs))
        if self.rows + len(inputs) > MAX_WAITING_ROWS:
            raise problems.busy()
        self.arrays.take(size)
        tokens = sum(len(value) if isinstance(value, str) else 1 for value in inputs) // CHARACTERS_PER_TOKEN
        job = Job(inputs, tokens, size, self.loop.create_future(), time.perf_counter())
        self.rows += len(inputs)
        self.waiting.append(job)
        if not self.working:
            self.working = True
            self.loop.call_soon(self.launch)  # after the other requests of this turn of the loop
        return await job.future

    async def explain(self, inputs: Sequence[object], seconds: float, method: str = "") -> list[dict[str, Any]]:
        """What the answer to each depends on, in turn with the batches, each taking about `seconds` at most; `Problem` 503 when
        many wait already."""
        if self.explaining + len(inputs) > MAX_EXPLAINING:
            raise problems.busy()
        size = sum(map(count_bytes, inputs)) * COPIES
        self.arrays.take(size)
        self.explaining += len(inputs)
        try:
            return [
                await self.loop.run_in_executor(self.executor, self.engine.explain, value, method, seconds)
                for value in inputs
            ]
        finally:
            self.explaining -= len(inputs)
            self.arrays.give(size)

    def launch(self) -> None:
        self.executor.submit(self.work)

    def work(self) -> None:
        """In a worker thread: one batch."""
        batch = take_batch(self.waiting)
        started = time.perf_counter()
        outputs: list[dict[str, object]] | Exception
        try:
            outputs = self.engine.predict([value for job in batch for value in job.inputs]) if batch else []
        except Exception as error:
            outputs = error
        ended = time.perf_counter()
        again = bool(self.waiting)
        if again:
            self.launch()
        self.loop.call_soon_threadsafe(self.finish, batch, outputs, started, ended, again)

    def finish(
        self,
        batch: list[Job],
        outputs: list[dict[str, object]] | Exception,
        started: float,
        ended: float,
        again: bool,
    ) -> None:
        start = 0
        model_ms = (ended - started) * 1000
        for job in batch:
            count = len(job.inputs)
            self.rows -= count
            self.arrays.give(job.bytes)
            if job.future.done():  # the caller went away
                pass
            elif isinstance(outputs, Exception):
                job.future.set_exception(outputs)
            else:
                job.future.set_result(Answer(outputs[start : start + count], (started - job.arrived) * 1000, model_ms))
            start += count
        self.figures.batches += 1
        self.figures.rows += start
        self.figures.seconds += ended - started
        if not again and self.waiting:
            self.launch()
        elif not again:
            self.working = False


def count_bytes(value: object) -> int:
    """What a read input holds in arrays."""
    if isinstance(value, dict):
        return sum(map(count_bytes, value.values()))
    if isinstance(value, list | tuple):
        return sum(map(count_bytes, value))
    return int(getattr(value, "nbytes", 0))


def take_batch(waiting: deque[Job]) -> list[Job]:
    """The oldest jobs that fit into one batch, at least one. Called by the worker thread alone."""
    batch: list[Job] = []
    rows = tokens = size = 0
    while waiting:
        job = waiting[0]
        rows, tokens, size = rows + len(job.inputs), tokens + job.tokens, size + job.bytes
        if batch and (rows > MAX_ROWS or tokens > MAX_TOKENS or size > MAX_BYTES):
            break
        batch.append(waiting.popleft())
    return batch
