"""`manage.py up` for real, on a data folder and ports of its own: ready, killed parts come back, nothing is left."""

import contextlib
import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from webapp.host.redis_server import find_binary

ROOT = Path(__file__).resolve().parents[2]
pytestmark = [pytest.mark.slow, pytest.mark.skipif(find_binary() is None, reason="no Redis on this machine")]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Up:
    """One `manage.py up`, and what it has said so far."""

    def __init__(self, data: Path, **env: str) -> None:
        self.data, self.port, self.serving_port = data, free_port(), free_port()
        hidden = {"REDIS_URL", "DATABASE_URL", "SECRET_KEY", "DJANGO_SETTINGS_MODULE", "PUBLIC_URL", "ALLOWED_HOSTS"}
        mine = {"PORT": str(self.port), "SERVING_PORT": str(self.serving_port), "MAQUETTE_DATA": str(data)}
        environment = {name: value for name, value in os.environ.items() if name not in hidden}
        self.output = data.parent / f"{data.name}.out"
        with self.output.open("wb") as output:
            self.process = subprocess.Popen(
                [sys.executable, "manage.py", "up"],
                cwd=ROOT,
                env={**environment, **mine, "MAQUETTE_SAMPLE": "0", "HF_HUB_OFFLINE": "1", **env},
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    @property
    def said(self) -> str:
        return self.output.read_text()

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def wait_until_ready(self, seconds: float = 180) -> None:
        wait(lambda: "Maquette is ready:" in self.said or self.process.poll() is not None, seconds, lambda: self.said)
        assert f"\nMaquette is ready: {self.address}\n" in self.said

    def processes(self) -> list[psutil.Process]:
        return [self_ for self_ in psutil.Process(self.process.pid).children(recursive=True) if alive(self_)]

    def named(self, text: str) -> psutil.Process:
        return next(process for process in self.processes() if text in " ".join(process.cmdline()))

    def stop(self, number: int = signal.SIGINT) -> int:
        self.process.send_signal(number)
        return self.process.wait(30)


def wait(condition: Callable[[], bool], seconds: float, words: Callable[[], str] = lambda: "") -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"it did not happen in {seconds} s. {words()}"
        time.sleep(0.1)


def alive(process: psutil.Process) -> bool:
    with contextlib.suppress(psutil.Error):
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    return False


def left_over(data: Path) -> list[str]:
    """Every process of the machine, of whatever group, that has this data folder in its environment or arguments."""
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if alive(process) and (
                process.environ().get("MAQUETTE_DATA") == str(data) or str(data) in " ".join(process.cmdline())
            ):
                found.append(" ".join(process.cmdline()))
    return found


def status(url: str) -> int:
    try:
        with urllib.request.urlopen(url, timeout=5) as response:
            return response.status
    except urllib.error.HTTPError as error:
        return error.code
    except OSError:
        return 0


def start(data: Path) -> Iterator[Up]:
    up = Up(data)
    try:
        up.wait_until_ready()
        yield up
    finally:
        if up.process.poll() is None:
            up.stop(signal.SIGTERM)


@pytest.fixture(scope="module")
def up(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Up]:
    """One for the tests that leave it running."""
    yield from start(tmp_path_factory.mktemp("up") / "var")


@pytest.fixture
def doomed(tmp_path: Path) -> Iterator[Up]:
    yield from start(tmp_path / "var")


def test_it_says_little_and_all_that_matters(up: Up) -> None:
    wait(lambda: "Sign in with this link" in up.said, 10)
    link = re.search(r"Sign in with this link, which works once: (\S+)", up.said)
    assert link
    assert link[1].startswith(up.address)
    assert len(up.said.splitlines()) < 12
    assert "Traceback" not in up.said
    assert status(f"{up.address}/readyz") == 200
    assert status(link[1]) == 200
    names = ("redis-server", "webapp.asgi", "serving.app", "--queues=default", "--queues=read", "train-cpu", " beat ")
    assert all(up.named(name) for name in names)
    for log in ("web", "serving", "worker", "reader", "train", "beat", "redis"):
        assert (up.data / "logs" / f"{log}.log").exists()


def test_what_is_killed_comes_back(up: Up) -> None:
    for name, url in (
        ("serving.app", f"http://127.0.0.1:{up.serving_port}/healthz"),
        ("webapp.asgi", f"{up.address}/healthz"),
    ):
        up.named(name).kill()
        wait(lambda url=url: status(url) == 0, 5)
        wait(lambda url=url: status(url) == 200, 20)
    up.named("redis-server").kill()
    wait(lambda: status(f"{up.address}/readyz") == 200 and "redis was ended by SIGKILL" in up.said, 30)


def test_a_second_one_is_refused(up: Up) -> None:
    same_folder = Up(up.data)
    assert same_folder.process.wait(30) == 1
    assert f"Maquette is already running at {up.address}, on {up.data} (process" in same_folder.said
    same_port = Up(up.data.parent / "other", PORT=str(up.port))
    assert same_port.process.wait(30) == 1
    assert f"Maquette is already running at {up.address}." in same_port.said
    assert "Traceback" not in same_folder.said + same_port.said


def test_stopping_leaves_nothing_and_loses_nothing(doomed: Up) -> None:
    began = time.monotonic()
    assert doomed.stop(signal.SIGINT) == 0
    assert time.monotonic() - began < 14
    assert "Stopped. Everything is kept" in doomed.said
    assert left_over(doomed.data) == []
    again = Up(doomed.data)
    try:
        again.wait_until_ready()
        assert "SQLite, up to date" in again.said
    finally:
        assert again.stop(signal.SIGTERM) == 0
    assert left_over(doomed.data) == []


def test_killing_leaves_nothing(doomed: Up) -> None:
    before = doomed.processes()
    assert len(before) >= 6
    doomed.stop(signal.SIGKILL)
    wait(lambda: left_over(doomed.data) == [], 20, lambda: str(left_over(doomed.data)))
    wait(lambda: not any(alive(process) for process in before), 5)
    assert left_over(doomed.data) == []
