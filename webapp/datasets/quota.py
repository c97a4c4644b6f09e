"""How much a workspace keeps, and how much more it may.

Every figure is kept in a row that is changed with the files: nobody who asks walks over the disk. Caches are measured after
every command that fills them, and `webapp.runs.upkeep.recount` corrects what an operator, or a process that was killed, left
untrue. Apps on the right add what they keep to `KINDS`.
"""

import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet, Sum
from django.utils import timezone
from django.utils.translation import gettext as _

from trainer import cache
from webapp.accounts import limits
from webapp.accounts.models import Workspace
from webapp.core.files import files_below
from webapp.core.problems import Problem
from webapp.datasets.models import Dataset, DatasetVersion, Status, Upload

CACHES = "caches"


def upload_bytes(workspace: Workspace) -> int:
    """What uploads that are on their way will hold, and files as they came."""
    coming = total(Upload.objects.for_workspace(workspace), "length")
    return coming + total(Dataset.objects.for_workspace(workspace), "upload_bytes")


def version_bytes(workspace: Workspace) -> int:
    """What was read from them, and what is being read so far."""
    return total(DatasetVersion.objects.for_workspace(workspace), "bytes")


def cache_bytes(workspace: Workspace) -> int:
    return total(Dataset.objects.for_workspace(workspace), "cache_bytes")


KINDS: dict[str, Callable[[Workspace], int]] = {
    "uploads": upload_bytes,
    "versions": version_bytes,
    CACHES: cache_bytes,
}
"""What is counted: {name: bytes that a workspace keeps of it}."""


def total(rows: QuerySet[Any], field: str) -> int:
    return int(rows.aggregate(total=Sum(field))["total"] or 0)


def used_by_kind(workspace: Workspace) -> dict[str, int]:
    return {name: count(workspace) for name, count in KINDS.items()}


def used_bytes(workspace: Workspace) -> int:
    return sum(used_by_kind(workspace).values())


def alive(workspace: Workspace) -> QuerySet[Upload]:
    return Upload.objects.for_workspace(workspace).filter(expires_at__gt=timezone.now())


def room(workspace: Workspace) -> int:
    """Bytes that the workspace may still fill: caches make room (see `check_quota`)."""
    used = used_by_kind(workspace)
    return max(0, int(settings.MAQUETTE_QUOTA_BYTES) - sum(used.values()) + used[CACHES])


def is_over(workspace: Workspace) -> bool:
    """Whether it holds more than it may, whatever its caches could free."""
    used = used_by_kind(workspace)
    return sum(used.values()) - used[CACHES] > int(settings.MAQUETTE_QUOTA_BYTES)


def lock_quota(workspace: Workspace) -> None:
    """Until the transaction ends nobody else takes room in this workspace: of two at once not both may fit. What only names
    the workspace in a row of its own goes on. It comes before any other lock: of datasets, prototypes and runs."""
    limits.lock(workspace)


def check_quota(workspace: Workspace, size: int, *, is_read: bool = False) -> None:
    """`Problem` where `size` bytes have no room. Caches are emptied for them: they are made again when they are needed.
    `is_read`: they are a version that was read to its end, which comes before those that are half written; were each of two
    to count what the other has so far, neither would fit."""
    used = used_by_kind(workspace)
    if is_read:
        used["versions"] = total(
            DatasetVersion.objects.for_workspace(workspace).exclude(status=Status.PROCESSING), "bytes"
        )
    missing = sum(used.values()) + size - int(settings.MAQUETTE_QUOTA_BYTES)
    if missing > used[CACHES]:
        raise no_room(size, max(0, size - missing + used[CACHES]))
    if missing > 0:
        empty_caches(workspace, missing)


@contextmanager
def room_for(workspace: Workspace, size: int, *, is_read: bool = False) -> Iterator[None]:
    """A transaction in which `size` more bytes are kept (see `check_quota`), and nobody else takes their room."""
    with transaction.atomic():
        lock_quota(workspace)
        check_quota(workspace, size, is_read=is_read)
        yield


def empty_caches(workspace: Workspace, needed: int) -> None:
    """Remove what was computed, that which was used longest ago first, until so many bytes are free."""
    datasets = list(Dataset.objects.for_workspace(workspace).only("id", "workspace_id"))
    cache.make_room([dataset.cache_folder for dataset in datasets], needed)
    measure_caches(datasets)


def measure_caches(datasets: Iterable[Dataset]) -> None:
    """Keep how much the caches of datasets hold."""
    for dataset in datasets:
        size = cache.total_bytes(dataset.cache_folder)
        Dataset.objects.filter(pk=dataset.pk).exclude(cache_bytes=size).update(cache_bytes=size)


def measure_dataset(dataset: Dataset) -> None:
    """Keep how much its uploads and versions hold, by a walk over them. Pictures and sounds that versions share are those of the
    earliest; what is being read, and what was deleted meanwhile, is left to those who do that."""
    size = own_bytes(dataset.upload_folder)
    Dataset.objects.filter(pk=dataset.pk).exclude(upload_bytes=size).update(upload_bytes=size)
    seen: set[int] = set()
    for version in dataset.versions.order_by("number").only("dataset_id", "number", "bytes", "status"):
        size = new_bytes(version.folder, seen)
        ended = DatasetVersion.objects.filter(pk=version.pk, bytes=version.bytes).exclude(status=Status.PROCESSING)
        if size != version.bytes:
            ended.update(bytes=size)


def new_bytes(folder: Path, seen: set[int]) -> int:
    """Everything below a folder whose inode is not among the `seen`, which it joins."""
    size = 0
    for _path, facts in files_below(folder):
        size += 0 if facts.st_ino in seen else facts.st_size
        seen.add(facts.st_ino)
    return size


def own_bytes(folder: Path) -> int:
    """Everything below a folder. Pictures and sounds that a version shares with another are the other's."""
    return sum(facts.st_size for _path, facts in files_below(folder) if facts.st_nlink == 1)


def size_of(path: Path) -> int:
    """Bytes of a file; 0 where it was deleted."""
    try:
        return os.stat(path).st_size
    except FileNotFoundError:
        return 0


def no_room(size: int, free_bytes: int) -> Problem:
    return Problem(
        _("This needs %(size)d MB, and the workspace has room for %(room)d MB more.")
        % {"size": -(-size // 2**20), "room": free_bytes // 2**20},
        code="quota",
        hint=_(
            "Delete datasets, runs or models that are no longer needed (Settings, Storage), or ask the operator of this site for "
            "a larger quota."
        ),
        status=413,
        room_bytes=free_bytes,
    )
