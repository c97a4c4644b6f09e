"""The costs page: this month against the budget, by day and by prototype, and the prices."""

from datetime import timedelta
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from webapp.accounts.access import load, member
from webapp.accounts.actions import audit
from webapp.costs import actions, gate, reports, tables
from webapp.costs.models import LedgerEntry, Rate

FIRST_YEAR = 2020
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


@member
def costs(request: HttpRequest) -> HttpResponse:
    """Context: start, end, previous, following (None in the running month), kinds {kind: amount}, total, chart (SVG),
    prototypes [{id, name, kinds, total, subjects}], rates, forecast, month, entries."""
    start, end = month_bounds(request.GET.get("month", ""))
    workspace = request.workspace
    kinds = reports.by_kind(workspace, start, end)
    total = sum(kinds.values())
    month = gate.month(workspace)
    now = timezone.now()
    elapsed = max((min(now, end) - start).total_seconds(), 86400)
    context = {
        "start": start,
        "end": end,
        "previous": start - timedelta(days=1),
        "following": end if end <= now else None,
        "kinds": kinds,
        "total": total,
        "chart": tables.day_chart(reports.grouped(workspace, ["day", "kind"], start, end), start, end, month.currency),
        "prototypes": tables.by_prototype(reports.grouped(workspace, SUBJECT, start, end)),
        "rates": Rate.objects.for_workspace(workspace),
        "forecast": total * int((end - start).total_seconds()) / int(elapsed),
        "month": month,
        "entries": LedgerEntry.objects.for_workspace(workspace)
        .filter(created_at__gte=start, created_at__lt=end)
        .count(),
    }
    return render(request, "costs/costs.html", context)


@member
@require_POST
def set_budget(request: HttpRequest) -> HttpResponse:
    budget = actions.set_budget(request.workspace, request.POST.get("amount", ""))
    audit(request.workspace, request.user, "set", "budget", text=str(budget))
    messages.success(request, _("The budget is now %(amount)s a month.") % {"amount": budget.amount})
    return redirect("costs")


@member
@require_POST
def set_rate(request: HttpRequest, pk: str) -> HttpResponse:
    rate = load(Rate, request.workspace, pk)
    rate = actions.set_rate(request.workspace, rate.hardware, request.POST.get("price", ""))
    audit(request.workspace, request.user, "set", "price", text=str(rate))
    messages.success(request, _("Saved. Lines already charged keep their old price."))
    return redirect("costs")
