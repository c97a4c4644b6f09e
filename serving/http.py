"""The little of HTTP that serving needs over ASGI: a request with a bounded body, a response in two messages."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from serving import problems
from serving.problems import Headers, Problem
from trainer.problem_details import MEDIA_TYPE

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]
BODY_SECONDS = 15.0
"""A client that takes longer to send its body is not waited for."""


class Gone(Exception):  # noqa: N818
    """The client left before it had sent everything."""


@dataclass
class Response:
    status: int
    body: bytes
    content_type: bytes = b"application/json"
    headers: Headers = field(default_factory=list)

    @classmethod
    def of(cls, problem: Problem) -> "Response":
        return cls(problem.status, problem.body(), MEDIA_TYPE.encode(), problem.headers)

    async def send(self, send: Send, extra: Headers) -> None:
        headers = [
            (b"content-type", self.content_type),
            (b"content-length", str(len(self.body)).encode()),
            *self.headers,
            *extra,
        ]
        await send({"type": "http.response.start", "status": self.status, "headers": headers})
        await send({"type": "http.response.body", "body": self.body})


class Request:
    def __init__(self, scope: Scope, receive: Receive) -> None:
        self.method: str = scope["method"]
        self.path: str = scope["path"]
        self.client: str = scope["client"][0] if scope.get("client") else ""
        self.headers: dict[bytes, bytes] = dict(scope["headers"])
        self.receive = receive

    @property
    def token(self) -> bytes:
        kind, _space, token = self.headers.get(b"authorization", b"").partition(b" ")
        return token.strip() if kind.lower() == b"bearer" else b""

    @property
    def content_type(self) -> bytes:
        return self.headers.get(b"content-type", b"")

    async def body(self, limit: int) -> bytes:
        """The whole body, at most `limit` bytes; `Problem` 413 or 408."""
        length = self.headers.get(b"content-length", b"0")
        if length.isdigit() and int(length) > limit:
            raise problems.too_large(limit)
        message = await self.next_message()
        if not message.get("more_body"):
            return checked(message.get("body", b""), limit)
        parts = bytearray(message["body"])
        while message.get("more_body"):
            message = await self.next_message()
            parts += message.get("body", b"")
            checked(parts, limit)  # type: ignore[arg-type]
        return bytes(parts)

    async def next_message(self) -> dict[str, Any]:
        try:
            async with asyncio.timeout(BODY_SECONDS):
                message = await self.receive()
        except TimeoutError as error:
            raise Problem(
                408,
                "too_slow",
                "The request did not arrive in time.",
                "Send it again.",
                headers=[(b"connection", b"close")],
            ) from error
        if message["type"] == "http.disconnect":
            raise Gone
        return message


def checked(body: bytes, limit: int) -> bytes:
    if len(body) > limit:
        raise problems.too_large(limit)
    return body
