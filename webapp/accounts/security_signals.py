"""What allauth and Django do with accounts, as events of the security log."""

from collections.abc import Mapping
from typing import Any

from allauth.account import signals as allauth_signals
from django.contrib.auth.signals import user_logged_out, user_login_failed
from django.dispatch import receiver
from django.http import HttpRequest

from webapp.accounts.models import User
from webapp.accounts.security import record, signed_in_user

METHODS = "account_authentication_methods"
"""Where allauth keeps, in the session, how somebody has shown who they are."""
LINK = "link"
"""Of these methods, the sign-in link; the others are allauth's own: password, mfa, socialaccount."""


@receiver(allauth_signals.user_logged_in)
def signed_in(request: HttpRequest, user: User, **details: object) -> None:
    """Once every step is done: after a password or a link the second factor, where there is one."""
    methods = [str(step.get("method", "")) for step in request.session.get(METHODS) or []]
    verb = "signed_in_by_link" if LINK in methods else "signed_in"
    record(request, verb, user=user, text=", ".join(dict.fromkeys(filter(None, methods))))


@receiver(user_login_failed)
def sign_in_failed(credentials: Mapping[str, Any], request: HttpRequest | None = None, **details: object) -> None:
    """Whoever is signed in already was asked to show once more who they are."""
    if signed_in_user(request):
        record(request, "reauthentication_failed")
        return
    given = str(credentials.get("email") or credentials.get("username") or "")
    record(request, "sign_in_failed", user=User.objects.filter(email__iexact=given).first(), email=given)


@receiver(user_logged_out)
def signed_out(request: HttpRequest, user: User | None, **details: object) -> None:
    if user is not None and user.pk:
        record(request, "signed_out", user=user)


@receiver(allauth_signals.user_signed_up)
def signed_up(request: HttpRequest, user: User, **details: object) -> None:
    record(request, "signed_up", user=user)


@receiver(allauth_signals.password_changed)
def password_changed(request: HttpRequest, user: User, **details: object) -> None:
    record(request, "password_changed", user=user)


@receiver(allauth_signals.password_set)
def password_set(request: HttpRequest, user: User, **details: object) -> None:
    record(request, "password_set", user=user)


@receiver(allauth_signals.password_reset)
def password_reset(request: HttpRequest, user: User, **details: object) -> None:
    record(request, "password_reset", user=user)


def mail_sent(request: HttpRequest | None, template_prefix: str, email: str) -> None:
    """Of a password that somebody wants to reset allauth tells nobody but the mailbox: both mails are of the same event."""
    if template_prefix in ("account/email/password_reset_key", "account/email/unknown_account"):
        user = User.objects.filter(email__iexact=email).first()
        record(request, "password_reset_requested", user=user, email=email)
