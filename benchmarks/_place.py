"""A model server and the site beside it with one endpoint, for benchmarks."""

import hashlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

REPO = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(REPO))
KEY, SLUG = "mq_bench", "bench"


class Place:
    """A private Redis, serving and the web port, all ended at the end."""

    def __init__(self, folder: Path, artifact: Path, answers: Callable[[int], bool]) -> None:
        """`answers`: whether what listens on a port answers requests to the artifact yet."""
        self.folder, self.artifact, self.answers = folder, artifact, answers
        self.processes: list[subprocess.Popen[bytes]] = []
        self.ports = {"serving": free_port(), "web": free_port()}
        self.redis_url = f"unix://{folder}/r.sock"
        self.env = os.environ | {
            "REDIS_URL": self.redis_url,
            "MAQUETTE_INTERNAL_TOKEN": "bench",
            "LIMIT_REQUESTS_MINUTE": "unlimited",
            "MAQUETTE_DATA": str(folder / "data"),
            "SERVING_URL": f"http://127.0.0.1:{self.ports['serving']}",
        }

    def __enter__(self) -> "Place":
        import redis

        from webapp.host.redis_server import find_binary

        binary = find_binary()
        if binary is None:
            raise SystemExit("No redis-server was found. Install one: apt install redis-server.")
        self.start([str(binary.path), "--port", "0", "--unixsocket", f"{self.folder}/r.sock", "--save", ""])
        store = redis.Redis.from_url(self.redis_url)
        wait_for(lambda: (self.folder / "r.sock").exists() and bool(store.ping()))
        store.set(f"maquette:endpoint:{SLUG}", json.dumps(self.record()))
        store.set("maquette:published", "yes")
        store.close()
        for name, application in (("serving", "serving.app:app"), ("web", "webapp.asgi:application")):
            self.start(
                [
                    sys.executable,
                    "-m",
                    "uvicorn",
                    application,
                    f"--port={self.ports[name]}",
                    "--no-access-log",
                    "--log-level=warning",
                ]
            )
        wait_for(lambda: all(self.answers(port) for port in self.ports.values()))
        return self

    def record(self) -> dict[str, Any]:
        return {
            "slug": SLUG,
            "status": "live",
            "run": "bench",
            "version": 1,
            "artifact": str(self.artifact),
            "limits": {"requests_per_minute": 10_000_000},
            "keys": {hashlib.sha256(KEY.encode()).hexdigest(): "bench"},
        }

    def start(self, command: list[str]) -> None:
        self.processes.append(subprocess.Popen(command, cwd=REPO, env=self.env, stdout=subprocess.DEVNULL))

    def __exit__(self, *_exc: object) -> None:
        for process in reversed(self.processes):
            process.send_signal(signal.SIGTERM)
        for process in self.processes:
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_for(check: Callable[[], bool], seconds: float = 60.0) -> None:
    deadline = time.monotonic() + seconds
    while not check():
        if time.monotonic() > deadline:
            raise SystemExit("A process did not start in time.")
        time.sleep(0.1)
