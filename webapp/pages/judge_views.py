"""The settings of a workspace's judge model, for its admins."""

from decimal import Decimal
from typing import Any

from django import forms
from django.conf import settings
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from webapp.accounts.access import form_on, needs
from webapp.accounts.requests import AuthedRequest
from webapp.accounts.rights import Right
from webapp.core.formats import exact
from webapp.core.forms import cleaned, refused_on, shown_form
from webapp.costs.forms import in_currency
from webapp.costs.gate import month
from webapp.runs import judge_access
from webapp.runs.judge_models import JudgeAccess


def amount(label: Any, least: Decimal = Decimal(0), initial: str | None = None) -> forms.DecimalField:
    return forms.DecimalField(label=label, min_value=least, initial=initial, max_digits=12, decimal_places=5)


class JudgeForm(forms.Form):
    url = forms.CharField(
        label=gettext_lazy("Address"),
        max_length=judge_access.LONGEST_URL,
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
        help_text=gettext_lazy("The base URL, as for OpenAI clients: https://api.example.com/v1"),
    )
    model = forms.CharField(
        label=gettext_lazy("Model"),
        max_length=200,
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
    )
    key = forms.CharField(
        label=gettext_lazy("Key"),
        max_length=judge_access.LONGEST_KEY,
        required=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "off"}),
        help_text=gettext_lazy("Stored encrypted, never shown."),
    )
    price_read = amount(gettext_lazy("Price per million input tokens"))
    price_written = amount(gettext_lazy("Price per million output tokens"))
    cap = amount(gettext_lazy("Maximum cost of one grading"), judge_access.LEAST_CAP, "1.00")

    def __init__(self, *args: Any, currency: str, **options: Any) -> None:
        super().__init__(*args, **options)
        for name in judge_access.PRICES:
            in_currency(self.fields[name], currency)


def initial(access: JudgeAccess | None) -> dict[str, str]:
    if access is None:
        return {}
    prices = {name: exact(getattr(access, name)) for name in judge_access.PRICES}
    return {"url": access.url, "model": access.model, **prices}


@needs(Right.ADMINISTER)
@refused_on("judge_settings")
def judge_settings(request: AuthedRequest) -> HttpResponse:
    """Context: access (None: no judge yet), form, hosts (that the operator allows)."""
    currency = month(request.workspace).currency
    if request.method == "POST":
        asked = cleaned(JudgeForm(request.POST, currency=currency))
        prices = {name: asked.pop(name) for name in judge_access.PRICES}
        judge_access.keep(request.workspace, request.user, **asked, prices=prices)
        messages.success(request, _("The judge model is saved."))
        return redirect("judge_settings")
    access = judge_access.find(request.workspace)
    form = shown_form(request, reverse("judge_settings"), JudgeForm, initial=initial(access), currency=currency)
    return render(request, "pages/judge.html", {"access": access, "form": form, "hosts": settings.JUDGE_HOSTS})


@form_on("judge_settings", guard=needs(Right.ADMINISTER))
def remove_judge(request: AuthedRequest) -> HttpResponse:
    access = judge_access.find(request.workspace)
    if access is not None:
        judge_access.remove(access, request.user)
        messages.success(request, _("The judge model and its key are removed."))
    return redirect("judge_settings")
