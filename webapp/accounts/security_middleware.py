"""Puts the request at hand where the security log finds it, and records what was refused, whoever refused it."""

import logging
from collections.abc import Callable
from typing import Any

from asgiref.sync import iscoroutinefunction, sync_to_async
from django.db import DatabaseError
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils.decorators import sync_and_async_middleware

from webapp.accounts.models import ApiToken, Workspace, hashed
from webapp.accounts.security import is_recorded, record, request_at_hand, signed_in_user

log = logging.getLogger(__name__)
REFUSALS = {401: "token_refused", 403: "access_refused", 429: "rate_limited"}


@sync_and_async_middleware
def security_log(get_response: Callable[[HttpRequest], Any]) -> Callable[[HttpRequest], Any]:
    def passing(request: HttpRequest) -> HttpResponseBase:
        token = request_at_hand.set(request)
        try:
            response: HttpResponseBase = get_response(request)
            if response.status_code in REFUSALS:
                record_refusal(request, response.status_code)
            return response
        finally:
            request_at_hand.reset(token)

    async def waiting(request: HttpRequest) -> HttpResponseBase:
        token = request_at_hand.set(request)
        try:
            response: HttpResponseBase = await get_response(request)
            if response.status_code in REFUSALS:
                await sync_to_async(record_refusal)(request, response.status_code)
            return response
        finally:
            request_at_hand.reset(token)

    return waiting if iscoroutinefunction(get_response) else passing


def record_refusal(request: HttpRequest, status: int) -> None:
    """Unless the request has left an event already, such as a wrong password. A visitor without an account who may not open
    something has met a closed door, not a right; nor is a call without any token the use of one."""
    try:
        record_once(request, status)
    except DatabaseError as error:  # the refusal stands, whether it could be noted or not
        log.warning("a refusal could not be recorded: %s", type(error).__name__)


def record_once(request: HttpRequest, status: int) -> None:
    if is_recorded(request):
        return
    if (status == 401 and not carries_token(request)) or (status == 403 and signed_in_user(request) is None):
        return
    if status == 401:
        record_refused_token(request)
    else:
        record(request, REFUSALS[status], workspace=workspace_of(request), subject="address", text=route_of(request))


def carries_token(request: HttpRequest) -> bool:
    return request.headers.get("Authorization", "").lower().startswith("bearer ")


def record_refused_token(request: HttpRequest) -> None:
    """One that was revoked, has expired or is a former member's is somebody's, and its workspace is told of it."""
    secret = request.headers["Authorization"].partition(" ")[2].strip()
    api_token = ApiToken.objects.select_related("user", "workspace").filter(digest=hashed(secret)).first()
    if api_token is None:
        record(request, "token_refused")
        return
    record(
        *(request, "token_refused"),
        user=api_token.user,
        workspace=api_token.workspace,
        subject="token",
        subject_id=api_token.pk,
        text=api_token.name,
    )


def workspace_of(request: HttpRequest) -> Workspace | None:
    """The one that a member looked at, or a token is of."""
    if signed_in_user(request) is None:
        return None
    membership = getattr(request, "membership", None)
    workspace = getattr(request, "workspace", None)
    return workspace or (membership.workspace if membership else None)


def route_of(request: HttpRequest) -> str:
    """The pattern of the address, which holds no secret that stands in an address: `settings/tokens/<str:pk>/revoke`."""
    match = getattr(request, "resolver_match", None)
    return f"{request.method} /{match.route if match else ''}"[:200]
