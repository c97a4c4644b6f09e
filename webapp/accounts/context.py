"""In every page: `may_sign_up`, whether strangers may make an account here, `mail_configured`, and `provider_name` to sign in with."""

from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest

from webapp.accounts import signup
from webapp.core.oidc import provider_name


def sign_up(request: HttpRequest) -> dict[str, bool | str | Callable[[], bool]]:
    return {
        "may_sign_up": signup.is_open,
        "mail_configured": settings.MAIL_CONFIGURED,
        "provider_name": provider_name(settings.SOCIALACCOUNT_PROVIDERS),
    }
