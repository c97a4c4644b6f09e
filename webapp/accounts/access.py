"""Who may do what: the first line of every view.

`member` lets a signed-in member of a workspace in and sets `request.workspace`; `editor` also asks for the right to
change things. What is loaded afterwards is loaded through `for_workspace`, so an outsider's object is a 404.
"""

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar

from django.contrib.auth.decorators import login_required
from django.db.models import Model, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.utils.translation import gettext as _

from webapp.core.problems import Forbidden

View = Callable[..., HttpResponse]


def member(view: View) -> View:
    @login_required
    @wraps(view)
    def checked(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if not request.membership:
            raise Forbidden(_("You belong to no workspace."), hint=_("Ask its owner to invite you again."))
        request.workspace = request.membership.workspace
        if request.method not in ("GET", "HEAD") and not request.membership.can_edit:
            raise Forbidden(
                _("You may look at this workspace but not change it."), hint=_("Ask an owner for the editor role.")
            )
        return view(request, *args, **kwargs)

    return checked


M = TypeVar("M", bound=Model)


def load(objects: "type[M] | QuerySet[M]", workspace: Any, pk: str) -> M:
    """One object of this workspace; 404 for anybody else's."""
    queryset = objects if isinstance(objects, QuerySet) else objects._default_manager.all()  # type: ignore[attr-defined]
    found = queryset.filter(workspace=workspace, pk=pk).first()
    if found is None:
        raise Http404
    return found
