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


def test_what_the_operator_calls_machines_and_workers_is_told_to_no_tenant(
    server: EmbeddedRedis, user: User, api_of: Callable[[User], Client], client_of: Callable[[User], Client]
) -> None:
    device = {"kind": "gpu", "index": 0, "name": "NVIDIA L4"}
    for host in ("zurich-rack4", "berlin-rack1"):
        record = {"name": f"{host}-train", "host": host, "queues": ["train-gpu"], "devices": [device], "run": None}
        hardware.announce(record["name"], record)
    shown = api_of(user).get("/api/v1/hardware")
    page = client_of(user).get("/workers").content.decode()
    for text in (shown.content.decode(), page):
        assert "rack" not in text
    assert [worker["name"] for worker in shown.json()["workers"]] == ["1", "2"]
    assert [device["host"] for device in shown.json()["devices"]] == ["1", "2"]
    for words in ("Worker 1", "Worker 2", "machine 1", "machine 2", "NVIDIA L4"):
        assert words in page
