"""Who may do what: the first line of every view.

`member` lets a signed-in member of a workspace in and sets `request.workspace`; `editor` also asks for the right to
change things. What is loaded afterwards is loaded through `for_workspace`, so an outsider's object is a 404.
"""

from collections.abc import Callable
from functools import wraps
from typing import Concatenate, ParamSpec, TypeVar, cast

from django.contrib.auth.views import redirect_to_login
from django.db.models import QuerySet
from django.http import Http404, HttpRequest
from django.http.response import HttpResponseBase
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _

from webapp.accounts.models import Role, Workspace
from webapp.accounts.requests import AuthedRequest
from webapp.core.models import WorkspaceOwned
from webapp.core.problems import Forbidden

P = ParamSpec("P")
M = TypeVar("M", bound=WorkspaceOwned)


def member(
    view: Callable[Concatenate[AuthedRequest, P], HttpResponseBase],
) -> Callable[Concatenate[HttpRequest, P], HttpResponseBase]:
    @wraps(view)
    def checked(anybody: HttpRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
        request = cast(AuthedRequest, anybody)
        if not request.user.is_authenticated:
            return redirect_to_login(page_of(request))
        if not request.membership:
            raise Forbidden(_("You belong to no workspace."), hint=_("Ask its owner to invite you again."))
        request.workspace = request.membership.workspace
        if request.method not in ("GET", "HEAD") and not request.membership.can_edit:
            raise Forbidden(
                _("You can view this workspace but not change it."), hint=_("Ask an owner for the editor role.")
            )
        return view(request, *args, **kwargs)

    return checked


def person(
    view: Callable[Concatenate[AuthedRequest, P], HttpResponseBase],
) -> Callable[Concatenate[HttpRequest, P], HttpResponseBase]:
    """Lets whoever is signed in change what is their own, whatever their role; `request.workspace` is not set."""

    @wraps(view)
    def checked(anybody: HttpRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
        if not anybody.user.is_authenticated:
            return redirect_to_login(page_of(anybody))
        return view(cast(AuthedRequest, anybody), *args, **kwargs)

    return checked


def check_owner(request: AuthedRequest) -> None:
    if request.membership.role != Role.OWNER:
        raise Forbidden(_("Only an owner can do this."), hint=_("Ask an owner of this workspace."))


def page_of(request: HttpRequest) -> str:
    """Where to go on after signing in: the page asked for, or the one that the form stood on."""
    if request.method in ("GET", "HEAD"):
        return request.get_full_path()
    before = request.headers.get("Referer", "")
    if not url_has_allowed_host_and_scheme(before, {request.get_host()}, require_https=request.is_secure()):
        return reverse("home")
    return before


def load(objects: type[M] | QuerySet[M], workspace: Workspace, pk: str) -> M:
    """One object of this workspace; 404 for anybody else's."""
    queryset = objects if isinstance(objects, QuerySet) else cast(QuerySet[M], objects._default_manager.all())
    row = queryset.filter(workspace=workspace, pk=pk).first()
    if row is None:
        raise Http404
    return row
