"""A slow model holds up no other: neither its answers, nor its opening, nor what it reads."""

import asyncio
import threading
import time
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest

from serving import pool as pools
from serving.batcher import Answer, Batcher
from serving.memory import Ledger
from serving.pool import READERS, Model, Pool, open_thread
from serving.writers import Writers
from trainer.engines import Shared

QUICK_SECONDS = 0.3


class Engine:
    """A model whose `predict` and `read` take as long as the test lets them; it counts how many of its batches overlap."""

    reads_slowly = True
    shared = None
    opened_since = 0

    def __init__(self, gate: threading.Event | None = None) -> None:
        self.gate, self.at_once, self.most = gate, 0, 0

    def wait(self) -> None:
        self.at_once += 1
        self.most = max(self.most, self.at_once)
        if self.gate:
            assert self.gate.wait(30)
        self.at_once -= 1

    def predict(self, inputs: list[Any]) -> list[dict[str, Any]]:
        self.wait()
        return [{"label": one} for one in inputs]

    def read(self, value: Any) -> Any:
        self.wait()
        return value


def run(test: Callable[[Pool], Coroutine[Any, Any, None]]) -> None:
    async def with_pool() -> None:
        pool = Pool(1024**3, Ledger(1 << 28))
        try:
            await test(pool)
        finally:
            pool.close()

    asyncio.run(with_pool())


def model(pool: Pool, gate: threading.Event | None = None) -> Model:
    engine: Any = Engine(gate)
    thread = open_thread()
    return Model(engine, Batcher(engine, thread, Ledger(1 << 28)), 1, Writers(engine, thread))


@pytest.mark.parametrize("slow_ones", [1, 20])
def test_its_answers_hold_up_no_other(slow_ones: int) -> None:
    async def test(pool: Pool) -> None:
        gate = threading.Event()
        slow = [model(pool, gate) for _ in range(slow_ones)]
        waiting = [asyncio.create_task(one.batcher.predict(["x"])) for one in slow]
        await asyncio.sleep(0.05)
        started = time.monotonic()
        answer = await model(pool).batcher.predict(["y"])
        took = time.monotonic() - started
        gate.set()
        answers: list[Answer] = await asyncio.gather(*waiting)
        assert answer.outputs == [{"label": "y"}]
        assert took < QUICK_SECONDS
        assert len(answers) == slow_ones

    run(test)


def test_a_model_answers_one_batch_after_another() -> None:
    async def test(pool: Pool) -> None:
        one = model(pool)
        asked = [asyncio.create_task(one.batcher.predict([number] * 20)) for number in range(30)]
        answers = await asyncio.gather(*asked)
        assert [answer.outputs[0]["label"] for answer in answers] == list(range(30))
        assert one.engine.most == 1  # type: ignore[attr-defined]

    run(test)


def test_its_opening_holds_up_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    gate = threading.Event()

    def open_engine(artifact: Path, _kind: str | None, _threads: int | None) -> Any:
        if artifact.name == "slow":
            assert gate.wait(30)
        engine: Any = Engine()
        engine.bytes = 1
        return engine

    monkeypatch.setattr(pools, "open_engine", open_engine)

    async def test(pool: Pool) -> None:
        slow = asyncio.create_task(pool.get("/slow", None, wait=30))
        await asyncio.sleep(0.05)
        started = time.monotonic()
        await pool.get("/quick", None)
        assert time.monotonic() - started < QUICK_SECONDS
        gate.set()
        await slow

    run(test)


def test_what_it_reads_holds_up_no_other() -> None:
    async def test(pool: Pool) -> None:
        gate = threading.Event()
        slow, quick = model(pool, gate), model(pool)
        waiting = [asyncio.create_task(pool.read(slow, ["x"])) for _ in range(3 * READERS)]
        await asyncio.sleep(0.05)
        started = time.monotonic()
        assert await pool.read(quick, ["y"]) == ["y"]
        took = time.monotonic() - started
        assert slow.engine.at_once <= READERS  # type: ignore[attr-defined]
        gate.set()
        await asyncio.gather(*waiting)
        assert took < QUICK_SECONDS

    run(test)


def test_weights_that_models_share_count_once() -> None:
    async def test(pool: Pool) -> None:
        base = Shared("base", 600 * 1024**2, 1024)
        pool.models |= {(str(number), None): model(pool) for number in range(3)}
        for each in pool.models.values():
            each.bytes, each.shared = base.own, base
        assert pool.bytes == base.bytes + 3 * base.own
        another = model(pool)
        another.bytes, another.shared = base.own, base
        pool.make_room(another)
        assert pool.evicted == 0, "one more of the same base takes its own bytes alone"
        another.shared = base._replace(name="other")
        pool.make_room(another)
        assert pool.evicted == 3

    run(test)
