"""Where allauth meets our workspaces: whoever signs up gets one, where SIGN_UP lets them."""

from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from django.conf import settings
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from webapp.accounts.actions import create_workspace
from webapp.accounts.models import User


class AccountAdapter(DefaultAccountAdapter):  # type: ignore[misc]  # allauth has no types
    error_messages = DefaultAccountAdapter.error_messages | {"email_taken": _("This email already has an account.")}

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return bool(settings.SIGN_UP == "open")

    def save_user(self, request: HttpRequest, user: User, form: object, commit: bool = True) -> Any:
        user = super().save_user(request, user, form, commit)
        if commit:
            create_workspace(user)
        return user
