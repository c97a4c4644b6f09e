"""Models in memory: opened when first asked for, the longest unused dropped when the memory budget is reached."""

import asyncio
import logging
import time
from collections import OrderedDict
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from serving import problems
from serving.batcher import Batcher, count_bytes
from serving.memory import Holding, Ledger
from serving.problems import Problem
from serving.writers import Writers
from trainer.machine import cores

if TYPE_CHECKING:
    from trainer.engines import Engine, Shared

log = logging.getLogger(__name__)
LOADING_SECONDS = 2.0
"""A request waits this long for its model; after that it is told to come back."""
FAILED_SECONDS = 5.0
"""A model that could not be opened is not tried again sooner."""
OVERHEAD = 2.0
"""Memory that a session takes, as a multiple of its file: ONNX Runtime repacks the weights beside the originals."""
READERS = max(2, cores())
"""Requests of one model whose pictures and sounds are decoded at once, as far as the budget has room for them."""
MAX_READING, READING_SECONDS = 128, 15.0
"""Requests that wait for that or are at it, of all models, and how long one waits."""
LOADERS = 2
"""Models opened at once, so that a large one holds up no other."""
Name = tuple[str, str | None]
"""Artifact folder and engine; None is the artifact's own."""


@dataclass
class Model:
    engine: "Engine[Any, Any]"
    batcher: Batcher
    bytes: int
    """Of its own."""
    writers: Writers
    shared: "Shared | None" = None
    reading: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(READERS))


def open_thread() -> ThreadPoolExecutor:
    """The thread of one model, in which its batches are answered one after another, so that a slow model holds up no other.
    It ends with the last request that holds the model."""
    return ThreadPoolExecutor(1, thread_name_prefix="model")


class Pool:
    """Artifact path and engine → model. Opening is done once however many ask, in a thread of its own."""

    def __init__(self, budget: int, arrays: Ledger, threads: int | None = None) -> None:
        """`budget`: bytes of models; `arrays`: where read inputs are counted until they are answered."""
        self.budget, self.arrays = budget, arrays
        self.threads = threads
        self.reading = 0
        self.models: OrderedDict[Name, Model] = OrderedDict()
        self.loading: dict[Name, asyncio.Task[Model]] = {}
        self.failed: dict[Name, tuple[float, str]] = {}
        self.evicted = 0
        self.loader = ThreadPoolExecutor(LOADERS, thread_name_prefix="load")
        self.reader = ThreadPoolExecutor(2 * READERS, thread_name_prefix="read")

    @property
    def bytes(self) -> int:
        return total_bytes(self.models.values())

    async def get(self, artifact: str, engine: str | None, wait: float = LOADING_SECONDS) -> Model:
        """The model, ready to answer; `Problem` 503 while it is being opened or when it cannot be."""
        name = (artifact, engine)
        model = self.models.get(name)
        if model is not None:
            self.models.move_to_end(name)
            return model
        try:
            return await asyncio.wait_for(asyncio.shield(self.load(name)), wait)
        except TimeoutError as error:
            raise problems.waking() from error

    def load(self, name: Name) -> "asyncio.Task[Model]":
        since, reason = self.failed.get(name, (float("-inf"), ""))
        if time.monotonic() - since < FAILED_SECONDS:
            raise unusable(reason)
        task = self.loading.get(name)
        if task is None:
            task = self.loading[name] = asyncio.create_task(self.open(name))
            task.add_done_callback(lambda done: self.loaded(name, done))
        return task

    def loaded(self, name: Name, task: "asyncio.Task[Model]") -> None:
        self.loading.pop(name, None)
        if not task.cancelled():
            task.exception()  # seen: those who waited have gone with a 503

    async def open(self, name: Name) -> Model:
        from trainer.errors import UserError

        artifact, kind = name
        loop = asyncio.get_running_loop()
        try:
            engine = await loop.run_in_executor(self.loader, open_engine, Path(artifact), kind, self.threads)
        except UserError as error:
            self.failed[name] = (time.monotonic(), error.message)
            log.error("A model could not be opened: %s", error.message)
            raise unusable(error.message) from error
        except Exception as error:
            self.failed[name] = (time.monotonic(), "It cannot be read.")
            log.exception("A model could not be opened: %s", artifact)
            raise unusable("It cannot be read.") from error
        self.failed.pop(name, None)
        thread = open_thread()
        batcher, writers = Batcher(engine, thread, self.arrays), Writers(engine, thread)
        shared = engine.shared
        model = Model(engine, batcher, shared.own if shared else int(engine.bytes * OVERHEAD), writers, shared)
        self.make_room(model)
        self.models[name] = model
        return model

    def make_room(self, model: Model) -> None:
        """Drop the longest unused until one more fits. Requests under way keep their model to the end."""
        while self.models and total_bytes([*self.models.values(), model]) > self.budget:
            self.models.popitem(last=False)
            self.evicted += 1

    async def warm(self, names: list[Name]) -> None:
        """Open models before anybody asks, as many as fit the budget."""
        for name in names:
            if self.bytes >= self.budget * 0.8:
                return
            try:
                await self.get(*name, wait=60.0)
            except Problem:
                continue

    async def read(self, model: Model, inputs: list[object]) -> list[object]:
        """The inputs as the engine takes them; `Problem` 422 that names the first that cannot be used, 503 where too many
        wait to be read."""
        if not model.engine.reads_slowly:
            return read_each(model.engine, inputs, None)
        if self.reading >= MAX_READING:
            raise problems.busy()
        self.reading += 1
        try:
            return await self.read_in_turn(model, inputs)
        finally:
            self.reading -= 1

    async def read_in_turn(self, model: Model, inputs: list[object]) -> list[object]:
        try:
            async with asyncio.timeout(READING_SECONDS):
                await model.reading.acquire()
        except TimeoutError as error:
            raise problems.busy() from error
        loop = asyncio.get_running_loop()
        try:
            with self.arrays.holding() as held:
                return await loop.run_in_executor(self.reader, read_each, model.engine, inputs, held)
        finally:
            model.reading.release()

    def close(self) -> None:
        self.reader.shutdown(wait=False, cancel_futures=True)
        for model in self.models.values():
            model.batcher.executor.shutdown(wait=False, cancel_futures=True)
        self.loader.shutdown(wait=False, cancel_futures=True)


def total_bytes(models: Iterable[Model]) -> int:
    """What they take, with what was opened to explain answers: weights that several share count once."""
    every = list(models)
    shared = {model.shared.name: model.shared.bytes for model in every if model.shared}
    since = sum(int(model.engine.opened_since * OVERHEAD) for model in every)
    return sum(model.bytes for model in every) + since + sum(shared.values())


def open_engine(artifact: Path, kind: str | None, threads: int | None) -> "Engine[Any, Any]":
    """Open, verify and try once, so that the first visitor does not pay for the session's own warming up."""
    from trainer import engines

    engine = engines.open_engine(artifact, kind, threads, verify=True)
    engine.warm()
    return engine


def unusable(reason: str) -> Problem:
    return Problem(
        503,
        "model_unusable",
        f"The model cannot be used. {reason}",
        "The owner can package or train it again.",
        retry_after=30,
    )


def read_each(engine: "Engine[Any, Any]", inputs: list[object], held: Holding | None) -> list[object]:
    """See `Pool.read`; what was read is counted in `held`."""
    from trainer.errors import UserError

    read: list[object] = []
    for index, value in enumerate(inputs):
        try:
            read.append(engine.read(value))
            if held is not None:
                held.grow(count_bytes(read[-1]))
        except UserError as error:
            detail = f"Input {index} {error.message}"
            raise Problem(
                422,
                "bad_input",
                detail,
                "Inputs are counted from 0. Fix this one, then send the request again.",
                index=index,
            ) from error
        except MemoryError as error:
            raise problems.busy() from error
    return read
