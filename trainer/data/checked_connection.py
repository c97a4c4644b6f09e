"""HTTP to public addresses alone: a name is looked up once, what it stands for is checked, and the connection is made to that very
address. Neither a redirect, nor a name that answers differently the second time, leads anywhere else. What the operator allows by
name (`host:port`) is asked all the same."""

import http.client
import ipaddress
import os
import socket
import ssl
import threading
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from urllib.parse import SplitResult, quote, urljoin, urlsplit

from trainer.messages import _

LOOPBACK = "MAQUETTE_FETCH_LOOPBACK"
"""The port of this machine that may be asked all the same, for tests; none where it is not set."""
PORTS = {"http": 80, "https": 443}
MAX_REDIRECTS = 5
TIMEOUT, DEADLINE = 15.0, 60.0
"""Seconds that an answer may pause, and that it may take in all."""
MAX_ADDRESS_CHARACTERS = 4_000
MAX_ANSWER_BYTES = 1 << 20
"""Of the answer to a POST."""
ALWAYS = {"User-Agent": "Maquette", "Accept": "*/*", "Accept-Encoding": "identity"}
EMBEDDED = tuple(map(ipaddress.ip_network, ("64:ff9b::/96", "64:ff9b:1::/48", "2002::/16", "2001::/32", "::/96")))
"""Ranges of IPv6 with an address of IPv4 inside, which another machine would connect to."""


class NotFetchedError(Exception):
    """Why an address gives nothing, as the end of a sentence about it."""


class BrokenOffError(NotFetchedError):
    """The same of one that had been asked: what it made of the request is not known."""


def is_public(text: str) -> bool:
    """Whether an address, as digits, is one of the open internet."""
    try:
        address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return False
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped is not None:
            return is_public(str(address.ipv4_mapped))
        if any(address in network for network in EMBEDDED):
            return False
    return address.is_global and not (address.is_multicast or address.is_reserved or address.is_unspecified)


def resolve(host: str, port: int, allowed: Collection[str] = ()) -> str:
    """The address to connect to, as digits; `NotFetchedError` where any that the name stands for is not public, unless `allowed`
    names the host with its port."""
    try:
        entries = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError, ValueError) as error:
        raise NotFetchedError(_("names a server that is not there")) from error
    addresses = [str(entry[4][0]) for entry in entries]
    if f"{host}:{port}" in allowed and addresses:
        return addresses[0]
    if port == loopback_port() and all(ipaddress.ip_address(text).is_loopback for text in addresses):
        return addresses[0]
    if port not in PORTS.values():
        raise NotFetchedError(_("names a port other than 80 and 443"))
    if not addresses or not all(map(is_public, addresses)):
        raise NotFetchedError(_("leads into a private network, which is never asked"))
    return addresses[0]


def loopback_port() -> int:
    text = os.environ.get(LOOPBACK, "")
    return int(text) if text.isascii() and text.isdigit() else -1


def split(address: str) -> tuple[SplitResult, str, int]:
    """(its parts, host, port); `NotFetchedError` for what is not an address of the web."""
    try:
        parts = urlsplit(address.strip())
        host, port = parts.hostname or "", parts.port or PORTS.get(parts.scheme, 0)
    except ValueError as error:
        raise NotFetchedError(_("is not an address")) from error
    if parts.scheme not in PORTS or not host or len(address) > MAX_ADDRESS_CHARACTERS:
        raise NotFetchedError(_("is not an address of the web"))
    if parts.username is not None or parts.password is not None:
        raise NotFetchedError(_("has a password in it, which is not sent"))
    return parts, host, port


@contextmanager
def opened(
    address: str, headers: Mapping[str, str] | None = None, deadline: float = DEADLINE
) -> Iterator[http.client.HTTPResponse]:
    """The answer to a GET, redirects followed; its status is 200, or 304 where `headers` make it depend on what is known. The whole
    takes `deadline` seconds at most. Raises `NotFetchedError`."""
    known = dict(headers or {})
    for _number in range(MAX_REDIRECTS + 1):
        with asked(address, known, deadline) as answer:
            if answer.status in (301, 302, 303, 307, 308) and (place := answer.headers.get("Location")):
                address = urljoin(address, place)
                continue
            if answer.status != 200 and not (answer.status == 304 and known):
                raise NotFetchedError(_("was answered with %(status)s", status=answer.status))
            yield answer
            return
    raise NotFetchedError(_("leads from one address to another without an end"))


def post(
    address: str, body: bytes, headers: Mapping[str, str], *, seconds: float, allowed: Collection[str] = ()
) -> tuple[int, Mapping[str, str], bytes]:
    """(status, headers, body) of the answer to a POST, which is sent once and follows no redirect; `seconds` for all of it. Raises
    `NotFetchedError`, and of what was sent `BrokenOffError`."""
    with asked(address, headers, seconds, body=body, allowed=allowed) as answer:
        text = answer.read(MAX_ANSWER_BYTES + 1)
        if len(text) > MAX_ANSWER_BYTES:
            raise BrokenOffError(_("answered with more than can be read"))
        return answer.status, dict(answer.headers.items()), text


@contextmanager
def asked(
    address: str,
    headers: Mapping[str, str],
    deadline: float,
    body: bytes | None = None,
    allowed: Collection[str] = (),
) -> Iterator[http.client.HTTPResponse]:
    """The answer of one server: to a POST of `body`, where there is one."""
    parts, host, port = split(address)
    target = resolve(host, port, allowed)
    connection = http.client.HTTPConnection(host, port, timeout=TIMEOUT if body is None else deadline)
    reason: type[NotFetchedError] = NotFetchedError
    try:
        plain = socket.create_connection((target, port), TIMEOUT)
        plain.settimeout(connection.timeout)
        connection.sock = context().wrap_socket(plain, server_hostname=host) if parts.scheme == "https" else plain
        # An answer that drips a byte now and then is never late for a read, only for the whole.
        timer = threading.Timer(deadline, cut, [connection.sock])
        timer.daemon = True
        timer.start()
        try:
            reason = BrokenOffError
            connection.request("GET" if body is None else "POST", path_of(parts), body, ALWAYS | dict(headers))
            with connection.getresponse() as answer:
                yield answer
        finally:
            timer.cancel()
    except ssl.SSLError as error:
        raise reason(_("has no valid certificate")) from error
    except TimeoutError as error:
        raise reason(_("did not answer in time")) from error
    except (OSError, http.client.HTTPException, UnicodeError, ValueError) as error:
        raise reason(_("could not be reached, or answered with something else")) from error
    finally:
        connection.close()


def path_of(parts: SplitResult) -> str:
    query = f"?{quote(parts.query, safe=SAFE)}" if parts.query else ""
    return quote(parts.path or "/", safe="/%:@!$&'()*+,;=~-._") + query


SAFE = "/%:@!$&'()*+,;=~-._?"


def cut(sock: socket.socket) -> None:
    try:
        sock.shutdown(socket.SHUT_RDWR)
    except OSError:
        return


@cache
def context() -> ssl.SSLContext:
    return ssl.create_default_context()
