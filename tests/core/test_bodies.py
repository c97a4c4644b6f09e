"""A request that is too large, too slow or a stranger's is ended early, whether it says its length or not."""

import asyncio
import json
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.conf import settings
from django.test import Client

from webapp.accounts.actions import create_token
from webapp.accounts.models import User
from webapp.accounts.senders import has_account, known
from webapp.core import bodies
from webapp.core.bodies import PART, USUAL, BodyLimit

Headers = list[tuple[bytes, bytes]]


async def nobody(_headers: Headers) -> bool:
    return False


async def somebody(_headers: Headers) -> bool:
    return True


async def ask(
    path: str, chunks: int, headers: Headers | None = None, who: Any = somebody, pause: float = 0
) -> tuple[int, int, str]:
    """(status, chunks of 1 MiB taken, code of the refusal) of a request; `pause` seconds before each chunk."""
    taken = 0
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        nonlocal taken
        await asyncio.sleep(pause)
        taken += 1
        return {"type": "http.request", "body": bytes(2**20), "more_body": taken < chunks}

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    async def application(scope: dict[str, Any], receive: Any, send: Any) -> None:
        while (await receive())["more_body"]:
            pass
        await send({"type": "http.response.start", "status": 200, "headers": []})

    scope = {"type": "http", "path": path, "headers": headers or []}
    await BodyLimit(application, who)(scope, receive, send)
    told = json.loads(sent[1]["body"])["code"] if len(sent) > 1 else ""
    return sent[0]["status"], taken, told


def length(size: int) -> Headers:
    return [(b"content-length", str(size).encode())]


@pytest.mark.parametrize(("path", "limit"), [("/healthz", USUAL), ("/accounts/login/", USUAL), ("/uploads/abc", PART)])
def test_a_body_beyond_the_limit(path: str, limit: int) -> None:
    assert asyncio.run(ask(path, limit >> 20)) == (200, limit >> 20, "")
    assert asyncio.run(ask(path, 500)) == (413, (limit >> 20) + 1, "too_large")
    assert asyncio.run(ask(path, 500, length(limit + 1))) == (413, 0, "too_large")


def test_uploads_are_taken_from_those_who_are_known() -> None:
    assert asyncio.run(ask("/new", 60))[0] == 200


@pytest.mark.parametrize("path", ["/new", "/api/v1/datasets", "/uploads/", "/uploads/abc"])
def test_a_stranger_sends_nothing_large(path: str) -> None:
    assert asyncio.run(ask(path, 9, who=nobody)) == (401, 1, "bad_token")
    assert asyncio.run(ask(path, 9, length(9 * 2**20), who=nobody)) == (401, 0, "bad_token")


def test_a_body_that_trickles_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bodies, "PATIENCE_SECONDS", 0.05)
    monkeypatch.setattr(bodies, "LEAST_BYTES_PER_SECOND", 2**30)
    status, taken, code = asyncio.run(ask("/new", 1000, pause=0.01))
    assert (status, code) == (408, "too_slow")
    assert taken < 1000


def test_a_slow_answer_is_not_a_slow_body(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bodies, "PATIENCE_SECONDS", 0.05)

    async def application(scope: dict[str, Any], receive: Any, send: Any) -> None:
        await receive()
        await asyncio.sleep(0.1)
        await receive()  # Django waits here for the visitor to leave
        await send({"type": "http.response.start", "status": 200, "headers": []})

    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    scope = {"type": "http", "path": "/", "headers": []}
    asyncio.run(BodyLimit(application, nobody)(scope, receive, send))
    assert sent[0]["status"] == 200


def test_who_is_known_by_a_request_s_headers(user: User) -> None:
    _token, secret = create_token(user, user.workspaces.get(), "x")
    client = Client()
    client.force_login(user)
    session = client.cookies[settings.SESSION_COOKIE_NAME].value
    cookie = f"a=b; {settings.SESSION_COOKIE_NAME}={session}".encode()
    assert has_account({b"authorization": f"Bearer {secret}".encode()})
    assert async_to_sync(known)([(b"cookie", cookie)])
    client.logout()
    for headers in ({}, {b"cookie": cookie}, {b"authorization": b"Bearer mq_no"}, {b"cookie": b"\xff;=;"}):
        assert not has_account(headers)
