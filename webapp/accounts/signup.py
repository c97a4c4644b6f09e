"""The sign-up form: the rules of a password are said in one line, and in full once one was broken."""

from typing import Any

from allauth.account.forms import SignupForm as AllauthSignupForm
from django.contrib.auth.hashers import make_password
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

LEAST_CHARACTERS = 8


class SignupForm(AllauthSignupForm):  # type: ignore[misc]  # allauth has no types
    def __init__(self, *args: object, **options: object) -> None:
        super().__init__(*args, **options)
        self.fields["password1"].help_text = _("At least %(count)d characters.") % {"count": LEAST_CHARACTERS}

    def try_save(self, request: HttpRequest) -> Any:
        """An address that has an account takes as long as a new one, whose password is hashed."""
        if self.account_already_exists:
            make_password(self.cleaned_data["password1"])
        return super().try_save(request)

    @property
    def email_is_taken(self) -> bool:
        return bool(self.has_error("email", "email_taken"))
