"""Forms of the settings page."""

from django import forms
from django.utils.translation import gettext_lazy as _


class TokenForm(forms.Form):
    name = forms.CharField(label=_("Name"), max_length=120, help_text=_("Where it will be used, so you know it later."))


class ProfileForm(forms.Form):
    email = forms.EmailField(label=_("Email"))
    workspace = forms.CharField(label=_("Workspace"), max_length=120)
