"""The costs page: this month against the budget, by day and by prototype, and the prices."""

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from django.contrib import messages
from django.forms import Form
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from webapp.accounts.access import form_on, load, member, needs
from webapp.accounts.requests import AuthedRequest
from webapp.accounts.rights import Right
from webapp.core import formats
from webapp.core.forms import cleaned, shown_form
from webapp.costs import actions, gate, reports, tables
from webapp.costs.forms import BudgetForm, RateForm
from webapp.costs.models import Rate

FIRST_YEAR, DAY_SECONDS = 2020, 86_400
SUBJECT = ["prototype", "prototype_name", "kind", "subject", "subject_id", "subject_name", "hardware", "price_per_hour"]


def month_bounds(text: str) -> tuple[Any, Any]:
    """First moment of the month `2026-11` and of the next one; this month when the text is none."""
    now = timezone.now()
    try:
        year, month = (int(part) for part in text.split("-"))
        start = actions.month_start(now.replace(year=year, month=month, day=1))
    except (ValueError, OverflowError):
        start = actions.month_start(now)
    if not FIRST_YEAR <= start.year <= now.year:
        start = actions.month_start(now)
    return start, actions.month_start(start + timedelta(days=32))


def forecast_of(total: Decimal, start: datetime, end: datetime) -> dict[str, Any] | None:
    """{amount, per_day} of a running month at its pace until now; None in its first day, which says nothing of the rest."""
    elapsed = (timezone.now() - start).total_seconds() / DAY_SECONDS
    if elapsed < 1 or not total or timezone.now() >= end:
        return None
    per_day = total / Decimal(elapsed)
    return {"amount": per_day * (end - start).days, "per_day": per_day}


def runs_out(money: gate.Month, forecast: dict[str, Any] | None) -> datetime | None:
    """The day on which the budget is spent at this pace, if the month has it."""
    if not forecast or not money.left or forecast["amount"] <= money.budget:
        return None
    return timezone.now() + timedelta(days=float(money.left / forecast["per_day"]))


@member
def costs(request: AuthedRequest) -> HttpResponse:
    """Context: start, end, previous, following (None in the running month), kinds {kind: amount}, total, chart (SVG),
    prototypes [{id, name, kinds, total, subjects, more}], rates [(rate, form)], prices_are_fixed (by the operator), ceiling
    (the highest budget that the operator allows, or None), budget_form, forecast {amount, per_day} or
    None, runs_out (a moment or None), month."""
    start, end = month_bounds(request.GET.get("month", ""))
    workspace = request.workspace
    kinds = reports.by_kind(workspace, start, end)
    total = sum(kinds.values(), start=Decimal(0))
    month = gate.month(workspace)
    forecast = forecast_of(total, start, end)
    context = {
        "start": start,
        "end": end,
        "previous": start - timedelta(days=1),
        "following": end if end <= timezone.now() else None,
        "kinds": kinds,
        "total": total,
        "chart": tables.day_chart(reports.grouped(workspace, ["day", "kind"], start, end), start, end, month.currency),
        "prototypes": tables.by_prototype(reports.grouped(workspace, SUBJECT, start, end)),
        "rates": [(rate, rate_form(request, rate)) for rate in actions.rates_of(workspace)],
        "prices_are_fixed": actions.prices_are_fixed(),
        "ceiling": month.ceiling,
        "budget_form": shown_form(
            request, reverse("set_budget"), BudgetForm, initial={"amount": month.budget}, auto_id="budget_%s"
        ),
        "forecast": forecast,
        "runs_out": runs_out(month, forecast),
        "month": month,
        "spend": month,
    }
    return render(request, "costs/costs.html", context)


def rate_form(request: HttpRequest, rate: Rate) -> Form:
    action, initial = reverse("set_rate", args=[rate.pk]), {"price": rate.price_per_hour}
    return shown_form(request, action, RateForm, initial=initial, auto_id=f"rate_{rate.pk}_%s")


@form_on("costs", guard=needs(Right.ADMINISTER))
def set_budget(request: AuthedRequest) -> HttpResponse:
    fields = cleaned(BudgetForm(request.POST))
    budget = actions.set_budget(request.workspace, fields["amount"], request.user)
    amount = formats.money(budget.amount, budget.currency)
    messages.success(request, _("The budget is now %(amount)s a month.") % {"amount": amount})
    return redirect("costs")


@form_on("costs", lambda *_args, **_options: [], guard=needs(Right.ADMINISTER))
def set_rate(request: AuthedRequest, pk: str) -> HttpResponse:
    rate = load(Rate, request.workspace, pk)
    fields = cleaned(RateForm(request.POST))
    rate = actions.set_rate(request.workspace, rate.hardware, fields["price"], user=request.user)
    price = formats.with_sign(formats.exact(rate.price_per_hour), rate.currency)
    messages.success(
        request, _("The price is now %(price)s an hour. Past charges keep their price.") % {"price": price}
    )
    return redirect("costs")
