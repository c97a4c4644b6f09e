"""What is shown when something was refused before a view could say why."""

import sys

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme, urlencode
from django.utils.translation import gettext as _
from django.views import defaults

from webapp.accounts import security
from webapp.core.middleware import problem_page
from webapp.core.problem_responses import problem_response
from webapp.core.problems import Problem, problem_of


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """A form of a page from before somebody signed in or out: whoever is signed out gets a way back in."""
    signed_in = getattr(request, "user", None) is not None and request.user.is_authenticated
    if signed_in:
        security.record(request, "form_refused")
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


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """What lies in another workspace of the reader's own is offered there; to anybody else it is not there."""
    workspace_id, user = getattr(exception, "workspace_id", None), getattr(request, "user", None)
    if workspace_id and user is not None and user.is_authenticated:
        membership = user.memberships.select_related("workspace").filter(workspace_id=workspace_id).first()
        if membership is not None:
            address = request.get_full_path() if request.method in ("GET", "HEAD") else reverse("home")
            return render(
                request, "accounts/other_workspace.html", {"there": membership, "address": address}, status=404
            )
    return defaults.page_not_found(request, exception)


def server_error(request: HttpRequest) -> HttpResponse:
    """Whatever was raised outside of a view, by a session that could not be read say."""
    problem = problem_of(sys.exc_info()[1] or Exception())
    if not isinstance(problem, Problem):
        return defaults.server_error(request)
    return problem_page(request, problem)
