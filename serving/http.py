"""What Starlette leaves to serving: bodies within bounds of size and time, keys, refusals, and what every answer passes."""

import asyncio
import logging
import traceback
from collections.abc import Callable

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from serving import problems
from serving.memory import Holding
from serving.problems import Problem
from trainer import reporting
from trainer.problem_details import MEDIA_TYPE

log = logging.getLogger(__name__)
BODY_SECONDS = 15.0
"""A client that takes longer between two parts of its body is not waited for."""
PUBLIC = "/e/"
"""Addresses that pages of any origin may ask."""
KEPT_BY_NOBODY = [
    (b"x-content-type-options", b"nosniff"),
    (b"cache-control", b"no-store"),
    (b"cross-origin-resource-policy", b"same-origin"),  # pages of other origins ask by CORS, which it does not bind
]
ANY_ORIGIN = [
    (b"access-control-allow-origin", b"*"),
    (b"access-control-expose-headers", b"Retry-After"),
]


async def read_body(request: Request, limit: int, held: Holding) -> bytes:
    """The whole body, at most `limit` bytes, counted in `held` as it comes; `Problem` 413, 408 or 503."""
    length = request.headers.get("content-length", "0")
    if length.isascii() and length.isdigit() and int(length) > limit:
        raise problems.too_large(limit)
    body, parts = bytearray(), request.stream()
    while True:
        try:
            async with asyncio.timeout(BODY_SECONDS):
                part = await anext(parts, None)
        except TimeoutError as error:
            raise problems.too_slow() from error
        if part is None:
            return bytes(body)
        body += part
        if len(body) > limit:
            raise problems.too_large(limit)
        held.grow(len(part))


def read_token(request: Request) -> bytes:
    """The key of an `Authorization: Bearer KEY`; empty where there is none."""
    kind, _space, token = request.headers.get("authorization", "").partition(" ")
    return token.strip().encode("latin-1") if kind.lower() == "bearer" else b""


def refusal(problem: Problem) -> Response:
    return Response(problem.body(), problem.status, problem.headers, MEDIA_TYPE)


class Guard:
    """Middleware around all answers: refusals and faults become problems, every status is counted, and public addresses may
    be asked from any origin. Starlette's own way with faults would log their message, which may repeat what somebody sent."""

    def __init__(self, app: ASGIApp, answered: Callable[[int], None]) -> None:
        self.app, self.answered = app, answered

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        begun = False

        async def finish(message: Message) -> None:
            nonlocal begun
            if message["type"] == "http.response.start":
                begun = True
                self.answered(message["status"])
                message["headers"] += KEPT_BY_NOBODY
                if scope["path"].startswith(PUBLIC):
                    message["headers"] += ANY_ORIGIN
            await send(message)

        try:
            await self.app(scope, receive, finish)
        except ClientDisconnect:
            return
        except Exception as error:
            problem = error if isinstance(error, Problem) else report(error, scope["path"])
            if not begun:
                await refusal(problem)(scope, receive, finish)


def report(error: Exception, path: str) -> Problem:
    """The place without the message or the address's slug: they could repeat what somebody sent."""
    place = "".join(traceback.format_tb(error.__traceback__))
    log.error("%s on %s\n%s", type(error).__name__, "/e/…/predict" if path.startswith(PUBLIC) else path, place)
    reporting.tell(error)
    return problems.bug()
