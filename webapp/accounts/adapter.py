"""Where allauth meets our workspaces: whoever signs up gets one, where SIGN_UP lets them."""

from typing import Any
from urllib.parse import urlsplit

from allauth.account.adapter import DefaultAccountAdapter
from allauth.core import context
from django.conf import settings
from django.core.exceptions import ValidationError
from django.http import HttpRequest

from webapp.accounts import signup
from webapp.accounts.actions import create_workspace
from webapp.accounts.confirming import check_confirmed
from webapp.accounts.models import User
from webapp.accounts.security import record
from webapp.accounts.security_signals import mail_sent


class AccountAdapter(DefaultAccountAdapter):  # type: ignore[misc]  # allauth has no types
    def send_mail(self, template_prefix: str, email: str, context: dict[str, Any]) -> None:
        """Links lead to PUBLIC_URL. allauth makes them from the Host header, which is whatever the asker wrote, so that a mail
        to somebody else could carry a link to the asker's own server."""
        links = {name: at_public_url(value) for name, value in context.items() if name.endswith("_url")}
        super().send_mail(template_prefix, email, context | links)
        mail_sent(self.request, template_prefix, email)

    def pre_authenticate(self, request: HttpRequest, **credentials: Any) -> None:
        try:
            super().pre_authenticate(request, **credentials)
        except ValidationError:  # too many attempts, which the form says under status 200
            record(request, "rate_limited", email=str(credentials.get("email", "")), text="sign-in")
            raise

    def is_reauthentication_required(self, *, app: str = "", **_more: Any) -> bool:
        """By our own page: allauth lets everybody pass who has neither a password nor a factor."""
        check_confirmed(context.request)
        return False

    def get_login_stages(self) -> list[str]:
        ours = {"allauth.mfa.stages.AuthenticateStage": "webapp.accounts.login_stages.SecondFactorStage"}
        return [ours.get(stage, stage) for stage in super().get_login_stages()]

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return signup.is_open()

    def save_user(self, request: HttpRequest, user: User, form: object, commit: bool = True) -> Any:
        user = super().save_user(request, user, form, commit)
        if commit:
            create_workspace(user)
        return user


def at_public_url(link: str) -> str:
    """The same path and query on the site's own address."""
    parts = urlsplit(link)
    public: str = settings.PUBLIC_URL
    return public + parts._replace(scheme="", netloc="").geturl()
