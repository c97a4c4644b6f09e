"""Serving as it runs: uvicorn in its own process, a private Redis, a tiny packaged model."""

import hashlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import redis

from tests.serving import tiny

REPO = Path(__file__).resolve().parents[2]
TOKEN = "inside-only"
KEY = "mq_test_key"


@pytest.fixture(scope="session")
def packaged(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from trainer.packaging.export import export

    artifact = tiny.build(tmp_path_factory.mktemp("runs") / "run1")
    export(artifact, emit=lambda *_args, **_fields: None)
    return artifact


class Redis:
    """A server on a unix socket that can be killed and started again with its data."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.url = f"unix://{folder}/r.sock"
        self.client = redis.Redis.from_url(self.url, decode_responses=True)
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        from webapp.host.redis_server import find_binary

        found = find_binary()
        if found is None:
            pytest.skip("there is no redis-server")
        options = ["--port", "0", "--unixsocket", f"{self.folder}/r.sock", "--dir", str(self.folder)]
        self.process = subprocess.Popen(
            [str(found.path), *options, "--appendonly", "yes", "--save", ""], stdout=subprocess.DEVNULL
        )
        wait_for(self.answers)
        self.client.set("maquette:published", "as the web does once its list is written")

    def answers(self) -> bool:
        try:
            return bool(self.client.ping())
        except redis.RedisError:
            return False

    def stop(self) -> None:
        if self.process:
            self.process.kill()
            self.process.wait()
            self.process = None

    def publish(self, slug: str, artifact: Path | None, **changes: Any) -> None:
        record = {
            "slug": slug,
            "status": "live",
            "visibility": "private",
            "run": "run1",
            "version": 3,
            "artifact": str(artifact) if artifact else None,
            "engine": None,
            "blocked": None,
            "limits": {"requests_per_minute": 100_000, "inputs_per_request": 64, "bytes_per_request": 20_000},
            "keys": {hashlib.sha256(KEY.encode()).hexdigest(): "key1"},
        }
        self.client.set(f"maquette:endpoint:{slug}", json.dumps(record | changes))
        self.client.publish("maquette:endpoints", slug)


class Serving:
    def __init__(self, redis_url: str, home: Path = REPO, **env: str) -> None:
        self.port, self.home = free_port(), home
        self.url = f"http://127.0.0.1:{self.port}"
        self.env = os.environ | {"REDIS_URL": redis_url, "MAQUETTE_INTERNAL_TOKEN": TOKEN} | env
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        command = [sys.executable, "-m", "uvicorn", "serving.app:app", "--port", str(self.port), "--no-access-log"]
        self.process = subprocess.Popen([*command, "--log-level=warning"], cwd=self.home, env=self.env)
        wait_for(self.answers)

    def answers(self) -> bool:
        try:
            return httpx.get(f"{self.url}/healthz").status_code == 200
        except httpx.TransportError:
            return False

    def ask(self, inputs: Any, slug: str = "demo", key: str = KEY, **headers: str) -> httpx.Response:
        sent = {"Authorization": f"Bearer {key}"} if key else {}
        return httpx.post(f"{self.url}/e/{slug}/predict", json={"inputs": inputs}, headers=sent | headers, timeout=30)

    def kill(self, sig: int = signal.SIGKILL) -> None:
        if self.process:
            self.process.send_signal(sig)
            self.process.wait(15)
            self.process = None


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_for(check: Any, seconds: float = 30.0) -> None:
    deadline = time.monotonic() + seconds
    while not check():
        assert time.monotonic() < deadline, "it took too long"
        time.sleep(0.05)


@pytest.fixture(scope="package")
def redis_server() -> Iterator[Redis]:
    folder = Path(tempfile.mkdtemp(prefix="mq"))  # a socket's path must be short
    server = Redis(folder)
    server.start()
    yield server
    server.stop()
    server.client.close()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="package")
def serving(redis_server: Redis, packaged: Path) -> Iterator[Serving]:
    redis_server.publish("demo", packaged)
    running = Serving(redis_server.url)
    running.start()
    wait_for(lambda: running.ask(["hello"]).status_code == 200)
    yield running
    running.kill(signal.SIGTERM)
