"""Texts that are written are bounded, limited and counted as predictions are, and odd requests are refused in words."""

import hashlib
import json
import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest

from serving.memory import MOST_WRITING, Writing
from serving.problems import Problem
from tests.serving import tiny_writer
from tests.serving.conftest import KEY, TOKEN, Redis, Serving, wait_for
from trainer.engines import open_engine

PATHS = ("v1/chat/completions", "v1/completions")
OTHER = "mq_key_of_another_tenant"
MESSAGES = [{"role": "user", "content": "a"}]
ASK: dict[str, Any] = {"model": "any", "messages": MESSAGES, "prompt": "a", "max_tokens": 2}
HUGE = 10**400


@pytest.fixture(scope="module")
def artifact(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_writer.build(tmp_path_factory.mktemp("writer"))


@pytest.fixture(autouse=True)
def demos(redis_server: Redis, artifact: Path) -> None:
    redis_server.publish("writes", artifact)
    redis_server.publish("theirs", artifact, keys={hashlib.sha256(OTHER.encode()).hexdigest(): "theirs"})
    redis_server.publish("slow-writer", artifact, limits={"requests_per_minute": 2})
    redis_server.publish("spent-writer", artifact, blocked="budget")


def ask(serving: Serving, path: str, slug: str = "writes", key: str = KEY, **sent: Any) -> httpx.Response:
    headers = {"Authorization": f"Bearer {key}"} | sent.pop("headers", {})
    return httpx.post(f"{serving.url}/e/{slug}/{path}", headers=headers, timeout=60, **sent)


@pytest.mark.parametrize("path", PATHS)
def test_a_key_opens_its_own_demo_alone(path: str, serving: Serving) -> None:
    assert ask(serving, path, json=ASK).status_code == 200
    assert ask(serving, path, key=OTHER, json=ASK).status_code == 401
    assert ask(serving, path, slug="theirs", json=ASK).status_code == 401
    assert ask(serving, path, slug="spent-writer", json=ASK).status_code == 402
    assert ask(serving, path, slug="nobody-s", json=ASK).status_code == 404
    through_proxy = {"X-Forwarded-For": "203.0.113.9", "X-Maquette-Client": "a visitor"}
    assert ask(serving, path, key=TOKEN, headers=through_proxy, json=ASK).status_code == 401
    assert (
        httpx.get(f"{serving.url}/e/writes/v1/models", headers={"Authorization": f"Bearer {OTHER}"}).status_code == 401
    )


ODD: dict[str, Any] = {
    "nothing": b"",
    "no JSON": b"\xff\xfe",
    "deep": b"[" * 15_000,
    "NaN": b'{"messages": [{"role": "user", "content": "a"}], "prompt": "a", "temperature": NaN}',
    "half a character": b'{"messages": [{"role": "user", "content": "\\ud800"}], "prompt": "\\ud800"}',
    "a list": [ASK],
    **{
        f"{name}={str(value)[:12]}": ASK | {name: value}
        for name, values in {
            "temperature": (-1, 1e-5, 1e-300, 5e-324, "hot", [1], 1e308, True),
            "top_p": (-1, 0, 1e-300, 2, "x", {}),
            "seed": (HUGE, "x", [1], 1.5),
            "max_tokens": (-1, 1.5, "x", HUGE, [1]),
            "stop": ([1], {"a": 1}, ["a"] * 1_000, [""]),
            "stream_options": ("x", [1]),
            "n": (0, -1, HUGE, "x"),
        }.items()
        for value in values
    },
    "no text": {"messages": [{"role": "user", "content": {"a": 1}}], "prompt": {"a": 1}},
    "no role": {"messages": [{"content": "a"}], "prompt": [1, 2]},
    "many messages": {"messages": MESSAGES * 400, "prompt": ["a", "b"]},
}


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("name", ODD)
def test_no_request_is_a_fault(path: str, name: str, serving: Serving) -> None:
    body = ODD[name] if isinstance(ODD[name], bytes) else json.dumps(ODD[name]).encode()
    answer = ask(serving, path, content=body)
    assert answer.status_code in (200, 400), answer.text
    if answer.status_code == 400:
        assert answer.json()["error"]["message"]
        assert answer.json()["error"]["type"] == "invalid_request_error"


@pytest.mark.parametrize("path", PATHS)
def test_bodies_are_bounded(path: str, serving: Serving) -> None:
    answer = ask(serving, path, json=ASK | {"user": "a" * 30_000})
    assert answer.status_code == 413
    assert answer.json()["error"]["code"]


def test_the_rate_limit_is_that_of_predictions(serving: Serving) -> None:
    codes = [ask(serving, path, slug="slow-writer", json=ASK).status_code for path in PATHS]
    assert codes == [200, 200]
    refused = ask(serving, PATHS[0], slug="slow-writer", json=ASK)
    assert refused.status_code == 429
    assert int(refused.headers["Retry-After"]) > 0


def test_every_answer_is_counted_streamed_or_not(serving: Serving, redis_server: Redis, artifact: Path) -> None:
    redis_server.publish("counted-writer", artifact)
    for path in PATHS:
        for streams in (False, True):
            assert ask(serving, path, slug="counted-writer", json=ASK | {"stream": streams}).status_code == 200
    assert ask(serving, PATHS[0], slug="counted-writer", content=b"{").status_code == 400

    def counted() -> tuple[int, ...]:
        entries = [json.loads(fields["u"]) for _id, fields in redis_server.client.xrange("maquette:usage")]
        own = [entry for entry in entries if entry["slug"] == "counted-writer"]
        return tuple(sum(entry[name] for entry in own) for name in ("requests", "rows", "errors"))

    wait_for(lambda: counted() == (5, 4, 1), 8)


# Memory


def test_so_many_are_written_at_once_and_no_more() -> None:
    writing = Writing(limit=100)
    ends = [writing.begin(0) for _number in range(MOST_WRITING)]
    with pytest.raises(Problem):
        writing.begin(0)
    ends.pop()()
    ends.append(writing.begin(100))
    with pytest.raises(Problem):
        writing.begin(1)
    while ends:
        ends.pop()()
    assert (writing.answers, writing.caches.used) == (0, 0)
    writing.begin(1_000)()  # one that is alone


def test_what_an_answer_takes_is_what_is_counted(artifact: Path) -> None:
    engine: Any = open_engine(artifact)
    for most in (5, 8_192):
        prompt = engine.read({"messages": MESSAGES, "max_tokens": most})
        cache = engine.decoder.cache(len(prompt.ids) + most)
        assert engine.answer_bytes(prompt) == cache.keys.nbytes + cache.values.nbytes


@pytest.fixture
def small(redis_server: Redis) -> Iterator[Serving]:
    """A model server whose answers may take 64 KB together: about two of the longest."""
    running = Serving(redis_server.url, MAQUETTE_SERVING_MEMORY="256K")
    running.start()
    yield running
    running.kill(signal.SIGTERM)


def test_answers_have_one_budget_and_give_it_back(small: Serving) -> None:
    """Twenty at once, half of whom hang up: none is a fault, what finds no room is told to come back, and then there is room."""
    longest = ASK | {"max_tokens": 120, "temperature": 1, "stream": True}
    wait_for(lambda: ask(small, PATHS[0], json=longest).status_code == 200)

    def one(number: int) -> int:
        headers = {"Authorization": f"Bearer {KEY}"}
        with ExitStack() as stack:
            call = httpx.stream(
                "POST", f"{small.url}/e/writes/{PATHS[0]}", headers=headers, json=longest | {"seed": number}, timeout=60
            )
            answer = stack.enter_context(call)
            if number % 2:
                answer.read()
            return answer.status_code

    with ThreadPoolExecutor(20) as pool:
        codes = list(pool.map(one, range(20)))
    assert set(codes) == {200, 503}
    wait_for(lambda: ask(small, PATHS[0], json=longest).status_code == 200, 8)
    both = [one(number) for number in (1, 3)]
    assert both == [200, 200]
