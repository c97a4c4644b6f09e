"""The web port's way to serving over general HTTP clients, for `benchmarks/http_stack.py`; each behaves as ours does for the
requests that are measured. `uvicorn --factory benchmarks._clients:httpx_proxy` and so on.
"""

import asyncio
import os
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

from webapp.endpoints.proxy import (
    ANSWER_SECONDS,
    CONNECT_SECONDS,
    HOP_BY_HOP,
    MOST_IDLE,
    OURS,
    ServingProxy,
    refuse,
    waking,
)

Headers = list[tuple[bytes, bytes]]
Scope = dict[str, Any]
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]
DROPPED = HOP_BY_HOP | OURS


async def pages(scope: Scope, receive: Receive, send: Send) -> None:
    """Instead of the site: nothing but the life of the process."""
    if scope["type"] == "lifespan":
        while (await receive())["type"] != "lifespan.shutdown":
            await send({"type": "lifespan.startup.complete"})
        await send({"type": "lifespan.shutdown.complete"})


def own_proxy() -> ServingProxy:
    return ServingProxy(pages, os.environ["SERVING_URL"], os.environ["MAQUETTE_INTERNAL_TOKEN"])


class LibraryProxy(ServingProxy, ABC):
    """Ours with another client: the check of the token, the bound of time and the watch for a visitor who leaves stay."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not scope["path"].startswith("/e/"):
            await self.app(scope, receive, send)
        elif not self.carries_token(scope):
            first = await receive()
            working = asyncio.ensure_future(self.pass_on(scope, first, receive, send))
            leaving = asyncio.ensure_future(self.leaves(first, receive))
            try:
                async with asyncio.timeout(ANSWER_SECONDS):
                    await asyncio.wait((working, leaving), return_when=asyncio.FIRST_COMPLETED)
                if working.done():
                    await working
            except OSError:
                await refuse(send, waking())
            finally:
                working.cancel()
                leaving.cancel()

    async def leaves(self, first: dict[str, Any], receive: Receive) -> None:
        if first.get("more_body"):
            await asyncio.Event().wait()
        while (await receive())["type"] != "http.disconnect":
            pass

    @abstractmethod
    async def pass_on(self, scope: Scope, first: dict[str, Any], receive: Receive, send: Send) -> None:
        """Ask serving by the library's client, and send its answer on."""

    def address(self, scope: Scope) -> bytes:
        query = scope.get("query_string")
        return scope["raw_path"] + (b"?" + query if query else b"")

    def headers(self, scope: Scope) -> Headers:
        kept = [(name, value) for name, value in scope["headers"] if name not in DROPPED]
        return [*kept, (b"x-forwarded-for", scope["client"][0].encode())]

    async def body(self, first: dict[str, Any], receive: Receive) -> AsyncIterator[bytes]:
        message = first
        while True:
            yield message.get("body", b"")
            if not message.get("more_body"):
                return
            message = await receive()


async def answer(send: Send, status: int, headers: Headers, parts: AsyncIterator[bytes]) -> None:
    kept = [(name.lower(), value) for name, value in headers if name.lower() not in HOP_BY_HOP]
    await send({"type": "http.response.start", "status": status, "headers": kept})
    async for part in parts:
        await send({"type": "http.response.body", "body": part, "more_body": True})
    await send({"type": "http.response.body", "body": b""})


class HttpxProxy(LibraryProxy):
    library = "httpx"

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.httpx = __import__(self.library)
        limits = self.httpx.Limits(max_connections=None, max_keepalive_connections=MOST_IDLE, keepalive_expiry=4)
        timeout = self.httpx.Timeout(ANSWER_SECONDS, connect=CONNECT_SECONDS)
        self.client = self.httpx.AsyncClient(limits=limits, timeout=timeout, trust_env=False)
        self.client.headers.clear()
        self.url = os.environ["SERVING_URL"]

    async def pass_on(self, scope: Scope, first: dict[str, Any], receive: Receive, send: Send) -> None:
        content = self.body(first, receive) if first.get("more_body") else first.get("body", b"")
        url = self.url + self.address(scope).decode("latin-1")
        request = self.client.build_request(scope["method"], url, headers=self.headers(scope), content=content)
        try:
            response = await self.client.send(request, stream=True)
        except self.httpx.TransportError as error:
            raise OSError from error
        try:
            await answer(send, response.status_code, response.headers.raw, response.aiter_raw())
        finally:
            await response.aclose()


class Httpx2Proxy(HttpxProxy):
    library = "httpx2"


class HttpcoreProxy(LibraryProxy):
    """What httpx is built on, without its models."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        import httpcore

        self.httpcore = httpcore
        self.client = httpcore.AsyncConnectionPool(
            max_connections=1_000, max_keepalive_connections=MOST_IDLE, keepalive_expiry=4
        )
        parts = httpcore.URL(os.environ["SERVING_URL"])
        self.origin = (parts.scheme, parts.host, parts.port)

    async def pass_on(self, scope: Scope, first: dict[str, Any], receive: Receive, send: Send) -> None:
        scheme, host, port = self.origin
        url = self.httpcore.URL(scheme=scheme, host=host, port=port, target=self.address(scope))
        headers = [(b"host", self.pool.name), *self.headers(scope)]
        if first.get("more_body"):
            headers.append((b"transfer-encoding", b"chunked"))
            content: Any = self.body(first, receive)
        else:
            content = first.get("body", b"")
            headers.append((b"content-length", str(len(content)).encode()))
        try:
            async with self.client.stream(scope["method"], url, headers=headers, content=content) as response:
                await answer(send, response.status, response.headers, response.aiter_stream())
        except (self.httpcore.NetworkError, self.httpcore.ProtocolError) as error:
            raise OSError from error


class AiohttpProxy(LibraryProxy):
    """Its parser and its framing are written in C."""

    session: Any = None

    async def pass_on(self, scope: Scope, first: dict[str, Any], receive: Receive, send: Send) -> None:
        import aiohttp
        from yarl import URL

        if self.session is None:  # it wants the running loop
            connector = aiohttp.TCPConnector(limit=0, keepalive_timeout=4)
            self.session = aiohttp.ClientSession(
                os.environ["SERVING_URL"],
                connector=connector,
                auto_decompress=False,
                cookie_jar=aiohttp.DummyCookieJar(),
                timeout=aiohttp.ClientTimeout(ANSWER_SECONDS, sock_connect=CONNECT_SECONDS),
                skip_auto_headers=("User-Agent", "Accept", "Accept-Encoding", "Content-Type"),
            )
        headers = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in self.headers(scope)]
        content: Any = self.body(first, receive) if first.get("more_body") else first.get("body", b"")
        url = URL(self.address(scope).decode("latin-1"), encoded=True)
        try:
            async with self.session.request(
                scope["method"], url, headers=headers, data=content, allow_redirects=False
            ) as response:
                await answer(send, response.status, list(response.raw_headers), response.content.iter_any())
        except aiohttp.ClientError as error:
            raise OSError from error


def proxy(kind: type[LibraryProxy]) -> Callable[[], LibraryProxy]:
    return lambda: kind(pages, os.environ["SERVING_URL"], os.environ["MAQUETTE_INTERNAL_TOKEN"])


httpx_proxy, httpx2_proxy = proxy(HttpxProxy), proxy(Httpx2Proxy)
httpcore_proxy, aiohttp_proxy = proxy(HttpcoreProxy), proxy(AiohttpProxy)
