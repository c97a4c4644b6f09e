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

import pytest
import redis
import yaml

from webapp.host import health
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


def test_beat_is_well_while_it_writes_its_schedule(tmp_path: Path) -> None:
    schedule = tmp_path / "celerybeat-schedule"
    assert health.main(["beat", str(schedule)]) == 1
    file = tmp_path / "celerybeat-schedule.db"
    file.touch()
    assert health.main(["beat", str(schedule)]) == 0
    long_ago = time.time() - health.BEAT_SECONDS - 1
    os.utime(file, (long_ago, long_ago))
    assert health.main(["beat", str(schedule)]) == 1
