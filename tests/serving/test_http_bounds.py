"""What the web port and the model server bear from clients that are slow, or many: a real uvicorn, without a proxy."""

import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, suppress

import httpx
import pytest

from tests.serving.conftest import REPO, free_port, wait_for
from trainer.http_protocol import speaks_for_many

CODE = """
import sys, uvicorn
from trainer import http_protocol as bounds
bounds.HEADER_SECONDS = bounds.REST_SECONDS = 1.0
bounds.MOST_CONNECTIONS = 20
bounds.MOST_OF_ONE_ADDRESS = 8
if sys.argv[2] == "strangers":
    bounds.speaks_for_many = lambda address, trusted: False

async def app(scope, receive, send):
    if scope["type"] != "http":
        return
    if scope["path"] == "/whole":
        while (await receive()).get("more_body"):
            pass
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
    await send({"type": "http.response.body", "body": b"ok"})

uvicorn.run(app, port=int(sys.argv[1]), http=bounds.BoundedProtocol, lifespan="off", log_level="error", timeout_keep_alive=3)
"""


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    yield from serve("proxies")


@pytest.fixture(scope="module")
def strangers_port() -> Iterator[int]:
    yield from serve("strangers")


def serve(whom: str) -> Iterator[int]:
    port = free_port()
    process = subprocess.Popen([sys.executable, "-c", CODE, str(port), whom], cwd=REPO)

    def is_up() -> bool:
        try:
            return httpx.get(f"http://127.0.0.1:{port}/").status_code == 200
        except httpx.HTTPError:
            return False

    wait_for(is_up)
    yield port
    process.terminate()
    process.wait(10)


def connect(port: int) -> socket.socket:
    return socket.create_connection(("127.0.0.1", port), timeout=6)


def read_to_end(connection: socket.socket) -> tuple[bytes, float]:
    """(bytes, seconds until the server closed)."""
    began, answer = time.monotonic(), b""
    try:
        while part := connection.recv(4096):
            answer += part
    except ConnectionResetError:
        pass
    return answer, time.monotonic() - began


def trickle(connection: socket.socket) -> float:
    """Seconds for which the server takes a byte ten times a second."""
    began = time.monotonic()
    with suppress(OSError):  # reset, or a broken pipe
        while time.monotonic() - began < 5:
            connection.sendall(b"x")
            time.sleep(0.1)
    return time.monotonic() - began


@pytest.mark.parametrize("sent", [b"", b"GET / HTT", b"GET / HTTP/1.1\r\nHost: a\r\nX-Slow: "])
def test_headers_that_do_not_come_end_the_connection(port: int, sent: bytes) -> None:
    with connect(port) as connection:
        connection.sendall(sent)
        answer, seconds = read_to_end(connection)
    assert answer.startswith(b"HTTP/1.1 408 ")
    assert 0.5 < seconds < 3


def test_headers_that_trickle_end_it_too(port: int) -> None:
    """A byte now and then is no reason to wait longer."""
    with connect(port) as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nHost: a\r\nX-Slow: ")
        assert trickle(connection) < 4


def test_a_second_request_is_timed_like_the_first(port: int) -> None:
    with connect(port) as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        time.sleep(1.5)  # longer than headers may take, but nothing is being sent
        connection.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n")
        answer, seconds = read_to_end(connection)
    assert answer.count(b"HTTP/1.1 200 ") == 1
    assert answer.count(b"HTTP/1.1 408 ") == 1
    assert seconds < 3


def test_a_body_may_take_longer_than_headers(port: int) -> None:
    """How fast a body must come is for those to say who read it."""
    with connect(port) as connection:
        connection.sendall(b"POST /whole HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\n")
        for _ in range(3):
            time.sleep(0.6)
            connection.sendall(b"x")
        assert connection.recv(4096).startswith(b"HTTP/1.1 200 ")


def test_the_rest_of_an_answered_request_is_not_waited_for(port: int) -> None:
    with connect(port) as connection:
        connection.sendall(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3000\r\n\r\n")
        assert trickle(connection) < 4


def test_one_address_takes_its_share_of_connections(strangers_port: int) -> None:
    with ExitStack() as stack:
        held = [stack.enter_context(connect(strangers_port)) for _ in range(12)]
        time.sleep(0.3)
        for connection in held[:8]:
            connection.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            assert connection.recv(4096).startswith(b"HTTP/1.1 200 ")
        for connection in held[8:]:
            assert read_to_end(connection)[0] == b""


def test_all_together_take_what_the_process_can_hold(port: int) -> None:
    """A proxy's address may have many, but not without end; when they are gone there is room again."""
    with ExitStack() as stack:
        held = [stack.enter_context(connect(port)) for _ in range(26)]
        time.sleep(0.3)
        assert sum(read_to_end(connection)[0] == b"" for connection in held) >= 6
    assert httpx.get(f"http://127.0.0.1:{port}/").status_code == 200


@pytest.mark.parametrize(
    ("address", "trusted", "expected"),
    [
        ("127.0.0.1", None, True),
        ("::1", "", True),
        ("203.0.113.7", "127.0.0.1", False),
        ("203.0.113.7", ["127.0.0.1", "203.0.113.0/24"], True),
        ("203.0.113.7", "10.0.0.1, 203.0.113.7", True),
        ("203.0.113.7", "*", True),
        ("2001:db8::7", "2001:db8::/32", True),
        ("203.0.113.7", "proxy", False),
        ("", "127.0.0.1", True),
    ],
)
def test_whose_address_speaks_for_many(address: str, trusted: list[str] | str | None, expected: bool) -> None:
    assert speaks_for_many(address, trusted) is expected
