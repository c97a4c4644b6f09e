"""Server-sent events of a run: what is sent, that they end, and how many may be open."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests import things
from webapp.accounts.models import Workspace
from webapp.runs import sse
from webapp.runs.models import Run
from webapp.runs.sse import Seats

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def run(workspace: Workspace) -> Run:
    run = things.run(things.prototype(workspace))
    run.events_path.parent.mkdir(parents=True, exist_ok=True)
    return run


def write(run: Run, *kinds: str) -> None:
    lines = [json.dumps({"t": "", "type": kind, "message": "x"}) + "\n" for kind in kinds]
    run.events_path.write_text("".join(lines), "utf-8")


def heard(run: Run, after: int = 0, pk: str = "") -> list[str]:
    """The stream's parts, without the first; fails where it does not end."""

    async def whole() -> list[bytes]:
        return [part async for part in sse.sse(pk or run.pk, run.events_path, after)]

    first, *parts = asyncio.run(asyncio.wait_for(whole(), 10))
    assert first == b"retry: 2000\n\n"
    return [part.decode() for part in parts]


def test_no_event_is_named_like_a_broken_connection(run: Run) -> None:
    write(run, "error", "status")
    first, last = heard(run)
    assert first.startswith("id: 1\nevent: failure\n")
    assert last.startswith("id: 2\nevent: status\n")


@pytest.mark.parametrize("after", [2, 999_999_999])
def test_a_stream_of_an_ended_run_ends_when_nothing_is_left_to_send(run: Run, after: int) -> None:
    """It waited for ever for an event behind the last one; each held two descriptors and a connection to Redis."""
    write(run, "metric", "status")
    (last,) = heard(run, after)
    assert last.startswith("event: status\n")
    assert json.loads(last.split("data: ")[1])["status"] == run.status


def test_the_end_is_made_where_a_killed_worker_did_not_write_it(run: Run) -> None:
    write(run, "metric")
    first, last = heard(run)
    assert "event: metric" in first
    assert last.startswith("event: status\n")


def test_a_stream_of_a_deleted_run_ends(run: Run) -> None:
    (last,) = heard(run, pk="gone")
    assert json.loads(last.split("data: ")[1])["status"] == "deleted"


def test_a_run_that_ends_unheard_ends_its_stream(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its worker died; a sweep ended it in the database alone."""
    Run.objects.filter(pk=run.pk).update(status="training")
    monkeypatch.setattr(sse, "follow", quiet)
    parts = heard(run)
    assert parts[0] == sse.KEEP_ALIVE.decode()
    assert "event: status" in parts[-1]


async def quiet(run_id: str, _path: Path, _after: int) -> AsyncIterator[Any]:
    yield None
    await asyncio.to_thread(lambda: Run.objects.filter(pk=run_id).update(status="failed"))
    while True:
        yield None


async def endless() -> AsyncIterator[bytes]:
    while True:
        yield b"x"


def test_streams_are_bounded_of_one_person_and_in_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Seats, "OF_ONE", 2)
    monkeypatch.setattr(Seats, "IN_ALL", 3)

    async def check() -> None:
        seats = Seats()
        open_streams = [seats.hold(person, endless()) for person in (1, 1, 2)]
        assert [await anext(held) for held in open_streams] == [b"x"] * 3
        assert seats.full(1)
        assert seats.full(3)
        refused = [part async for part in seats.hold(1, endless())]
        assert refused == [b"retry: 30000\n\n"]
        for held in open_streams:
            await held.aclose()
        assert not seats.full(1)
        assert not seats.taken

    asyncio.run(check())


def test_an_address_says_when_too_many_are_open(
    run: Run, async_client: Any, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Seats, "OF_ONE", 0)

    async def check() -> None:
        await async_client.aforce_login(await asyncio.to_thread(lambda: workspace.memberships.first().user))
        answer = await async_client.get(f"/runs/{run.pk}/stream")
        assert answer.status_code == 429
        assert answer["Retry-After"] == "30"
        assert answer.json()["code"] == "too_many_streams"

    asyncio.run(check())
