"""Host names: whether an address is for this machine alone. Imports nothing of Django, so that settings can use it."""

from ipaddress import ip_address
from urllib.parse import urlsplit

LOOPBACK = ("127.0.0.1", "localhost", "[::1]")
"""As they stand in the Host header of requests."""


def is_loopback(url: str) -> bool:
    """Whether only programs of this machine reach the address: `localhost`, 127.0.0.0/8 and ::1."""
    host = urlsplit(url).hostname or ""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")
