"""Puts the reader's workspace on the request. An anonymous reader has none."""

from typing import cast

from allauth.core.exceptions import ReauthenticationRequired
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils.functional import SimpleLazyObject

from webapp.accounts import confirming
from webapp.accounts.models import Membership
from webapp.accounts.requests import SiteRequest
from webapp.core.middleware import PassingMiddleware

MAX_LISTED = 50
"""Workspaces in the menu; the page of workspaces has them all."""


def memberships_of(request: HttpRequest) -> list[Membership]:
    """The reader's workspaces, the first joined first, as the menu lists them."""
    if not request.user.is_authenticated:
        return []
    memberships = request.user.memberships.select_related("workspace")
    listed = list(memberships[:MAX_LISTED])
    chosen = chosen_id(request)
    if len(listed) == MAX_LISTED and chosen and all(membership.workspace_id != chosen for membership in listed):
        listed += memberships.filter(workspace_id=chosen)
    for membership in listed:
        membership.user = request.user
    return listed


def chosen_id(request: HttpRequest) -> str | None:
    """The workspace that this session switched to, or that the person did before it began."""
    stored = getattr(request.user, "chosen_workspace_id", None)
    chosen: str | None = request.session.get("workspace") or stored
    return chosen


def open_one(request: HttpRequest, memberships: list[Membership]) -> Membership | None:
    """The chosen workspace if the reader still belongs to it, else the first."""
    chosen = chosen_id(request) if memberships else None
    first = memberships[0] if memberships else None
    return next((membership for membership in memberships if membership.workspace_id == chosen), first)


class WorkspaceMiddleware(PassingMiddleware):
    def prepare(self, request: HttpRequest) -> None:
        memberships = cast(list[Membership], SimpleLazyObject(lambda: memberships_of(request)))
        lazy = SimpleLazyObject(lambda: open_one(request, memberships))
        cast(SiteRequest, request).memberships = memberships
        cast(SiteRequest, request).membership = cast(Membership | None, lazy)


class ConfirmMiddleware(PassingMiddleware):
    """allauth has a page for each way to confirm; ours has them all, and serves those who have neither password nor factor."""

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponseBase | None:
        return confirming.ask(request) if isinstance(exception, ReauthenticationRequired) else None
