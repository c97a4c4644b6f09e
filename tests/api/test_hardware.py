"""What a tenant learns of the machines: what is there and whether it is busy, not with whose run."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import redis
from django.test import Client

from tests import things
from webapp.accounts.models import User, Workspace
from webapp.catalog import hardware
from webapp.host.redis_server import EmbeddedRedis


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[EmbeddedRedis]:
    server = EmbeddedRedis(tmp_path / "redis")
    server.start()
    monkeypatch.setattr(hardware, "client", lambda: redis.Redis.from_url(server.url, decode_responses=True))
    yield server
    server.stop()


def test_whose_run_a_worker_trains_is_told_to_its_own_workspace_alone(
    server: EmbeddedRedis, user: User, outsider: User, workspace: Workspace, api_of: Callable[[User], Client]
) -> None:
    run = things.run(things.prototype(workspace), status="running")
    record = {"name": "train-cpu", "host": "box", "queues": ["train-cpu"], "devices": [], "run": run.pk}
    hardware.announce("box-train-cpu", record)
    hardware.announce("box-worker", record | {"name": "worker", "run": None})

    def told(person: User) -> list[tuple[str | None, bool]]:
        answer = api_of(person).get("/api/v1/hardware")
        assert (run.pk in answer.content.decode()) == (person == user)
        return [(worker["run"], worker["busy"]) for worker in answer.json()["workers"]]

    assert told(user) == [(run.pk, True), (None, False)]
    assert told(outsider) == [(None, True), (None, False)]
