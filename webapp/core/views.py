"""Pages that belong to no app: health, and what is shown when something is refused."""

import sys

from django.conf import settings
from django.db import connection
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme, urlencode
from django.utils.translation import gettext as _
from django.views import defaults

from webapp.core.middleware import problem_page
from webapp.core.problem_responses import problem_response
from webapp.core.problems import Problem, problem_of
from webapp.core.redis import client


def healthz(request: HttpRequest) -> HttpResponse:
    """Answers while the process lives; touches nothing."""
    return HttpResponse("ok\n", content_type="text/plain")


def part(check: object) -> bool:
    try:
        return bool(check())  # type: ignore[operator]
    except Exception:
        return False


def database_answers() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1 FROM accounts_user WHERE 1 = 0")
    return True


def serving_answers() -> bool:
    import urllib.request

    with urllib.request.urlopen(settings.SERVING_URL + "/healthz", timeout=2) as response:  # noqa: S310
        return bool(response.status == 200)


def worker_answers() -> bool:
    return next(client().scan_iter("maquette:worker:*", count=500), None) is not None


def readyz(request: HttpRequest) -> JsonResponse:
    """JSON per part, 200 when all answer, else 503."""
    parts = {
        "database": part(database_answers),
        "redis": part(lambda: client().ping()),
        "worker": part(worker_answers),
        "serving": part(serving_answers),
    }
    return JsonResponse(
        {"ready": all(parts.values()), "parts": {name: "ok" if good else "down" for name, good in parts.items()}},
        status=200 if all(parts.values()) else 503,
    )


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """A form of a page from before somebody signed in or out: whoever is signed out gets a way back in."""
    signed_in = getattr(request, "user", None) is not None and request.user.is_authenticated
    hint = _("Reload it and try again.") if signed_in else _("Sign in, then send it again.")
    problem = Problem(_("This page was open too long, so nothing was sent."), code="csrf", hint=hint, status=403)
    before = request.headers.get("Referer", "")
    is_ours = url_has_allowed_host_and_scheme(before, {request.get_host()}, require_https=request.is_secure())
    address = f"{reverse('account_login')}?{urlencode({'next': before if is_ours else reverse('home')})}"
    context = {"problem": problem, "sign_in": None if signed_in else address}
    return render(request, "problem.html", context, status=403)


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    problem = Problem(
        _("This address or request cannot be read."),
        code="bad_request",
        hint=_("Go back, and follow a link or send the form again."),
        status=400,
    )
    if request.path.startswith("/api/"):
        return problem_response(problem)
    return render(request, "problem.html", {"problem": problem}, status=400)


def server_error(request: HttpRequest) -> HttpResponse:
    """Whatever was raised outside of a view, by a session that could not be read say."""
    problem = problem_of(sys.exc_info()[1] or Exception())
    if not isinstance(problem, Problem):
        return defaults.server_error(request)
    return problem_page(request, problem)
