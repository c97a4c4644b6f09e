"""`/e/…` of the web port goes to the model server before Django sees it.

Bodies are passed on as they come, within bounds, over connections that aiohttp keeps. It is imported at the first question:
a web process that is never asked one does without its memory.
"""

import asyncio
import hmac
import importlib
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from webapp.core.problem_responses import send_problem
from webapp.core.problems import Problem

if TYPE_CHECKING:
    import aiohttp

log = logging.getLogger(__name__)
Headers = list[tuple[bytes, bytes]]
Scope = dict[str, Any]
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]

PREFIX = "/e/"
IDLE_SECONDS = 4.0
"""Below uvicorn's own keep-alive of five seconds, so that a kept connection is rarely a closed one."""
CONNECT_SECONDS = 2.0
ANSWER_SECONDS = 60.0
MOST_REQUEST_BYTES = 16 * 1024 * 1024
MOST_RESPONSE_BYTES = 64 * 1024 * 1024
CHUNK = 64 * 1024
AUTOMATIC = ("Accept", "Accept-Encoding", "Content-Type", "User-Agent")
"""Headers that aiohttp would add of its own accord."""
HOP_BY_HOP = {
    *(b"connection", b"keep-alive", b"proxy-authenticate", b"proxy-authorization", b"proxy-connection", b"te"),
    *(b"trailer", b"transfer-encoding", b"upgrade"),
}
OURS = {b"host", b"content-length", b"x-forwarded-for", b"expect"}
"""Request headers that the proxy writes itself."""


class Away(Exception):  # noqa: N818
    """Serving cannot be reached or broke off before it answered, or the body is beyond its bound."""


class Upstream:
    """Kept connections to one server, `http://host:port` or `unix:///path`; they belong to the event loop that asks first."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self.path = unquote(parts.path) if parts.scheme == "unix" else None
        self.origin = f"http://{parts.netloc}" if self.path is None else "http://serving"
        self.session: aiohttp.ClientSession | None = None

    async def open(self) -> "aiohttp.ClientSession":
        if self.session is None:
            await asyncio.to_thread(importlib.import_module, "aiohttp")  # pages go on meanwhile
        return self.session or self.connect()

    def connect(self) -> "aiohttp.ClientSession":
        """No proxy of the environment, no cookies, no decompression: what passes through stays as it is."""
        import aiohttp

        async def note(_session: aiohttp.ClientSession, context: Any, _params: object) -> None:
            context.trace_request_ctx.reused = True

        trace = aiohttp.TraceConfig()
        trace.on_connection_reuseconn.append(note)
        self.session = aiohttp.ClientSession(
            connector=(
                aiohttp.UnixConnector(self.path, limit=0, keepalive_timeout=IDLE_SECONDS)
                if self.path
                else aiohttp.TCPConnector(limit=0, keepalive_timeout=IDLE_SECONDS)
            ),
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_SECONDS),
            cookie_jar=aiohttp.DummyCookieJar(),
            skip_auto_headers=AUTOMATIC,
            auto_decompress=False,
            trace_configs=[trace],
        )
        return self.session

    async def close(self) -> None:
        if self.session is not None:
            await self.session.close()


class ServingProxy:
    """ASGI application around `app`: what begins with /e/ goes to serving, all else to `app`.

    `internal_token` never passes from outside: a request that carries it is refused as if the key were wrong.
    """

    def __init__(self, app: Callable[..., Awaitable[None]], upstream_url: str, internal_token: str = "") -> None:
        self.app = app
        self.upstream = Upstream(upstream_url)
        self.internal_token = internal_token.encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self.live(receive, send)
        elif scope["type"] != "http" or not scope["path"].startswith(PREFIX):
            await self.app(scope, receive, send)
        elif self.carries_token(scope):
            await refuse(send, no_key())
        else:
            await Exchange(self.upstream, scope, receive, send).run()

    async def live(self, receive: Receive, send: Send) -> None:
        """From the start of the process to its end, when the connections to serving are closed. The site takes no part."""
        await receive()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await self.upstream.close()
        await send({"type": "lifespan.shutdown.complete"})

    def carries_token(self, scope: Scope) -> bool:
        if not self.internal_token:
            return False
        given = (part for name, value in scope["headers"] if name == b"authorization" for part in value.split())
        return any(hmac.compare_digest(part, self.internal_token) for part in given)


class Exchange:
    """One request and its answer. `reused`: a kept connection carries it; `left`: the visitor is gone."""

    def __init__(self, upstream: Upstream, scope: Scope, receive: Receive, send: Send) -> None:
        self.upstream, self.scope, self.receive, self.send = upstream, scope, receive, send
        self.started = self.reused = self.left = False
        self.problem = waking()
        self.first: dict[str, Any] = {}
        self.leaving: asyncio.Task[None] | None = None

    async def run(self) -> None:
        self.first = await self.receive()
        if self.first["type"] == "http.disconnect":
            return
        session = await self.upstream.open()
        import aiohttp

        try:
            async with asyncio.timeout(ANSWER_SECONDS) as self.bound:
                try:
                    await self.exchange(session)
                finally:
                    if self.leaving is not None:
                        self.leaving.cancel()
        except (Away, aiohttp.ClientError, OSError, ValueError) as error:  # TimeoutError is an OSError
            if not self.left:
                log.warning("serving did not answer: %s", type(error).__name__)
            await self.fail()

    async def fail(self) -> None:
        """A refusal, unless part of an answer went out: then only breaking off says that it is not whole."""
        if not self.started:
            await refuse(self.send, self.problem)
        elif not self.left:
            raise ConnectionError("The answer broke off.")

    async def exchange(self, session: "aiohttp.ClientSession") -> None:
        """Once more when a kept connection turned out closed: nothing of an answer had come by then."""
        import aiohttp

        try:
            response = await self.ask(session)
        except (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError):
            if not self.reused or self.first.get("more_body"):
                raise
            response = await self.ask(session)
        async with response:
            await self.relay(response)

    async def ask(self, session: "aiohttp.ClientSession") -> "aiohttp.ClientResponse":
        """Send the request and wait for the head of the answer."""
        from yarl import URL

        path = (self.scope.get("raw_path") or self.scope["path"].encode()).decode("latin-1")
        query = self.scope.get("query_string", b"").decode("latin-1")
        streamed = self.first.get("more_body", False)
        if not streamed:
            self.watch()
        return await session.request(
            self.scope["method"],
            URL(self.upstream.origin + path + ("?" + query if query else ""), encoded=True),
            headers=self.request_headers(),
            data=self.stream() if streamed else self.first.get("body", b""),
            allow_redirects=False,
            trace_request_ctx=self,
        )

    def watch(self) -> None:
        """Break off towards serving when the visitor leaves."""

        async def wait() -> None:
            while (await self.receive())["type"] != "http.disconnect":
                pass
            self.left = True
            if not self.bound.expired():
                self.bound.reschedule(0)

        self.leaving = self.leaving or asyncio.create_task(wait())

    def request_headers(self) -> list[tuple[str, str]]:
        dropped, forwarded, sent = named_by_connection(self.scope["headers"]), [], []
        for name, value in self.scope["headers"]:
            if name == b"x-forwarded-for":
                forwarded.append(value.decode(errors="replace"))
            elif name not in dropped and not name.startswith(b"x-maquette-"):
                sent.append((name.decode("latin-1"), value.decode(errors="replace")))
        client = self.scope["client"][0] if self.scope.get("client") else "unknown"
        return [*sent, ("x-forwarded-for", ", ".join([*forwarded, client]))]

    async def stream(self) -> AsyncIterator[bytes]:
        """The request's body as it comes. What is raised here ends the request; `problem` says why."""
        message, size = self.first, 0
        while message["type"] != "http.disconnect":
            size += len(message.get("body", b""))
            if size > MOST_REQUEST_BYTES:
                self.problem = too_large()
                raise Away
            yield message.get("body", b"")
            if not message.get("more_body"):
                self.watch()
                return
            message = await self.receive()
        self.left = True
        raise Away

    async def relay(self, response: "aiohttp.ClientResponse") -> None:
        """Short answers in one piece, so that one that breaks off can still be refused."""
        length, size, whole = response.content_length, 0, b""
        if (length or 0) > MOST_RESPONSE_BYTES:
            raise Away
        if length is not None and length <= CHUNK:
            whole = await response.read()
        raw = [(name.lower(), value) for name, value in response.raw_headers]
        headers = [(name, value) for name, value in raw if name not in HOP_BY_HOP]
        self.started = True
        await self.send({"type": "http.response.start", "status": response.status, "headers": headers})
        async for part in response.content.iter_any():
            size += len(part)
            if size > MOST_RESPONSE_BYTES:
                raise Away
            await self.send({"type": "http.response.body", "body": part, "more_body": True})
        await self.send({"type": "http.response.body", "body": whole})


def named_by_connection(headers: Headers) -> set[bytes]:
    """Headers that stay behind: hop-by-hop ones, those that `Connection` names, and those written anew."""
    named = {part.strip().lower() for name, value in headers if name == b"connection" for part in value.split(b",")}
    return HOP_BY_HOP | OURS - {b"x-forwarded-for"} | named - {b"authorization", b"close"}


def no_key() -> Problem:
    return Problem("A working key is needed.", status=401, code="no_key", hint="Send a key from the endpoint's page.")


def too_large() -> Problem:
    return Problem("The request is too large.", status=413, code="too_large", hint="Send fewer or shorter inputs.")


def waking() -> Problem:
    hint = "Try again in a few seconds."
    return Problem("The model server is starting.", status=503, code="waking", hint=hint, retry_after=2)


async def refuse(send: Send, problem: Problem) -> None:
    """Readable by pages of other origins, as serving's own answers are. What is left of a large body is not read."""
    closing = {"connection": "close"} if problem.status == 413 else {}
    await send_problem(send, problem, access_control_allow_origin="*", **closing)
