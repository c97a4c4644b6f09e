"""Forms of the costs page."""

from decimal import Decimal
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from webapp.core.formats import exact, with_sign
from webapp.core.problems import Problem
from webapp.costs.amounts import decimal_of


class AmountField(forms.CharField):
    """A sum of money as a person writes it; what it shows first has no zeros that say nothing."""

    def __init__(self, *, places: int, **options: Any) -> None:
        self.places = places
        widget = forms.TextInput(attrs={"inputmode": "decimal", "class": "linkdays", "autocomplete": "off"})
        super().__init__(max_length=40, widget=widget, **options)

    def prepare_value(self, value: object) -> Any:
        return exact(value) if isinstance(value, Decimal) else value

    def clean(self, value: object) -> Decimal:
        text = super().clean(value)
        try:
            return decimal_of(text, str(self.label), places=self.places)
        except Problem as problem:
            raise ValidationError(f"{problem.message} {problem.hint}") from problem


def in_currency(field: forms.Field, currency: str) -> None:
    """Name the currency of an amount in its label and where it is refused as too low."""
    field.label = gettext("%(amount)s, %(currency)s") % {"amount": field.label, "currency": currency}
    least = getattr(field, "min_value", None)
    if least is not None:
        field.error_messages["min_value"] = gettext("At least %(least)s.") % {
            "least": with_sign(f"{least:f}", currency)
        }


class BudgetForm(forms.Form):
    amount = AmountField(label=_("Monthly budget"), places=2)


class RateForm(forms.Form):
    price = AmountField(label=_("The price"), places=5)
