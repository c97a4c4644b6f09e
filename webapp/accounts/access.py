"""The first line of every view: who is let in (`webapp.accounts.rights`), and whose objects are loaded.

`member` and `needs` let a signed-in member of a workspace in and set `request.workspace`. What is loaded afterwards is loaded
through `for_workspace`, so an outsider's object is a 404.
"""

from collections.abc import Callable
from functools import wraps
from typing import Concatenate, ParamSpec, Protocol, TypeVar, cast

from django.contrib.auth.views import redirect_to_login
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from webapp.accounts.factors import check_factor, lacks_factor
from webapp.accounts.models import Workspace
from webapp.accounts.requests import AuthedRequest
from webapp.accounts.rights import READING, Right, check, right_for
from webapp.core.forms import refused_on
from webapp.core.models import WorkspaceOwned
from webapp.core.problems import Conflict, Forbidden

P = ParamSpec("P")
View = Callable[Concatenate[AuthedRequest, P], HttpResponseBase]
Guarded = Callable[Concatenate[HttpRequest, P], HttpResponseBase]
M = TypeVar("M", bound=WorkspaceOwned)


class Guard(Protocol):
    """`member`, `person`, or `needs` a right."""

    def __call__(self, view: View[P], /) -> Guarded[P]: ...


def needs(changing: Right, *, reading: Right | None = None) -> Callable[[View[P]], Guarded[P]]:
    """The first line of a page: lets in a signed-in member with this right, and sets `request.workspace`.

    `reading`: the right that a GET needs where it is another one, as on a page that shows a form to all and takes it from some.
    """

    def decorate(view: View[P]) -> Guarded[P]:
        @wraps(view)
        def checked(anybody: HttpRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
            request = cast(AuthedRequest, anybody)
            if not request.user.is_authenticated:
                return redirect_to_login(page_of(request))
            if not request.membership:
                raise Forbidden(
                    _("You belong to no workspace."), hint=_("Create one at /workspaces, or ask to be invited.")
                )
            request.workspace = request.membership.workspace
            if lacks_factor(request.user, request.workspace):
                return lead_to_factor(request)
            check_is_open(request)
            check(request.membership, right_for(request.method, changing, reading))
            return view(request, *args, **kwargs)

        return checked

    return decorate


def lead_to_factor(request: AuthedRequest) -> HttpResponseBase:
    """To the page where one is set up; `FactorNeeded` for a form, htmx and programs, whose sender sees no other page."""
    if request.method not in READING or getattr(request, "htmx", False):
        check_factor(request.user, request.workspace)
    return redirect("security")


def check_is_open(request: AuthedRequest) -> None:
    """`Conflict` where a form comes from a page of another workspace (`_workspace_field.html`) than the one that was opened
    meanwhile, in another tab say: what it says of the workspace as a whole would be done to the wrong one."""
    meant = request.POST.get("workspace_id") if request.method == "POST" else None
    if meant and meant != request.workspace.pk:
        raise Conflict(
            _("You switched to another workspace meanwhile, so nothing was changed."),
            code="other_workspace",
            hint=_("Switch back, then send it again."),
        )


def member(view: View[P]) -> Guarded[P]:
    """The usual page: whoever belongs to the workspace reads it, whoever may edit sends its forms."""
    return needs(Right.EDIT, reading=Right.VIEW)(view)


def person(view: View[P]) -> Guarded[P]:
    """Lets whoever is signed in change what is their own, whatever their role; `request.workspace` is not set."""

    @wraps(view)
    def checked(anybody: HttpRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
        if not anybody.user.is_authenticated:
            return redirect_to_login(page_of(anybody))
        return view(cast(AuthedRequest, anybody), *args, **kwargs)

    return checked


def form_on(
    page: str, arguments: Callable[..., list[str]] | None = None, guard: Guard = member
) -> Callable[[Callable[Concatenate[AuthedRequest, P], HttpResponse]], Guarded[P]]:
    """A view that takes a form of a page, and nothing but POSTs: `guard` says who is let in, `refused_on` what becomes of a form
    that is refused."""

    def decorate(view: Callable[Concatenate[AuthedRequest, P], HttpResponse]) -> Guarded[P]:
        return guard(require_POST(refused_on(page, arguments)(view)))

    return decorate


def page_of(request: HttpRequest) -> str:
    """Where to go on after signing in: the page asked for, or the one that the form stood on."""
    if request.method in READING:
        return request.get_full_path()
    before = request.headers.get("Referer", "")
    if not url_has_allowed_host_and_scheme(before, {request.get_host()}, require_https=request.is_secure()):
        return reverse("home")
    return before


class NotInWorkspace(Http404):
    """There is no such object in the open workspace; `workspace_id` is that of the object, None where there is none at all. What
    a stranger is shown is the same either way."""

    def __init__(self, workspace_id: str | None) -> None:
        super().__init__()
        self.workspace_id = workspace_id


def load(objects: type[M] | QuerySet[M], workspace: Workspace, pk: str) -> M:
    """One object of this workspace; 404 for anybody else's."""
    queryset = objects if isinstance(objects, QuerySet) else cast(QuerySet[M], objects._default_manager.all())
    row = queryset.filter(workspace=workspace, pk=pk).first()
    if row is None:
        raise NotInWorkspace(queryset.filter(pk=pk).values_list("workspace_id", flat=True).first())
    return row
