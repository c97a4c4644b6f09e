"""Who writes when: answers join and leave between steps, clients take turns, and who has gone frees a place at once."""

import asyncio
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import aclosing
from pathlib import Path
from typing import Any

import pytest

from serving.writers import Job, Writers
from tests.serving import tiny_writer
from trainer.engines import open_engine

ASK = [{"role": "user", "content": "Where?"}]


class Watched:
    """A real engine, and whose drafts each step advanced."""

    def __init__(self, artifact: Path) -> None:
        self.engine: Any = open_engine(artifact)
        self.steps: list[int] = []

    def begin(self, prompt: Any) -> Any:
        if prompt is None:
            raise MemoryError
        return self.engine.begin(prompt)

    def advance(self, drafts: Sequence[Any]) -> Any:
        self.steps.append(len(drafts))
        return self.engine.advance(drafts)

    def prompt(self, most: int = 40, seed: int = 0) -> Any:
        return self.engine.read({"messages": ASK, "max_tokens": most, "temperature": 1.5, "seed": seed})


@pytest.fixture(scope="module")
def artifact(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_writer.build(tmp_path_factory.mktemp("writer"))


@pytest.fixture
def watched(artifact: Path) -> Watched:
    return Watched(artifact)


async def text_of(writers: Writers, prompt: object, client: str = "a", *, streamed: bool = True) -> str:
    return "".join([piece.text async for piece in writers.pieces(Job(prompt, client, streamed))])


def test_several_advance_in_one_step(watched: Watched) -> None:
    prompts = [watched.prompt(most=20, seed=seed) for seed in range(6)]
    right = [watched.engine.predict([prompt])[0]["completion"] for prompt in prompts]

    async def ask() -> list[str]:
        with ThreadPoolExecutor(1) as thread:
            writers = Writers(watched, thread)  # type: ignore[arg-type]
            calls = [text_of(writers, prompt, streamed=bool(number % 2)) for number, prompt in enumerate(prompts)]
            return list(await asyncio.gather(*calls))

    assert asyncio.run(ask()) == right
    assert max(watched.steps) == 6


def test_who_has_gone_frees_the_place_within_a_token(watched: Watched) -> None:
    """One place, and an answer of a hundred tokens before another."""

    async def ask() -> int:
        with ThreadPoolExecutor(1) as thread:
            writers = Writers(watched, thread, most=1)  # type: ignore[arg-type]
            before = 0
            async with aclosing(writers.pieces(Job(watched.prompt(most=100), "a"))) as long:
                await anext(long)
                waiting = asyncio.create_task(text_of(writers, watched.prompt(most=1), "b"))
                await asyncio.sleep(0)
                before = writers.steps
            await waiting
            return writers.steps - before

    assert asyncio.run(ask()) <= 3, "one under way, one that was due, and the other's"


def test_clients_take_turns(watched: Watched) -> None:
    """Ten requests of one client do not hold up the only one of another."""
    ended: list[str] = []

    async def one(writers: Writers, client: str) -> None:
        await text_of(writers, watched.prompt(most=8), client, streamed=False)
        ended.append(client)

    async def ask() -> None:
        with ThreadPoolExecutor(1) as thread:
            writers = Writers(watched, thread, most=2)  # type: ignore[arg-type]
            await asyncio.gather(*(one(writers, "busy") for _number in range(10)), one(writers, "other"))

    asyncio.run(ask())
    assert ended.index("other") <= 3
    assert Counter(ended) == {"busy": 10, "other": 1}


def test_a_fault_ends_one_answer_alone(watched: Watched) -> None:
    async def ask() -> list[Any]:
        with ThreadPoolExecutor(1) as thread:
            writers = Writers(watched, thread)  # type: ignore[arg-type]
            calls = (text_of(writers, None), text_of(writers, watched.prompt(most=3)))
            return list(await asyncio.gather(*calls, return_exceptions=True))

    failed, written = asyncio.run(ask())
    assert isinstance(failed, MemoryError)
    assert isinstance(written, str)
