"""The forms of a new password, which say what ends with the old one."""

from typing import Any

from allauth.account.forms import ChangePasswordForm as AllauthChangePasswordForm
from django import forms
from django.utils.translation import gettext_lazy as _

from webapp.accounts.models import ApiToken
from webapp.accounts.tokens import end_tokens


class ChangePasswordForm(AllauthChangePasswordForm):  # type: ignore[misc]  # allauth has no types
    end_tokens = forms.BooleanField(
        label=_("End all my API tokens too"),
        required=False,
        initial=True,
        help_text=_("All other sessions end in any case."),
    )

    def save(self) -> Any:
        saved = super().save()
        if self.cleaned_data["end_tokens"]:
            end_tokens(self.user, ApiToken.End.PASSWORD)
        return saved
