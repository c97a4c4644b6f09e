"""Embeddings are bounded, limited and counted as predictions are, under both addresses."""

import contextlib
import hashlib
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import openai
import pytest

from tests.serving import tiny
from tests.serving.conftest import KEY, TOKEN, Redis, Serving, wait_for
from trainer.engines import open_engine

PATHS = ("v1/embeddings", "embeddings")
OTHER = "mq_key_of_another_tenant"


@pytest.fixture(autouse=True)
def demos(redis_server: Redis, packaged: Path) -> None:
    keys = {hashlib.sha256(OTHER.encode()).hexdigest(): "theirs"}
    redis_server.publish("vectors", packaged)
    redis_server.publish("theirs", packaged, keys=keys)
    redis_server.publish("slow-vectors", packaged, limits={"requests_per_minute": 3})
    redis_server.publish("spent-vectors", packaged, blocked="budget")


def ask(serving: Serving, path: str, slug: str = "vectors", key: str = KEY, **sent: Any) -> httpx.Response:
    headers = {"Authorization": f"Bearer {key}"} | sent.pop("headers", {})
    return httpx.post(f"{serving.url}/e/{slug}/{path}", headers=headers, timeout=30, **sent)


def sent(serving: Serving, path: str, body: bytes) -> tuple[int, str]:
    answer = ask(serving, path, content=body)
    return answer.status_code, answer.json()["code"]


@pytest.mark.parametrize("path", PATHS)
def test_a_key_opens_its_own_demo_alone(path: str, serving: Serving) -> None:
    body = {"input": "a"}
    assert ask(serving, path, key=OTHER, json=body).status_code == 401
    assert ask(serving, path, slug="theirs", json=body).status_code == 401
    assert ask(serving, path, slug="spent-vectors", json=body).status_code == 402
    assert ask(serving, path, slug="nobody-s", json=body).status_code == 404
    through_proxy = {"X-Forwarded-For": "203.0.113.9", "X-Maquette-Client": "a visitor"}
    assert ask(serving, path, key=TOKEN, headers=through_proxy, json=body).status_code == 401


@pytest.mark.parametrize("path", PATHS)
def test_bodies_are_bounded(path: str, serving: Serving) -> None:
    many = json.dumps({"input": ["a"] * 65}).encode()
    assert sent(serving, path, many) == (422, "too_many_inputs")
    assert sent(serving, path, json.dumps({"input": ["a"] * 10_000}).encode())[0] == 413
    for body in (b'{"input": NaN}', b'{"input": "\\ud800"}', b"[" * 15_000, b'{"input": {"a": 1}}', b"\xff\xfe", b""):
        assert sent(serving, path, body)[0] == 422, body[:20]
    assert sent(serving, path, b'{"input": "a", "encoding_format": ["float"]}') == (422, "bad_form")


@pytest.mark.parametrize("path", PATHS)
def test_a_hundred_megabytes_are_refused_when_the_bound_is_passed(path: str, serving: Serving) -> None:
    read = 0

    def pieces() -> Iterator[bytes]:
        nonlocal read
        for _piece in range(1_600):
            read += 65_536
            yield b"a" * 65_536

    began = time.monotonic()
    with contextlib.suppress(httpx.TransportError):  # the connection was ended while more was being sent
        assert ask(serving, path, content=pieces()).status_code == 413
    assert read < 50_000_000
    assert time.monotonic() - began < 20
    assert serving.ask(["a"]).status_code == 200


def test_the_rate_limit_is_that_of_predictions(serving: Serving) -> None:
    codes = [ask(serving, path, slug="slow-vectors", json={"input": "a"}).status_code for path in PATHS]
    assert serving.ask(["a"], slug="slow-vectors").status_code == 200
    codes.append(ask(serving, PATHS[0], slug="slow-vectors", json={"input": "a"}).status_code)
    assert codes == [422, 422, 429]


@pytest.fixture(scope="module")
def embedding(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny.build_vectors(tmp_path_factory.mktemp("runs") / "vectors")


@pytest.mark.parametrize("path", PATHS)
def test_what_is_answered_and_what_is_refused_is_counted(
    path: str, serving: Serving, redis_server: Redis, packaged: Path, embedding: Path
) -> None:
    """By texts, for whoever is charged; the model that has no vectors refuses, and so does a body that cannot be read."""
    with_vectors, without = (f"{name}-{PATHS.index(path)}" for name in ("counted", "uncounted"))
    redis_server.publish(with_vectors, embedding)
    redis_server.publish(without, packaged)
    answers = [
        ask(serving, path, slug=with_vectors, json={"input": texts}) for texts in ("a card", ["a card", "the money"])
    ]
    assert [len(answer.json()["data"]) for answer in answers] == [1, 2]
    assert len(answers[0].json()["data"][0]["embedding"]) == 32
    assert ask(serving, path, slug=with_vectors, content=b"{").status_code == 422
    assert ask(serving, path, slug=without, json={"input": "a card"}).json()["code"] == "no_embeddings"

    def counted(slug: str) -> tuple[int, ...]:
        entries = [json.loads(fields["u"]) for _id, fields in redis_server.client.xrange("maquette:usage")]
        own = [entry for entry in entries if entry["slug"] == slug]
        return tuple(sum(entry[name] for entry in own) for name in ("requests", "rows", "errors"))

    wait_for(lambda: counted(with_vectors) == (3, 3, 1), 8)
    wait_for(lambda: counted(without) == (1, 0, 1), 8)


def test_openais_client_has_the_vectors(serving: Serving, redis_server: Redis, embedding: Path) -> None:
    """As it asks unless told otherwise, in base64, and as numbers."""
    redis_server.publish("embedded", embedding)
    engine, texts = open_engine(embedding), ["a card", "the money"]
    right = [answer["embedding"] for answer in engine.predict([engine.read({"embed": text}) for text in texts])]
    with openai.OpenAI(base_url=f"{serving.url}/e/embedded/v1", api_key=KEY, max_retries=3) as client:
        usual = client.embeddings.create(model="any", input=texts)
        plain = client.embeddings.create(model="any", input=texts[1], encoding_format="float")
        with pytest.raises(openai.UnprocessableEntityError):
            client.embeddings.create(model="any", input=" ")
    assert [each.index for each in usual.data] == [0, 1]
    assert np.allclose([each.embedding for each in usual.data], right, atol=1e-6)
    assert np.allclose(plain.data[0].embedding, right[1], atol=1e-6)
    assert usual.usage.total_tokens > plain.usage.total_tokens > 0
