"""Signing up: who may, and the form. The rules of a password are said in one line, and in full once one was broken."""

import secrets
from typing import Any

from allauth.account.forms import SignupForm as AllauthSignupForm
from allauth.account.models import EmailAddress
from django.conf import settings
from django.db import transaction
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from webapp.accounts.actions import create_workspace, somebody_is_here
from webapp.accounts.models import User

LEAST_CHARACTERS = 8


def needs_mail() -> bool:
    """Whether the form stays closed, though SIGN_UP is open: on a site for others an account that works at once would itself
    tell whether its address had one, so the answer goes to the mailbox or nowhere."""
    return bool(settings.SIGN_UP == "open" and not settings.ONLY_HERE and not settings.MAIL_CONFIGURED)


def is_open() -> bool:
    """Whether anybody may make an account with the form. Without mail, on the operator's own machine alone, and nobody but the
    first: from then on, whether a second account is made would tell which address has one."""
    if settings.SIGN_UP != "open":
        return False
    return bool(settings.MAIL_CONFIGURED or (settings.ONLY_HERE and not somebody_is_here()))


def rehearse(password: str) -> None:
    """Make an account with its workspace, and take both back."""
    with transaction.atomic():
        user = User.objects.create_user(f"{secrets.token_hex(16)}@rehearsal.invalid", password)
        create_workspace(user)
        EmailAddress.objects.create(user=user, email=user.email, primary=True)
        transaction.set_rollback(True)


class SignupForm(AllauthSignupForm):  # type: ignore[misc]  # allauth has no types
    def __init__(self, *args: object, **options: object) -> None:
        super().__init__(*args, **options)
        self.fields["password1"].help_text = _("At least %(count)d characters.") % {"count": LEAST_CHARACTERS}

    def try_save(self, request: HttpRequest) -> Any:
        """An address that has an account takes as long as a new one."""
        if self.account_already_exists:
            rehearse(self.cleaned_data["password1"])
        return super().try_save(request)
