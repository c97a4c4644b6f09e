"""A conversation with a model on its demo page: each answer is sent to the browser as it is written."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from http.client import HTTPResponse
from typing import TYPE_CHECKING, Any

from asgiref.sync import sync_to_async
from django.core import signing
from django.http import HttpRequest, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.utils.translation import gettext as _
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from webapp import answers as presentations
from webapp.accounts.requests import SiteRequest
from webapp.core.connections import releases_connection
from webapp.core.ids import new_id
from webapp.core.problem_responses import problem_response
from webapp.core.problems import Problem
from webapp.endpoints import serving_client, visitors
from webapp.endpoints.admission import Closed, admit, check_answers, is_member, paused
from webapp.endpoints.demo import PAUSED_CODES, converses, visitor_of
from webapp.endpoints.models import Endpoint

if TYPE_CHECKING:
    from markdown_it import MarkdownIt
    from markdown_it.renderer import RendererHTML

MOST_MESSAGES, MOST_BYTES = 200, 400_000
"""Of a conversation; the model reads far less."""
ANSWER_TOKENS = 512
TEMPERATURE_AGAIN = 0.8
"""Of an answer that is asked for again: the likeliest one was not liked."""
ROLES = ("user", "assistant")
TOO_LONG = "context_length_exceeded"
"""What serving says of more tokens than the model has positions."""
READERS = ThreadPoolExecutor(32, "chat")
"""Wait for the next token of an answer each."""


@csrf_exempt  # as the demo itself
@require_POST
async def chat(request: SiteRequest, slug: str) -> HttpResponseBase:
    """Lines of JSON: {text} with each further piece of the answer, and {finish, html, token} at its end; or a problem."""
    try:
        opened = await sync_to_async(open_answer, thread_sensitive=False)(request, slug)
    except Closed as closed:
        return problem_response(closed.as_problem())
    except Problem as problem:
        return problem_response(problem)
    response = StreamingHttpResponse(lines_of(*opened), content_type="application/x-ndjson")
    response["Cache-Control"] = "no-store, no-transform"
    response["X-Accel-Buffering"] = "no"
    return response


@releases_connection
def open_answer(request: SiteRequest, slug: str) -> tuple[HTTPResponse, Endpoint, list[dict[str, str]], bool]:
    """(the answer of serving, of which nothing is read yet, the demo, what was said, whether the visitor is a member)."""
    endpoint, link = admit(request, slug)
    check_answers(endpoint)
    if not converses(endpoint.current.run if endpoint.current else None):
        raise Problem(_("This demo holds no conversations."), code="no_chat", hint=_("Use its form."), status=404)
    messages = messages_of(request)
    answer = ask(endpoint, messages, is_again=bool(request.POST.get("again")), visitor=visitor_of(request))
    visitors.count_visit(link, tries=1)
    return answer, endpoint, messages, is_member(request, endpoint)


def ask(endpoint: Endpoint, messages: list[dict[str, str]], *, is_again: bool, visitor: str) -> HTTPResponse:
    """The answer of serving; of a conversation that is longer than the model reads, to its last messages."""
    body: dict[str, Any] = {"messages": messages, "stream": True, "max_tokens": ANSWER_TOKENS}
    body |= {"temperature": TEMPERATURE_AGAIN if is_again else 0, "stream_options": {"include_usage": True}}
    while True:
        try:
            return serving_client.open_stream(f"/e/{endpoint.slug}/v1/chat/completions", body, visitor)
        except Problem as problem:
            if problem.code in PAUSED_CODES:
                raise paused(endpoint.workspace.name) from problem
            if problem.code != TOO_LONG or len(body["messages"]) == 1:
                raise
        body["messages"] = body["messages"][2:] or body["messages"][-1:]


def messages_of(request: HttpRequest) -> list[dict[str, str]]:
    """What was said, the visitor's message last; `Problem` for anything else. Whoever asks sets no system prompt."""
    text = request.POST.get("messages", "")
    try:
        given = json.loads(text) if len(text.encode()) <= MOST_BYTES else None
    except (ValueError, RecursionError):
        given = None
    messages = given if isinstance(given, list) and 0 < len(given) <= MOST_MESSAGES else []
    if (
        not messages
        or not all(map(is_message, messages))
        or messages[-1]["role"] != "user"
        or not messages[-1]["content"].strip()
    ):
        raise Problem(_("There is nothing to answer."), code="bad_input", hint=_("Write a message."), status=422)
    return [{"role": message["role"], "content": message["content"]} for message in messages]


def is_message(value: object) -> bool:
    return isinstance(value, dict) and value.get("role") in ROLES and isinstance(value.get("content"), str)


async def lines_of(
    answer: HTTPResponse, endpoint: Endpoint, messages: list[dict[str, str]], may_count: bool
) -> AsyncIterator[bytes]:
    """The answer in lines of JSON. Whoever goes away ends it within a token: serving sees the connection close."""
    text, finish = "", "stop"
    usage: dict[str, int] = {}
    try:
        while line := await asyncio.get_running_loop().run_in_executor(READERS, answer.readline):
            if not line.startswith(b"data: {"):
                continue
            event = json.loads(line[len(b"data: ") :])
            usage = event.get("usage") or usage
            for choice in event.get("choices", ()):
                finish = choice.get("finish_reason") or finish
                if piece := choice["delta"].get("content"):
                    text += piece
                    yield line_of(text=piece)
    except (OSError, ValueError):
        yield line_of(problem=_("The answer broke off. Try again."))
        return
    finally:
        answer.close()
    counts = {"tokens": usage.get("completion_tokens", 0), "prompt_tokens": usage.get("prompt_tokens", 0)}
    token = token_of(endpoint, messages, text, finish, counts)
    yield line_of(finish=finish, html=rendered(text), token=token, **(counts if may_count else {}))


def line_of(**fields: Any) -> bytes:
    return json.dumps(fields, ensure_ascii=False).encode() + b"\n"


def token_of(endpoint: Endpoint, messages: list[dict[str, str]], text: str, finish: str, counts: dict[str, int]) -> str:
    """By which the answer can be rated, as others are (`webapp.endpoints.demo.feedback`)."""
    output = presentations.of_task("text-generation").shortened({"completion": text, "finish": finish, **counts})
    return signing.dumps([endpoint.pk, new_id(), stored_of(messages), output], salt="judgement", compress=True)


def stored_of(messages: list[dict[str, str]]) -> str:
    """What was said as a row to learn from has it; of much the last messages."""
    stored = json.dumps({"messages": messages}, ensure_ascii=False)
    return stored if len(stored) <= visitors.MOST_INPUT or len(messages) == 1 else stored_of(messages[1:])


# Markdown


@cache
def markdown() -> MarkdownIt:
    """CommonMark with tables, without HTML and images: nothing is loaded from elsewhere, and nothing runs."""
    from markdown_it import MarkdownIt

    made = MarkdownIt("commonmark", {"html": False, "linkify": False, "breaks": True}).enable(
        ["table", "strikethrough"]
    )
    made.disable("image")
    made.add_render_rule("link_open", outward)
    return made


def outward(self: RendererHTML, tokens: Any, place: int, options: Any, env: Any) -> str:
    tokens[place].attrSet("rel", "nofollow noopener noreferrer")
    tokens[place].attrSet("target", "_blank")
    return self.renderToken(tokens, place, options, env)


def rendered(text: str) -> str:
    return str(markdown().render(text))
