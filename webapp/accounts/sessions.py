"""Who is signed in where: each session is listed with its device and address, ends by itself when idle, and can be ended.

The rows are allauth's (`allauth.usersessions`). Its middleware writes one at every request and holds a thread for each stream, so
this is ours: once a minute a session, in the thread that the view runs in anyway.
"""

import time
from collections import OrderedDict
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing
from datetime import timedelta
from importlib import import_module
from threading import Lock
from typing import Any, cast

from allauth.usersessions.models import UserSession
from asgiref.sync import sync_to_async
from django.conf import settings
from django.contrib import messages
from django.contrib.auth import get_user, logout
from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, JsonResponse
from django.http.response import HttpResponseBase
from django.utils import timezone
from django.utils.translation import gettext as _

from webapp.accounts.access import page_of
from webapp.accounts.devices import describe_device
from webapp.accounts.models import Membership, User
from webapp.accounts.requests import SiteRequest
from webapp.core.clients import client_agent, client_ip
from webapp.core.connections import releases_connection
from webapp.core.middleware import PassingMiddleware

NOTED_SECONDS = 60
"""A session's last use is known to a minute."""
CHECK_SECONDS = 5
"""So long after it has ended a session still gets the events of a stream that was open."""
REMEMBERED = 10_000
NOWHERE = "0.0.0.0"  # noqa: S104  what stands for an address that is not known, as on a Unix socket


class Noted:
    """Which sessions this process has noted within the last minute."""

    def __init__(self) -> None:
        self.moments: OrderedDict[str, float] = OrderedDict()
        self.lock = Lock()

    def is_due(self, key: str) -> bool:
        now = time.monotonic()
        with self.lock:
            if now - self.moments.get(key, -NOTED_SECONDS) < NOTED_SECONDS:
                return False
            self.moments[key] = now
            self.moments.move_to_end(key)
            while len(self.moments) > REMEMBERED:
                self.moments.popitem(last=False)
        return True


noted = Noted()


class SessionMiddleware(PassingMiddleware):
    def process_view(
        self, request: HttpRequest, view: Callable[..., Any], args: Any, kwargs: Any
    ) -> HttpResponseBase | None:
        """Notes the session's use; signs out whoever comes back after the idle time-out."""
        if settings.SESSION_COOKIE_NAME not in request.COOKIES or not request.user.is_authenticated:
            return None
        key = request.session.session_key
        if not key or not noted.is_due(key):
            return None
        if note_use(request, key):
            return None
        next_page = page_of(request)
        logout(request)
        return signed_out(request, next_page)


def note_use(request: HttpRequest, key: str) -> bool:
    """False where the session was idle for too long."""
    session = UserSession.objects.filter(session_key=key).first()
    if session and is_idle(session):
        session.delete()
        return False
    use = {
        "user": request.user,
        "ip": client_ip(request) or NOWHERE,
        "user_agent": client_agent(request)[:200],
        "last_seen_at": timezone.now(),
    }
    UserSession.objects.update_or_create(session_key=key, defaults=use)
    return True


def is_idle(session: UserSession) -> bool:
    limit = settings.SESSION_IDLE_SECONDS
    return bool(limit) and session.last_seen_at < timezone.now() - timedelta(seconds=limit)


def signed_out(request: HttpRequest, next_page: str) -> HttpResponseBase:
    hours = f"{settings.SESSION_IDLE_SECONDS / 3600:g}"
    message = _("You were signed out after %(hours)s hours without activity.") % {"hours": hours}
    if request.headers.get("Accept", "").startswith("application/json"):
        return JsonResponse({"code": "signed_out", "detail": message}, status=401)
    messages.info(request, message)
    return redirect_to_login(next_page)


def listed_sessions(user: User, current: str | None) -> list[dict[str, Any]]:
    """[{id, device, address (None: not known), since, seen, is_current}], this one first, then the one last seen."""
    rows = sorted(UserSession.objects.purge_and_list(user), key=lambda row: row.last_seen_at, reverse=True)
    rows.sort(key=lambda row: row.session_key != current)
    return [
        {
            "id": row.pk,
            "device": describe_device(row.user_agent),
            "address": None if row.ip == NOWHERE else row.ip,
            "since": row.created_at,
            "seen": row.last_seen_at,
            "is_current": row.session_key == current,
        }
        for row in rows
    ]


def end_session(user: User, pk: int) -> UserSession | None:
    """The session of this person that was ended; None where there is no such one."""
    session: UserSession | None = UserSession.objects.filter(user=user, pk=pk).first()
    if session:
        session.end()
    return session


def end_sessions(user: User, but: str | None = None) -> int:
    """All sessions of a person that are known, but the one of this key; how many they were."""
    sessions = list(UserSession.objects.filter(user=user).exclude(session_key=but or ""))
    for session in sessions:
        session.end()
    return len(sessions)


async def while_signed_in(request: SiteRequest, stream: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """The stream, until the session has ended, or its owner may no longer see the workspace."""
    session_key = request.session.session_key
    workspace_id = request.membership.workspace_id if request.membership else None
    checked = time.monotonic()
    async with aclosing(cast(AsyncGenerator[bytes], stream)):
        async for part in stream:
            yield part
            if time.monotonic() - checked >= CHECK_SECONDS:
                checked = time.monotonic()
                if not await sync_to_async(may_listen, thread_sensitive=False)(session_key, workspace_id):
                    return


@releases_connection
def may_listen(session_key: str | None, workspace_id: str | None) -> bool:
    request = HttpRequest()
    request.session = import_module(settings.SESSION_ENGINE).SessionStore(session_key)
    user = get_user(request)
    return user.is_authenticated and Membership.objects.filter(user=user, workspace_id=workspace_id).exists()
