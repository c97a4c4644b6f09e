"""To the provider and back: signing in is a link, connecting an account a form, so that nobody else's page connects one."""

from typing import cast

import requests
from allauth.core.exceptions import ImmediateHttpResponse
from allauth.socialaccount.adapter import get_adapter
from allauth.socialaccount.providers.oauth2.client import OAuth2Error
from allauth.socialaccount.providers.openid_connect.views import callback
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from webapp.accounts import oidc
from webapp.accounts.access import form_on, person
from webapp.accounts.confirming import confirmed
from webapp.accounts.requests import AuthedRequest
from webapp.accounts.security import record
from webapp.core.oidc import PROVIDER
from webapp.core.problems import Unavailable


@require_GET
def provider_sign_in(request: HttpRequest) -> HttpResponseBase:
    after = request.GET.get("next", "")
    allowed = url_has_allowed_host_and_scheme(after, {request.get_host()}, request.is_secure())
    return redirect(address_at_provider(request, "login", after if allowed else None))


@require_GET
def provider_callback(request: HttpRequest, provider_id: str) -> HttpResponseBase:
    """Where the provider sends people back to. What it then answers wrongly, or not at all, is not theirs to mend."""
    if not oidc.name():
        raise Http404
    try:
        answer: HttpResponseBase = callback(request, provider_id)
    except (requests.RequestException, OAuth2Error, ValueError, KeyError) as error:
        try:
            get_adapter().on_authentication_error(request, None, exception=error)
        except ImmediateHttpResponse as immediate:
            return cast(HttpResponseBase, immediate.response)
        raise
    return answer


@form_on("security", guard=person)
@confirmed
def connect_provider(request: AuthedRequest) -> HttpResponse:
    """A page that leads there: a form may not be answered by another site's address (content security policy)."""
    address = address_at_provider(request, "connect", None)
    return render(request, "account/to_provider.html", {"address": address, "name": oidc.name()})


@form_on("security", guard=person)
@confirmed
def disconnect_provider(request: AuthedRequest) -> HttpResponse:
    oidc.disconnect(request.user)
    record(request, "provider_disconnected")
    messages.success(request, _("%(name)s no longer signs you in.") % {"name": oidc.name()})
    return redirect("security")


def address_at_provider(request: HttpRequest, process: str, after: str | None) -> str:
    """`Unavailable` while the provider does not answer."""
    if not oidc.name():
        raise Http404
    try:
        provider = get_adapter().get_provider(request, PROVIDER)
        answer = provider.redirect(request, process, next_url=after)
    except (requests.RequestException, OAuth2Error, ValueError, KeyError, ImmediateHttpResponse) as error:
        raise Unavailable(
            _("%(name)s is not responding.") % {"name": oidc.name()},
            hint=_("Try again in a minute, or sign in another way."),
        ) from error
    return str(answer["Location"])
