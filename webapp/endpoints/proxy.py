"""Hands `/e/…` to the serving process before Django sees it, over connections that stay open.

A small HTTP/1.1 client of our own: one request costs a few hundred microseconds here, a hundredth of what a Django
view would. It trusts serving, its only peer, to answer with a Content-Length.
"""

import asyncio
import hmac
import json
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import urlsplit

Message = dict[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Asgi = Callable[[Message, Receive, Send], Awaitable[None]]

PREFIX = "/e/"
MOST_BYTES = 8 * 1024 * 1024
MOST_HEAD_BYTES = 64 * 1024
IDLE_CONNECTIONS = 128
CONNECT_SECONDS = 2.0
ANSWER_SECONDS = 60.0
HOP_BY_HOP = {
    b"connection",
    b"keep-alive",
    b"proxy-authenticate",
    b"proxy-authorization",
    b"te",
    b"trailer",
    b"transfer-encoding",
    b"upgrade",
    b"host",
    b"content-length",
    b"expect",
    b"x-forwarded-for",
}
Connection = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class Away(Exception):  # noqa: N818  a state of the peer
    """Serving does not answer."""


class ServingProxy:
    """ASGI middleware around the web application. `internal_token` is refused from outside."""

    def __init__(self, app: Asgi, upstream: str, internal_token: str = "") -> None:
        self.app = app
        parts = urlsplit(upstream)
        self.host, self.port = parts.hostname or "127.0.0.1", parts.port or 80
        self.internal = internal_token.encode()
        self.idle: deque[Connection] = deque()

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not scope["path"].startswith(PREFIX):
            await self.app(scope, receive, send)
            return
        body = await read_body(receive)
        if body is None:
            return
        if isinstance(body, int):
            await refuse(
                send, 413, "too_large", f"A request may have {MOST_BYTES} bytes.", "Send fewer or shorter inputs."
            )
            return
        if self.carries_internal_token(scope["headers"]):
            await refuse(send, 401, "bad_key", "The key is missing or wrong.", "Send a key of this endpoint.")
            return
        try:
            status, headers, answer = await asyncio.wait_for(self.exchange(self.request(scope, body)), ANSWER_SECONDS)
        except (Away, TimeoutError):
            await refuse(send, 503, "waking", "The models are starting.", "Ask again in a few seconds.", retry_after=2)
            return
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": answer})

    def carries_internal_token(self, headers: list[tuple[bytes, bytes]]) -> bool:
        given = next((value for name, value in headers if name == b"authorization"), b"").rpartition(b" ")[2]
        return bool(self.internal) and hmac.compare_digest(given, self.internal)

    def request(self, scope: Message, body: bytes) -> bytes:
        path = scope.get("raw_path") or scope["path"].encode()
        if scope["query_string"]:
            path += b"?" + scope["query_string"]
        client = (scope.get("client") or ("",))[0]
        lines = [b"%s %s HTTP/1.1" % (scope["method"].encode(), path), b"host: serving"]
        lines += [
            b"%s: %s" % (name, value)
            for name, value in scope["headers"]
            if name not in HOP_BY_HOP and not name.startswith(b"x-maquette-")
        ]
        lines += [b"x-forwarded-for: %s" % client.encode(), b"content-length: %d" % len(body), b"", b""]
        return b"\r\n".join(lines) + body

    async def exchange(self, request: bytes) -> tuple[int, list[tuple[bytes, bytes]], bytes]:
        """One request and its answer. A kept connection that turns out closed before a byte came is replaced once."""
        while self.idle:
            connection = self.idle.pop()
            try:
                return await self.talk(connection, request)
            except Away:
                continue
        try:
            opening = asyncio.open_connection(self.host, self.port, limit=MOST_HEAD_BYTES)
            connection = await asyncio.wait_for(opening, CONNECT_SECONDS)
        except (OSError, TimeoutError) as error:
            raise Away from error
        return await self.talk(connection, request)

    async def talk(self, connection: Connection, request: bytes) -> tuple[int, list[tuple[bytes, bytes]], bytes]:
        reader, writer = connection
        try:
            writer.write(request)
            head = await reader.readuntil(b"\r\n\r\n")
            status, headers, length = parse_head(head)
            body = await reader.readexactly(length) if length else b""
        except (OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, ValueError) as error:
            writer.close()
            raise Away from error
        except asyncio.CancelledError:
            writer.close()
            raise
        if len(self.idle) < IDLE_CONNECTIONS:
            self.idle.append(connection)
        else:
            writer.close()
        return status, headers, body


def parse_head(head: bytes) -> tuple[int, list[tuple[bytes, bytes]], int]:
    """(status, headers without the hop's own, length of the body)."""
    first, *lines = head[:-4].split(b"\r\n")
    status = int(first.split(b" ", 2)[1])
    headers, length = [], 0
    for line in lines:
        name, _colon, value = line.partition(b":")
        name, value = name.strip().lower(), value.strip()
        if name == b"content-length":
            length = int(value)
        if name not in (b"connection", b"keep-alive", b"transfer-encoding", b"date", b"server"):
            headers.append((name, value))
    return status, headers, length


async def read_body(receive: Receive) -> bytes | int | None:
    """The whole body; its size when it is too large; None when the client has gone."""
    parts: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        parts.append(message.get("body", b""))
        size += len(parts[-1])
        if size > MOST_BYTES:
            return size
        if not message.get("more_body"):
            return parts[0] if len(parts) == 1 else b"".join(parts)


async def refuse(send: Send, status: int, code: str, detail: str, hint: str, retry_after: int = 0) -> None:
    fields = {"type": "about:blank", "title": detail, "status": status, "code": code, "detail": detail, "hint": hint}
    body = json.dumps(fields).encode()
    headers = [
        (b"content-type", b"application/problem+json"),
        (b"content-length", str(len(body)).encode()),
        (b"access-control-allow-origin", b"*"),
    ]
    if retry_after:
        headers.append((b"retry-after", str(retry_after).encode()))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
