"""allauth's forms of passkeys, in our words. They load the libraries of passkeys, so that nothing else is to import them."""

from typing import Any

from allauth.core import context
from allauth.mfa.webauthn.forms import AddWebAuthnForm as AllauthAddForm
from allauth.mfa.webauthn.forms import AuthenticateWebAuthnForm as AllauthAuthenticatePasskeyForm
from allauth.mfa.webauthn.forms import LoginWebAuthnForm as AllauthLoginPasskeyForm
from allauth.mfa.webauthn.forms import ReauthenticateWebAuthnForm as AllauthReauthenticatePasskeyForm
from cryptography.exceptions import InvalidSignature
from django import forms
from django.utils.translation import gettext_lazy as _

from webapp.accounts.factors import suggest_passkey_name


class ReadableCredential(forms.JSONField):
    """What passkeys.js sends. allauth takes anything that is JSON, and fails with a fault at what is no credential."""

    widget = forms.HiddenInput
    NAMES = ("id", "rawId", "type")

    def clean(self, value: Any) -> Any:
        credential = super().clean(value)
        if not isinstance(credential, dict) or not isinstance(credential.get("response"), dict):
            raise not_accepted()
        texts = [credential.get(name) for name in self.NAMES] + [credential["response"].get("clientDataJSON")]
        if not all(isinstance(text, str) and text for text in texts):
            raise not_accepted()
        return credential


def not_accepted() -> forms.ValidationError:
    return forms.ValidationError(_("This passkey was not accepted. Try again, or use another way."))


class ChecksPasskey:
    """Whatever is wrong inside of a credential is a refusal too."""

    def clean_credential(self) -> Any:
        try:
            return super().clean_credential()  # type: ignore[misc]
        except (KeyError, TypeError, ValueError, AttributeError, InvalidSignature) as error:
            raise not_accepted() from error


class AuthenticatePasskeyForm(ChecksPasskey, AllauthAuthenticatePasskeyForm):  # type: ignore[misc]
    credential = ReadableCredential()


class LoginPasskeyForm(ChecksPasskey, AllauthLoginPasskeyForm):  # type: ignore[misc]
    credential = ReadableCredential()


class ReauthenticatePasskeyForm(ChecksPasskey, AllauthReauthenticatePasskeyForm):  # type: ignore[misc]
    credential = ReadableCredential()


class AddPasskeyForm(AllauthAddForm):  # type: ignore[misc]
    credential = ReadableCredential()
    passwordless = None
    """Whether it also signs in without a password is for the browser and the key to say."""

    name = forms.CharField(
        label=_("Name"), max_length=60, required=False, help_text=_("So that you recognise it in the list.")
    )

    def clean(self) -> Any:
        try:
            return super().clean()
        except (KeyError, TypeError, ValueError, AttributeError, InvalidSignature) as error:
            raise not_accepted() from error

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs.setdefault("initial", {}).setdefault("name", suggest_passkey_name(context.request))
        super().__init__(*args, **kwargs)
