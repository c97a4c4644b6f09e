"""Who sends a request: the address of the client, in one place for rate limits, keys and the security log."""

import ipaddress

from django.http import HttpRequest


def client_address(request: HttpRequest) -> str:
    """The client's address; empty where the site listens on a socket file.

    Behind a proxy uvicorn has put the visitor's address in place of the proxy's, if FORWARDED_ALLOW_IPS trusts it. So
    X-Forwarded-For is never read here: whoever is not a trusted proxy may write there what they like.
    """
    return str(request.META.get("REMOTE_ADDR") or "")[:45]


def client_ip(request: HttpRequest) -> str | None:
    """The client's address where it is one, for columns that hold nothing else."""
    try:
        return str(ipaddress.ip_address(client_address(request).partition("%")[0]))
    except ValueError:
        return None


def client_agent(request: HttpRequest) -> str:
    """What the client calls itself, whatever that is worth; one line."""
    return " ".join("".join(c if c.isprintable() else " " for c in request.headers.get("User-Agent", "")).split())[:300]


def network(address: str) -> str:
    """Whose limit an address counts for: a household or a server has a whole /64 of IPv6 addresses to choose from."""
    try:
        parsed = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if parsed.version == 4:
        return str(parsed)
    return str(parsed.ipv4_mapped or ipaddress.ip_network((int(parsed), 64), strict=False))
