"""The way of a fetcher to the Hugging Face hub: a proxy in its parent that opens tunnels (CONNECT) to the hub's hosts alone.

Names are resolved here, once, and what is connected to is the address that was looked at: no private, loopback or link-local
one, unless HF_ENDPOINT names its host. Where the operator has set a proxy of their own, that one decides instead.
"""

import ipaddress
import logging
import os
import re
import select
import socket
import socketserver
import threading
import time
from dataclasses import dataclass
from urllib.parse import urlsplit

log = logging.getLogger(__name__)
HOSTS = ("huggingface.co", "hf.co")
"""With all below them: the hub, its files (cdn-lfs…, *.cdn.hf.co) and its chunks (*.xethub.hf.co)."""
PORT = 443
PROXIES = ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy", "HTTP_PROXY", "http_proxy")
REQUEST = re.compile(rb"CONNECT (\[[0-9A-Fa-f:.]+\]|[\w.-]+):(\d{1,5}) HTTP/1\.[01]\r\n")
MAX_HEAD_BYTES, CHUNK = 8192, 65536
CONNECT_SECONDS, IDLE_SECONDS = 10.0, 120.0
REFUSED = b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
UNREACHABLE = b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
OPENED = b"HTTP/1.1 200 Connection established\r\n\r\n"


class NotAllowed(OSError):  # noqa: N818  an answer, not a fault
    """A host, port or address that is none of the hub's."""


@dataclass(frozen=True)
class Endpoint:
    """Where HF_ENDPOINT leads; the host is empty where it is not set."""

    scheme: str
    host: str
    port: int

    @classmethod
    def of(cls, address: str) -> "Endpoint":
        try:
            parts = urlsplit(address)
            return cls(parts.scheme, parts.hostname or "", parts.port or (80 if parts.scheme == "http" else PORT))
        except ValueError:
            return cls("", "", PORT)

    @property
    def is_plain(self) -> bool:
        """Whether it is asked without encryption, and so without a tunnel."""
        return self.scheme == "http" and bool(self.host)


def stated_endpoint() -> Endpoint:
    return Endpoint.of(os.environ.get("HF_ENDPOINT", ""))


def is_hub(host: str, port: int, endpoint: Endpoint) -> bool:
    """Whether a tunnel may lead there: the hub's hosts, that of HF_ENDPOINT, and what lies below one of them."""
    host = host.lower().rstrip(".")
    if host and host == endpoint.host:
        return port == endpoint.port
    names = [*HOSTS, *([endpoint.host] if is_name(endpoint.host) else [])]
    return port == PORT and any(host == name or host.endswith(f".{name}") for name in names)


def is_name(host: str) -> bool:
    """Not an address, nor a name without a domain (`localhost`)."""
    return "." in host and not host.replace(".", "").isdigit() and ":" not in host


def is_public(address: str) -> bool:
    ip = ipaddress.ip_address(address.partition("%")[0])
    inner = getattr(ip, "ipv4_mapped", None) or getattr(ip, "sixtofour", None) or ip
    return inner.is_global and not inner.is_multicast and ip.is_global


def connect(host: str, port: int, endpoint: Endpoint) -> socket.socket:
    """Raises `NotAllowed`, or `OSError` where it cannot be reached."""
    if not is_hub(host, port, endpoint):
        raise NotAllowed(f"{host}:{port}")
    allowed = [address for address in addresses_of(host) if host == endpoint.host or is_public(address)]
    if not allowed:
        raise NotAllowed(f"{host}:{port}")
    error: OSError = ConnectionError(host)
    for address in allowed:
        try:
            return socket.create_connection((address, port), timeout=CONNECT_SECONDS)
        except OSError as failure:
            error = failure
    raise error


def addresses_of(host: str) -> list[str]:
    """Raises `OSError`."""
    return [str(place[0]) for *_kind, place in socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)]


class Tunnel(socketserver.BaseRequestHandler):
    """One connection of the fetcher's."""

    server: "HubGate"

    def handle(self) -> None:
        client: socket.socket = self.request
        client.settimeout(CONNECT_SECONDS)
        try:
            match = REQUEST.match(read_head(client))
            if match is None:
                client.sendall(REFUSED)
                return
            host, port = match[1].decode().strip("[]"), int(match[2])
            try:
                far = connect(host, port, self.server.stated)
            except NotAllowed:
                log.warning("a fetcher wanted to connect to %s:%d, which is not the hub: refused", host, port)
                client.sendall(REFUSED)
                return
            except OSError:
                client.sendall(UNREACHABLE)
                return
            with far:
                client.sendall(OPENED)
                pass_on(client, far)
        except OSError:
            return  # one of the two is gone


def read_head(client: socket.socket) -> bytes:
    head = b""
    until = time.monotonic() + CONNECT_SECONDS
    while b"\r\n\r\n" not in head and len(head) < MAX_HEAD_BYTES and time.monotonic() < until:
        part = client.recv(1)  # not a byte of what follows
        if not part:
            break
        head += part
    return head


def pass_on(first: socket.socket, second: socket.socket) -> None:
    """Until one of them closes, or both are silent for IDLE_SECONDS. Raises `OSError`."""
    other = {first: second, second: first}
    for side in other:
        side.settimeout(IDLE_SECONDS)
    while ready := select.select([first, second], [], [], IDLE_SECONDS)[0]:
        for side in ready:
            data = side.recv(CHUNK)
            if not data:
                return
            other[side].sendall(data)


class HubGate(socketserver.ThreadingTCPServer):
    """Listens on a port of this machine's own until `close`."""

    daemon_threads = True
    block_on_close = False
    request_queue_size = 64

    def __init__(self) -> None:
        self.stated = stated_endpoint()
        super().__init__(("127.0.0.1", 0), Tunnel)
        threading.Thread(target=self.serve_forever, args=(0.1,), daemon=True, name="hub-gate").start()

    @property
    def port(self) -> int:
        return int(self.server_address[1])

    @property
    def ports(self) -> tuple[int, ...]:
        """TCP ports that the fetcher needs."""
        return (self.port, *((self.stated.port,) if self.stated.is_plain else ()))

    @property
    def environment(self) -> dict[str, str]:
        address = f"http://127.0.0.1:{self.port}"
        endpoint = f"http://{self.stated.host}:{self.stated.port}" if self.stated.is_plain else ""
        proxies = dict.fromkeys(("HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY"), address)
        return proxies | {"NO_PROXY": endpoint}

    def close(self) -> None:
        self.shutdown()
        self.server_close()


def open_gate() -> HubGate | None:
    """None where the operator's own proxy decides."""
    return None if any(os.environ.get(name) for name in PROXIES) else HubGate()
