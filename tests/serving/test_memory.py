"""What hostile pictures may take of the model server, and that others are answered meanwhile."""

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from serving import memory
from serving.memory import Ledger
from serving.problems import Problem
from tests.serving import hostile, tiny_pictures
from tests.serving.conftest import KEY, REPO, TOKEN, Redis, Serving, free_port, wait_for
from trainer.machine import memory_bytes

AT_ONCE = 64
MAX_OVER_REST = 600 * 2**20
MAX_SITE_SECONDS = 1.0


@pytest.fixture(scope="module")
def looking(redis_server: Redis, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    """A model server with a model that looks at pictures, by the name `looks`."""
    limits = {"requests_per_minute": 100_000, "inputs_per_request": 64, "bytes_per_request": 15 * 2**20}
    redis_server.publish("looks", tiny_pictures.build(tmp_path_factory.mktemp("runs")), limits=limits)
    running = Serving(redis_server.url)
    running.start()
    wait_for(lambda: send(running, hostile.png(30, 20)).status_code == 200)
    yield running
    running.kill(signal.SIGTERM)


@pytest.fixture
def site(looking: Serving, tmp_path: Path) -> Iterator[str]:
    """The web's own process before that model server."""
    port = free_port()
    env = os.environ | {"SERVING_URL": looking.url, "MAQUETTE_INTERNAL_TOKEN": TOKEN, "MAQUETTE_DATA": str(tmp_path)}
    command = [sys.executable, "-m", "uvicorn", "tests.serving.webside:app", "--port", str(port), "--no-access-log"]
    process = subprocess.Popen([*command, "--log-level=warning"], cwd=REPO, env=env)
    url = f"http://127.0.0.1:{port}"
    wait_for(lambda: answers(f"{url}/"))
    yield url
    process.kill()
    process.wait()


def answers(url: str) -> bool:
    try:
        return bool(httpx.get(url, timeout=5).status_code)
    except httpx.TransportError:
        return False


def send(serving: Serving, picture: bytes) -> httpx.Response:
    headers = {"Authorization": f"Bearer {KEY}"}
    return httpx.post(f"{serving.url}/e/looks/predict", files={"file": picture}, headers=headers, timeout=60)


def status_bytes(process: Any, name: str) -> int:
    lines = Path(f"/proc/{process.pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(name))


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_hostile_pictures_take_little_and_hold_up_nobody(looking: Serving, site: str) -> None:
    refused, allowed = hostile.too_large(), hostile.allowed()
    pictures = [*allowed.values()] * 2
    pictures += [*refused.values()] * 9
    pictures = pictures[:AT_ONCE]
    assert len(pictures) == AT_ONCE
    for picture in refused.values():
        answer = send(looking, picture)
        assert (answer.status_code, answer.json()["code"]) == (422, "bad_input")
        assert "pixels large" in answer.json()["detail"]
    assert looking.process
    rest = status_bytes(looking.process, "VmRSS")
    Path(f"/proc/{looking.process.pid}/clear_refs").write_text("5")  # the peak begins anew
    with ThreadPoolExecutor(AT_ONCE) as senders, asked_again(f"{site}/") as seconds:
        given = list(senders.map(lambda picture: send(looking, picture), pictures))
    statuses = {answer.status_code for answer in given}
    assert statuses <= {200, 422, 503}, statuses
    assert 200 in statuses
    assert all("retry-after" in answer.headers for answer in given if answer.status_code == 503)
    peak = status_bytes(looking.process, "VmHWM")
    print(f"\nrest {rest >> 20} MB, peak +{(peak - rest) >> 20} MB, the site within {max(seconds):.2f} s")
    assert peak - rest < MAX_OVER_REST
    assert max(seconds) < MAX_SITE_SECONDS
    process = looking.process
    wait_for(
        lambda: status_bytes(process, "VmRSS") - rest < 100 * 2**20, 2
    )  # freed memory went back, also of answers that were just sent


@contextmanager
def asked_again(url: str) -> Iterator[list[float]]:
    """Ask an address again and again while the block runs; the seconds of each answer."""
    ended, seconds = threading.Event(), []

    def ask() -> None:
        with httpx.Client() as client:
            while not ended.wait(0.05):
                began = time.monotonic()
                client.get(url)
                seconds.append(time.monotonic() - began)

    thread = threading.Thread(target=ask)
    thread.start()
    try:
        yield seconds
    finally:
        ended.set()
        thread.join()


def test_a_ledger_refuses_what_has_no_room_and_gets_all_back() -> None:
    ledger = Ledger(100)
    with ledger.holding(free=10) as first, ledger.holding() as second:
        first.grow(100)
        first.grow(10)  # ten of them are free
        assert ledger.used == 100
        with pytest.raises(Problem) as refused:
            second.grow(1)
        assert (refused.value.status, refused.value.headers["Retry-After"]) == (503, "2")
    assert ledger.used == 0
    with ledger.holding() as alone:
        alone.grow(1_000)  # whoever comes first is served, however large


def test_bodies_beyond_the_bound_are_told_to_come_back(redis_server: Redis, looking: Serving) -> None:
    narrow = Serving(redis_server.url, MAQUETTE_SERVING_INPUTS="1M")
    narrow.start()
    large = b"no picture" * 40_000
    try:
        wait_for(lambda: send(narrow, b"").status_code == 422)
        with slow_body(narrow, "looks", len(large)):
            refused = send(narrow, large)
            assert (refused.status_code, refused.json()["code"]) == (503, "busy")
            assert refused.headers["Retry-After"] == "2"
            assert send(narrow, b"small").status_code == 422  # read, and no picture
        wait_for(lambda: send(narrow, large).status_code == 422, 5)
    finally:
        narrow.kill()


@contextmanager
def slow_body(serving: Serving, slug: str, size: int) -> Iterator[None]:
    """A request that has sent so many bytes, and is not at its end."""
    head = f"POST /e/{slug}/predict HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {KEY}\r\nContent-Length: {size + 100}\r\n\r\n"
    with socket.create_connection(("127.0.0.1", serving.port)) as connection:
        connection.sendall(head.encode() + b" " * size)
        wait_for(lambda: figure(serving, "bodies_bytes") >= size - memory.SMALL_BYTES, 5)
        yield


def figure(serving: Serving, name: str) -> int:
    lines = httpx.get(f"{serving.url}/metrics").text.splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(f"maquette_serving_{name} "))


def test_settings_of_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MAQUETTE_SERVING_INPUTS", "1.5G")
    assert memory.input_bytes() == 3 * 2**29
    monkeypatch.setenv("MAQUETTE_SERVING_INPUTS", "")
    assert memory.input_bytes() == 448 * 2**20


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_the_process_has_an_end_of_memory(looking: Serving) -> None:
    assert looking.process
    limits = Path(f"/proc/{looking.process.pid}/limits").read_text()
    bound = next(line.split()[3] for line in limits.splitlines() if line.startswith("Max data size"))
    assert int(bound) == memory_bytes() * 3 // 4
