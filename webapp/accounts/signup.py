"""The sign-up form: the rules of a password are said in one line, and in full once one was broken."""

from allauth.account.forms import SignupForm as AllauthSignupForm
from django.utils.translation import gettext_lazy as _

LEAST_CHARACTERS = 8


class SignupForm(AllauthSignupForm):  # type: ignore[misc]  # allauth has no types
    def __init__(self, *args: object, **options: object) -> None:
        super().__init__(*args, **options)
        self.fields["password1"].help_text = _("At least %(count)d characters.") % {"count": LEAST_CHARACTERS}

    @property
    def email_is_taken(self) -> bool:
        return bool(self.has_error("email", "email_taken"))
