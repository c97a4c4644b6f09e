"""What of training counts for a workspace's limits (`webapp.core.limits`)."""

from datetime import datetime

from django.db.models import Sum
from django.utils import timezone

from webapp.accounts.limits import counts
from webapp.accounts.models import Workspace
from webapp.costs.models import LedgerEntry


def compute_hours(workspace: Workspace, since: datetime) -> float:
    """Hours of training, those on several devices at once as many times, whatever they cost."""
    lines = LedgerEntry.objects.for_workspace(workspace).filter(kind=LedgerEntry.TRAINING, created_at__gte=since)
    seconds = lines.order_by().values_list("hardware").annotate(total=Sum("seconds"))
    return sum(total * int(hardware.partition(":")[2] or 1) for hardware, total in seconds) / 3600


@counts("compute_hours_day")
def compute_hours_today(workspace: Workspace) -> float:
    return compute_hours(workspace, timezone.now().replace(hour=0, minute=0, second=0, microsecond=0))


@counts("compute_hours_month")
def compute_hours_this_month(workspace: Workspace) -> float:
    return compute_hours(workspace, timezone.now().replace(day=1, hour=0, minute=0, second=0, microsecond=0))
