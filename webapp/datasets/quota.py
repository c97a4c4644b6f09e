"""How much a workspace keeps, and how much more it may."""

from contextlib import suppress
from pathlib import Path

from django.conf import settings
from django.db.models import QuerySet, Sum
from django.utils import timezone
from django.utils.translation import gettext as _

from webapp.accounts.models import Workspace
from webapp.core.problems import Problem
from webapp.datasets.models import Dataset, DatasetVersion, Status, Upload


def alive(workspace: Workspace) -> QuerySet[Upload]:
    return Upload.objects.for_workspace(workspace).filter(expires_at__gt=timezone.now())


def used_bytes(workspace: Workspace) -> int:
    """What uploads reserve, what was sent, what was read from it, and what is being read. Runs keep their artifacts
    outside of it."""
    coming = alive(workspace).aggregate(total=Sum("length"))["total"] or 0
    read = DatasetVersion.objects.for_workspace(workspace).aggregate(total=Sum("bytes"))["total"] or 0
    datasets = Dataset.objects.for_workspace(workspace).only("id")
    reading = DatasetVersion.objects.for_workspace(workspace).filter(status=Status.PROCESSING)
    read += sum(own_bytes(version.part_folder) for version in reading.only("dataset_id", "number"))
    return coming + read + sum(bytes_in(dataset.upload_folder) for dataset in datasets)


def bytes_in(folder: Path) -> int:
    try:
        return sum(file.stat().st_size for file in folder.iterdir())
    except FileNotFoundError:  # it is being deleted
        return 0


def own_bytes(folder: Path) -> int:
    """Everything below a version's folder. Pictures and sounds that it shares with another version are the other's."""
    total = 0
    for path in folder.rglob("*"):
        with suppress(FileNotFoundError):  # it is being written
            found = path.stat()
            total += found.st_size if path.is_file() and found.st_nlink == 1 else 0
    return total


def room(workspace: Workspace) -> int:
    """Bytes that the workspace may still send."""
    return max(0, settings.MAQUETTE_QUOTA_BYTES - used_bytes(workspace))


def lock_quota(workspace: Workspace) -> None:
    """Until the transaction ends nobody else takes room in this workspace: of two at once not both may fit."""
    Workspace.objects.select_for_update().get(pk=workspace.pk)


def check_quota(workspace: Workspace, size: int) -> None:
    left = room(workspace)
    if size > left:
        raise Problem(
            _("This needs %(size)d MB, and the workspace has room for %(room)d MB more.")
            % {"size": -(-size // 2**20), "room": left // 2**20},
            code="quota",
            hint=_("Delete datasets that are no longer needed, or ask whoever runs this site for a larger quota."),
            status=413,
        )
