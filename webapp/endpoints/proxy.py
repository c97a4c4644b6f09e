"""`/e/…` of the web port goes to the model server before Django sees it.

A hand-written HTTP/1.1 client over kept connections: general ones cost more time or memory (docs/benchmarks.md). Bodies are passed on as they come, within bounds.
"""

import asyncio
import contextlib
import hmac
import logging
import time
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import unquote, urlsplit

from webapp.core.problem_responses import send_problem
from webapp.core.problems import Problem

log = logging.getLogger(__name__)
Headers = list[tuple[bytes, bytes]]
Scope = dict[str, Any]
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]

PREFIX = "/e/"
IDLE_SECONDS = 4.0
"""Below uvicorn's own keep-alive of five seconds, so that a kept connection is rarely a closed one."""
MOST_IDLE = 128
CONNECT_SECONDS = 2.0
ANSWER_SECONDS = 60.0
MOST_REQUEST_BYTES = 16 * 1024 * 1024
MOST_RESPONSE_BYTES = 64 * 1024 * 1024
MOST_HEADER_BYTES = 64 * 1024
CHUNK = 64 * 1024
HOP_BY_HOP = {
    *(b"connection", b"keep-alive", b"proxy-authenticate", b"proxy-authorization", b"proxy-connection", b"te"),
    *(b"trailer", b"transfer-encoding", b"upgrade"),
}
OURS = {b"host", b"content-length", b"x-forwarded-for", b"expect"}
"""Request headers that the proxy writes itself."""


class Away(Exception):  # noqa: N818
    """Serving cannot be reached or broke off before it answered."""


class TooLarge(Exception):  # noqa: N818
    """The body is beyond the bound."""


class Connection:
    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer
        self.idle_since = 0.0
        self.used = False

    def fresh(self) -> bool:
        return (
            time.monotonic() - self.idle_since < IDLE_SECONDS
            and not self.reader.at_eof()
            and not self.writer.transport.is_closing()
        )

    def close(self) -> None:
        self.writer.transport.abort()


class Pool:
    """Kept connections to one server: `http://host:port` or `unix:///path`."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self.path = unquote(parts.path) if parts.scheme == "unix" else None
        self.host, self.port = parts.hostname or "127.0.0.1", parts.port or 80
        self.name = f"{self.host}:{self.port}".encode() if self.path is None else b"serving"
        self.idle: deque[Connection] = deque()

    async def take(self, *, new: bool = False) -> Connection:
        """The last used connection that still stands, or a new one; `Away` when none can be had."""
        while self.idle and not new:
            connection = self.idle.pop()
            if connection.fresh():
                return connection
            connection.close()
        opening = (
            asyncio.open_unix_connection(self.path, limit=MOST_HEADER_BYTES)
            if self.path
            else asyncio.open_connection(self.host, self.port, limit=MOST_HEADER_BYTES)
        )
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                return Connection(*await opening)
        except OSError as error:  # TimeoutError is one
            raise Away from error

    def keep(self, connection: Connection) -> None:
        connection.idle_since, connection.used = time.monotonic(), True
        self.idle.append(connection)
        if len(self.idle) > MOST_IDLE:
            self.idle.popleft().close()

    def close(self) -> None:
        while self.idle:
            self.idle.pop().close()


class ServingProxy:
    """ASGI application around `app`: what begins with /e/ goes to serving, all else to `app`.

    `internal_token` never passes from outside: a request that carries it is refused as if the key were wrong.
    """

    def __init__(self, app: Callable[..., Awaitable[None]], upstream_url: str, internal_token: str = "") -> None:
        self.app = app
        self.pool = Pool(upstream_url)
        self.internal_token = internal_token.encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":  # nothing here speaks it, and Django would call it a fault
            await send({"type": "websocket.close"})
        elif scope["type"] != "http" or not scope["path"].startswith(PREFIX):
            await self.app(scope, receive, send)
        elif self.carries_token(scope):
            await refuse(send, no_key())
        else:
            await Exchange(self.pool, scope, receive, send).run()

    def carries_token(self, scope: Scope) -> bool:
        if not self.internal_token:
            return False
        given = (part for name, value in scope["headers"] if name == b"authorization" for part in value.split())
        return any(hmac.compare_digest(part, self.internal_token) for part in given)


class Exchange:
    """One request and its answer. `started`: part of the answer went out; `left`: the visitor is gone."""

    def __init__(self, pool: Pool, scope: Scope, receive: Receive, send: Send) -> None:
        self.pool, self.scope, self.receive, self.send = pool, scope, receive, send
        self.started = self.left = False
        self.first: dict[str, Any] = {}
        self.connection: Connection | None = None
        self.leaving: asyncio.Task[None] | None = None

    async def run(self) -> None:
        try:
            self.first = await self.receive()
            if self.first["type"] == "http.disconnect":
                return
            async with asyncio.timeout(ANSWER_SECONDS):
                await self.exchange()
        except TooLarge:
            await self.fail(too_large())
        except (Away, OSError, EOFError, ValueError) as error:  # IncompleteReadError is an EOFError
            if not self.left:
                log.warning("serving did not answer: %s", type(error).__name__)
            await self.fail(waking())
        finally:
            if self.leaving is not None:
                self.leaving.cancel()
            if self.connection is not None:  # not given back: it broke or the visitor left
                self.connection.close()

    async def fail(self, problem: Problem) -> None:
        """A refusal, unless part of an answer went out: then only breaking off says that it is not whole."""
        if not self.started:
            await refuse(self.send, problem)
        elif not self.left:
            raise ConnectionError("The answer broke off.")

    async def exchange(self) -> None:
        """Once more on a new connection when a kept one turned out closed: nothing of an answer had come by then."""
        self.connection = await self.pool.take()
        try:
            head = await self.ask()
        except (OSError, EOFError):
            again = self.connection.used and not self.first.get("more_body")
            self.connection.close()
            if not again:
                raise
            self.connection = await self.pool.take(new=True)
            head = await self.ask()
        await self.relay(*head)

    async def ask(self) -> tuple[int, Headers]:
        """Send the request and wait for the head of the answer."""
        assert self.connection is not None
        body, more = self.first.get("body", b""), self.first.get("more_body", False)
        writer = self.connection.writer
        if not more:
            writer.write(self.request_head(f"content-length: {len(body)}\r\n".encode()) + body)
        else:
            writer.write(self.request_head(b"transfer-encoding: chunked\r\n"))
            await self.stream(body)
        self.leaving = self.leaving or asyncio.create_task(self.watch())
        try:
            return parse_head(await self.connection.reader.readuntil(b"\r\n\r\n"))
        except asyncio.LimitOverrunError as error:
            raise Away from error

    async def watch(self) -> None:
        """Break off towards serving when the visitor leaves, before the answer or in the middle of it."""
        while (await self.receive())["type"] != "http.disconnect":
            pass
        self.left = True
        if self.connection is not None:
            self.connection.used = False  # nobody is left to ask again for
            self.connection.close()

    def request_head(self, framing: bytes) -> bytes:
        scope = self.scope
        path = scope.get("raw_path") or scope["path"].encode()
        if scope.get("query_string"):
            path += b"?" + scope["query_string"]
        lines = [scope["method"].encode() + b" " + path + b" HTTP/1.1\r\nhost: " + self.pool.name + b"\r\n", framing]
        dropped, forwarded = named_by_connection(scope["headers"]), []
        for name, value in scope["headers"]:
            if name == b"x-forwarded-for":
                forwarded.append(value)
            elif name not in dropped and not name.startswith(b"x-maquette-"):
                lines.append(name + b": " + value + b"\r\n")
        client = scope["client"][0].encode() if scope.get("client") else b"unknown"
        lines.append(b"x-forwarded-for: " + b", ".join([*forwarded, client]) + b"\r\n\r\n")
        return b"".join(lines)

    async def stream(self, body: bytes) -> None:
        assert self.connection is not None
        writer, size, more = self.connection.writer, 0, True
        while True:
            size += len(body)
            if size > MOST_REQUEST_BYTES:
                raise TooLarge
            if body:
                writer.write(b"%x\r\n%b\r\n" % (len(body), body))
                with contextlib.suppress(ConnectionError):  # serving may have refused already: read why
                    await writer.drain()
            if not more:
                break
            message = await self.receive()
            if message["type"] == "http.disconnect":
                raise Away
            body, more = message.get("body", b""), message.get("more_body", False)
        writer.write(b"0\r\n\r\n")

    async def relay(self, status: int, headers: Headers) -> None:
        connection = self.connection
        assert connection is not None
        known = dict(headers)
        chunked = known.get(b"transfer-encoding", b"").lower() == b"chunked"
        length = int(known[b"content-length"]) if b"content-length" in known and not chunked else None
        bare = self.scope["method"] == "HEAD" or status in (204, 304)
        if (length or 0) > MOST_RESPONSE_BYTES:
            raise Away
        whole = b"" if bare or length == 0 else None
        if whole is None and length is not None and length <= CHUNK:
            whole = await connection.reader.readexactly(length)
        relayed = [(name, value) for name, value in headers if name not in HOP_BY_HOP]
        self.started = True
        await self.send({"type": "http.response.start", "status": status, "headers": relayed})
        if whole is None:
            async for part in parts_of(connection.reader, length, chunked):
                await self.send({"type": "http.response.body", "body": part, "more_body": True})
        ends = length is None and not chunked and not bare
        if not ends and known.get(b"connection", b"").lower() != b"close":
            self.pool.keep(connection)
            self.connection = None
        await self.send({"type": "http.response.body", "body": whole or b""})


def named_by_connection(headers: Headers) -> set[bytes]:
    """Headers that stay behind: hop-by-hop ones, those that `Connection` names, and those written anew."""
    named = {part.strip().lower() for name, value in headers if name == b"connection" for part in value.split(b",")}
    return HOP_BY_HOP | OURS - {b"x-forwarded-for"} | named - {b"authorization", b"close"}


def parse_head(head: bytes) -> tuple[int, Headers]:
    first, *lines = head[:-4].split(b"\r\n")
    headers = []
    for line in lines:
        name, _colon, value = line.partition(b":")
        headers.append((name.strip().lower(), value.strip()))
    return int(first.split(b" ", 2)[1]), headers


async def parts_of(reader: asyncio.StreamReader, length: int | None, chunked: bool) -> Any:
    """The body piece by piece: chunked, of a known length, or until the connection ends."""
    size = 0
    while length is None or size < length:
        if chunked:
            expected = int((await reader.readuntil(b"\r\n")).split(b";")[0], 16)
            if size + expected > MOST_RESPONSE_BYTES:
                raise Away
            part = (await reader.readexactly(expected + 2))[:-2]
        else:
            part = await reader.read(CHUNK if length is None else min(CHUNK, length - size))
            if not part and length is not None:
                raise EOFError
        size += len(part)
        if not part:
            return
        if size > MOST_RESPONSE_BYTES:
            raise Away
        yield part


def no_key() -> Problem:
    return Problem("A working key is needed.", status=401, code="no_key", hint="Send a key from the endpoint's page.")


def too_large() -> Problem:
    return Problem("The request is too large.", status=413, code="too_large", hint="Send fewer or shorter inputs.")


def waking() -> Problem:
    hint = "Try again in a few seconds."
    return Problem("The model server is starting.", status=503, code="waking", hint=hint, retry_after=2)


async def refuse(send: Send, problem: Problem) -> None:
    """Readable by pages of other origins, as serving's own answers are. What is left of a large body is not read."""
    closing = {"connection": "close"} if problem.status == 413 else {}
    await send_problem(send, problem, access_control_allow_origin="*", **closing)
