"""`may_sign_up` in every page: whether strangers may make an account here."""

from django.conf import settings
from django.http import HttpRequest


def sign_up(request: HttpRequest) -> dict[str, bool]:
    return {"may_sign_up": settings.SIGN_UP == "open"}
