"""Uploads that go on where they broke off: tus 1.0.0 (https://tus.io/protocols/resumable-upload), and what they become.

The file on disk is the truth: its size is the offset, and a lock on it, gone with its process, keeps a second writer
out. The row says whose it is, how long it will be and until when it is kept.

    created → growing → whole, with its SHA-256 → moved into a dataset | expired
"""

import base64
import errno
import fcntl
import hashlib
import os
import re
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from datetime import timedelta
from io import FileIO
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet, Sum
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.http.request import UnreadablePostError
from django.middleware.csrf import CsrfViewMiddleware
from django.urls import reverse
from django.utils import timezone
from django.utils.http import http_date
from django.utils.translation import gettext as _
from django.views.decorators.csrf import csrf_exempt

from webapp.accounts.actions import audit
from webapp.accounts.models import ApiToken, User, Workspace
from webapp.core.files import check_room, safe_name
from webapp.core.problems import Conflict, Forbidden, Problem
from webapp.datasets.actions import MAX_FILES, add_version, enqueue, header_request
from webapp.datasets.models import Dataset, DatasetVersion, Upload

VERSION = "1.0.0"
EXTENSIONS = "creation,termination,checksum,expiration"
ALGORITHMS = ("sha1", "sha256")
CHUNK_BYTES = 16 * 2**20
PIECE_BYTES = 256 * 1024
KEPT = timedelta(hours=24)
"""How long a part waits for its next byte, and a whole file for its dataset."""
CONTENT_TYPE = "application/offset+octet-stream"
FULL_DISK = (errno.ENOSPC, errno.EDQUOT)

Handler = Callable[..., HttpResponse]


class Gone(Problem):
    status, code = 404, "not_found"


class Busy(Problem):
    status, code = 423, "locked"


# Room


def used_bytes(workspace: Workspace) -> int:
    """What uploads reserve, what was sent and what was read from it."""
    coming = alive(workspace).aggregate(total=Sum("length"))["total"] or 0
    read = DatasetVersion.objects.for_workspace(workspace).aggregate(total=Sum("bytes"))["total"] or 0
    datasets = Dataset.objects.for_workspace(workspace).only("id")
    return coming + read + sum(bytes_in(dataset.upload_folder) for dataset in datasets)


def bytes_in(folder: Path) -> int:
    try:
        return sum(file.stat().st_size for file in folder.iterdir())
    except FileNotFoundError:  # it is being deleted
        return 0


def room(workspace: Workspace) -> int:
    """Bytes that the workspace may still send."""
    return max(0, settings.MAQUETTE_QUOTA_BYTES - used_bytes(workspace))


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


# Uploads


def alive(workspace: Workspace) -> QuerySet[Upload]:
    return Upload.objects.for_workspace(workspace).filter(expires_at__gt=timezone.now())


def gone() -> Gone:
    return Gone(
        _("There is no such upload: it was used or removed, or nothing came for a day."),
        hint=_("Send the file again."),
    )


def find(workspace: Workspace, pk: str) -> Upload:
    found = alive(workspace).filter(pk=pk).first()
    if found is None:
        raise gone()
    return found


@contextmanager
def locked(upload: Upload) -> Iterator[FileIO]:
    """The upload's file, nobody else's to change until it is closed. Raises Busy or Gone."""
    try:
        file = upload.path.open("r+b", buffering=0)
    except FileNotFoundError:
        raise gone()
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Busy(_("This upload is being written to."), hint=_("Ask again in a second."))
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
    except FileNotFoundError:
        raise gone()


def remove(upload: Upload) -> None:
    upload.path.unlink(missing_ok=True)
    upload.delete()


def settle(upload: Upload, file: FileIO) -> None:
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
            settle(upload, file)
    return size


def begin(workspace: Workspace, user: User, length: int, **fields: str) -> Upload:
    check_room(length)
    upload = Upload(workspace=workspace, created_by=user, length=length, expires_at=timezone.now() + KEPT, **fields)
    upload.path.parent.mkdir(parents=True, exist_ok=True)
    with transaction.atomic():
        Workspace.objects.select_for_update().get(pk=workspace.pk)  # two at once must not both fit
        check_quota(workspace, length)
        upload.path.touch()
        upload.save()
    return upload


def receive(request: HttpRequest, file: FileIO, limit: int, digest: Any) -> int:
    """Write the body at the file's end, up to `limit` bytes of the whole file; the new size. What a broken connection
    brought stays. Raises Problem, with the file as it was, when more comes or the disk is full."""
    start = size = file.tell()
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
        if error.errno not in FULL_DISK:
            raise
        file.truncate(start)
        raise Problem(
            _("The disk of this machine is full, so the upload stopped."),
            code="disk_full",
            hint=_("Free some space, then go on: what was sent before is kept."),
            status=507,
        )
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


# Datasets


def create_dataset(
    workspace: Workspace, user: User, ids: Sequence[str], name: str = "", header: int | None = None
) -> Dataset:
    """A dataset of finished uploads. Their files move: nothing is copied, and a crash in between loses none, since the
    second name on disk is there before the rows change and the first goes after."""
    if len(ids) > MAX_FILES:
        raise Problem(
            _("At most %(limit)d files make one dataset.") % {"limit": MAX_FILES},
            code="too_many_files",
            hint=_("Put their rows into fewer files, or zip them into one."),
            status=413,
        )
    uploads = [find(workspace, pk) for pk in dict.fromkeys(ids)]
    if not uploads:
        raise Problem(_("No upload was named."), code="no_file", hint=_("Send a file to /uploads/ first."))
    asked = header_request(header)
    title = (name.strip() or Path(safe_name(uploads[0].name)).stem)[:120]
    dataset = Dataset(workspace=workspace, name=title, created_by=user)
    with ExitStack() as stack:
        for upload in uploads:
            check_whole(upload, stack.enter_context(locked(upload)))
        check_total(uploads)
        version = adopt(dataset, uploads, asked)
    enqueue(version)
    return dataset


def check_whole(upload: Upload, file: FileIO) -> None:
    settle(upload, file)
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


def adopt(dataset: Dataset, uploads: Sequence[Upload], asked: dict[str, Any]) -> DatasetVersion:
    names = [f"{number}-{safe_name(upload.name)}" for number, upload in enumerate(uploads)]
    dataset.upload_folder.mkdir(parents=True)
    try:
        for upload, name in zip(uploads, names, strict=True):
            (dataset.upload_folder / name).hardlink_to(upload.path)
        with transaction.atomic():
            dataset.save()
            version = add_version(dataset, dataset.created_by, sources=names, note=_("Upload"), request=asked)
            audit(dataset.workspace, dataset.created_by, "uploaded", "dataset", dataset.pk, dataset.name)
            Upload.objects.filter(pk__in=[upload.pk for upload in uploads]).delete()
    except Exception:
        shutil.rmtree(dataset.upload_folder, ignore_errors=True)
        raise
    for upload in uploads:
        upload.path.unlink()
    return version


# The protocol


def bad(message: str, hint: str, *, code: str = "bad_request", status: int = 400, **extra: Any) -> Problem:
    return Problem(message, code=code, hint=hint, status=status, **extra)


def whole_number(request: HttpRequest, name: str) -> int:
    value = request.headers.get(name, "")
    if not re.fullmatch(r"[0-9]{1,18}", value):
        raise bad(_("%(name)s must be a whole number.") % {"name": name}, _("Send it as tus 1.0.0 asks."))
    return int(value)


def metadata(header: str) -> dict[str, str]:
    """`key base64,key base64`; what is no text is shown with replacement characters."""
    fields = {}
    for pair in filter(None, (part.strip() for part in header.split(","))):
        key, _space, value = pair.partition(" ")
        try:
            fields[key] = base64.b64decode(value.strip(), validate=True).decode("utf-8", "replace")
        except ValueError:
            raise bad(_("Upload-Metadata cannot be read."), _("Send keys with values in base64, as tus 1.0.0 asks."))
    return fields


def checksum(request: HttpRequest) -> tuple[Any, bytes | None]:
    """(a hash to fill, the digest that the part must have, or None when nothing was announced)."""
    header = request.headers.get("Upload-Checksum", "")
    if not header:
        return hashlib.sha256(), None
    algorithm, _space, value = header.partition(" ")
    try:
        expected = base64.b64decode(value.strip(), validate=True)
    except ValueError:
        expected = b""
    if algorithm not in ALGORITHMS or not expected:
        raise bad(_("Upload-Checksum cannot be read."), _("Send sha1 or sha256, a space and the digest in base64."))
    return hashlib.new(algorithm, usedforsecurity=False), expected


def answer(upload: Upload, offset: int, status: int) -> HttpResponse:
    response = HttpResponse(status=status)
    response["Upload-Offset"] = str(offset)
    response["Upload-Expires"] = http_date(upload.expires_at.timestamp())
    if upload.sha256:
        response["Upload-Sha256"] = upload.sha256
    return response


def create(request: HttpRequest) -> HttpResponse:
    length = whole_number(request, "Upload-Length")
    header = request.headers.get("Upload-Metadata", "")
    fields = metadata(header)
    promised = fields.get("sha256", "").lower()
    if len(header) > 4_000 or not re.fullmatch(r"(?:[0-9a-f]{64})?", promised):
        raise bad(_("Upload-Metadata cannot be taken."), _("Send filename, and sha256 in 64 hexadecimal digits."))
    name = (fields.get("filename") or fields.get("name") or "file")[:255]
    upload = begin(request.workspace, request.user, length, name=name, promised=promised, metadata=header)
    response = answer(upload, settled(upload), 201)
    response["Location"] = reverse("upload", args=[upload.pk])
    return response


def look(request: HttpRequest, pk: str) -> HttpResponse:
    upload = find(request.workspace, pk)
    response = answer(upload, settled(upload), 200)
    response["Upload-Length"] = str(upload.length)
    response["Cache-Control"] = "no-store"
    if upload.metadata:
        response["Upload-Metadata"] = upload.metadata
    return response


def extend(request: HttpRequest, pk: str) -> HttpResponse:
    upload = find(request.workspace, pk)
    if request.content_type != CONTENT_TYPE:
        raise bad(_("The part has the wrong type."), _("Send it as %(type)s.") % {"type": CONTENT_TYPE}, status=415)
    offset, (digest, expected) = whole_number(request, "Upload-Offset"), checksum(request)
    with locked(upload) as file:
        start = file.seek(0, os.SEEK_END)
        if offset != start:
            raise Conflict(
                _("%(size)d bytes are here, so the next part begins there.") % {"size": start},
                code="wrong_offset",
                hint=_("Ask with HEAD for Upload-Offset, then send from there."),
                offset=start,
            )
        limit = min(CHUNK_BYTES, upload.length - start)
        if int(request.headers.get("Content-Length") or 0) > limit:
            raise too_much(limit)
        size = receive(request, file, start + limit, digest)
        if expected is not None and digest.digest() != expected:
            file.truncate(start)
            raise bad(
                _("The part arrived changed, so it was not kept."), _("Send it again."), code="checksum", status=460
            )
        upload.expires_at = timezone.now() + KEPT
        Upload.objects.filter(pk=upload.pk).update(expires_at=upload.expires_at)
        settle(upload, file)
    return answer(upload, size, 204)


def terminate(request: HttpRequest, pk: str) -> HttpResponse:
    upload = find(request.workspace, pk)
    with locked(upload):
        remove(upload)
    return HttpResponse(status=204)


def options(request: HttpRequest, **names: str) -> HttpResponse:
    response = HttpResponse(status=204)
    response["Tus-Version"] = VERSION
    response["Tus-Extension"] = EXTENSIONS
    response["Tus-Max-Size"] = str(settings.MAX_UPLOAD_BYTES)
    response["Tus-Checksum-Algorithm"] = ",".join(ALGORITHMS)
    return response


def admit(request: HttpRequest) -> None:
    """Puts user and workspace on the request: a token's as in the API, or the session's, whose changes must carry the
    CSRF token."""
    membership: Any = request.membership
    scheme, _space, secret = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        token = ApiToken.find(secret.strip())
        membership = token and token.workspace.memberships.filter(user=token.user).first()
    elif CsrfViewMiddleware(lambda _: HttpResponse()).process_view(request, admit, (), {}):
        raise Forbidden(_("This page was open too long, so nothing was sent."), code="csrf", hint=_("Reload it."))
    if not membership:
        raise bad(
            _("Nobody is signed in here."),
            _("Sign in, or send Authorization: Bearer TOKEN; tokens are on the settings page."),
            code="bad_token",
            status=401,
        )
    if method_of(request) != "HEAD" and not membership.can_edit:
        raise Forbidden(
            _("You may look at this workspace but not change it."), hint=_("Ask an owner for the editor role.")
        )
    request.user, request.workspace = membership.user, membership.workspace


def method_of(request: HttpRequest) -> str:
    """A POST may stand for another method: some proxies pass no PATCH."""
    if request.method == "POST":
        return request.headers.get("X-HTTP-Method-Override", "POST").upper()
    return request.method or ""


def refuse(problem: Problem) -> JsonResponse:
    """RFC 9457, as in the API."""
    fields = {
        "type": "about:blank",
        "title": problem.code.replace("_", " "),
        "status": problem.status,
        "code": problem.code,
        "detail": problem.message,
        "hint": problem.hint,
    }
    response = JsonResponse(fields | problem.extra, status=problem.status, content_type="application/problem+json")
    if problem.status == 401:
        response["WWW-Authenticate"] = "Bearer"
    if problem.status == 412:
        response["Tus-Version"] = VERSION
    return response


def wrong_method(method: str, allowed: str) -> HttpResponse:
    message = _("Nothing answers to %(method)s here.") % {"method": method[:20]}
    response = refuse(bad(message, _("Use one of %(methods)s.") % {"methods": allowed}, status=405))
    response["Allow"] = allowed
    return response


def speaks_tus(**handlers: Handler) -> Handler:
    """A view of the protocol, from its methods."""

    def handle(request: HttpRequest, **names: str) -> HttpResponse:
        method = method_of(request)
        if method == "OPTIONS":
            return options(request)
        if method not in handlers:
            return wrong_method(method, ", ".join([*handlers, "OPTIONS"]))
        if request.headers.get("Tus-Resumable") != VERSION:
            raise bad(
                _("Only version 1.0.0 of tus is spoken here."), _("Send the header Tus-Resumable: 1.0.0."), status=412
            )
        admit(request)
        return handlers[method](request, **names)

    @csrf_exempt  # admit() checks it: a token needs none
    def view(request: HttpRequest, **names: str) -> HttpResponse:
        try:
            response = handle(request, **names)
        except Problem as problem:
            response = refuse(problem)
        response["Tus-Resumable"] = VERSION
        return response

    return view


collection = speaks_tus(POST=create)
one = speaks_tus(HEAD=look, PATCH=extend, DELETE=terminate)
