"""A fetcher reaches the hub's hosts, and no others: by name, by address, and by a name that leads to a private address."""

import socket
import threading
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest

from webapp.core import hub_gate
from webapp.core.hub_gate import Endpoint, HubGate, is_hub, is_public, open_gate

NONE = Endpoint.of("")


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HF_ENDPOINT", *hub_gate.PROXIES):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def far() -> Iterator[int]:
    """The port of a server of this machine that repeats the first bytes that it gets."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer() -> None:
            while True:
                try:
                    client, _place = server.accept()
                except OSError:
                    return
                with client:
                    client.sendall(client.recv(100))

        threading.Thread(target=answer, daemon=True).start()
        yield server.getsockname()[1]
        server.shutdown(socket.SHUT_RDWR)


def ask(request: str) -> bytes:
    """The first line of the gate's answer to a request, and what comes through the tunnel, if one was opened."""
    gate = HubGate()
    with closing(gate), socket.create_connection(("127.0.0.1", gate.port), timeout=20) as client:
        client.sendall(f"{request}\r\nHost: x\r\n\r\n".encode())
        answer = b""
        while b"\r\n\r\n" not in answer:
            answer += client.recv(1)
        status = answer.split(b"\r\n")[0]
        if b" 200 " not in status:
            return status
        client.sendall(b"through")
        return client.recv(100)


@pytest.mark.parametrize(
    "host",
    [
        *("huggingface.co", "HuggingFace.co.", "cdn-lfs.huggingface.co", "cdn-lfs-us-1.hf.co", "hf.co"),
        *("cas-bridge.xethub.hf.co", "us.aws.cdn.hf.co"),
    ],
)
def test_the_hub_is_allowed(host: str) -> None:
    assert is_hub(host, 443, NONE)


@pytest.mark.parametrize(
    ("host", "port"),
    [
        *(
            ("huggingface.co", 22),
            ("huggingface.co", 80),
            ("evilhuggingface.co", 443),
            ("huggingface.co.evil.example", 443),
        ),
        *(
            ("evil-hf.co", 443),
            ("127.0.0.1", 443),
            ("169.254.169.254", 443),
            ("localhost", 443),
            ("::1", 443),
            ("", 443),
        ),
    ],
)
def test_nothing_else_is(host: str, port: int) -> None:
    assert not is_hub(host, port, NONE)


def test_a_stated_endpoint_is_allowed_at_its_port_and_below_its_name() -> None:
    mirror = Endpoint.of("https://hub.example:8443")
    assert is_hub("hub.example", 8443, mirror)
    assert not is_hub("hub.example", 443, mirror)
    assert is_hub("cdn.hub.example", 443, mirror)
    assert not is_hub("other.example", 8443, mirror)
    for address in ("https://10.0.0.8", "https://localhost:8080"):
        assert not is_hub(f"x.{Endpoint.of(address).host}", 443, Endpoint.of(address))


@pytest.mark.parametrize(
    "address",
    [
        *(
            "127.0.0.1",
            "10.1.2.3",
            "172.16.0.1",
            "192.168.1.1",
            "169.254.169.254",
            "0.0.0.0",
            "100.64.0.1",
            "224.0.0.1",
        ),
        *("::1", "fe80::1%eth0", "fd00::1", "::ffff:10.0.0.1", "::ffff:127.0.0.1", "2002:a00:1::", "::"),
    ],
)
def test_an_address_of_this_network_is_not_public(address: str) -> None:
    assert not is_public(address)


def test_public_addresses_are() -> None:
    assert is_public("18.164.174.17")
    assert is_public("2600:9000:2104::1")


@pytest.mark.parametrize(
    "request_line",
    [
        "CONNECT 127.0.0.1:{port} HTTP/1.1",
        "CONNECT localhost:{port} HTTP/1.1",
        "CONNECT [::1]:443 HTTP/1.1",
        "CONNECT 169.254.169.254:443 HTTP/1.1",
        "GET http://127.0.0.1:{port}/ HTTP/1.1",
        "CONNECT huggingface.co:22 HTTP/1.1",
        "CONNECT huggingface.co@127.0.0.1:443 HTTP/1.1",
        "CONNECT  HTTP/1.1",
    ],
)
def test_the_gate_refuses_what_is_not_the_hub(request_line: str, far: int) -> None:
    assert b" 403 " in ask(request_line.format(port=far))


def test_a_name_of_the_hub_that_leads_to_a_private_address_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    for address in ("127.0.0.1", "10.0.0.1", "169.254.169.254"):
        monkeypatch.setattr(hub_gate, "addresses_of", lambda _host, address=address: [address])
        assert b" 403 " in ask("CONNECT cdn-lfs.hf.co:443 HTTP/1.1")


def test_the_stated_endpoint_is_reached_wherever_it_is(far: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_ENDPOINT", f"https://localhost:{far}")
    assert ask(f"CONNECT localhost:{far} HTTP/1.1") == b"through"
    assert b" 403 " in ask(f"CONNECT 127.0.0.1:{far} HTTP/1.1")


def test_the_operator_s_proxy_decides_instead(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.example:3128")
    assert open_gate() is None


def test_a_plain_endpoint_is_asked_directly_and_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_ENDPOINT", "http://mirror.example:8080")
    gate = HubGate()
    with closing(gate):
        given: dict[str, Any] = gate.environment
        assert given["NO_PROXY"] == "http://mirror.example:8080"
        assert given["HTTP_PROXY"] == given["HTTPS_PROXY"] == f"http://127.0.0.1:{gate.port}"
        assert gate.ports == (gate.port, 8080)
