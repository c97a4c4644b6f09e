"""The server of hosted models: `uvicorn serving.app:app`. Plain ASGI: a framework would cost more than the routing.

Answers `POST /e/<slug>/predict` for keys, `POST /internal/predict` for the web, and its own health.
"""

import asyncio
import contextlib
import logging
import os
import re
import sys
import time
import traceback
from pathlib import Path

import orjson

from serving import problems
from serving.access import Access, Caller, Record, Registry, connect
from serving.forms import parse_question
from serving.http import Gone, Receive, Request, Response, Scope, Send
from serving.metrics import Metrics
from serving.pool import Model, Pool, memory_budget
from serving.problems import Headers, Problem
from serving.usage import Usage
from trainer import reporting

log = logging.getLogger(__name__)
PREDICT = re.compile(r"/e/([^/]{1,100})/predict")
INTERNAL_RATE = 120
"""Requests a minute of one visitor for models that are not deployed: the try-it box."""
INTERNAL_INPUTS, INTERNAL_BYTES = 64, 15 * 1024 * 1024
WARM_SECONDS = 10.0
"""After this long the process calls itself ready even if models are still being opened."""
ANY_ORIGIN: Headers = [
    (b"access-control-allow-origin", b"*"),
    (b"access-control-expose-headers", b"Retry-After"),
]
PREFLIGHT: Headers = [
    (b"access-control-allow-methods", b"POST, OPTIONS"),
    (b"access-control-allow-headers", b"Authorization, Content-Type"),
    (b"access-control-max-age", b"86400"),
]


class Application:
    """State lives from the lifespan's start to its end; one instance a process."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            await self.answer(scope, receive, send)
        elif scope["type"] == "lifespan":
            await self.lifespan(receive, send)
        else:
            await send({"type": "websocket.close", "code": 1000})

    async def lifespan(self, receive: Receive, send: Send) -> None:
        while True:
            message = await receive()
            if message["type"] == "lifespan.startup":
                self.start()
                await send({"type": "lifespan.startup.complete"})
            else:
                await self.stop()
                await send({"type": "lifespan.shutdown.complete"})
                return

    def start(self) -> None:
        reporting.start("serving", os.environ.get("SENTRY_DSN", ""))
        sys.setswitchinterval(0.001)  # the model's thread may hold the loop up this long, not five times as long
        url = os.environ.get("REDIS_URL") or "redis://127.0.0.1:6379/0"
        self.redis, self.listener = connect(url), connect(url, timeout=None)
        self.registry = Registry(self.redis, self.listener)
        self.access = Access(os.environ.get("MAQUETTE_INTERNAL_TOKEN", ""))
        self.usage = Usage(self.redis)
        self.pool = Pool(memory_budget(), threads=int(os.environ.get("MAQUETTE_SERVING_THREADS") or 0) or None)
        self.metrics = Metrics()
        self.started = time.monotonic()
        self.warmed = False
        self.tasks = [asyncio.create_task(task) for task in (self.registry.listen(), self.usage.run(), self.warm())]

    async def stop(self) -> None:
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)
        await self.usage.flush()
        self.pool.close()
        for client in (self.redis, self.listener):
            with contextlib.suppress(Exception):
                await client.aclose()

    async def warm(self) -> None:
        """Open what is live in the background; wait for Redis, and for the web to have written its list there."""
        live = None
        while live is None:
            with contextlib.suppress(Exception):
                live = await self.registry.live()
            if live is None:
                await asyncio.sleep(0.5)
        await self.pool.warm([(record.artifact, record.engine) for record in live if record.artifact])
        self.warmed = True

    async def answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        try:
            response = await self.route(request)
        except Problem as problem:
            response = Response.of(problem)
        except Gone:
            return
        except Exception as error:
            # The place without the message: a message could repeat what somebody sent.
            place = "".join(traceback.format_tb(error.__traceback__))
            log.error("%s on %s\n%s", type(error).__name__, PREDICT.sub("/e/…/predict", request.path), place)
            reporting.tell(error)
            fault = Problem(500, "bug", "Something went wrong on our side.", "Try again; tell the owner if it stays.")
            response = Response.of(fault)
        self.metrics.answered(response.status)
        await response.send(send, ANY_ORIGIN if request.path.startswith("/e/") else [])

    async def route(self, request: Request) -> Response:
        endpoint = PREDICT.fullmatch(request.path)
        if endpoint:
            if request.method == "OPTIONS":
                return Response(204, b"", headers=PREFLIGHT)
            require_method(request, "POST")
            return await self.predict(request, endpoint[1])
        if request.path == "/internal/predict":
            require_method(request, "POST")
            return await self.predict_artifact(request)
        if request.path == "/healthz":
            return Response(200, b"ok\n", b"text/plain")
        if request.path == "/readyz":
            return await self.readyz()
        if request.path == "/metrics" and self.may_see_figures(request):
            return Response(200, self.metrics.render(self.pool, len(self.usage.counts)), b"text/plain; version=0.0.4")
        raise Problem(404, "not_found", "There is nothing here.", "Predictions are asked with POST /e/SLUG/predict.")

    def may_see_figures(self, request: Request) -> bool:
        local = request.client in ("127.0.0.1", "::1") and b"x-forwarded-for" not in request.headers
        return local or self.access.is_internal(request.token)

    async def readyz(self) -> Response:
        try:
            redis = bool(await self.redis.ping())
        except Exception:
            redis = False
        parts = {"redis": redis, "models": self.warmed or time.monotonic() - self.started > WARM_SECONDS}
        ready = all(parts.values())
        body = {"ready": ready, "parts": {name: "ok" if works else "down" for name, works in parts.items()}}
        return Response(200 if ready else 503, orjson.dumps(body))

    async def predict(self, request: Request, slug: str) -> Response:
        started = time.perf_counter()
        record, caller = self.access.identify(await self.registry.get(slug), request.token)
        try:
            return await self.predict_endpoint(request, record, caller, started)
        except Problem:
            self.usage.add(slug, caller.key, ms=(time.perf_counter() - started) * 1000, error=True)
            raise

    async def predict_endpoint(self, request: Request, record: Record, caller: Caller, started: float) -> Response:
        self.access.admit(record, caller, visitor(request))
        body = await request.body(record.bytes_per_request)
        question = parse_question(body, request.content_type, record.inputs_per_request)
        model = await self.pool.get(record.artifact or "", record.engine)
        inputs = question.inputs(model.engine.manifest.get("inputs", []))
        names: dict[str, str | int | None] = {"run": record.run, "version": record.version}
        body, ms = await self.answer_inputs(model, inputs, names, started)
        self.usage.add(record.slug, caller.key, rows=len(inputs), ms=ms)
        return Response(200, body)

    async def predict_artifact(self, request: Request) -> Response:
        """For the web alone: any artifact, deployed or not."""
        started = time.perf_counter()
        if not self.access.is_internal(request.token):
            raise problems.no_key()
        if visitor(request):
            self.access.limits.take(("", visitor(request)), INTERNAL_RATE)
        question = parse_question(await request.body(INTERNAL_BYTES), b"application/json", INTERNAL_INPUTS)
        artifact, engine = question.fields.get("artifact"), question.fields.get("engine")
        if not isinstance(artifact, str) or not (Path(artifact) / "manifest.json").is_file():
            raise Problem(
                422, "no_artifact", "There is no such artifact.", "Give the folder that a finished run wrote."
            )
        model = await self.pool.get(artifact, engine if isinstance(engine, str) else None)
        names: dict[str, str | int | None] = {"run": Path(artifact).parent.name, "version": None}
        body, _ms = await self.answer_inputs(model, question.inputs([]), names, started)
        return Response(200, body)

    async def answer_inputs(
        self, model: Model, inputs: list[object], names: dict[str, str | int | None], started: float
    ) -> tuple[bytes, float]:
        """The answer's JSON and the milliseconds it took."""
        answer = await model.batcher.predict(await self.pool.read(model, inputs))
        total = (time.perf_counter() - started) * 1000
        timing = {"queue": round(answer.queue_ms, 2), "model": round(answer.model_ms, 2), "total": round(total, 2)}
        self.metrics.predicted(len(inputs), total)
        return orjson.dumps({"outputs": answer.outputs, "model": names, "timing_ms": timing}), total


def visitor(request: Request) -> str:
    """Whom the web asks for; believed only beside the internal token."""
    return request.headers.get(b"x-maquette-client", b"").decode("latin-1")[:100]


def require_method(request: Request, method: str) -> None:
    if request.method != method:
        raise Problem(
            405,
            "wrong_method",
            f"{request.method} is not possible here.",
            f"Use {method}.",
            headers=[(b"allow", method.encode())],
        )


app = Application()
