"""What of data counts for a workspace's limits (`webapp.core.limits`)."""

from datetime import timedelta

from django.utils import timezone

from webapp.accounts.limits import counts
from webapp.accounts.models import AuditEvent, Workspace
from webapp.datasets.models import Dataset, DatasetVersion, Upload

HOUR = timedelta(hours=1)


@counts("datasets")
def datasets(workspace: Workspace) -> int:
    return Dataset.objects.for_workspace(workspace).count()


@counts("uploads_hour")
def uploads_in_an_hour(workspace: Workspace) -> int:
    """Versions that were made, uploads that began, and datasets that were deleted again meanwhile: those the audit log has."""
    since = timezone.now() - HOUR
    recent = DatasetVersion.objects.for_workspace(workspace).filter(created_at__gt=since).count()
    begun = Upload.objects.for_workspace(workspace).filter(created_at__gt=since).count()
    deleted = AuditEvent.objects.for_workspace(workspace).filter(
        created_at__gt=since, subject="dataset", verb__in=("deleted", "discarded")
    )
    return recent + begun + deleted.count()
