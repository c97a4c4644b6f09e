"""The train page's fields beside the task's own settings (`webapp.catalog.forms.params_form`)."""

from collections.abc import Callable, Mapping
from typing import Any

from django import forms
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from webapp.core.problems import Problem
from webapp.costs.amounts import decimal_of
from webapp.costs.forms import in_currency
from webapp.runs.models import MAX_SEED, Run


class AmountField(forms.CharField):
    """A number as `decimal_of` reads it, None when empty; a subclass of `CharField`, so that what was typed is kept."""

    def __init__(self, *, what: str | Promise, **options: Any) -> None:
        super().__init__(required=False, max_length=40, **options)
        self.what = what
        self.widget.attrs |= {"inputmode": "decimal", "autocomplete": "off"}

    def clean(self, value: object) -> Any:
        text = super().clean(value)
        try:
            return decimal_of(text, str(self.what)) if text else None
        except Problem as problem:
            raise forms.ValidationError(f"{problem.message} {problem.hint}".strip()) from problem


class LimitsForm(forms.Form):
    """Seed and limits of a run."""

    seed = forms.IntegerField(
        label=_("Seed"),
        required=False,
        min_value=0,
        max_value=MAX_SEED,
        widget=forms.NumberInput(attrs={"placeholder": "0"}),
        help_text=_("The same seed gives the same result."),
    )
    cap = AmountField(label=_("Max cost"), what=_("The limit"))
    minutes = AmountField(label=_("Max time, in minutes"), what=_("The time"))

    def __init__(self, *args: Any, budget_left: str = "", currency: str = "", **options: Any) -> None:
        super().__init__(*args, **options)
        if currency:
            in_currency(self.fields["cap"], currency)
        self.fields["minutes"].widget.attrs["placeholder"] = str(_("no limit"))
        self.fields["cap"].widget.attrs["placeholder"] = str(_("no limit"))
        if budget_left:
            self.fields["cap"].help_text = _("Never more than the %(left)s left this month.") % {"left": budget_left}


def limits_of(run: Run) -> dict[str, Any]:
    """A run's seed and limits as `LimitsForm` shows them."""
    cost, seconds = run.limits.get("cost"), run.limits.get("seconds")
    given = {"cap": cost, "minutes": seconds and seconds / 60}
    formatted = {name: f"{value:.6f}".rstrip("0").rstrip(".") for name, value in given.items() if value is not None}
    return {"seed": run.seed or None, **formatted}


def params_form_of(slug: str, params: dict[str, Any] | None = None) -> Callable[..., forms.Form]:
    """The task's settings as a form class would make them, for `shown_form`; `params` are shown to begin with."""
    from webapp.catalog.forms import as_written, params_form

    def make(data: Mapping[str, Any] | None = None) -> forms.Form:
        form = params_form(slug, data)
        form.initial = {name: as_written(value) for name, value in (params or {}).items()}
        return form

    return make
