"""“Confirm it’s you”: before what somebody at an unlocked screen, or with a stolen session, must not do.

Signing in counts, for `REAUTHENTICATION_SECONDS`. After that a view under `@confirmed` sends the person to one page that takes
whatever they have: password, code, passkey, or a fresh sign-in link. A form that was sent is kept meanwhile, without its
passwords, and done once they have confirmed; a page that was asked for is opened.
"""

import time
from collections.abc import Callable
from functools import wraps
from typing import Concatenate, ParamSpec, TypeVar, cast
from urllib.parse import urlsplit

from allauth.core.exceptions import ReauthenticationRequired
from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse, QueryDict
from django.http.response import HttpResponseBase
from django.urls import resolve, reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _

from webapp.core.forms import page_before

P = ParamSpec("P")
RequestKind = TypeVar("RequestKind", bound=HttpRequest)
Answer = TypeVar("Answer", bound=HttpResponseBase)
MOMENT, PENDING = "confirmed_at", "confirm"
MAX_KEPT = 8_000
"""Characters of a form that is kept; a longer one has to be sent again."""


def note_confirmation(request: HttpRequest) -> None:
    request.session[MOMENT] = int(time.time())


def is_confirmed(request: HttpRequest) -> bool:
    moment = request.session.get(MOMENT, 0)
    return isinstance(moment, int) and 0 <= time.time() - moment < settings.REAUTHENTICATION_SECONDS


def confirmed(
    view: Callable[Concatenate[RequestKind, P], Answer],
) -> Callable[Concatenate[RequestKind, P], Answer]:
    """Lets in whoever has confirmed lately that it is them. Stands below `@member` or `@person`."""

    @wraps(view)
    def checked(request: RequestKind, /, *args: P.args, **kwargs: P.kwargs) -> Answer:
        check_confirmed(request)
        return view(request, *args, **kwargs)

    return checked


def confirmed_download(page: str) -> Callable[[Callable[P, HttpResponseBase]], Callable[P, HttpResponseBase]]:
    """The same for a download, which is not a page to come back to: the link to it stands on `page`, and is pressed again there."""

    def decorate(view: Callable[P, HttpResponseBase]) -> Callable[P, HttpResponseBase]:
        @wraps(view)
        def checked(*args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
            request = cast(HttpRequest, args[0])
            if is_confirmed(request):
                return view(*args, **kwargs)
            request.session[PENDING] = {"page": reverse(page), "action": "", "form": "", "again": True}
            return HttpResponseRedirect(reverse("confirm"))

        return checked

    return decorate


def check_confirmed(request: HttpRequest) -> None:
    """`ReauthenticationRequired`, which the middleware answers with `ask`, unless it was confirmed lately."""
    if not is_confirmed(request):
        raise ReauthenticationRequired


def ask(request: HttpRequest) -> HttpResponseBase:
    """To the page that asks, keeping what was to be done."""
    keep(request)
    address = reverse("confirm")
    if getattr(request, "htmx", False):
        return HttpResponse(status=204, headers={"HX-Redirect": address})
    if request.headers.get("Accept", "").startswith("application/json"):
        detail = _("Confirm first that it is you.")
        return JsonResponse({"code": "confirm", "detail": detail, "hint": address}, status=403)
    return HttpResponseRedirect(address)


def keep(request: HttpRequest) -> None:
    page = request.get_full_path() if request.method in ("GET", "HEAD") else address_of_form(request)
    pending = {"page": page, "action": "", "form": ""}
    if request.method == "POST":
        form = request.POST.copy()
        secret = [name for name in form if "password" in name]
        for name in (*secret, "csrfmiddlewaretoken"):
            form.pop(name, None)
        text = form.urlencode()
        if not secret and not request.FILES and len(text) <= MAX_KEPT:
            pending |= {"action": request.get_full_path(), "form": text}
    request.session[PENDING] = pending


def address_of_form(request: HttpRequest) -> str:
    """The page that a form stood on, as the browser names it."""
    before = page_before(request)
    address = before._replace(scheme="", netloc="").geturl()
    is_ours = url_has_allowed_host_and_scheme(before.geturl(), {request.get_host()}, request.is_secure())
    return address if is_ours and address else reverse("settings")


def has_form(request: HttpRequest) -> bool:
    return bool(request.session.get(PENDING, {}).get("action"))


def resume(request: HttpRequest) -> HttpResponse:
    """Do what was kept, else open the page: at once, since a form holds no secret and its CSRF token was checked when it came."""
    note_confirmation(request)
    pending = request.session.pop(PENDING, None) or {"page": reverse("security"), "action": "", "form": ""}
    if pending.get("again"):
        messages.info(request, _("Thank you. Now start the download."))
    if not pending["action"]:
        return HttpResponseRedirect(pending["page"])
    address = urlsplit(pending["action"])
    match = resolve(address.path)
    request.POST = QueryDict(pending["form"])
    request.path = request.path_info = address.path
    request.META["QUERY_STRING"], request.GET = address.query, QueryDict(address.query)
    request.META["HTTP_REFERER"] = settings.PUBLIC_URL + pending["page"]
    request.resolver_match = match
    answer: HttpResponse = match.func(request, *match.args, **match.kwargs)
    return answer
