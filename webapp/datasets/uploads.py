"""Uploads that go on where they broke off, and what they become; webapp/datasets/tus.py speaks for them.

The file on disk is the truth: its size is the offset, and a lock on it, gone with its process, keeps a second writer
out. The row says whose it is, how long it will be and until when it is kept.

    created → growing → whole, with its SHA-256 → moved into a dataset | expired
"""

import fcntl
import hashlib
import os
import shutil
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from datetime import timedelta
from functools import partial
from io import FileIO
from pathlib import Path
from typing import IO, Any, Protocol

from django.conf import settings
from django.db import transaction
from django.http import HttpRequest
from django.http.request import UnreadablePostError
from django.utils import timezone
from django.utils.translation import gettext as _

from webapp.accounts import limits
from webapp.accounts.actions import audit
from webapp.accounts.models import User, Workspace
from webapp.core import removals
from webapp.core.files import check_disk, check_room, disk_full, safe_name
from webapp.core.problems import Conflict, Problem, is_no_space
from webapp.core.titles import title_from
from webapp.datasets import folders
from webapp.datasets.actions import MAX_FILES, add_version, check_count
from webapp.datasets.models import Dataset, DatasetVersion, Upload
from webapp.datasets.quota import alive, room_for

CHUNK_BYTES = 16 * 2**20
PIECE_BYTES = 256 * 1024
KEPT = timedelta(hours=24)
"""How long a part waits for its next byte, and a whole file for its dataset."""


class Gone(Problem):
    status, code = 404, "not_found"


class Busy(Problem):
    status, code = 423, "locked"


def gone() -> Gone:
    return Gone(
        _("There is no such upload: it was used or removed, or nothing came for a day."),
        hint=_("Send the file again."),
    )


def find(workspace: Workspace, pk: str) -> Upload:
    upload = alive(workspace).filter(pk=pk).first()
    if upload is None:
        raise gone()
    return upload


@contextmanager
def locked(upload: Upload) -> Iterator[FileIO]:
    """The upload's file, nobody else's to change until it is closed. Raises Busy or Gone."""
    try:
        file = upload.path.open("r+b", buffering=0)
    except FileNotFoundError as error:
        raise gone() from error
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise Busy(_("This upload is being written to."), hint=_("Ask again in a second.")) from error
        if not is_at(file, upload.path):  # whoever had the lock took the file away
            raise gone()
        yield file


def is_at(file: FileIO, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(file.fileno()), path.stat())
    except FileNotFoundError:
        return False


def size_of(upload: Upload) -> int:
    try:
        return upload.path.stat().st_size
    except FileNotFoundError as error:
        raise gone() from error


def remove(upload: Upload) -> None:
    upload.path.unlink(missing_ok=True)
    upload.delete()


def verify_checksum(upload: Upload, file: FileIO) -> None:
    """Hash the file once its last byte is there; one that is not what was promised goes. Needs the lock."""
    if upload.sha256 or file.seek(0, os.SEEK_END) != upload.length:
        return
    os.fsync(file.fileno())
    file.seek(0)
    upload.sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    if upload.promised not in ("", upload.sha256):
        remove(upload)
        raise Problem(
            _("“%(name)s” arrived changed: its SHA-256 is not the one announced, so it was removed.")
            % {"name": upload.name},
            code="checksum",
            hint=_("Send the file again; if it happens twice, the file changed while it was sent."),
            status=460,
        )
    upload.save(update_fields=["sha256"])


def settled(upload: Upload) -> int:
    """The offset, and the hash where a killed process left it out."""
    size = size_of(upload)
    if size == upload.length and not upload.sha256:
        with locked(upload) as file:
            verify_checksum(upload, file)
    return size


def begin(workspace: Workspace, user: User, length: int, **fields: str) -> Upload:
    check_room(length)
    upload = Upload(workspace=workspace, created_by=user, length=length, expires_at=timezone.now() + KEPT, **fields)
    upload.path.parent.mkdir(parents=True, exist_ok=True)
    with room_for(workspace, length):
        limits.check(workspace, "uploads_hour")
        upload.path.touch()
        upload.save()
    return upload


class Digest(Protocol):
    """A hash of `hashlib` that is being filled."""

    def update(self, data: bytes, /) -> None: ...


def receive(request: HttpRequest, file: FileIO, limit: int, digest: Digest) -> int:
    """Write the body at the file's end, up to `limit` bytes of the whole file; the new size. What a broken connection
    brought stays. Raises Problem, with the file as it was, when more comes or the disk is full."""
    start = size = file.tell()
    check_disk()
    try:
        while piece := request.read(PIECE_BYTES):
            size += len(piece)
            if size > limit:
                file.truncate(start)
                raise too_much(limit - start)
            digest.update(piece)
            view = memoryview(piece)
            while view:
                view = view[file.write(view) :]
    except UnreadablePostError:
        pass
    except OSError as error:
        if not is_no_space(error):
            raise
        file.truncate(start)
        raise disk_full() from error
    return size


def too_much(limit: int) -> Problem:
    return Problem(
        _("This part is too large: at most %(limit)d bytes may come now.") % {"limit": limit},
        code="too_large",
        hint=_("Send parts of at most %(size)d MB, and no more than Upload-Length in all.")
        % {"size": CHUNK_BYTES // 2**20},
        status=413,
    )


def sweep() -> None:
    """Remove what nothing came for in a day, and files without a row, which a crash left."""
    expired = Upload.objects.filter(expires_at__lt=timezone.now())
    for upload in expired[:500]:
        try:
            with locked(upload):
                if expired.filter(pk=upload.pk).exists():  # nothing came while we waited
                    remove(upload)
        except Gone:
            upload.delete()
        except Busy:
            continue
    oldest = time.time() - KEPT.total_seconds()
    for path in (settings.MAQUETTE_DATA / "uploads" / "parts").glob("*"):
        with suppress(FileNotFoundError):
            if path.stat().st_mtime < oldest and not Upload.objects.filter(pk=path.name).exists():
                path.unlink()


def create_dataset(
    workspace: Workspace, user: User, ids: Sequence[str], name: str = "", reading: dict[str, Any] | None = None
) -> Dataset:
    """A dataset of finished uploads, read as `reading` says (see `read_request`). Their files move (those of a folder are written into one tar): a crash in between loses none, since the
    second name on disk is there before the rows change and the first goes after."""
    named = list(dict.fromkeys(ids))
    known = alive(workspace).filter(pk__in=named[: folders.MAX_FOLDER_FILES + MAX_FILES + 1])
    inside = [upload.relative_path for upload in known if upload.relative_path]
    folders.check_count(len(inside))
    check_count(len(ids) - len(inside))
    uploads = [find(workspace, pk) for pk in named]
    if not uploads:
        raise Problem(_("No upload was named."), code="no_file", hint=_("Send a file to /uploads/ first."))
    title = name.strip()[:120] or title_from(folders.folder_of(inside) if inside else uploads[0].name) or "data"
    dataset = Dataset(workspace=workspace, name=title, created_by=user)
    with ExitStack() as stack:
        for upload in uploads:
            check_whole(upload, stack.enter_context(locked(upload)))
        check_total(uploads)
        dataset.upload_bytes = sum(upload.length for upload in uploads)
        version = adopt(dataset, uploads, reading or {})
    version.send()
    return dataset


def check_whole(upload: Upload, file: FileIO) -> None:
    verify_checksum(upload, file)
    if not upload.sha256:
        raise Conflict(
            _("“%(name)s” is not all there yet: %(size)d of %(length)d bytes have come.")
            % {"name": upload.name, "size": size_of(upload), "length": upload.length},
            code="not_finished",
            hint=_("Send the rest of it, then ask again."),
        )


def check_total(uploads: Sequence[Upload]) -> None:
    total = sum(upload.length for upload in uploads)
    if total > settings.MAX_UPLOAD_BYTES:
        raise Problem(
            _("The files are %(size)d MB together; at most %(limit)d MB make one dataset.")
            % {"size": total // 2**20, "limit": settings.MAX_UPLOAD_BYTES // 2**20},
            code="too_large",
            hint=_("Leave one out, or compress them with gzip."),
            status=413,
        )


def open_whole(upload: Upload) -> IO[bytes]:
    return upload.path.open("rb")


def adopt(dataset: Dataset, uploads: Sequence[Upload], reading: dict[str, Any]) -> DatasetVersion:
    inside = [upload for upload in uploads if upload.relative_path]
    single = [upload for upload in uploads if not upload.relative_path]
    names = [f"{number}-{safe_name(upload.name)}" for number, upload in enumerate(single)]
    check_disk(sum(upload.length for upload in inside))
    removals.due(dataset.upload_folder)  # unless the dataset gets its row
    dataset.upload_folder.mkdir(parents=True)
    try:
        for upload, name in zip(single, names, strict=True):
            (dataset.upload_folder / name).hardlink_to(upload.path)
        if inside:
            files = [(upload.relative_path, upload.length, partial(open_whole, upload)) for upload in inside]
            names.append(folders.write_tar(dataset.upload_folder, len(names), files))
        with transaction.atomic():
            removals.keep(dataset.upload_folder)
            limits.check(dataset.workspace, "datasets")
            Upload.objects.filter(pk__in=[upload.pk for upload in uploads]).delete()
            dataset.save()
            version = add_version(dataset, dataset.created_by, sources=names, note=_("Upload"), request=reading)
            audit(dataset.workspace, dataset.created_by, "uploaded", "dataset", dataset.pk, dataset.name)
    except Exception:
        shutil.rmtree(dataset.upload_folder, ignore_errors=True)
        raise
    for upload in uploads:
        upload.path.unlink()
    return version
