"""Forms of deleting."""

from typing import Any

from django import forms
from django.utils.translation import gettext as _

from webapp.accounts.models import User


class TypedNameForm(forms.Form):
    """Of what cannot be undone: its name is typed once more."""

    name = forms.CharField(max_length=254, widget=forms.TextInput(attrs={"autocomplete": "off"}))

    def __init__(self, wanted: str, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.wanted = wanted
        self.fields["name"].label = _("To confirm, type “%(name)s”") % {"name": wanted}

    def clean_name(self) -> str:
        name: str = self.cleaned_data["name"]
        if name.strip().casefold() != self.wanted.strip().casefold():
            raise forms.ValidationError(_("This is not “%(name)s”. Nothing was deleted.") % {"name": self.wanted})
        return name


class DeleteAccountForm(TypedNameForm):
    password = forms.CharField(
        required=False, strip=False, widget=forms.PasswordInput(attrs={"autocomplete": "current-password"})
    )

    def __init__(self, user: User, *args: Any, **options: Any) -> None:
        super().__init__(user.email, *args, **options)
        self.fields["password"].label = _("Password")
        if not user.has_usable_password():
            del self.fields["password"]
