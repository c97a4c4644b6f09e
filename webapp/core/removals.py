"""Folders are removed for good, whoever is killed in between.

A removal is a row, written in the transaction that deletes the rows of what the folder holds. The folder goes right after
that, and an hour later upkeep looks again: for who was killed before, and for what somebody was still writing then. Folders
that no row knows are never guessed at: a data folder under another database would lose everything.
"""

import logging
import shutil
from collections.abc import Iterable
from datetime import timedelta
from pathlib import Path

from django.conf import settings
from django.utils import timezone

from webapp.core.models import Removal

log = logging.getLogger(__name__)
LOOK_AGAIN = timedelta(hours=1)


def due(*folders: Path, in_bucket: bool = False) -> None:
    """Note that folders go; `in_bucket`: their copies too, which a worker sees to (`webapp.runs.storage.remove_due`)."""
    stored = in_bucket and bool(settings.STORAGE_URL)
    Removal.objects.bulk_create([Removal(path=path_of(folder), in_bucket=stored) for folder in folders])


def path_of(folder: Path) -> str:
    return folder.relative_to(settings.MAQUETTE_DATA).as_posix()


def keep(folder: Path) -> None:
    """What was to be removed unless it got a row has got one, in this transaction."""
    Removal.objects.filter(path=path_of(folder)).delete()


def remove(folders: Iterable[Path]) -> None:
    """Once that is committed."""
    for folder in folders:
        shutil.rmtree(folder, ignore_errors=True)


def finish() -> None:
    """Every ten minutes: what is due for an hour; what cannot be removed is tried again."""
    for removal in Removal.objects.filter(created_at__lt=timezone.now() - LOOK_AGAIN).order_by("created_at")[:1000]:
        folder = settings.MAQUETTE_DATA / removal.path
        shutil.rmtree(folder, ignore_errors=True)
        if folder.exists():
            log.warning("%s cannot be removed", folder)
        elif not settings.STORAGE_URL:  # there may have been one; there is none now that it could be taken out of
            Removal.objects.filter(pk=removal.pk).delete()
        else:
            Removal.objects.filter(pk=removal.pk, in_bucket=False).delete()
