"""Forms of the share page."""

from collections.abc import Iterable
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from webapp.endpoints.models import Visibility, slug_form

LONGEST_DAYS = 3650
DAYS = (("", _("never expires")), ("7", _("7 days")), ("30", _("30 days")))


class ShareForm(forms.Form):
    """Asked once, before a prototype's first demo is made."""

    name = forms.CharField(label=_("Title of the demo"), max_length=120)
    visibility = forms.ChoiceField(label=_("Who can open it"), choices=Visibility.choices, initial=Visibility.LINK)
    slug = forms.CharField(
        label=_("Address"),
        max_length=60,
        required=False,
        validators=[slug_form],
        widget=forms.TextInput(attrs={"placeholder": _("made from the title")}),
        help_text=_("3 to 60 small letters, digits and hyphens."),
    )


class EndpointForm(forms.Form):
    """What stays changeable; a form that holds only some of the fields changes only those."""

    name = forms.CharField(label=_("Title"), max_length=120)
    words = forms.CharField(
        label=_("Description"), max_length=400, required=False, widget=forms.Textarea(attrs={"rows": 2})
    )
    visibility = forms.ChoiceField(label=_("Who can open it"), choices=Visibility.choices)
    system_prompt = forms.CharField(
        label=_("System prompt"),
        max_length=8_000,
        required=False,
        widget=forms.Textarea(attrs={"rows": 4}),
        help_text=_("What the model is told before each conversation. Visitors do not see it."),
    )

    def __init__(self, *args: Any, only: Iterable[str] | None = None, **options: Any) -> None:
        super().__init__(*args, **options)
        for name in set(self.fields) - set(self.fields if only is None else only):
            del self.fields[name]


class LinkForm(forms.Form):
    name = forms.CharField(
        label=_("Recipient"),
        max_length=120,
        widget=forms.TextInput(attrs={"placeholder": _("Recipient"), "class": "linkname"}),
    )
    days = forms.IntegerField(
        label=_("Expires"),
        required=False,
        min_value=1,
        max_value=LONGEST_DAYS,
        widget=forms.Select(choices=DAYS, attrs={"class": "linkdays"}),
    )


class KeyForm(forms.Form):
    name = forms.CharField(
        label=_("Key name"),
        max_length=120,
        widget=forms.TextInput(attrs={"placeholder": _("Where it will be used"), "class": "linkname"}),
    )
