"""The ASGI application: `uvicorn serving.app:app`.

POST /e/{slug}/predict     a key of the endpoint, or the site's internal token
POST /internal/predict     the internal token: any artifact of this machine (the try-it box)
GET  /healthz  /readyz  /metrics
"""

import asyncio
import contextlib
import logging
import os
import time
from collections.abc import Awaitable, Callable
from typing import Any

import orjson

from serving.access import Gate, Registry
from serving.batcher import Full
from serving.pool import Pool
from serving.problems import Problem, not_found
from serving.usage import Usage

log = logging.getLogger(__name__)
Message = dict[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

MOST_BYTES = 1024 * 1024
MOST_INPUTS = 64
JSON_TYPE = (b"content-type", b"application/json")
CORS = [
    (b"access-control-allow-origin", b"*"),
    (b"access-control-allow-headers", b"authorization, content-type"),
    (b"access-control-allow-methods", b"POST, OPTIONS"),
    (b"access-control-max-age", b"86400"),
]


class App:
    """Holds the pool, the gate and the counters of one process."""

    def __init__(self) -> None:
        self.pool = Pool()
        self.tasks: list[asyncio.Task[None]] = []

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self.lifespan(receive, send)
        elif scope["type"] == "http":
            await self.http(scope, receive, send)

    async def lifespan(self, receive: Receive, send: Send) -> None:
        await receive()
        self.registry = Registry(os.environ.get("REDIS_URL", "redis://127.0.0.1:6379/0"))
        self.gate = Gate(self.registry)
        self.usage = Usage(self.registry.redis)
        self.tasks = [asyncio.create_task(call()) for call in (self.registry.listen, self.usage.run, self.warm_up)]
        await send({"type": "lifespan.startup.complete"})
        await receive()
        for task in self.tasks:
            task.cancel()
        with contextlib.suppress(Exception):
            await self.usage.flush()
        await self.registry.close()
        await send({"type": "lifespan.shutdown.complete"})

    async def warm_up(self) -> None:
        """Load the models of the live endpoints, so that the first visitor after a restart does not wait."""
        for record in await self.registry.all_live():
            with contextlib.suppress(Problem):
                await self.pool.get(record["artifact"], record["engine"])

    async def http(self, scope: Message, receive: Receive, send: Send) -> None:
        try:
            status, body, headers = await self.answer(scope, receive)
        except Problem as problem:
            status, body = problem.status, problem.body()
            headers = [(b"content-type", b"application/problem+json")]
            headers += [(name.lower().encode(), value.encode()) for name, value in problem.headers.items()]
        except Disconnected:
            return
        except Exception:
            log.exception("a request failed")
            problem = Problem(500, "bug", "This is a fault of ours.", "Try again; if it stays, tell the owner.")
            status, body, headers = 500, problem.body(), [(b"content-type", b"application/problem+json")]
        if scope["path"].startswith("/e/"):
            headers = headers + CORS
        headers = [*headers, (b"content-length", str(len(body)).encode())]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    async def answer(self, scope: Message, receive: Receive) -> tuple[int, bytes, list[tuple[bytes, bytes]]]:
        path, method = scope["path"], scope["method"]
        if path.startswith("/e/"):
            slug, _slash, verb = path[3:].partition("/")
            if verb != "predict":
                raise not_found()
            if method == "OPTIONS":
                return 204, b"", []
            need_post(method)
            return await self.predict(slug, scope, receive)
        if path == "/internal/predict":
            need_post(method)
            return await self.predict_artifact(scope, receive)
        if path == "/healthz":
            return 200, b"ok\n", [(b"content-type", b"text/plain")]
        if path == "/readyz":
            return await self.ready()
        if path == "/metrics" and self.may_see_metrics(scope):
            return 200, self.metrics(), [(b"content-type", b"text/plain; version=0.0.4")]
        raise not_found()

    async def predict(
        self, slug: str, scope: Message, receive: Receive
    ) -> tuple[int, bytes, list[tuple[bytes, bytes]]]:
        started = time.perf_counter()
        headers = dict(scope["headers"])
        record, key = await self.gate.admit(
            slug, bearer(headers), headers.get(b"x-maquette-client", b"").decode("latin-1")
        )
        limits = record["limits"]
        try:
            body = await read_body(headers, receive, limits.get("bytes_per_request", MOST_BYTES))
            batcher = await self.pool.get(record["artifact"], record["engine"])
            inputs = inputs_of(body, batcher.engine, limits.get("inputs_per_request", MOST_INPUTS))
            outputs, queued, model = await ask(batcher, inputs)
        except Problem:
            self.usage.add(slug, key, 0, (time.perf_counter() - started) * 1000, error=True)
            raise
        total = (time.perf_counter() - started) * 1000
        self.usage.add(slug, key, len(inputs), total)
        return 200, answer_body(outputs, record["run"], record["version"], queued, model, total), [JSON_TYPE]

    async def predict_artifact(self, scope: Message, receive: Receive) -> tuple[int, bytes, list[tuple[bytes, bytes]]]:
        started = time.perf_counter()
        headers = dict(scope["headers"])
        if not self.gate.is_internal(bearer(headers)):
            raise not_found()
        body = await read_body(headers, receive, MOST_BYTES)
        value = parse(body)
        batcher = await self.pool.get(str(value.get("artifact")), value.get("engine"))
        inputs = inputs_of(body, batcher.engine, MOST_INPUTS)
        outputs, queued, model = await ask(batcher, inputs)
        total = (time.perf_counter() - started) * 1000
        return 200, answer_body(outputs, None, None, queued, model, total), [JSON_TYPE]

    async def ready(self) -> tuple[int, bytes, list[tuple[bytes, bytes]]]:
        try:
            redis_answers = bool(await self.registry.redis.ping())
        except Exception:
            redis_answers = False
        body = orjson.dumps({"ready": redis_answers, "parts": {"redis": "ok" if redis_answers else "down"}})
        return (200 if redis_answers else 503), body, [JSON_TYPE]

    def may_see_metrics(self, scope: Message) -> bool:
        headers = dict(scope["headers"])
        local = (scope.get("client") or ("",))[0] in ("127.0.0.1", "::1") and b"x-forwarded-for" not in headers
        return local or self.gate.is_internal(bearer(headers))

    def metrics(self) -> bytes:
        lines = [
            "# TYPE maquette_serving_answers_total counter",
            f"maquette_serving_answers_total {self.usage.answered}",
            "# TYPE maquette_serving_refusals_total counter",
            f"maquette_serving_refusals_total {self.usage.refused}",
            "# TYPE maquette_serving_milliseconds_total counter",
            f"maquette_serving_milliseconds_total {self.usage.total_ms:.3f}",
            "# TYPE maquette_serving_models gauge",
            f"maquette_serving_models {len(self.pool.models)}",
            "# TYPE maquette_serving_model_bytes gauge",
            f"maquette_serving_model_bytes {self.pool.bytes}",
        ]
        return ("\n".join(lines) + "\n").encode()


class Disconnected(Exception):  # noqa: N818  an event, not an error
    """The client went away before its request was whole."""


def need_post(method: str) -> None:
    if method != "POST":
        raise Problem(405, "method", f"{method} is not answered here.", "Send a POST.", Allow="POST")


def bearer(headers: dict[bytes, bytes]) -> bytes:
    scheme, _space, secret = headers.get(b"authorization", b"").partition(b" ")
    return secret.strip() if scheme.lower() == b"bearer" else b""


async def read_body(headers: dict[bytes, bytes], receive: Receive, limit: int) -> bytes:
    declared = headers.get(b"content-length", b"0")
    too_large = Problem(413, "too_large", f"A request may have {limit} bytes.", "Send fewer or shorter inputs.")
    if declared.isdigit() and int(declared) > limit:
        raise too_large
    parts: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise Disconnected
        parts.append(message.get("body", b""))
        size += len(parts[-1])
        if size > limit:
            raise too_large
        if not message.get("more_body"):
            return b"".join(parts)


def parse(body: bytes) -> dict[str, Any]:
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise Problem(422, "bad_json", f"The body is not JSON: {error}.", 'Send {"inputs": ["…"]}.') from error
    if not isinstance(value, dict):
        raise Problem(422, "bad_json", "The body is no JSON object.", 'Send {"inputs": ["…"]}.')
    return value


def inputs_of(body: bytes, engine: Any, limit: int) -> list[Any]:
    """The inputs of a request, each one usable; the problem names the first that is not."""
    inputs = parse(body).get("inputs")
    if not isinstance(inputs, list) or not inputs:
        raise Problem(422, "no_inputs", "“inputs” is missing, empty or no list.", 'Send {"inputs": ["…"]}.')
    if len(inputs) > limit:
        raise Problem(
            422,
            "too_many_inputs",
            f"{len(inputs)} inputs came; at most {limit} are answered at once.",
            "Send them in parts.",
        )
    for number, value in enumerate(inputs):
        fault = engine.check(value)
        if fault:
            raise Problem(422, "bad_input", f"inputs[{number}] {fault}", "Mend or leave out that input.")
    return inputs


async def ask(batcher: Any, inputs: list[Any]) -> tuple[list[dict[str, Any]], float, float]:
    try:
        return await batcher.predict(inputs)
    except Full as error:
        raise Problem(
            503, "busy", "More is waiting than can be answered now.", "Ask again soon.", Retry_After="2"
        ) from error


def answer_body(
    outputs: list[dict[str, Any]], run: Any, version: Any, queued: float, model: float, total: float
) -> bytes:
    timing = {"queue": round(queued, 3), "model": round(model, 3), "total": round(total, 3)}
    return orjson.dumps({"outputs": outputs, "model": {"run": run, "version": version}, "timing_ms": timing})


app = App()
