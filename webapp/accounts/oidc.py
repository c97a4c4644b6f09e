"""Signing in with a provider (OpenID Connect), by allauth.socialaccount.

An account here is adopted by its address only where both sides have verified it: the provider says so, and a link that was
mailed from here was opened. Otherwise somebody with that address at the provider, or somebody who signed up here with the
address of another, would get in. Whoever has an account signs in to it and connects the provider under Settings › Security.
"""

import logging
from typing import Any

from allauth.account.models import EmailAddress
from allauth.core.exceptions import ImmediateHttpResponse, SignupClosedException
from allauth.socialaccount.adapter import DefaultSocialAccountAdapter
from allauth.socialaccount.models import SocialAccount, SocialLogin
from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _

from webapp.accounts.actions import create_workspace
from webapp.accounts.models import User
from webapp.core.oidc import provider_name
from webapp.core.problems import Conflict

log = logging.getLogger(__name__)


def name() -> str:
    """The provider's, as buttons say it; empty where there is none."""
    return provider_name(settings.SOCIALACCOUNT_PROVIDERS)


def is_connected(user: User) -> bool:
    return bool(SocialAccount.objects.filter(user=user).exists())


def disconnect(user: User) -> None:
    """`Conflict` where nothing else would let them in."""
    if not user.has_usable_password() and not settings.MAIL_CONFIGURED:
        raise Conflict(_("You would have no way to sign in."), hint=_("Set a password first."))
    SocialAccount.objects.filter(user=user).delete()


class Adapter(DefaultSocialAccountAdapter):  # type: ignore[misc]  # allauth has no types
    def pre_social_login(self, request: HttpRequest, sociallogin: SocialLogin) -> None:
        if sociallogin.is_existing or sociallogin.state.get("process") == "connect":
            return
        email = (sociallogin.user.email or "").lower()
        verified = {address.email.lower() for address in sociallogin.email_addresses if address.verified is True}
        if not email or email not in verified:
            raise refused(request, _("%(name)s has not verified your email address.") % {"name": name()})
        user = User.objects.filter(email__iexact=email).first()
        if user is None:
            if not self.is_open_for_signup(request, sociallogin):
                raise SignupClosedException
            return
        if not EmailAddress.objects.filter(user=user, email__iexact=email, verified=True).exists():
            raise refused(request, _("This email has an account here already."))
        sociallogin.connect(request, user)

    def is_open_for_signup(self, request: HttpRequest, sociallogin: SocialLogin) -> bool:
        return bool(settings.SIGN_UP == "open")

    def save_user(self, request: HttpRequest, sociallogin: SocialLogin, form: object = None) -> Any:
        user = super().save_user(request, sociallogin, form)
        create_workspace(user)
        return user

    def get_connect_redirect_url(self, request: HttpRequest, socialaccount: SocialAccount) -> str:
        return reverse("security")

    def on_authentication_error(
        self, request: HttpRequest, provider: object, error: object = None, exception: object = None, **_more: Any
    ) -> None:
        log.warning("signing in with %s failed: %s %s", name(), error, type(exception).__name__)
        messages.error(request, _("Signing in with %(name)s did not work. Try again.") % {"name": name()})
        raise ImmediateHttpResponse(redirect("security" if request.user.is_authenticated else "account_login"))


def refused(request: HttpRequest, reason: str) -> ImmediateHttpResponse:
    hint = _("Sign in another way first, then connect %(name)s under Settings › Security.") % {"name": name()}
    messages.error(request, f"{reason} {hint}")
    return ImmediateHttpResponse(redirect("account_login"))
