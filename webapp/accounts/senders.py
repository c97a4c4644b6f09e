"""Who sends a request, told from its headers alone: asked before a large body is taken."""

from http.cookies import CookieError, SimpleCookie
from importlib import import_module

from asgiref.sync import sync_to_async
from django.conf import settings
from django.contrib.auth import get_user
from django.http import HttpRequest

from webapp.accounts.models import ApiToken
from webapp.core.connections import releases_connection


async def known(headers: list[tuple[bytes, bytes]]) -> bool:
    return await sync_to_async(has_account)(dict(headers))


@releases_connection
def has_account(headers: dict[bytes, bytes]) -> bool:
    """A working API token, or the session of somebody who is signed in."""
    kind, _space, token = headers.get(b"authorization", b"").decode("latin-1").partition(" ")
    if kind.lower() == "bearer":
        return ApiToken.find(token.strip()) is not None
    return signed_in(headers.get(b"cookie", b"").decode("latin-1"))


def signed_in(cookie: str) -> bool:
    try:
        morsel = SimpleCookie(cookie).get(settings.SESSION_COOKIE_NAME)
    except CookieError:
        return False
    if morsel is None:
        return False
    request = HttpRequest()
    request.session = import_module(settings.SESSION_ENGINE).SessionStore(morsel.value)
    return get_user(request).is_authenticated
