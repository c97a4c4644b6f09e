"""Forms of the costs page."""

from decimal import Decimal
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from webapp.core.formats import exact
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


class BudgetForm(forms.Form):
    amount = AmountField(label=_("Monthly budget"), places=2)


class RateForm(forms.Form):
    price = AmountField(label=_("The price"), places=5)
