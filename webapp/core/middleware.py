"""Turns a `Problem` raised by an action into a page, or into the fragment that htmx shows."""

from collections.abc import Callable
from typing import Any

from asgiref.sync import iscoroutinefunction, markcoroutinefunction, sync_to_async
from django.contrib.auth import SESSION_KEY
from django.core.exceptions import BadRequest
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.template.loader import render_to_string
from django.utils.decorators import sync_and_async_middleware
from django.utils.translation import gettext as _

from webapp.core.connections import release_connection
from webapp.core.problem_responses import problem_response
from webapp.core.problems import DATABASE_AWAY, DISK_FULL, TOO_MANY, Problem, problem_of


class PassingMiddleware:
    """Middleware that hands the request on in either world, so that a stream keeps no thread."""

    sync_capable = async_capable = True

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response
        if iscoroutinefunction(get_response):
            markcoroutinefunction(self)

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        self.prepare(request)
        return self.get_response(request)

    def prepare(self, request: HttpRequest) -> None:
        """Nothing to do on the way in."""


class PlainAddressMiddleware(PassingMiddleware):
    """No address of ours has a zero byte, and Postgres stores none."""

    def prepare(self, request: HttpRequest) -> None:
        if "\x00" in request.path or "%00" in request.META.get("QUERY_STRING", ""):
            raise BadRequest("A zero byte in the address")


class ProblemMiddleware(PassingMiddleware):
    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        problem = problem_of(exception)
        return problem_page(request, problem) if isinstance(problem, Problem) else None


def problem_page(request: HttpRequest, problem: Problem) -> HttpResponse:
    """Without the context processors where the database is away, or is to be spared: they would ask it who is reading."""
    context = {"problem": problem}
    if problem.code in (DATABASE_AWAY, DISK_FULL, TOO_MANY):
        page = render_to_string("problem.html", context | {"request": request})
        response = HttpResponse(page, status=problem.status)
    else:
        response = render(request, "problem.html", context, status=problem.status)
    if "retry_after" in problem.extra:
        response["Retry-After"] = str(problem.extra["retry_after"])
    return response


@sync_and_async_middleware
def wrong_method(get_response: Callable[[HttpRequest], Any]) -> Callable[[HttpRequest], Any]:
    """An address that only takes a form, or a call of the API that is only sent, says so to who opens it, as after reloading
    a form that was refused: Django's own answer is an empty page."""

    def explained(request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        if response.status_code != 405 or response.get("Content-Type", "").startswith("application/"):
            return response
        answer = wrong_method_answer(request, response["Allow"])
        answer["Allow"] = response["Allow"]
        return answer

    def passing(request: HttpRequest) -> HttpResponseBase:
        return explained(request, get_response(request))

    async def waiting(request: HttpRequest) -> HttpResponseBase:
        return await sync_to_async(explained)(request, await get_response(request))

    return waiting if iscoroutinefunction(get_response) else passing


def wrong_method_answer(request: HttpRequest, allowed: str) -> HttpResponse:
    message = _("Nothing answers to %(method)s here.") % {"method": (request.method or "")[:20]}
    if not request.path.startswith("/api/"):
        hint = _("Go back, and follow a link or send the form again.")
        return problem_page(request, Problem(message, code="wrong_method", hint=hint, status=405))
    hint = _("Use one of %(methods)s.") % {"methods": allowed}
    return problem_response(Problem(message, code="wrong_method", hint=hint, status=405))


@sync_and_async_middleware
def early_release(get_response: Callable[[HttpRequest], Any]) -> Callable[[HttpRequest], Any]:
    """A request's thread gives its database connection back once its answer is made, not only once the client has read it to
    the end: as many slow clients as the pool has connections would keep everybody else waiting."""

    def passing(request: HttpRequest) -> HttpResponseBase:
        response: HttpResponseBase = get_response(request)
        release_connection()
        return response

    async def waiting(request: HttpRequest) -> HttpResponseBase:
        response: HttpResponseBase = await get_response(request)
        await sync_to_async(release_connection)()
        return response

    return waiting if iscoroutinefunction(get_response) else passing


NO_DEVICES = "camera=(), microphone=(), geolocation=()"


@sync_and_async_middleware
def answer_headers(get_response: Callable[[HttpRequest], Any]) -> Callable[[HttpRequest], Any]:
    """No page asks for the camera or the microphone, but those that say so themselves: a demo, a run's try-it box. No other site
    draws what is answered here into its pages, and what is for one person or program is kept by nobody on the way."""

    def passing(request: HttpRequest) -> HttpResponseBase:
        return with_headers(request, get_response(request))

    async def waiting(request: HttpRequest) -> HttpResponseBase:
        return with_headers(request, await get_response(request))

    return waiting if iscoroutinefunction(get_response) else passing


def with_headers(request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
    response.headers.setdefault("Permissions-Policy", NO_DEVICES)
    response.headers.setdefault("Cross-Origin-Resource-Policy", "same-origin")
    if is_personal(request):
        response.headers.setdefault("Cache-Control", "no-store")
    return response


def is_personal(request: HttpRequest) -> bool:
    """A call of the API, or a page that was made knowing who reads it. Asks the database nothing, which may be away: only a
    session that was read is looked at, in the place where Django keeps it."""
    read_session = getattr(getattr(request, "session", None), "_session_cache", None) or {}
    return request.path.startswith("/api/") or SESSION_KEY in read_session
