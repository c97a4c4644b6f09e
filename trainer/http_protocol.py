"""HTTP for the web port and the model server: uvicorn's protocol with the bounds that it lacks. `uvicorn --http
trainer.http_protocol:BoundedProtocol`.

A proxy in front has such bounds of its own; not everybody has a proxy.
"""

import asyncio
from ipaddress import ip_address, ip_network

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

HEADER_SECONDS = 15.0
"""From the opening of a connection, or the first byte of a later request, to the end of its headers."""
REST_SECONDS = 15.0
"""For what is left of a body whose request has been answered."""
MOST_CONNECTIONS = 800
MOST_OF_ONE_ADDRESS = 100
TOO_SLOW = b"HTTP/1.1 408 Request Timeout\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"


class BoundedProtocol(HttpToolsProtocol):
    """Ends a connection whose request does not come, and does not take more of them than the process can hold.

    An address that FORWARDED_ALLOW_IPS trusts, and this machine itself, may have all of them: a proxy speaks for many.
    """

    deadline: asyncio.TimerHandle | None = None
    arriving = False
    """Whether a request has begun that has not come to its end."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        if len(self.connections) > MOST_CONNECTIONS or self.has_too_many():
            transport.abort()
            return
        self.expect_headers()

    def has_too_many(self) -> bool:
        """Whether this client holds MOST_OF_ONE_ADDRESS connections beside this one."""
        if self.client is None or len(self.connections) <= MOST_OF_ONE_ADDRESS:
            return False
        address = self.client[0]
        others = [other.client for other in self.connections if isinstance(other, HttpToolsProtocol)]
        held = sum(client is not None and client[0] == address for client in others)
        return held > MOST_OF_ONE_ADDRESS and not speaks_for_many(address, self.config.forwarded_allow_ips)

    def connection_lost(self, exc: Exception | None) -> None:
        self.clear_deadline()
        super().connection_lost(exc)

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self.arriving = True
        if self.deadline is None:
            self.expect_headers()

    def on_headers_complete(self) -> None:
        self.clear_deadline()
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        super().on_message_complete()
        self.arriving = False
        self.clear_deadline()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        if self.arriving and not self.transport.is_closing():
            self.clear_deadline()
            self.deadline = self.loop.call_later(REST_SECONDS, self.transport.close)

    def expect_headers(self) -> None:
        self.deadline = self.loop.call_later(HEADER_SECONDS, self.refuse_slow_headers)

    def clear_deadline(self) -> None:
        if self.deadline is not None:
            self.deadline.cancel()
            self.deadline = None

    def refuse_slow_headers(self) -> None:
        if not self.transport.is_closing():
            self.transport.write(TOO_SLOW)
            self.transport.close()


def speaks_for_many(address: str, trusted: list[str] | str | None) -> bool:
    """Whether it is this machine's, or among `trusted`: addresses and networks, `*` for every one."""
    try:
        client = ip_address(address)
    except ValueError:
        return True
    if client.is_loopback:
        return True
    names = trusted.split(",") if isinstance(trusted, str) else trusted or []
    return any(contains(name.strip(), address) for name in names)


def contains(name: str, address: str) -> bool:
    try:
        return name == "*" or ip_address(address) in ip_network(name, strict=False)
    except ValueError:
        return name == address
