"""A `Problem` as programs read it: a response of Django, or the messages of ASGI where Django is not reached."""

import json
from collections.abc import Awaitable, Callable
from typing import Any

from django.http import JsonResponse

from trainer.problem_details import MEDIA_TYPE, problem_details
from webapp.core.problems import Problem

Send = Callable[[dict[str, Any]], Awaitable[None]]


def details_of(problem: Problem) -> dict[str, Any]:
    """Without `retry_after`, which is a header."""
    extra = {name: value for name, value in problem.extra.items() if name != "retry_after"}
    return problem_details(problem.status, problem.code, problem.message, problem.hint, **extra)


def headers_of(problem: Problem) -> dict[str, str]:
    """What the status asks for beside the body."""
    headers = {}
    if problem.extra.get("retry_after"):
        headers["Retry-After"] = str(problem.extra["retry_after"])
    if problem.status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    return headers


def problem_response(problem: Problem) -> JsonResponse:
    return JsonResponse(
        details_of(problem), status=problem.status, content_type=MEDIA_TYPE, headers=headers_of(problem)
    )


async def send_problem(send: Send, problem: Problem, **headers: str) -> None:
    """The whole answer over ASGI; `headers` by their names with underscores."""
    body = json.dumps(details_of(problem)).encode()
    fields = {"Content-Type": MEDIA_TYPE, "Content-Length": str(len(body))} | headers_of(problem)
    fields |= {name.replace("_", "-"): value for name, value in headers.items()}
    encoded = [(name.lower().encode(), value.encode()) for name, value in fields.items()]
    await send({"type": "http.response.start", "status": problem.status, "headers": encoded})
    await send({"type": "http.response.body", "body": body})
