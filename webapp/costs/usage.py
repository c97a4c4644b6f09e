"""What of training counts for a workspace's limits (`webapp.core.limits`)."""

from datetime import datetime

from django.db.models import Sum
from django.utils import timezone

from webapp.accounts.limits import counts
from webapp.accounts.models import AuditEvent, Membership, Workspace
from webapp.accounts.rights import Role
from webapp.costs.models import LedgerEntry


def compute_hours(workspace: Workspace, since: datetime) -> float:
    """Hours of training, those on several devices at once as many times, whatever they cost."""
    counted = [workspace.pk, *deleted_workspaces(workspace, since)]
    lines = LedgerEntry.objects.filter(workspace__in=counted, kind=LedgerEntry.TRAINING, created_at__gte=since)
    seconds = lines.order_by().values_list("hardware").annotate(total=Sum("seconds"))
    return float(sum(total * int(hardware.partition(":")[2] or 1) for hardware, total in seconds)) / 3600


def deleted_workspaces(workspace: Workspace, since: datetime) -> list[str]:
    """Those deleted since in which an owner of this one had started runs: nobody gets other hours by deleting a workspace and
    going on in a new one. Their ledger stays, and in the audit log who started what."""
    gone = list(Workspace.objects.filter(deleted_at__gte=since).values_list("pk", flat=True))
    if not gone:
        return []
    started = AuditEvent.objects.filter(workspace__in=gone, verb="started", subject="run")
    owners = Membership.objects.filter(workspace=workspace, role=Role.OWNER).values("user")
    return list(started.filter(user__in=owners).order_by().values_list("workspace_id", flat=True).distinct())


@counts("compute_hours_day")
def compute_hours_today(workspace: Workspace) -> float:
    return compute_hours(workspace, timezone.now().replace(hour=0, minute=0, second=0, microsecond=0))


@counts("compute_hours_month")
def compute_hours_this_month(workspace: Workspace) -> float:
    return compute_hours(workspace, timezone.now().replace(day=1, hour=0, minute=0, second=0, microsecond=0))
