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


def membership_of(request: HttpRequest) -> Membership | None:
    if not request.user.is_authenticated:
        return None
    chosen = request.session.get("workspace")
    memberships = list(request.user.memberships.select_related("workspace")[:50])
    return next(
        (membership for membership in memberships if membership.workspace_id == chosen),
        memberships[0] if memberships else None,
    )


class WorkspaceMiddleware(PassingMiddleware):
    def prepare(self, request: HttpRequest) -> None:
        lazy = SimpleLazyObject(lambda: membership_of(request))
        cast(SiteRequest, request).membership = cast(Membership | None, lazy)


class ConfirmMiddleware(PassingMiddleware):
    """allauth has a page for each way to confirm; ours has them all, and serves those who have neither password nor factor."""

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponseBase | None:
        return confirming.ask(request) if isinstance(exception, ReauthenticationRequired) else None
