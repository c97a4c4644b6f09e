"""Requests that are too large are ended before Django stores them: it spools a whole body before anybody is asked who sent it."""

import json
from collections.abc import Awaitable, Callable
from typing import Any

from django.conf import settings

MIB = 2**20
USUAL, PART = 5 * MIB, 17 * MIB
UPLOADS = ("/new", "/api/v1/datasets")
Receive = Callable[[], Awaitable[dict[str, Any]]]


class TooLargeError(Exception):
    """More bytes came than this address takes."""


class BodyLimit:
    """ASGI middleware: 5 MiB a request, a tus part at /uploads/, an upload where files are taken."""

    def __init__(self, application: Any) -> None:
        self.application = application

    async def __call__(self, scope: dict[str, Any], receive: Receive, send: Any) -> None:
        if scope["type"] != "http":
            await self.application(scope, receive, send)
            return
        left = limit_of(scope["path"])
        declared = dict(scope["headers"]).get(b"content-length", b"0")
        begun = False

        async def counted() -> dict[str, Any]:
            nonlocal left
            message = await receive()
            if message["type"] == "http.request":
                left -= len(message.get("body", b""))
                if left < 0:
                    raise TooLargeError
            return message

        async def noted(message: dict[str, Any]) -> None:
            nonlocal begun
            begun = True
            await send(message)

        try:
            if declared.isdigit() and int(declared) > left:
                raise TooLargeError
            await self.application(scope, counted, noted)
        except TooLargeError:
            if not begun:
                await refuse(send)


def limit_of(path: str) -> int:
    if path in UPLOADS:
        return settings.MAX_UPLOAD_BYTES + MIB
    return PART if path.startswith("/uploads/") else USUAL


async def refuse(send: Any) -> None:
    fields = {
        "type": "about:blank",
        "title": "too large",
        "status": 413,
        "code": "too_large",
        "detail": "The request is larger than this address takes.",
        "hint": "Send files to /new, /api/v1/datasets or, in parts of at most 16 MB, to /uploads/.",
    }
    body = json.dumps(fields).encode()
    headers = [(b"content-type", b"application/problem+json"), (b"connection", b"close")]
    await send({"type": "http.response.start", "status": 413, "headers": headers})
    await send({"type": "http.response.body", "body": body})
