"""What a live demo costs: charged every minute, and before it is put to sleep or deleted."""

from datetime import timedelta

from django.db import transaction
from django.utils import timezone

from webapp.costs import gate
from webapp.costs.actions import price_per_hour
from webapp.endpoints.models import (
    Endpoint,
    Status,
)

HOSTING_LIMIT = timedelta(minutes=5)
"""Longest stretch charged at once: a beat that slept longer does not bill the time it slept."""


def charge_hosting(workspace_id: str = "") -> None:
    """Every minute, and in one workspace before its budget changes: charge each live endpoint for the time since the last
    charge."""
    live = Endpoint.objects.filter(status=Status.LIVE, **({"workspace": workspace_id} if workspace_id else {}))
    for endpoint in live.select_related("workspace", "prototype"):
        charge_until_now(endpoint)


def charge_until_now(endpoint: Endpoint) -> None:
    """Charge a live demo until now: every minute, and before it is put to sleep or deleted. While the budget pauses it, the
    time passes for nothing."""
    now = timezone.now()
    before = Endpoint.objects.filter(pk=endpoint.pk, status=Status.LIVE).values_list("charged_until", flat=True).first()
    since = max(before or now, now - HOSTING_LIMIT)
    with transaction.atomic():
        unchanged = Endpoint.objects.filter(pk=endpoint.pk, status=Status.LIVE, charged_until=before)
        if unchanged.update(charged_until=now):
            seconds = (now - since).total_seconds()
            price = price_per_hour(endpoint.workspace, "endpoint")
            gate.charge_demo(
                endpoint.workspace, seconds=seconds, price=price, charge_id=now.isoformat(), line=gate.line_of(endpoint)
            )
