"""A request that is too large is ended early, whether it says its length or not."""

import asyncio
from typing import Any

import pytest

from webapp.core.bodies import PART, USUAL, BodyLimit


def ask(path: str, chunks: int, declared: int | None = None) -> tuple[int, int]:
    """(status, chunks of 1 MiB taken) of a request."""
    taken = 0
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        nonlocal taken
        taken += 1
        return {"type": "http.request", "body": bytes(2**20), "more_body": taken < chunks}

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    async def application(scope: dict[str, Any], receive: Any, send: Any) -> None:
        while (await receive())["more_body"]:
            pass
        await send({"type": "http.response.start", "status": 200, "headers": []})

    headers = [(b"content-length", str(declared).encode())] if declared else []
    scope = {"type": "http", "path": path, "headers": headers}
    asyncio.run(BodyLimit(application)(scope, receive, send))
    return sent[0]["status"], taken


@pytest.mark.parametrize(("path", "limit"), [("/healthz", USUAL), ("/accounts/login/", USUAL), ("/uploads/abc", PART)])
def test_a_body_beyond_the_limit(path: str, limit: int) -> None:
    assert ask(path, limit >> 20) == (200, limit >> 20)
    assert ask(path, 500) == (413, (limit >> 20) + 1)
    assert ask(path, 500, declared=limit + 1) == (413, 0)


def test_uploads_are_taken() -> None:
    assert ask("/new", 60)[0] == 200
