"""Requests that wait together are answered together.

While the engine is at work the next requests gather; when it is free they go in at once, so one client alone never
waits for company. One thread runs all engines: their own threads fill the cores already.
"""

import asyncio
import time
from collections import deque
from concurrent.futures import Executor
from typing import Any

MOST_ROWS = 32
MOST_WAITING = 2_000


class Full(Exception):  # noqa: N818  a state, not an error
    """More rows wait than can be answered in good time."""


class Batcher:
    def __init__(self, engine: Any, executor: Executor) -> None:
        self.engine, self.executor = engine, executor
        self.waiting: deque[tuple[list[Any], asyncio.Future[Any], float]] = deque()
        self.rows = 0
        self.worker: asyncio.Task[None] | None = None

    async def predict(self, inputs: list[Any]) -> tuple[list[dict[str, Any]], float, float]:
        """(outputs, milliseconds in the queue, milliseconds in the model)."""
        if self.rows + len(inputs) > MOST_WAITING:
            raise Full
        future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self.waiting.append((inputs, future, time.perf_counter()))
        self.rows += len(inputs)
        if self.worker is None or self.worker.done():
            self.worker = asyncio.create_task(self._work())
        return await future

    def _take(self) -> list[tuple[list[Any], asyncio.Future[Any], float]]:
        """Whole requests up to MOST_ROWS rows, at least one; those whose client has gone are dropped."""
        taken, rows = [], 0
        while self.waiting and (not taken or rows + len(self.waiting[0][0]) <= MOST_ROWS):
            item = self.waiting.popleft()
            self.rows -= len(item[0])
            if not item[1].done():
                taken.append(item)
                rows += len(item[0])
        return taken

    async def _work(self) -> None:
        loop = asyncio.get_running_loop()
        while self.waiting:
            batch = self._take()
            if not batch:
                continue
            started = time.perf_counter()
            inputs = [value for values, _future, _since in batch for value in values]
            try:
                outputs = await loop.run_in_executor(self.executor, self.engine.predict, inputs)
            except Exception as error:
                for _values, future, _since in batch:
                    if not future.done():
                        future.set_exception(error)
                continue
            took = (time.perf_counter() - started) * 1000
            at = 0
            for values, future, since in batch:
                answers = outputs[at : at + len(values)]
                at += len(values)
                if not future.done():
                    future.set_result((answers, (started - since) * 1000, took))
