"""Loaded models, the least recently used ones dropped when they outgrow the memory they may take."""

import asyncio
import logging
import os
from collections import OrderedDict
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from serving.batcher import Batcher
from serving.problems import Problem
from trainer.errors import UserError

log = logging.getLogger(__name__)
BUDGET_BYTES = int(float(os.environ.get("MAQUETTE_SERVING_MEMORY_MB", "1024")) * 2**20)
OVERHEAD = 1.6
"""Memory of a loaded model over the size of its file."""
WAIT_SECONDS = 2.0
"""How long a request waits for its model to load before it is told to come back."""


class Pool:
    def __init__(self, budget: int = BUDGET_BYTES) -> None:
        self.budget = budget
        self.models: OrderedDict[tuple[str, str | None], Batcher] = OrderedDict()
        self.loading: dict[tuple[str, str | None], asyncio.Task[Batcher]] = {}
        self.runner = ThreadPoolExecutor(1, thread_name_prefix="engine")
        self.loader = ThreadPoolExecutor(1, thread_name_prefix="load")

    async def get(self, artifact: str, engine: str | None) -> Batcher:
        """The model, loaded if need be; 503 with a time to come back when that takes longer than WAIT_SECONDS."""
        key = (artifact, engine)
        found = self.models.get(key)
        if found:
            self.models.move_to_end(key)
            return found
        task = self.loading.get(key)
        if task is None:
            task = self.loading[key] = asyncio.create_task(self._load(key))
            task.add_done_callback(lambda done: self._loaded(key, done))
        try:
            return await asyncio.wait_for(asyncio.shield(task), WAIT_SECONDS)
        except TimeoutError as error:
            raise Problem(
                503, "waking", "The model is being loaded.", "Ask again in a few seconds.", Retry_After="3"
            ) from error
        except UserError as error:
            raise Problem(503, error.code, error.message, error.hint, Retry_After="30") from error

    async def _load(self, key: tuple[str, str | None]) -> Batcher:
        engine = await asyncio.get_running_loop().run_in_executor(self.loader, open_engine, *key)
        self.models[key] = Batcher(engine, self.runner)
        self._shrink()
        return self.models[key]

    def _loaded(self, key: tuple[str, str | None], task: "asyncio.Task[Batcher]") -> None:
        self.loading.pop(key, None)
        if not task.cancelled() and task.exception():
            log.warning("model %s was not loaded: %s", key[0], task.exception())

    @property
    def bytes(self) -> int:
        return int(sum(model.engine.bytes for model in self.models.values()) * OVERHEAD)

    def _shrink(self) -> None:
        """Drop the models that were asked least recently; the newest always stays."""
        for key in list(self.models)[:-1]:
            if self.bytes <= self.budget:
                return
            if not self.models[key].rows:
                del self.models[key]


def open_engine(artifact: str, engine: str | None) -> Any:
    from trainer.engine import Engine

    loaded = Engine(Path(artifact), engine)
    loaded.predict(["warm up"])
    return loaded
