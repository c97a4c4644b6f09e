"""The web port's way to serving: what passes, what does not, and what a visitor sees when serving is away."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
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


@pytest.mark.parametrize("inputs", [["my card"], []])
def test_answers_are_kept_by_nobody_and_guessed_by_no_browser(web: str, serving: Serving, inputs: list[str]) -> None:
    """Also where Caddy leads to the model server past the site."""
    sent = {"headers": {"Authorization": f"Bearer {KEY}"}, "json": {"inputs": inputs}, "timeout": 30}
    for url in (web, serving.url):
        answer = httpx.post(f"{url}/e/demo/predict", **sent)
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Cache-Control"] == "no-store"
        assert answer.headers["Cross-Origin-Resource-Policy"] == "same-origin"
        assert answer.headers["Access-Control-Allow-Origin"] == "*"


@pytest.mark.parametrize("path", ["/e/demo/predict", "/", "/runs/1/stream"])
def test_a_websocket_is_refused_before_the_site(path: str) -> None:
    sent: list[dict[str, Any]] = []

    async def never(*_: object) -> None:
        pytest.fail("the site took a handshake")

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    scope = {"type": "websocket", "path": path, "headers": []}
    asyncio.run(ServingProxy(never, "http://127.0.0.1:1", TOKEN)(scope, never, send))
    assert sent == [{"type": "websocket.close"}]


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


async def through(
    proxy: ServingProxy,
    *,
    headers: list[tuple[bytes, bytes]] | None = None,
    leave: Any = None,
    parts: tuple[bytes, ...] = (b"{}",),
    address: bytes = b"/e/demo/predict",
) -> Any:
    """One POST through the proxy: (status, headers, body). `leave` is waited for before the visitor disconnects."""
    sent: list[dict[str, Any]] = []
    asked = [{"type": "http.request", "body": part, "more_body": True} for part in parts[::-1]]
    asked[0]["more_body"] = False

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
        "path": address.partition(b"?")[0].decode(),
        "raw_path": address.partition(b"?")[0],
        "query_string": address.partition(b"?")[2],
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
        proxy = ServingProxy(pages, f"http://127.0.0.1:{free_port()}")
        status, headers, body = await through(proxy)
        proxy.pool.close()
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
            proxy = ServingProxy(pages, url)
            assert (await through(proxy))[0] == 503
            proxy.pool.close()
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
            proxy = ServingProxy(pages, url)
            await through(proxy, leave=asked)
            await left.wait()
            proxy.pool.close()
        assert left.is_set()

    asyncio.run(check())


def answering(answer: bytes, seen: list[bytes] | None = None) -> Handler:
    """Reads a question's head, and its body if it is of a known length, answers and closes."""

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        if seen is not None:
            seen.append(head)
        writer.write(answer)
        with suppress(ConnectionError):
            await writer.drain()
        if b"chunked" in head.lower():
            with suppress(ConnectionError):
                await reader.read()
        writer.close()

    return handler


def ask_one(handler: Handler, **asked: Any) -> Any:
    """One POST to a server of one `handler`."""

    async def check() -> Any:
        async with upstream(handler) as url, asyncio.timeout(20):
            proxy = ServingProxy(pages, url)
            try:
                return await through(proxy, **asked)
            finally:
                proxy.pool.close()

    return asyncio.run(check())


def test_address_and_bytes_pass_unchanged() -> None:
    """No step of a path is resolved, nothing is unpacked, and no header of the client's own is added."""
    seen: list[bytes] = []
    answer = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 3\r\nSet-Cookie: a=1\r\n\r\nabc"
    address = b"/e/demo%2Fx/../y?q=%20a&b=\xc3\xa9"
    status, headers, body = ask_one(answering(answer, seen), address=address)
    assert (status, body) == (200, b"abc")
    assert headers[b"content-encoding"] == b"gzip"
    assert headers[b"set-cookie"] == b"a=1"
    assert seen[0].startswith(b"POST /e/demo%2Fx/../y?q=%20a&b=")
    for added in (b"accept", b"user-agent", b"content-type", b"cookie"):
        assert added + b":" not in seen[0].lower()


def test_a_body_beyond_the_bound_is_refused() -> None:
    parts = (b"x" * 2**20,) * 17
    status, headers, body = ask_one(answering(b""), parts=parts)
    assert status == 413
    assert headers[b"connection"] == b"close"
    assert b'"code": "too_large"' in body


def test_a_short_answer_that_breaks_off_is_refused() -> None:
    assert ask_one(answering(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc"))[0] == 503


def test_a_long_answer_that_breaks_off_is_not_whole() -> None:
    with pytest.raises(ConnectionError):
        ask_one(answering(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n"))


def test_no_proxy_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{free_port()}")
    assert ask_one(answering(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"))[0] == 200


def test_a_socket_in_a_folder(tmp_path: Path) -> None:
    async def check() -> int:
        path = tmp_path / "s"
        server = await asyncio.start_unix_server(answering(b"HTTP/1.1 204 No\r\n\r\n"), path)
        proxy = ServingProxy(pages, f"unix://{path}")
        status = (await through(proxy))[0]
        proxy.pool.close()
        server.close()
        return status

    assert asyncio.run(check()) == 204


def test_a_refusal_before_the_body_ends_is_passed_on() -> None:
    answer = b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 2\r\n\r\nno"
    status, _headers, body = ask_one(answering(answer), parts=(b"x" * 2**16,) * 32)
    assert (status, body) == (401, b"no")


def test_a_visitor_who_leaves_a_streamed_answer_ends_it() -> None:
    async def check() -> None:
        asked, left = asyncio.Event(), asyncio.Event()

        async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n")
            await writer.drain()
            asyncio.get_running_loop().call_later(0.1, asked.set)
            with suppress(ConnectionError):
                await reader.read()
            left.set()
            writer.close()

        async with upstream(handler) as url, asyncio.timeout(5):
            proxy = ServingProxy(pages, url)
            assert (await through(proxy, leave=asked))[::2] == (200, b"abc")
            await left.wait()
            proxy.pool.close()

    asyncio.run(check())
