"""The web port's way to serving: what passes, what does not, and what a visitor sees when serving is away."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, suppress
from typing import Any

import httpx
import pytest

from tests.serving.conftest import KEY, REPO, TOKEN, Serving, free_port, wait_for
from webapp.endpoints.proxy import ServingProxy

Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@pytest.fixture(scope="module")
def web(serving: Serving) -> Iterator[str]:
    port = free_port()
    env = os.environ | {"SERVING_URL": serving.url, "MAQUETTE_INTERNAL_TOKEN": TOKEN}
    command = [sys.executable, "-m", "uvicorn", "tests.serving.webside:app", f"--port={port}", "--log-level=error"]
    process = subprocess.Popen(command, cwd=REPO, env=env)
    url = f"http://127.0.0.1:{port}"

    def up() -> bool:
        try:
            return httpx.get(url).text == "page"
        except httpx.TransportError:
            return False

    wait_for(up)
    yield url
    process.send_signal(signal.SIGTERM)
    process.wait(10)


def ask(web: str, inputs: Any, key: str = KEY, **headers: str) -> httpx.Response:
    sent = {"Authorization": f"Bearer {key}"} | headers
    return httpx.post(f"{web}/e/demo/predict", json={"inputs": inputs}, headers=sent, timeout=30)


def test_answers_pass_through(web: str) -> None:
    with httpx.Client(headers={"Authorization": f"Bearer {KEY}"}) as client:
        for _ in range(3):
            answer = client.post(f"{web}/e/demo/predict", json={"inputs": ["my card"]})
            assert answer.status_code == 200
            assert answer.json()["model"]["version"] == 3
    assert httpx.get(f"{web}/elsewhere").text == "page"


def test_refusals_pass_through(web: str) -> None:
    assert ask(web, []).status_code == 422
    assert ask(web, ["a"], key="wrong").status_code == 401
    assert ask(web, ["a" * 30_000]).status_code == 413
    assert httpx.options(f"{web}/e/demo/predict").status_code == 204
    assert httpx.get(f"{web}/e/demo/predict").status_code == 405


def test_a_streamed_body(web: str) -> None:
    def pieces() -> Iterator[bytes]:
        yield b'{"inputs": '
        yield b'["my card"]}'

    headers = {"Authorization": f"Bearer {KEY}"}
    assert httpx.post(f"{web}/e/demo/predict", content=pieces(), headers=headers).status_code == 200


@pytest.mark.parametrize("scheme", ["Bearer ", "bearer  ", ""])
def test_the_internal_token_is_refused(web: str, scheme: str) -> None:
    answer = httpx.post(f"{web}/e/demo/predict", json={"inputs": ["a"]}, headers={"Authorization": scheme + TOKEN})
    assert answer.status_code == 401


@pytest.mark.parametrize("value", ["Bearer {}", "Bearer {} ", "Bearer\t{}\t ", "{} x", " {}"])
def test_spaces_do_not_hide_the_internal_token(value: str) -> None:
    proxy = ServingProxy(None, "http://127.0.0.1:1", TOKEN)
    assert proxy.carries_token({"headers": [(b"authorization", value.format(TOKEN).encode())]})
    assert not proxy.carries_token({"headers": [(b"authorization", value.format("mqe_other").encode())]})


@asynccontextmanager
async def upstream(handler: Handler) -> AsyncIterator[str]:
    server = await asyncio.start_server(handler, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()
        await asyncio.sleep(0.05)  # both ends of every connection close before the loop does


async def through(proxy: ServingProxy, *, headers: list[tuple[bytes, bytes]] | None = None, leave: Any = None) -> Any:
    """One POST through the proxy: (status, headers, body). `leave` is waited for before the visitor disconnects."""
    sent: list[dict[str, Any]] = []
    asked = [{"type": "http.request", "body": b"{}", "more_body": False}]

    async def receive() -> dict[str, Any]:
        if asked:
            return asked.pop()
        await (leave or asyncio.Event()).wait()
        return {"type": "http.disconnect"}

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    scope = {
        "type": "http",
        "method": "POST",
        "path": "/e/demo/predict",
        "raw_path": b"/e/demo/predict",
        "query_string": b"",
        "headers": headers or [],
        "client": ("203.0.113.7", 1234),
    }
    await proxy(scope, receive, send)
    body = b"".join(message.get("body", b"") for message in sent[1:])
    return sent[0]["status"], dict(sent[0]["headers"]), body


async def pages(scope: Any, receive: Any, send: Any) -> None:
    raise AssertionError("the request should have gone to serving")


def test_what_serving_gets_to_see() -> None:
    seen: list[bytes] = []

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nKeep-Alive: 5\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"
        )
        await writer.drain()
        await reader.read()
        writer.close()

    async def check() -> None:
        headers = [
            (b"authorization", b"Bearer k"),
            (b"connection", b"keep-alive, x-hop"),
            (b"x-hop", b"1"),
            (b"x-maquette-client", b"forged"),
            (b"x-forwarded-for", b"198.51.100.1"),
            (b"content-length", b"2"),
        ]
        async with upstream(handler) as url:
            proxy = ServingProxy(pages, url)
            status, answered, body = await through(proxy, headers=headers)
            proxy.pool.close()
        assert (status, body) == (200, b"abcde")
        assert b"transfer-encoding" not in answered
        assert b"keep-alive" not in answered

    asyncio.run(check())
    head = seen[0].lower()
    assert b"authorization: bearer k" in head
    assert b"x-forwarded-for: 198.51.100.1, 203.0.113.7" in head
    assert head.count(b"content-length") == 1
    for gone in (b"x-hop", b"x-maquette", b"forged"):
        assert gone not in head


def test_a_closed_kept_connection_is_replaced() -> None:
    connections = []

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connections.append(1)
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
        await writer.drain()
        await reader.readexactly(2)
        if len(connections) == 1:  # takes the next request and closes without a word
            await reader.readuntil(b"\r\n\r\n")
        writer.close()

    async def check() -> None:
        async with upstream(handler) as url:
            proxy = ServingProxy(pages, url)
            assert (await through(proxy))[0] == 200
            assert (await through(proxy))[0] == 200
            proxy.pool.close()
        assert len(connections) == 2

    asyncio.run(check())


def test_serving_away() -> None:
    async def check() -> None:
        status, headers, body = await through(ServingProxy(pages, f"http://127.0.0.1:{free_port()}"))
        assert status == 503
        assert headers[b"retry-after"] == b"2"
        assert headers[b"content-type"] == b"application/problem+json"
        assert b'"code": "waking"' in body

    asyncio.run(check())


def test_a_first_connection_is_not_asked_twice() -> None:
    connections = []

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connections.append(1)
        await reader.readuntil(b"\r\n\r\n")
        writer.close()

    async def check() -> None:
        async with upstream(handler) as url:
            assert (await through(ServingProxy(pages, url)))[0] == 503
        assert len(connections) == 1

    asyncio.run(check())


def test_a_visitor_who_leaves_is_not_worked_for() -> None:
    async def check() -> None:
        asked, left = asyncio.Event(), asyncio.Event()

        async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readuntil(b"\r\n\r\n")
            asked.set()
            with suppress(ConnectionError):
                await reader.read()
            left.set()
            writer.close()

        async with upstream(handler) as url, asyncio.timeout(5):
            await through(ServingProxy(pages, url), leave=asked)
            await left.wait()

    asyncio.run(check())
