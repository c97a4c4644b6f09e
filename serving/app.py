"""The server of hosted models: `uvicorn serving.app:app`.

Answers `POST /e/<slug>/predict`, `/v1/embeddings` and `/v1/chat/completions` for keys, `POST /internal/predict` for the web, and its own health.
"""

import asyncio
import contextlib
import logging
import os
import sys
import time
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import orjson
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from serving import chat, embeddings, explaining, memory, problems
from serving.access import Access, Caller, Record, Registry, connect
from serving.forms import parse_question
from serving.http import Guard, read_body, read_token, refusal
from serving.metrics import Metrics
from serving.pool import Model, Pool
from serving.problems import Problem
from serving.usage import Usage
from serving.writers import Job, Writers
from trainer import answers, decoding, reporting

if TYPE_CHECKING:
    from trainer.engines import Engine
    from trainer.writing.drafts import Piece

log = logging.getLogger(__name__)
INTERNAL_RATE = 120
"""Requests a minute of one visitor for models that are not deployed: the try-it box."""
INTERNAL_INPUTS, INTERNAL_BYTES = 64, 15 * 1024 * 1024
MAX_SLUG = 100
WARM_SECONDS = 10.0
"""After this long the process calls itself ready even if models are still being opened."""
PREFLIGHT = {
    "Access-Control-Allow-Methods": "POST, OPTIONS",
    "Access-Control-Allow-Headers": "Authorization, Content-Type",
    "Access-Control-Max-Age": "86400",
}
Answering = Callable[[Request, Record, Caller, float], Awaitable[Response]]
"""What answers a request to an endpoint that has been let in; with the time at which it came."""
JSON, FIGURES = "application/json", "text/plain; version=0.0.4"


class Service:
    """What answers share. The figures live with the process, all else from the lifespan's start to its end."""

    def __init__(self) -> None:
        self.metrics = Metrics()

    @contextlib.asynccontextmanager
    async def lifespan(self, _app: Starlette) -> AsyncIterator[None]:
        self.start()
        try:
            yield
        finally:
            await self.stop()

    def start(self) -> None:
        reporting.start("serving", os.environ.get("SENTRY_DSN", ""))
        sys.setswitchinterval(0.001)  # the model's thread may hold the loop up this long, not five times as long
        url = os.environ.get("REDIS_URL") or "redis://127.0.0.1:6379/0"
        self.redis, self.listener = connect(url), connect(url, timeout=None)
        self.registry = Registry(self.redis, self.listener)
        self.access = Access(os.environ.get("MAQUETTE_INTERNAL_TOKEN", ""))
        self.usage = Usage(self.redis)
        memory.bound_process()
        decoding.share_heaps()
        self.inputs = memory.Inputs(memory.input_bytes())
        self.writing = memory.Writing(int(memory.model_bytes() * memory.WRITING))
        threads = int(os.environ.get("MAQUETTE_SERVING_THREADS") or 0) or None
        self.pool = Pool(memory.model_bytes(), self.inputs.arrays, threads)
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

    async def preflight(self, _request: Request) -> Response:
        return Response(status_code=204, headers=PREFLIGHT)

    async def healthz(self, _request: Request) -> Response:
        return PlainTextResponse("ok\n")

    async def figures(self, request: Request) -> Response:
        if not self.may_see_figures(request):
            raise problems.not_found()
        return Response(self.metrics.render(self.pool, self.inputs, len(self.usage.counts)), media_type=FIGURES)

    def may_see_figures(self, request: Request) -> bool:
        host = request.client.host if request.client else ""
        local = host in ("127.0.0.1", "::1") and not is_forwarded(request)
        return local or self.access.is_internal(read_token(request))

    def token_of(self, request: Request) -> bytes:
        """The key that it was sent. The site itself asks directly: what a proxy passes on may not speak for it."""
        token = read_token(request)
        if is_forwarded(request) and self.access.is_internal(token):
            raise problems.no_key()
        return token

    async def readyz(self, _request: Request) -> Response:
        try:
            redis = bool(await self.redis.ping())
        except Exception:
            redis = False
        parts = {"redis": redis, "models": self.warmed or time.monotonic() - self.started > WARM_SECONDS}
        ready = all(parts.values())
        body = {"ready": ready, "parts": {name: "ok" if works else "down" for name, works in parts.items()}}
        return JSONResponse(body, 200 if ready else 503)

    async def predict(self, request: Request) -> Response:
        return await self.answer_endpoint(request, self.predict_endpoint)

    async def embeddings(self, request: Request) -> Response:
        return await self.answer_endpoint(request, self.embed_endpoint)

    async def complete(self, request: Request) -> Response:
        return await self.answer_as_openai(request, self.complete_endpoint)

    async def models(self, request: Request) -> Response:
        return await self.answer_as_openai(request, self.list_models)

    async def answer_as_openai(self, request: Request, answer: Answering) -> Response:
        try:
            return await self.answer_endpoint(request, answer)
        except Problem as problem:
            return chat.openai_error(problem)

    async def answer_endpoint(self, request: Request, answer: Answering) -> Response:
        started, slug = time.perf_counter(), request.path_params["slug"]
        if len(slug) > MAX_SLUG:
            raise problems.no_endpoint()
        record, caller = self.access.identify(await self.registry.get(slug), self.token_of(request))
        try:
            return await answer(request, record, caller, started)
        except Problem:
            self.usage.add(slug, caller.key, ms=(time.perf_counter() - started) * 1000, error=True)
            raise

    async def predict_endpoint(self, request: Request, record: Record, caller: Caller, started: float) -> Response:
        self.access.admit(record, caller, visitor(request))
        with self.inputs.bodies.holding(memory.SMALL_BYTES) as held:
            question = parse_question(
                await read_body(request, record.bytes_per_request, held),
                request.headers.get("content-type", ""),
                record.inputs_per_request,
            )
            model = await self.pool.get(record.artifact or "", record.engine)
            form = request.query_params.get("as", "")
            check_form(model.engine, form)
            explains = explaining.wants(request.query_params, model.engine, question.count)
            method = explaining.method_of(request.query_params)
            values = question.inputs(model.engine.manifest.get("inputs", []))
            inputs = await self.pool.read(
                model, [chat.instructed(model.engine, value, record.system) for value in values]
            )
            del question  # with all that was sent
        names: dict[str, str | int | None] = {"run": record.run, "version": record.version}
        answered = await self.answer_inputs(model, inputs, names, started, form, method=method, explains=explains)
        self.usage.add(record.slug, caller.key, rows=answered.rows, ms=answered.ms, tokens=answered.tokens)
        return Response(answered.body, media_type=JSON)

    async def embed_endpoint(self, request: Request, record: Record, caller: Caller, started: float) -> Response:
        self.access.admit(record, caller, visitor(request))
        with self.inputs.bodies.holding(memory.SMALL_BYTES) as held:
            body = await read_body(request, record.bytes_per_request, held)
            question = embeddings.parse_texts(body, record.inputs_per_request)
            model = await self.pool.get(record.artifact or "", record.engine)
            embeddings.check_embeds(model.engine)
            inputs = await self.pool.read(model, question.inputs([]))
            encoding = str(question.fields.get("encoding_format", "float"))
            del body, question  # with all that was sent: from here on nobody counts it
        outputs = (await model.batcher.predict(inputs)).outputs
        ms = (time.perf_counter() - started) * 1000
        self.metrics.predicted(len(inputs), ms)
        self.usage.add(record.slug, caller.key, rows=len(inputs), ms=ms)
        return Response(embeddings.as_openai(outputs, record.slug, encoding), media_type=JSON)

    async def list_models(self, request: Request, record: Record, caller: Caller, started: float) -> Response:
        self.access.admit(record, caller, visitor(request))
        return Response(chat.models_of(record.slug), media_type=JSON)

    async def complete_endpoint(self, request: Request, record: Record, caller: Caller, started: float) -> Response:
        self.access.admit(record, caller, visitor(request))
        with self.inputs.bodies.holding(memory.SMALL_BYTES) as held:
            body = await read_body(request, record.bytes_per_request, held)
            asked = chat.parse(body, is_chat=request.url.path.endswith(CHAT))
            asked.instruct(record.system)
        model = await self.pool.get(record.artifact or "", record.engine)
        chat.check_writes(model.engine)
        loop = asyncio.get_running_loop()
        prompt = await loop.run_in_executor(self.pool.reader, chat.read_prompt, model.engine, asked)
        reply = chat.Reply(record.slug, asked.is_chat, len(prompt.ids))
        end = self.writing.begin(model.engine.answer_bytes(prompt))
        client = caller.key or visitor(request)
        job = Job(prompt, client, asked.streams)
        pieces = self.counted(model.writers, job, record, caller, started)
        if asked.streams:
            return chat.Stream(reply.events(pieces, tells_usage=asked.tells_usage), end)
        try:
            answer = await chat.unless_gone(reply.whole(pieces), request)
        finally:
            end()
        return Response(answer or b"", media_type=JSON)

    async def counted(
        self, writers: Writers, job: Job, record: Record, caller: Caller, started: float
    ) -> "AsyncGenerator[Piece, None]":
        """The pieces of an answer, counted as one request with its tokens when it ends, whoever ends it."""
        try:
            async with contextlib.aclosing(writers.pieces(job)) as pieces:
                async for piece in pieces:
                    yield piece
        finally:
            ms = (time.perf_counter() - started) * 1000
            self.metrics.predicted(1, ms)
            self.usage.add(record.slug, caller.key, rows=1, ms=ms, tokens=(len(job.prompt.ids), job.tokens))

    async def predict_artifact(self, request: Request) -> Response:
        """For the web alone: any artifact, deployed or not."""
        started = time.perf_counter()
        if not self.access.is_internal(self.token_of(request)):
            raise problems.no_key()
        if visitor(request):
            self.access.limits.take(("", visitor(request)), INTERNAL_RATE)
        with self.inputs.bodies.holding(memory.SMALL_BYTES) as held:
            question = parse_question(await read_body(request, INTERNAL_BYTES, held), JSON, INTERNAL_INPUTS)
            artifact, engine = question.fields.get("artifact"), question.fields.get("engine")
            if not isinstance(artifact, str) or not (Path(artifact) / "manifest.json").is_file():
                raise Problem(
                    422, "no_artifact", "There is no such artifact.", "Give the folder that a finished run wrote."
                )
            model = await self.pool.get(artifact, engine if isinstance(engine, str) else None)
            explains = explaining.wants(request.query_params, model.engine, question.count)
            method = explaining.method_of(request.query_params)
            inputs = await self.pool.read(model, question.inputs([]))
            del question
        names: dict[str, str | int | None] = {"run": Path(artifact).parent.name, "version": None}
        answered = await self.answer_inputs(model, inputs, names, started, method=method, explains=explains)
        return Response(answered.body, media_type=JSON)

    async def answer_inputs(
        self,
        model: Model,
        inputs: list[object],
        names: dict[str, str | int | None],
        started: float,
        form: str = "",
        *,
        method: str = "",
        explains: bool = False,
    ) -> "Answered":
        """Inputs that were read, with what each answer depends on where that is asked."""
        answer = await model.batcher.predict(inputs)
        timing = {"queue": round(answer.queue_ms, 2), "model": round(answer.model_ms, 2)}
        outputs = as_fields(model.engine, answer.outputs) if form else answer.outputs
        explanations, asked = [], time.perf_counter()
        if explains:
            explanations = await explaining.explain(model, inputs, method)
            outputs = [
                output | {"explanation": explanation} for output, explanation in zip(outputs, explanations, strict=True)
            ]
            timing["explanation"] = round((time.perf_counter() - asked) * 1000, 2)
        total = (time.perf_counter() - started) * 1000
        self.metrics.predicted(len(inputs), total)
        body = orjson.dumps({"outputs": outputs, "model": names, "timing_ms": timing | {"total": round(total, 2)}})
        return Answered(body, total, len(inputs) + explaining.calls_of(explanations), tokens_of(outputs))


class Answered(NamedTuple):
    """The answer's JSON, the milliseconds it took, how many rows the model was asked, and the tokens that were read and written
    where it writes texts."""

    body: bytes
    ms: float
    rows: int
    tokens: tuple[int, int]


def tokens_of(outputs: Sequence[dict[str, Any]]) -> tuple[int, int]:
    """Those of all prompts and of all answers; none of models that write no texts."""
    return sum(each.get("prompt_tokens", 0) for each in outputs), sum(each.get("tokens", 0) for each in outputs)


def check_form(engine: "Engine[Any, Any]", form: str) -> None:
    """`Problem` for a form of answers (`?as=`) that this model has not."""
    if form and (form != "fields" or not answers.get(engine.task.answer).has_fields):
        raise Problem(
            422,
            "bad_form",
            f"This model does not answer as “{form[:40]}”.",
            "Leave ?as= out; ?as=fields is for models that mark passages in texts.",
        )


def as_fields(engine: "Engine[Any, Any]", outputs: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Answers as objects of fields, one value or a list for each type."""
    return [{"fields": engine.scoring.fields(output)} for output in outputs]


def is_forwarded(request: Request) -> bool:
    """Whether it came through a proxy, so from outside."""
    return "x-forwarded-for" in request.headers


def visitor(request: Request) -> str:
    """Whom the web asks for; believed only beside the internal token."""
    return request.headers.get("x-maquette-client", "")[:100]


async def refuse(request: Request, error: Exception) -> Response:
    """What Starlette's routing finds wrong: no such address, or another method."""
    assert isinstance(error, HTTPException)
    if error.status_code == 405:
        return refusal(problems.wrong_method(request.method, (error.headers or {}).get("Allow", "")))
    return refusal(problems.not_found())


EMBEDDINGS = ("/e/{slug}/v1/embeddings", "/e/{slug}/embeddings")
"""The first is what a client of OpenAI's asks whose base URL is `/e/SLUG/v1`."""


CHAT = "/chat/completions"
COMPLETIONS = (f"/e/{{slug}}/v1{CHAT}", "/e/{slug}/v1/completions")
MODELS = "/e/{slug}/v1/models"


def create_app() -> Starlette:
    service = Service()
    endpoint = "/e/{slug}/predict"
    routes = [
        Route(endpoint, service.predict, methods=["POST"]),
        Route(endpoint, service.preflight, methods=["OPTIONS"]),
        *(Route(path, service.embeddings, methods=["POST"]) for path in EMBEDDINGS),
        *(Route(path, service.preflight, methods=["OPTIONS"]) for path in EMBEDDINGS),
        *(Route(path, service.complete, methods=["POST"]) for path in COMPLETIONS),
        *(Route(path, service.preflight, methods=["OPTIONS"]) for path in (*COMPLETIONS, MODELS)),
        Route(MODELS, service.models, methods=["GET"]),
        Route("/internal/predict", service.predict_artifact, methods=["POST"]),
        Route("/healthz", service.healthz),
        Route("/readyz", service.readyz),
        Route("/metrics", service.figures),
    ]
    application = Starlette(
        routes=routes,
        middleware=[Middleware(Guard, service.metrics.answered)],
        exception_handlers={HTTPException: refuse},
        lifespan=service.lifespan,
    )
    application.router.redirect_slashes = False
    return application


app = create_app()
