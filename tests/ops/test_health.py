"""The containers' health checks."""

import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
import redis
import yaml
from django.test import Client

from webapp.catalog import hardware
from webapp.host import doctor, health
from webapp.host.redis_server import EmbeddedRedis, find_binary

ROOT = Path(__file__).resolve().parents[2]


class Fine(BaseHTTPRequestHandler):
    """As Django answers where ALLOWED_HOSTS is set: to those names alone."""

    def do_GET(self) -> None:
        names = os.environ.get("ALLOWED_HOSTS") or "127.0.0.1"
        host = self.headers["Host"].partition(":")[0]
        self.send_response(200 if self.path == "/healthz" and (host in names or names == "*") else 400)
        self.end_headers()

    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture
def site(monkeypatch: pytest.MonkeyPatch) -> Iterator[HTTPServer]:
    with HTTPServer(("127.0.0.1", 0), Fine) as server:
        monkeypatch.setenv("PORT", str(server.server_port))
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


@pytest.mark.parametrize("names", ["", "maquette.test", " .maquette.test,other.test", "*", "127.0.0.1,maquette.test"])
def test_web_is_asked_by_a_name_that_it_answers_to(
    site: HTTPServer, monkeypatch: pytest.MonkeyPatch, names: str
) -> None:
    """Else the container is unhealthy for ever, and Caddy never starts."""
    monkeypatch.setenv("ALLOWED_HOSTS", names)
    assert health.main(["web"]) == 0


def test_a_container_asks_without_importing_the_site(site: HTTPServer) -> None:
    """Under load an import of the site takes longer than the check may, and Caddy never starts."""
    services = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]
    command = services["web"]["healthcheck"]["test"][1:]
    assert command[0] == "python"
    done = subprocess.run(
        [sys.executable, "-X", "importtime", *command[1:]],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    imported = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines()}
    assert "urllib.request" in imported
    assert not {name.partition(".")[0] for name in imported} & {"webapp", "celery", "django", "redis"}


def test_web(site: HTTPServer, monkeypatch: pytest.MonkeyPatch) -> None:
    assert health.main(["web"]) == 0
    monkeypatch.setenv("PORT", "1")
    assert health.main(["web"]) == 1


@pytest.mark.skipif(find_binary() is None, reason="no Redis on this machine")
def test_worker_is_well_while_its_host_is_announced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    server = EmbeddedRedis(tmp_path)
    monkeypatch.setenv("REDIS_URL", server.start())
    try:
        assert health.main(["worker"]) == 1
        with redis.Redis.from_url(server.url) as client:
            client.set("maquette:worker:another-abc", "{}")
            assert health.main(["worker"]) == 1
            client.set(f"maquette:worker:{socket.gethostname()}-abc", "{}")
        assert health.main(["worker"]) == 0
    finally:
        server.stop()
    assert health.main(["worker"]) == 1


@pytest.mark.django_db
@pytest.mark.skipif(find_binary() is None, reason="no Redis on this machine")
def test_a_site_is_ready_once_every_queue_has_a_worker(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, settings: Any, client: Client
) -> None:
    """A site whose reader is down trains and answers, and every upload waits for ever: that is not ready."""
    server = EmbeddedRedis(tmp_path)
    settings.REDIS_URL = server.start()
    try:
        monkeypatch.setattr(hardware, "client", lambda: redis.Redis.from_url(server.url, decode_responses=True))
        assert doctor.workers()[0] == doctor.OK, "none is running"
        hardware.announce("box-worker", {"host": "box", "queues": ["default"]})
        hardware.announce("box-train", {"host": "box", "queues": ["train-cpu", "train-gpu"]})
        answer = client.get("/readyz").json()
        assert (answer["parts"]["worker"], answer["waiting"]) == ("down", ["read"])
        state, description, _remedy = doctor.workers()
        assert (state, description) == (doctor.MISSING, "none takes what waits in read")
        hardware.announce("box-reader", {"host": "box", "queues": ["read"]})
        answer = client.get("/readyz").json()
        assert (answer["parts"]["worker"], answer["waiting"]) == ("ok", [])
        assert doctor.workers() == (doctor.OK, "3 running (box, box, box), and every queue has one", "")
        gpus = [{"kind": "gpu", "index": index} for index in range(2)]
        hardware.announce("box-gpus", {"host": "box", "queues": ["train-gpu"], "devices": gpus})
        assert client.get("/readyz").json()["waiting"] == ["train-gpu-2"], "runs may ask for two"
    finally:
        server.stop()


def test_beat_is_well_while_it_writes_its_schedule(tmp_path: Path) -> None:
    schedule = tmp_path / "celerybeat-schedule"
    assert health.main(["beat", str(schedule)]) == 1
    file = tmp_path / "celerybeat-schedule.db"
    file.touch()
    assert health.main(["beat", str(schedule)]) == 0
    long_ago = time.time() - health.BEAT_SECONDS - 1
    os.utime(file, (long_ago, long_ago))
    assert health.main(["beat", str(schedule)]) == 1
