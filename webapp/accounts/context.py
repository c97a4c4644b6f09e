"""In every page: `may_sign_up`, whether strangers may make an account here, and `mail_configured`."""

from django.conf import settings
from django.http import HttpRequest


def sign_up(request: HttpRequest) -> dict[str, bool]:
    return {"may_sign_up": settings.SIGN_UP == "open", "mail_configured": settings.MAIL_CONFIGURED}
