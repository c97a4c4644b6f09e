"""How much a workspace keeps, and how much more it may."""

from collections.abc import Mapping
from pathlib import Path

from django.conf import settings
from django.db.models import QuerySet, Sum
from django.utils import timezone
from django.utils.translation import gettext as _

from webapp.accounts.models import Workspace
from webapp.core.files import files_below
from webapp.core.problems import Problem
from webapp.datasets.models import Dataset, DatasetVersion, Status, Upload


def alive(workspace: Workspace) -> QuerySet[Upload]:
    return Upload.objects.for_workspace(workspace).filter(expires_at__gt=timezone.now())


def measured(workspace: Workspace) -> dict[Path, int]:
    """Bytes of the folders that only a walk over the disk tells: files as they came, and versions that are being read. To be
    asked before a transaction, which everybody else would wait for."""
    datasets = Dataset.objects.for_workspace(workspace).only("id")
    sizes = {dataset.upload_folder: bytes_in(dataset.upload_folder) for dataset in datasets}
    return sizes | {version.part_folder: own_bytes(version.part_folder) for version in being_read(workspace)}


def being_read(workspace: Workspace) -> QuerySet[DatasetVersion]:
    versions = DatasetVersion.objects.for_workspace(workspace).filter(status=Status.PROCESSING)
    return versions.only("dataset_id", "number")


def used_bytes(workspace: Workspace, sizes: Mapping[Path, int] | None = None) -> int:
    """What uploads reserve, what was sent, what was read from it, and what is being read. Runs keep their artifacts
    outside of it.

    With `sizes` (see `measured`) of a moment ago: what came since then is counted all the same, since it has rows.
    """
    sizes = measured(workspace) if sizes is None else sizes
    coming = alive(workspace).aggregate(total=Sum("length"))["total"] or 0
    read = DatasetVersion.objects.for_workspace(workspace).aggregate(total=Sum("bytes"))["total"] or 0
    read += sum(sizes.get(version.part_folder, 0) for version in being_read(workspace))
    folders = [dataset.upload_folder for dataset in Dataset.objects.for_workspace(workspace).only("id")]
    return coming + read + sum(sizes[folder] if folder in sizes else bytes_in(folder) for folder in folders)


def bytes_in(folder: Path) -> int:
    try:
        return sum(file.stat().st_size for file in folder.iterdir())
    except FileNotFoundError:  # it is being deleted
        return 0


def own_bytes(folder: Path) -> int:
    """Everything below a version's folder. Pictures and sounds that it shares with another version are the other's."""
    return sum(facts.st_size for _path, facts in files_below(folder) if facts.st_nlink == 1)


def room(workspace: Workspace, sizes: Mapping[Path, int] | None = None) -> int:
    """Bytes that the workspace may still send."""
    return max(0, int(settings.MAQUETTE_QUOTA_BYTES) - used_bytes(workspace, sizes))


def lock_quota(workspace: Workspace) -> None:
    """Until the transaction ends nobody else takes room in this workspace: of two at once not both may fit. What only names
    the workspace in a row of its own goes on."""
    Workspace.objects.select_for_update(no_key=True).get(pk=workspace.pk)


def check_quota(workspace: Workspace, size: int, sizes: Mapping[Path, int] | None = None) -> None:
    """`Problem` where `size` bytes more have no room; `sizes` as in `used_bytes`."""
    free_bytes = room(workspace, sizes)
    if size > free_bytes:
        raise no_room(size, free_bytes)


def check_kept(workspace: Workspace, size: int) -> None:
    """The same for `size` bytes that are there already, and counted."""
    free_bytes = settings.MAQUETTE_QUOTA_BYTES - used_bytes(workspace)
    if free_bytes < 0:
        raise no_room(size, max(0, free_bytes + size))


def no_room(size: int, free_bytes: int) -> Problem:
    return Problem(
        _("This needs %(size)d MB, and the workspace has room for %(room)d MB more.")
        % {"size": -(-size // 2**20), "room": free_bytes // 2**20},
        code="quota",
        hint=_("Delete datasets that are no longer needed, or ask whoever runs this site for a larger quota."),
        status=413,
    )
