"""Forms of the settings page."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from webapp.accounts.models import User


class TokenForm(forms.Form):
    name = forms.CharField(
        label=_("Token name"),
        max_length=120,
        widget=forms.TextInput(attrs={"placeholder": _("Where it will be used"), "class": "linkname"}),
    )


class RetentionForm(forms.Form):
    """How many days something is kept. Empty: as long as the site does; 0: for good."""

    days = forms.IntegerField(
        label=_("Days"),
        min_value=0,
        max_value=3650,
        required=False,
        help_text=_("Empty for the default of this site, 0 to keep it for good."),
    )


class WorkspaceForm(forms.Form):
    name = forms.CharField(label=_("Name"), max_length=120)


class ProfileForm(forms.Form):
    email = forms.EmailField(label=_("Email"))
    password = forms.CharField(
        label=_("Password"),
        required=False,
        strip=False,
        help_text=_("Only needed to change your email."),
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
    )

    def __init__(self, user: User, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        if not user.has_usable_password():
            del self.fields["password"]
