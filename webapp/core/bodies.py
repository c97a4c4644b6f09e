"""Requests that are too large, too slow or from nobody are ended before Django stores them: it spools a whole body before
anybody is asked who sent it.
"""

import asyncio
import re
import time
from collections.abc import Awaitable, Callable
from typing import Any

from django.conf import settings
from django.db import DatabaseError

from webapp.core.problem_responses import send_problem
from webapp.core.problems import DATABASE_AWAY, RETRY_SECONDS, Problem

MIB = 2**20
USUAL, PART, MEDIA, STRANGER = 5 * MIB, 17 * MIB, 11 * MIB, MIB // 16
ASKING = re.compile(r"/d/[^/]+|/runs/[^/]+/try")
"""Where a picture or a sound is sent to a model."""
UPLOADS = ("/new", "/api/v1/datasets")
PATIENCE_SECONDS = 20.0
LEAST_BYTES_PER_SECOND, LEAST_OF_STRANGERS = 4 * 1024, 32 * 1024
"""A body may take PATIENCE_SECONDS plus its size so far by this rate; a phone on a bad line is several times quicker. What
strangers may send, a picture for a demo, takes at most six minutes."""
Headers = list[tuple[bytes, bytes]]
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]
Application = Callable[[dict[str, Any], Receive, Send], Awaitable[None]]


class RefusedError(Problem):
    """The body is not waited for any longer; says why."""


def too_large() -> RefusedError:
    hint = "Send files to /new, /api/v1/datasets or, in parts of at most 16 MB, to /uploads/."
    return RefusedError("The request is larger than this address takes.", status=413, code="too_large", hint=hint)


def unknown_sender() -> RefusedError:
    hint = "Sign in, or send Authorization: Bearer TOKEN; tokens are on the settings page."
    return RefusedError("Files are taken from people who are known here.", status=401, code="bad_token", hint=hint)


def too_slow() -> RefusedError:
    hint = "Check the connection and send it again."
    return RefusedError("The request did not arrive in time.", status=408, code="too_slow", hint=hint)


def no_answer() -> RefusedError:
    return RefusedError(
        "The database is not responding.",
        status=503,
        code=DATABASE_AWAY,
        hint="Send it again in a few seconds.",
        retry_after=RETRY_SECONDS,
    )


class BodyLimit:
    """ASGI middleware: 5 MiB a request, a tus part at /uploads/, an upload where files are taken.

    `is_known` says whether the headers are those of a person or a program with an account: without one, 64 KiB is all that
    the addresses of files take.
    """

    def __init__(self, application: Application, is_known: Callable[[Headers], Awaitable[bool]]) -> None:
        self.application, self.is_known = application, is_known

    async def __call__(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.application(scope, receive, send)
            return
        begun = False

        async def noted(message: dict[str, Any]) -> None:
            nonlocal begun
            begun = True
            await send(message)

        body = Body(scope, receive, self.is_known)
        try:
            await body.check(body.declared)
            await self.application(scope, body.receive, noted)
        except RefusedError as refused:
            if not begun:
                await send_problem(send, refused, connection="close")


class Body:
    """One request's body as it comes: counted, timed, and from somebody known beyond the first 64 KiB of a file."""

    def __init__(self, scope: dict[str, Any], receive: Receive, is_known: Callable[[Headers], Awaitable[bool]]) -> None:
        self.source, self.is_known, self.headers = receive, is_known, scope["headers"]
        self.limit = limit_of(scope["path"])
        self.trusted = self.limit in (USUAL, MEDIA)
        self.least_rate = LEAST_OF_STRANGERS if self.limit == MEDIA else LEAST_BYTES_PER_SECOND
        self.size, self.whole, self.began = 0, False, time.monotonic()
        declared = dict(scope["headers"]).get(b"content-length", b"0")
        self.declared = int(declared) if declared.isdigit() and len(declared) < 20 else 0

    async def check(self, size: int) -> None:
        if size > self.limit:
            raise too_large()
        if size > STRANGER and not self.trusted:
            try:
                self.trusted = await self.is_known(self.headers)
            except DatabaseError as error:
                raise no_answer() from error
            if not self.trusted:
                raise unknown_sender()

    async def receive(self) -> dict[str, Any]:
        if self.whole:  # from now on only the visitor's leaving is waited for
            return await self.source()
        seconds_left = PATIENCE_SECONDS + self.size / self.least_rate - (time.monotonic() - self.began)
        try:
            async with asyncio.timeout(max(seconds_left, 0)):
                message = await self.source()
        except TimeoutError as error:
            raise too_slow() from error
        if message["type"] == "http.request":
            self.size += len(message.get("body", b""))
            self.whole = not message.get("more_body", False)
            await self.check(self.size)
        return message


def limit_of(path: str) -> int:
    if path in UPLOADS:
        return int(settings.MAX_UPLOAD_BYTES) + MIB
    if ASKING.fullmatch(path):
        return MEDIA
    return PART if path.startswith("/uploads/") else USUAL
