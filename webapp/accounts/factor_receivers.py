"""What happens to second factors and to the provider goes into the security log."""

from typing import Any

from allauth.mfa import signals
from allauth.mfa.models import Authenticator
from allauth.socialaccount.models import SocialLogin
from allauth.socialaccount.signals import social_account_added
from django.dispatch import receiver
from django.http import HttpRequest

from webapp.accounts.models import User
from webapp.accounts.security import record

APP, PASSKEY, CODES = Authenticator.Type.TOTP, Authenticator.Type.WEBAUTHN, Authenticator.Type.RECOVERY_CODES
ADDED = {APP: "factor_added", PASSKEY: "passkey_added", CODES: "recovery_codes_made"}
REMOVED = {APP: "factor_removed", PASSKEY: "passkey_removed"}


@receiver(signals.authenticator_added)
@receiver(signals.authenticator_reset)
def record_added(request: HttpRequest, user: User, authenticator: Authenticator, **_signal: Any) -> None:
    record(request, ADDED[authenticator.type], user=user)


@receiver(signals.authenticator_removed)
def record_removed(request: HttpRequest, user: User, authenticator: Authenticator, **_signal: Any) -> None:
    if authenticator.type in REMOVED:
        record(request, REMOVED[authenticator.type], user=user)


@receiver(signals.authenticator_used)
def record_used(request: HttpRequest, user: User, authenticator: Authenticator, **_signal: Any) -> None:
    if authenticator.type == CODES:
        record(request, "recovery_code_used", user=user)


@receiver(signals.authentication_failed)
def record_failed(request: HttpRequest, user: User, **_signal: Any) -> None:
    record(request, "factor_failed", user=user)


@receiver(social_account_added)
def record_connected(request: HttpRequest, sociallogin: SocialLogin, **_signal: Any) -> None:
    record(request, "provider_connected", user=sociallogin.user)
