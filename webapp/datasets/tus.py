"""The protocol of uploads that go on where they broke off: tus 1.0.0 (https://tus.io/protocols/resumable-upload)."""

import base64
import hashlib
import os
import re
from collections.abc import Callable
from typing import Any, cast

from django.conf import settings
from django.db import DatabaseError
from django.http import HttpRequest, HttpResponse
from django.middleware.csrf import CsrfViewMiddleware
from django.urls import reverse
from django.utils import timezone
from django.utils.http import http_date
from django.utils.translation import gettext as _
from django.views.decorators.csrf import csrf_exempt

from webapp.accounts.factors import check_factor
from webapp.accounts.requests import AuthedRequest
from webapp.accounts.rights import Right, check, right_for
from webapp.accounts.tokens import admit_token
from webapp.core.clients import client_ip
from webapp.core.problem_responses import problem_response
from webapp.core.problems import Conflict, Forbidden, Problem, problem_of
from webapp.datasets.folders import checked_path
from webapp.datasets.models import Upload
from webapp.datasets.upload_metadata import parse_metadata, path_in
from webapp.datasets.uploads import (
    CHUNK_BYTES,
    KEPT,
    begin,
    find,
    locked,
    receive,
    remove,
    settled,
    too_much,
    verify_checksum,
)

VERSION = "1.0.0"
EXTENSIONS = "creation,termination,checksum,expiration"
ALGORITHMS = ("sha1", "sha256")
CONTENT_TYPE = "application/offset+octet-stream"

Handler = Callable[..., HttpResponse]


def bad(message: str, hint: str, *, code: str = "bad_request", status: int = 400) -> Problem:
    return Problem(message, code=code, hint=hint, status=status)


def whole_number(request: HttpRequest, name: str) -> int:
    value = request.headers.get(name, "")
    if not re.fullmatch(r"[0-9]{1,18}", value):
        raise bad(_("%(name)s must be a whole number.") % {"name": name}, _("Send it as tus 1.0.0 asks."))
    return int(value)


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


def create(request: AuthedRequest) -> HttpResponse:
    length = whole_number(request, "Upload-Length")
    header = request.headers.get("Upload-Metadata", "")
    fields = parse_metadata(header)
    promised = fields.get("sha256", "").lower()
    if len(header) > 4_000 or not re.fullmatch(r"(?:[0-9a-f]{64})?", promised):
        raise bad(_("Upload-Metadata cannot be taken."), _("Send filename, and sha256 in 64 hexadecimal digits."))
    path = checked_path(path_in(fields))
    name = (fields.get("filename") or fields.get("name") or path.rpartition("/")[2] or "file")[:255]
    upload = begin(request.workspace, request.user, length, name=name, promised=promised, metadata=header)
    response = answer(upload, settled(upload), 201)
    response["Location"] = reverse("upload", args=[upload.pk])
    return response


def head(request: AuthedRequest, pk: str) -> HttpResponse:
    upload = find(request.workspace, pk)
    response = answer(upload, settled(upload), 200)
    response["Upload-Length"] = str(upload.length)
    response["Cache-Control"] = "no-store"
    if upload.metadata:
        response["Upload-Metadata"] = upload.metadata
    return response


def extend(request: AuthedRequest, pk: str) -> HttpResponse:
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
        verify_checksum(upload, file)
    return answer(upload, size, 204)


def terminate(request: AuthedRequest, pk: str) -> HttpResponse:
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


def admit(request: AuthedRequest) -> None:
    """Puts user and workspace on the request: a token's as in the API, or the session's, whose changes must carry the
    CSRF token."""
    membership: Any = request.membership
    scheme, _space, secret = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        _token, membership = admit_token(secret.strip(), client_ip(request))
    elif CsrfViewMiddleware(lambda _: HttpResponse()).process_view(request, lambda _: HttpResponse(), (), {}):
        raise Forbidden(_("This page was open too long, so nothing was sent."), code="csrf", hint=_("Reload it."))
    if not membership:
        raise bad(
            _("Nobody is signed in here."),
            _("Sign in, or send Authorization: Bearer TOKEN; tokens are on the settings page."),
            code="bad_token",
            status=401,
        )
    check(membership, right_for(method_of(request), Right.EDIT, Right.VIEW))
    check_factor(membership.user, membership.workspace)
    request.user, request.workspace, request.membership = membership.user, membership.workspace, membership


def method_of(request: HttpRequest) -> str:
    """A POST may stand for another method: some proxies pass no PATCH."""
    if request.method == "POST":
        return request.headers.get("X-HTTP-Method-Override", "POST").upper()
    return request.method or ""


def refuse(problem: Problem) -> HttpResponse:
    """As in the API."""
    response = problem_response(problem)
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

    def handle(request: AuthedRequest, **names: str) -> HttpResponse:
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
            response = handle(cast(AuthedRequest, request), **names)
        except (Problem, DatabaseError) as error:
            problem = problem_of(error)
            if not isinstance(problem, Problem):
                raise
            response = refuse(problem)
        response["Tus-Resumable"] = VERSION
        return response

    return view


collection = speaks_tus(POST=create)
upload = speaks_tus(HEAD=head, PATCH=extend, DELETE=terminate)
