"""Where artifacts are kept for good when STORAGE_URL names a bucket: `s3://bucket/prefix/runs/<run id>/artifact/`.

The folder under MAQUETTE_DATA is then a cache: written by the run, sent to the bucket within a minute, and fetched again
whenever it is needed and gone. Speaks S3 through pyarrow, which the data pages bring along.
"""

import logging
import os
import shutil
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

from django.conf import settings
from django.db.models import Model
from django.utils import timezone
from django.utils.translation import gettext as _

from webapp.core.connections import release_connection
from webapp.core.files import DiskFull, check_disk
from webapp.core.formats import day
from webapp.core.ids import new_id
from webapp.core.models import Removal
from webapp.core.problems import Conflict, Unavailable
from webapp.datasets.quota import own_bytes
from webapp.runs.models import Run, Status

Row = TypeVar("Row", bound=Model)
log = logging.getLogger(__name__)
AT_ONCE, MEASURED_AT_ONCE, REMOVED_AT_ONCE = 10, 200, 100
FAILURES_IN_A_ROW = 3
"""After so many the bucket itself is taken to be away."""
CONNECT_SECONDS, REQUEST_SECONDS, ATTEMPTS = 5, 15, 2
"""A bucket that hangs is given up after half a minute; what could not be sent or fetched is tried again a minute later."""
MODEL_PARTS = ("model", "onnx", "gguf", "adapter")
"""Folders of an artifact that only the model needs; all else is results."""
WORKING_PARTS = ("checkpoints", "cache")
"""Folders beside the artifact that only training needs."""


def file_system() -> tuple[Any, str] | None:
    """The bucket and the folder in it that STORAGE_URL names; None where there is no such setting."""
    if not settings.STORAGE_URL:
        return None
    from pyarrow.fs import AwsStandardS3RetryStrategy, S3FileSystem

    parts = urlsplit(settings.STORAGE_URL)
    options: dict[str, Any] = {
        "connect_timeout": CONNECT_SECONDS,
        "request_timeout": REQUEST_SECONDS,
        "retry_strategy": AwsStandardS3RetryStrategy(max_attempts=ATTEMPTS),
    }
    if endpoint := os.environ.get("AWS_ENDPOINT_URL"):
        address = urlsplit(endpoint)
        options |= {"endpoint_override": address.netloc, "scheme": address.scheme}
    if region := os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION"):
        options["region"] = region
    return S3FileSystem(**options), (parts.netloc + parts.path).rstrip("/")


def place_of(run: Run, root: str) -> str:
    return f"{folder_of(run, root)}/artifact"


def folder_of(run: Run, root: str) -> str:
    return f"{root}/runs/{run.pk}"


def upload(run: Run) -> None:
    """Send an artifact to the bucket; sending it again replaces it. That of a run deleted meanwhile is taken away again."""
    storage = file_system()
    if storage is None or not run.artifact.is_dir():
        return
    from pyarrow.fs import LocalFileSystem, copy_files

    bucket, root = storage
    try:
        copy_files(
            str(run.artifact), place_of(run, root), source_filesystem=LocalFileSystem(), destination_filesystem=bucket
        )
    except OSError:
        if Run.objects.filter(pk=run.pk).exists():
            raise
    # It may have been sent with a model that was removed meanwhile; `remove_waiting` takes that away again.
    Run.objects.filter(pk=run.pk, model_removed_at__isnull=False).update(model_in_bucket=True)
    if not Run.objects.filter(pk=run.pk).update(stored_at=timezone.now()):
        with suppress(FileNotFoundError):
            bucket.delete_dir(folder_of(run, root))


def upload_waiting() -> None:
    """Every minute: what finished since, and what could not be sent before."""
    if not settings.STORAGE_URL:
        return
    waiting = Run.objects.filter(status=Status.SUCCEEDED, stored_at=None).only("pk").order_by("?")
    here = [run for run in waiting if run.artifact.is_dir()]
    with_each(here[:AT_ONCE], upload, "the artifact of run %s could not be stored: %s")


def remove_waiting() -> None:
    """Every minute: take away from the bucket the models that were removed."""
    if not settings.STORAGE_URL:
        return
    waiting = Run.objects.filter(model_in_bucket=True).order_by("?")[:AT_ONCE]
    with_each(waiting, remove_model_from_bucket, "the removed model of run %s is still in the bucket: %s")


def with_each(rows: Iterable[Row], call: Callable[[Row], None], warning: str, name: str = "pk") -> None:
    """One row after the other, in any order and until the bucket itself seems to be away: what it refuses for good keeps nothing
    else waiting."""
    failures = 0
    for row in rows:
        try:
            call(row)
        except OSError as error:
            log.warning(warning, getattr(row, name), error)
            failures += 1
            if failures == FAILURES_IN_A_ROW:
                return
        else:
            failures = 0


def remove_model_from_bucket(run: Run) -> None:
    storage = file_system()
    if storage is None:
        return
    bucket, root = storage
    for part in MODEL_PARTS:
        with suppress(FileNotFoundError):
            bucket.delete_dir(f"{place_of(run, root)}/{part}")
    Run.objects.filter(pk=run.pk).update(model_in_bucket=False)


def removed_at(run: Run) -> datetime | None:
    """When the run's model was removed, as its row says now; None while it is there."""
    return Run.objects.filter(pk=run.pk).values_list("model_removed_at", flat=True).first()


def check_model(run: Run) -> None:
    """The one check of everything that needs a run's model: `Conflict` once it was removed."""
    removed = removed_at(run)
    if removed is not None:
        raise Conflict(
            _("The model of %(run)s was removed on %(day)s to free space.") % {"run": run, "day": day(removed)},
            code="model_removed",
            hint=_("Train again with the same settings to get it back."),
        )


def local_model(run: Run) -> Path:
    """The artifact's folder for whoever needs its model. Raises Conflict when that was removed, and as `local` does."""
    check_model(run)
    return local(run)


def packaging(run: Run) -> Path:
    """The lock file of whoever packages the run's artifact, or writes its model in another form."""
    return run.folder / "export.lock"


def model_places(run: Run) -> list[Path]:
    return [run.artifact / part for part in MODEL_PARTS] + [run.folder / part for part in WORKING_PARTS]


def model_bytes(run: Run) -> int:
    """What removing the run's model frees on this machine."""
    return sum(own_bytes(place) for place in model_places(run))


def remove_model_files(run: Run) -> int:
    """The files of a model whose row says that it was removed; how many bytes that freed. Safe to repeat. The bucket's
    copy goes within a minute (`remove_waiting`)."""
    freed = model_bytes(run)
    for place in model_places(run):
        shutil.rmtree(place, ignore_errors=True)
    measure(run)
    return freed


def local(run: Run) -> Path:
    """The artifact's folder, fetched from the bucket when it is not here: without the model once that was removed. Raises
    Unavailable when that fails."""
    if run.stored_at and not is_here(run):
        fetch(run)
    return run.artifact


def is_here(run: Run) -> bool:
    return (run.artifact / "manifest.json").exists()


def fetch_again(run_id: str) -> None:
    """For a demo whose files are not here; its log says when the bucket is away, and a minute later it is asked again."""
    run = Run.objects.filter(pk=run_id).first()
    if run:
        with suppress(Unavailable, DiskFull):
            local(run)


def fetch(run: Run) -> None:
    """All or nothing: a folder that is there is whole."""
    storage = file_system()
    if storage is None:
        return
    bucket, root = storage
    part = run.folder / f"artifact.{new_id()}"
    check_disk(run.bytes or 0)
    part.mkdir(parents=True)
    release_connection()  # the bucket may take its time, or hang
    try:
        copy_from(bucket, place_of(run, root), part, without=MODEL_PARTS if removed_at(run) else ())
        if (part / "manifest.json").exists() and not (run.artifact / "manifest.json").exists():
            shutil.rmtree(run.artifact, ignore_errors=True)
            part.rename(run.artifact)
            measure(run)
            if removed_at(run):  # while it was copied
                remove_model_files(run)
    except OSError as error:
        log.warning("the artifact of run %s could not be fetched: %s", run.pk, error)
        raise Unavailable(
            _("The model storage cannot be reached right now."),
            code="storage_away",
            hint=_("Try again in a minute; `make doctor` says more to the operator of this site."),
            retry_after=60,
        ) from error
    finally:
        shutil.rmtree(part, ignore_errors=True)


def copy_from(bucket: Any, place: str, folder: Path, *, without: tuple[str, ...] = ()) -> None:
    """All files below a place of the bucket, but those in the folders `without`."""
    from pyarrow.fs import FileSelector, LocalFileSystem, copy_files

    own = LocalFileSystem()
    if not without:
        copy_files(place, str(folder), source_filesystem=bucket, destination_filesystem=own)
        return
    for entry in bucket.get_file_info(FileSelector(place)):
        if entry.base_name not in without:
            copy_files(entry.path, str(folder / entry.base_name), source_filesystem=bucket, destination_filesystem=own)


def measure(run: Run) -> int:
    """Keep what the run's folder holds: a walk over a few dozen files."""
    size = own_bytes(run.folder)
    Run.objects.filter(pk=run.pk).update(bytes=size)
    return size


def stored_files(run: Run) -> Iterator[tuple[str, Callable[[], Any]]]:
    """(path below the artifact, what opens it as a stream) of each file of a run in the bucket. Raises `OSError`."""
    storage = file_system()
    if storage is None:
        raise FileNotFoundError("STORAGE_URL is not set")
    from pyarrow.fs import FileSelector, FileType

    bucket, root = storage
    place = place_of(run, root)
    for entry in bucket.get_file_info(FileSelector(place, recursive=True)):
        if entry.type == FileType.File:
            yield entry.path.removeprefix(place).strip("/"), partial(bucket.open_input_stream, entry.path)


def changed(run: Run) -> None:
    """The artifact has new files, or fewer: it is sent again, and measured again within a minute."""
    Run.objects.filter(pk=run.pk).update(stored_at=None, bytes=None)


def measure_waiting() -> None:
    """Every minute: what the folders of ended runs hold, so that no page walks through them."""
    for run in Run.objects.ended().filter(bytes=None).order_by("-created_at")[:MEASURED_AT_ONCE]:
        measure(run)


def remove_due() -> None:
    """Every minute: take out of the bucket what was deleted here; a bucket that is away is asked again in a minute. In any
    order, so that what it refuses for good keeps nothing else."""
    due = Removal.objects.filter(in_bucket=True).order_by("?")[:REMOVED_AT_ONCE]
    storage = file_system() if due else None
    if storage is None:
        return
    bucket, root = storage

    def remove(removal: Removal) -> None:
        with suppress(FileNotFoundError):
            bucket.delete_dir(f"{root}/{removal.path}")
        Removal.objects.filter(pk=removal.pk).update(in_bucket=False)

    with_each(due, remove, "%s stays in the bucket for now: %s", name="path")
