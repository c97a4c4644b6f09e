"""The ledger summed up: by day, by prototype, by kind."""

from datetime import datetime
from decimal import Decimal
from typing import Any

from django.db.models import Sum
from django.db.models.functions import TruncDay

from webapp.accounts.models import Workspace
from webapp.costs.models import LedgerEntry

GROUPS = (
    "day",
    "prototype",
    "prototype_name",
    "kind",
    "hardware",
    "price_per_hour",
    "subject",
    "subject_id",
    "subject_name",
)


def grouped(
    workspace: Workspace, by: list[str], since: datetime, until: datetime | None = None
) -> list[dict[str, Any]]:
    """Rows `{<group>…, amount, seconds}` in the order of the groups; `by` is any of GROUPS."""
    entries = LedgerEntry.objects.for_workspace(workspace).filter(created_at__gte=since)
    if until:
        entries = entries.filter(created_at__lt=until)
    entries = entries.annotate(day=TruncDay("created_at"))
    rows = entries.values(*by).annotate(total=Sum("amount"), time=Sum("seconds")).order_by(*by)
    return [{**{name: row[name] for name in by}, "amount": row["total"], "seconds": row["time"]} for row in rows]


def by_kind(workspace: Workspace, since: datetime, until: datetime | None = None) -> dict[str, Decimal]:
    return {row["kind"]: row["amount"] for row in grouped(workspace, ["kind"], since, until)}
