"""Who may open a demo, and the page that everybody else gets: in the founder's name, with whom to ask.

What somebody learns depends on the link that they were given: one that was revoked, has expired or opens nothing for
strangers says so. Without such a link a demo that is not public looks like one that does not exist.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import Concatenate, ParamSpec

from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext as _

from webapp.accounts.factors import lacks_factor
from webapp.accounts.requests import SiteRequest
from webapp.core.problems import Problem
from webapp.costs.gate import month
from webapp.endpoints.addresses import demo_url
from webapp.endpoints.models import Endpoint, ShareLink, Status, Visibility

PAUSED_RETRY_SECONDS, STARTING_RETRY_SECONDS = 300, 5

P = ParamSpec("P")


@dataclass
class Closed(Exception):  # noqa: N818  not an error
    """A demo that this visitor cannot open: what the page says, and under which status."""

    status: int
    heading: str
    lead: str
    owner: str = ""
    retry_after: int | None = None
    may_sign_in: bool = False

    def as_problem(self) -> Problem:
        return Problem(self.heading, hint=self.lead, status=self.status, code="closed")


def unknown() -> Closed:
    """The same words whether there is no such demo or none for strangers."""
    return Closed(
        404,
        _("This link doesn’t open a demo"),
        _("Check that you have the complete link, or ask the person who sent it to you."),
        may_sign_in=True,
    )


def link_ended(link: ShareLink, owner: str) -> Closed:
    ask = _("Ask %(owner)s, or the person who sent it to you, for a new link.") % {"owner": owner}
    if link.revoked_at:
        return Closed(410, _("This link has been turned off"), ask, owner)
    return Closed(410, _("This link has expired"), ask, owner)


def members_only(owner: str) -> Closed:
    lead = _("Sign in if you are a member, or ask %(owner)s for access.") % {"owner": owner}
    return Closed(403, _("Only members of %(owner)s can open this demo") % {"owner": owner}, lead, owner, None, True)


def paused(owner: str) -> Closed:
    lead = _("Contact %(owner)s, or the person who sent you the link, to have it resumed.") % {"owner": owner}
    return Closed(503, _("This demo is paused"), lead, owner, PAUSED_RETRY_SECONDS)


def starting(owner: str) -> Closed:
    return Closed(
        503, _("This demo is getting ready"), _("This page opens it in a moment."), owner, STARTING_RETRY_SECONDS
    )


def broken(owner: str) -> Closed:
    lead = _("Contact %(owner)s, or the person who sent you the link.") % {"owner": owner}
    return Closed(503, _("This demo is not available"), lead, owner, PAUSED_RETRY_SECONDS)


def is_member(request: SiteRequest, endpoint: Endpoint) -> bool:
    """Whichever of their workspaces the visitor has open; nobody without the second factor that the workspace demands."""
    if not request.user.is_authenticated or not request.membership:
        return False
    if lacks_factor(request.user, endpoint.workspace):
        return False
    if request.membership.workspace_id == endpoint.workspace_id:
        return True
    return request.user.memberships.filter(workspace_id=endpoint.workspace_id).exists()


def admit(request: SiteRequest, slug: str) -> tuple[Endpoint, ShareLink | None]:
    """The endpoint and the link that this visitor came by; `Closed` where they may not see it."""
    endpoint = Endpoint.objects.select_related("current__run", "workspace", "prototype").filter(slug=slug).first()
    if endpoint is None:
        raise unknown()
    token = request.POST.get("link") or request.GET.get("link", "")
    link = ShareLink.objects.filter(endpoint=endpoint, token=token).first() if token else None
    working = link if link and link.works else None
    if is_member(request, endpoint) or endpoint.visibility == Visibility.PUBLIC:
        return endpoint, working
    if link is None:
        raise unknown()
    if working is None:
        raise link_ended(link, endpoint.workspace.name)
    if endpoint.visibility != Visibility.LINK:
        raise members_only(endpoint.workspace.name)
    return endpoint, working


def paused_by_budget(endpoint: Endpoint) -> bool:
    return endpoint.status == Status.LIVE and month(endpoint.workspace).is_spent


@dataclass(frozen=True)
class Opening:
    """Whom the demo opens for: `link` or `public` with the address to send, `members`, or `nobody` (every link has ended)."""

    kind: str
    address: str | None = None


def opening(endpoint: Endpoint) -> Opening:
    if endpoint.visibility == Visibility.PRIVATE:
        return Opening("members")
    if endpoint.visibility == Visibility.LINK and not any(link.works for link in endpoint.links.all()):
        return Opening("nobody")
    return Opening(str(endpoint.visibility), demo_url(endpoint))


def check_answers(endpoint: Endpoint) -> None:
    """`Closed` while nobody can ask this demo anything."""
    owner = endpoint.workspace.name
    if endpoint.status == Status.OFF or paused_by_budget(endpoint):
        raise paused(owner)
    if endpoint.status == Status.DEPLOYING or (endpoint.status == Status.LIVE and endpoint.current is None):
        raise starting(owner)
    if endpoint.status == Status.FAILED:
        raise broken(owner)


def for_visitors(
    view: Callable[Concatenate[SiteRequest, P], HttpResponseBase],
) -> Callable[Concatenate[SiteRequest, P], HttpResponseBase]:
    """Answers `Closed` with its page; where htmx swaps a part of the page, with the sentence alone."""

    @wraps(view)
    def checked(request: SiteRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
        try:
            return view(request, *args, **kwargs)
        except Closed as closed:
            return closed_page(request, closed)

    return checked


def closed_page(request: SiteRequest, closed: Closed) -> HttpResponseBase:
    if request.htmx:
        response = render(request, "problem.html", {"problem": closed.as_problem()}, status=closed.status)
    else:
        sign_in = f"{reverse('account_login')}?{urlencode({'next': request.get_full_path()})}"
        shows_sign_in = closed.may_sign_in and not request.user.is_authenticated
        context = {"closed": closed, "sign_in": sign_in if shows_sign_in else None}
        response = render(request, "endpoints/closed.html", context, status=closed.status)
    response["Cache-Control"] = "no-store"
    if closed.retry_after:
        response["Retry-After"] = str(closed.retry_after)
        if closed.retry_after == STARTING_RETRY_SECONDS and request.method == "GET":
            response["Refresh"] = str(closed.retry_after)
    return response
