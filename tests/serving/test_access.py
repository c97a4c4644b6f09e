"""Every refusal: its status, its code, a next step."""

import asyncio
import time
from pathlib import Path
from typing import Any

import httpx
import pytest

from serving.access import Access, Limits, Record, Registry
from serving.problems import Problem
from tests.serving.conftest import KEY, TOKEN, Redis, Serving, wait_for


def test_answers(serving: Serving) -> None:
    answer = serving.ask(["my card is lost", "money"]).json()
    assert answer["model"] == {"run": "run1", "version": 3}
    assert set(answer["timing_ms"]) == {"queue", "model", "total"}
    for output in answer["outputs"]:
        scores = [one["score"] for one in output["scores"]]
        assert scores == sorted(scores, reverse=True)
        assert (output["label"], output["score"]) == (output["scores"][0]["label"], scores[0])
        assert sum(scores) == pytest.approx(1, abs=1e-4)


@pytest.mark.parametrize(
    ("inputs", "code"),
    [
        ("text", "no_inputs"),
        ([], "no_inputs"),
        (["a"] * 65, "too_many_inputs"),
        ([1], "bad_input"),
        (["good", " "], "bad_input"),
        ([{"text": "a"}], "bad_input"),
        (None, "no_inputs"),
    ],
)
def test_bad_inputs(serving: Serving, inputs: Any, code: str) -> None:
    answer = serving.ask(inputs)
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert problem["code"] == code
    assert problem["detail"]
    assert problem["hint"]
    if inputs == ["good", " "]:
        assert problem["index"] == 1
        assert "Input 1 is empty" in problem["detail"]


@pytest.mark.parametrize("path", ["v1/embeddings", "embeddings"])
def test_embeddings_are_asked_for_where_clients_of_openai_do(serving: Serving, path: str) -> None:
    headers = {"Authorization": f"Bearer {KEY}"}
    answer = httpx.post(f"{serving.url}/e/demo/{path}", json={"input": ["a"], "model": "any"}, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (422, "no_embeddings"), "a model of classes has none"
    assert httpx.post(f"{serving.url}/e/demo/{path}", json={"input": ["a"]}).status_code == 401


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'{"inputs": }', b"\xff"])
def test_bad_json(serving: Serving, body: bytes) -> None:
    answer = httpx.post(f"{serving.url}/e/demo/predict", content=body, headers={"Authorization": f"Bearer {KEY}"})
    assert answer.status_code == 422


@pytest.mark.parametrize("key", ["", "wrong", "clé".encode().decode("latin-1")])
def test_no_or_wrong_key(serving: Serving, key: str) -> None:
    answer = serving.ask(["a"], key=key) if key.isascii() else serving.ask(["a"], key="cl")
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"].startswith("Bearer")


def test_unknown_paused_and_spent(serving: Serving, redis_server: Redis, packaged: Path) -> None:
    redis_server.publish("off", packaged, status="off")
    redis_server.publish("new", None, status="off")
    redis_server.publish("spent", packaged, blocked="budget")
    assert serving.ask(["a"], slug="nowhere").status_code == 404
    paused, new = serving.ask(["a"], slug="off"), serving.ask(["a"], slug="new")
    assert (paused.status_code, paused.json()["code"], paused.headers["retry-after"]) == (503, "paused", "300")
    assert (new.status_code, new.json()["code"], new.headers["retry-after"]) == (503, "deploying", "5")
    redis_server.publish("failed", None, status="failed")
    failed = serving.ask(["a"], slug="failed")
    assert (failed.status_code, failed.json()["code"]) == (503, "model_unusable")
    assert "retry-after" not in failed.headers, "waiting does not mend it"
    assert serving.ask(["a"], slug="off", key="wrong").status_code == 401, "only a working key is told"
    assert serving.ask(["a"], slug="spent").status_code == 402
    assert serving.ask(["a"], slug="spent", key="wrong").status_code == 401


def test_a_redis_that_came_back_empty_sends_nobody_away(serving: Serving, redis_server: Redis, packaged: Path) -> None:
    redis_server.publish("kept", packaged)
    assert serving.ask(["a"], slug="kept").status_code == 200
    redis_server.client.flushall()
    try:
        time.sleep(1.1)  # until what was read is no longer fresh
        assert serving.ask(["a"], slug="kept").status_code == 200, "what is known stays in force"
        unknown = serving.ask(["a"], slug="not-read-yet")
        assert (unknown.status_code, unknown.json()["code"]) == (503, "no_registry")
        assert unknown.headers["retry-after"] == "2"
    finally:
        redis_server.publish("demo", packaged)
        redis_server.client.set("maquette:published", "again")
    assert serving.ask(["a"], slug="not-read-yet").status_code == 404
    wait_for(lambda: serving.ask(["a"], slug="kept").status_code == 404)


def test_rate_limit_by_key(serving: Serving, redis_server: Redis, packaged: Path) -> None:
    redis_server.publish("slow", packaged, limits={"requests_per_minute": 3})
    statuses = [serving.ask(["a"], slug="slow") for _ in range(5)]
    assert [answer.status_code for answer in statuses] == [200, 200, 200, 429, 429]
    assert 1 <= int(statuses[-1].headers["retry-after"]) <= 60


def test_internal_calls_are_limited_by_visitor(serving: Serving, redis_server: Redis, packaged: Path) -> None:
    redis_server.publish("visited", packaged, limits={"requests_per_minute": 20})
    ask = lambda visitor: serving.ask(["a"], "visited", TOKEN, **{"X-Maquette-Client": visitor}).status_code  # noqa: E731
    assert [ask("one"), ask("one"), ask("one"), ask("two")] == [200, 200, 429, 200]


def test_all_visitors_together_are_limited_too(serving: Serving, redis_server: Redis, packaged: Path) -> None:
    redis_server.publish("crowd", packaged, limits={"requests_per_minute": 4})
    ask = lambda visitor: serving.ask(["a"], "crowd", TOKEN, **{"X-Maquette-Client": visitor}).status_code  # noqa: E731
    assert [ask(f"visitor {number}") for number in range(6)] == [200] * 4 + [429] * 2
    assert serving.ask(["a"], "crowd").status_code == 200, "keys have a limit of their own"


def test_too_large(serving: Serving) -> None:
    assert serving.ask(["a" * 30_000]).status_code == 413

    def pieces() -> Any:
        for _ in range(30):
            yield b"a" * 1_000

    streamed = httpx.post(f"{serving.url}/e/demo/predict", content=pieces(), headers={"Authorization": f"Bearer {KEY}"})
    assert streamed.status_code == 413


def test_wrong_method_and_paths(serving: Serving) -> None:
    assert httpx.get(f"{serving.url}/e/demo/predict").status_code == 405
    for path in ("/", "/e/demo", "/e/demo/predict/", "/internal"):
        assert httpx.post(serving.url + path).status_code == 404


def test_browsers_may_ask(serving: Serving) -> None:
    asked = httpx.options(f"{serving.url}/e/demo/predict", headers={"Origin": "https://example.org"})
    assert asked.status_code == 204
    assert asked.headers["access-control-allow-origin"] == "*"
    assert "Authorization" in asked.headers["access-control-allow-headers"]
    assert serving.ask(["a"], key="").headers["access-control-allow-origin"] == "*"


def test_a_proxy_does_not_speak_for_the_site(serving: Serving, packaged: Path) -> None:
    """As behind Caddy, which passes predictions on past the site: the internal token opens nothing to who is outside."""
    asked = {"/e/demo/predict": {"inputs": ["a"]}, "/internal/predict": {"artifact": str(packaged), "inputs": ["a"]}}
    for headers, status in (({}, 200), ({"X-Forwarded-For": "203.0.113.7"}, 401)):
        for path, body in asked.items():
            told = {"Authorization": f"Bearer {TOKEN}"} | headers
            answer = httpx.post(f"{serving.url}{path}", json=body, headers=told, timeout=30)
            assert answer.status_code == status, (path, answer.text)


def test_internal_predict(serving: Serving, packaged: Path) -> None:
    def ask(token: str, **body: Any) -> httpx.Response:
        return httpx.post(
            f"{serving.url}/internal/predict", json=body, headers={"Authorization": f"Bearer {token}"}, timeout=30
        )

    answer = ask(TOKEN, artifact=str(packaged), inputs=["my card"])
    assert answer.status_code == 200
    assert answer.json()["model"]["run"] == "run1"
    assert ask(KEY, artifact=str(packaged), inputs=["a"]).status_code == 401
    assert ask(TOKEN, artifact="/nowhere", inputs=["a"]).status_code == 422


def test_figures_are_not_public(serving: Serving) -> None:
    assert "maquette_serving_requests_total" in httpx.get(f"{serving.url}/metrics").text
    outside = {"X-Forwarded-For": "203.0.113.9"}
    assert httpx.get(f"{serving.url}/metrics", headers=outside).status_code == 404
    assert (
        httpx.get(f"{serving.url}/metrics", headers=outside | {"Authorization": f"Bearer {TOKEN}"}).status_code == 200
    )


def test_ready(serving: Serving) -> None:
    wait_for(lambda: httpx.get(f"{serving.url}/readyz").status_code == 200)


def test_a_change_is_heard_at_once(serving: Serving, redis_server: Redis, packaged: Path) -> None:
    redis_server.publish("moody", packaged)
    assert serving.ask(["a"], slug="moody").status_code == 200
    redis_server.publish("moody", packaged, status="off")
    wait_for(lambda: serving.ask(["a"], slug="moody").status_code == 503, 0.8)


def test_usage_reaches_the_stream(serving: Serving, redis_server: Redis, packaged: Path) -> None:
    import json

    redis_server.publish("counted", packaged)
    serving.ask(["a", "b", "c"], slug="counted")
    serving.ask([], slug="counted")

    def counted() -> dict[str, float]:
        entries = [json.loads(fields["u"]) for _id, fields in redis_server.client.xrange("maquette:usage")]
        mine = [entry for entry in entries if entry["slug"] == "counted"]
        return {name: sum(entry[name] for entry in mine) for name in ("requests", "errors", "rows")}

    wait_for(lambda: counted() == {"requests": 2, "errors": 1, "rows": 3}, 6)


def test_an_empty_token_opens_nothing() -> None:
    assert not Access("").is_internal(b"")


def test_a_bucket_fills_again(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [100.0]
    monkeypatch.setattr("serving.access.time.monotonic", lambda: clock[0])
    limits = Limits()
    for _ in range(60):
        limits.take(("a", "b"), 60)
    with pytest.raises(Problem) as refused:
        limits.take(("a", "b"), 60)
    assert refused.value.headers["Retry-After"] == "2"
    clock[0] += 1.1
    limits.take(("a", "b"), 60)


def test_a_record_with_little_in_it() -> None:
    record = Record.parse('{"slug": "a", "status": "live"}')
    assert not record.live
    assert record.inputs_per_request == 64


def test_nothing_known_and_no_redis() -> None:
    from serving.access import connect

    async def ask() -> None:
        client = connect("unix:///nowhere.sock")
        try:
            await Registry(client, client).get("a")
        finally:
            await client.aclose()

    with pytest.raises(Problem) as refused:
        asyncio.run(ask())
    assert refused.value.status == 503
