"""allauth's forms of second factors, in our words."""

from typing import Any

from allauth.mfa.base.forms import AuthenticateForm as AllauthAuthenticateForm
from allauth.mfa.base.forms import ReauthenticateForm as AllauthReauthenticateForm
from allauth.mfa.totp.forms import ActivateTOTPForm as AllauthActivateForm
from django import forms
from django.utils.translation import gettext_lazy as _

CODE = {"autocomplete": "one-time-code", "autofocus": True, "autocapitalize": "off", "spellcheck": "false"}


def code_field(help_text: Any) -> forms.CharField:
    return forms.CharField(label=_("Code"), max_length=40, help_text=help_text, widget=forms.TextInput(attrs=CODE))


class AuthenticateForm(AllauthAuthenticateForm):  # type: ignore[misc]  # allauth has no types
    code = code_field(_("From your authenticator app, or one of your recovery codes."))


class ReauthenticateForm(AllauthReauthenticateForm):  # type: ignore[misc]
    code = code_field(_("From your authenticator app, or one of your recovery codes."))


class ActivateTOTPForm(AllauthActivateForm):  # type: ignore[misc]
    code = code_field(_("The six digits that the app shows now."))
