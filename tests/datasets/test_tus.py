"""The protocol of uploads: spoken, checked, refused, shared with nobody."""

import hashlib
import io
import os
import re
from typing import Any

import pytest
from django.test import Client

from tests.datasets.sending import (
    CSV,
    MB,
    TUS,
    ClientOf,
    b64,
    create,
    make_dataset,
    offset_of,
    patch,
    refused,
    send,
    whole,
)
from webapp.accounts.models import Membership, Role, User, Workspace
from webapp.core.problems import Problem
from webapp.datasets import tus, uploads
from webapp.datasets.models import Dataset, Upload


def test_what_the_server_speaks(settings: Any, db: None) -> None:
    answer = Client().options("/uploads/")
    assert answer.status_code == 204
    assert answer["Tus-Version"] == answer["Tus-Resumable"] == "1.0.0"
    assert set(answer["Tus-Extension"].split(",")) == {"creation", "termination", "checksum", "expiration"}
    assert answer["Tus-Checksum-Algorithm"] == "sha1,sha256"
    assert answer["Tus-Max-Size"] == str(settings.MAX_UPLOAD_BYTES)


@pytest.mark.parametrize("who", ["web", "api"])
def test_a_file_in_two_parts(who: str, request: pytest.FixtureRequest, user: User, workspace: Workspace) -> None:
    client = request.getfixturevalue(who)
    made = create(client, len(CSV), "Zeilen für alle.csv")
    assert made.status_code == 201
    path = made["Location"]
    assert re.fullmatch("/uploads/[a-z0-9]{16}", path)
    assert made["Upload-Expires"].endswith("GMT")
    upload = Upload.objects.get()
    assert (upload.workspace, upload.created_by, upload.name) == (workspace, user, "Zeilen für alle.csv")
    first = patch(client, path, 0, CSV[:9])
    assert (first.status_code, first["Upload-Offset"]) == (204, "9")
    assert "Upload-Sha256" not in first
    seen = send(client, "HEAD", path)
    assert (seen["Upload-Offset"], seen["Upload-Length"]) == ("9", str(len(CSV)))
    assert seen["Upload-Metadata"] == f"filename {b64('Zeilen für alle.csv')}"
    last = patch(client, path, 9, CSV[9:])
    assert last["Upload-Sha256"] == hashlib.sha256(CSV).hexdigest()
    assert send(client, "HEAD", path)["Upload-Sha256"] == last["Upload-Sha256"]
    assert upload.path.read_bytes() == CSV
    assert patch(client, path, len(CSV), b"").status_code == 204


def test_an_empty_file_is_whole_at_once(web: Client) -> None:
    assert create(web, 0)["Upload-Sha256"] == hashlib.sha256(b"").hexdigest()


def test_a_wrong_offset(web: Client) -> None:
    path = create(web, len(CSV))["Location"]
    patch(web, path, 0, CSV[:5])
    for offset in (0, 4, 6, len(CSV)):
        assert refused(patch(web, path, offset, CSV[5:]), 409, "wrong_offset")["offset"] == 5
    assert offset_of(web, path) == 5


def test_the_files_size_is_the_offset(web: Client) -> None:
    path = create(web, len(CSV))["Location"]
    patch(web, path, 0, CSV[:9])
    file = Upload.objects.get().path
    file.write_bytes(CSV[:4])  # as after a loss of power
    assert offset_of(web, path) == 4
    assert patch(web, path, 4, CSV[4:]).status_code == 204
    assert file.read_bytes() == CSV


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Tus-Resumable": "0.2.2"}, 412),
        ({"Upload-Offset": "-1"}, 400),
        ({"Upload-Offset": "one"}, 400),
        ({"Content-Type": "text/csv"}, 415),
        ({"Upload-Checksum": "md5 AAAA"}, 400),
        ({"Upload-Checksum": "sha1 ?"}, 400),
        ({"Content-Length": str(16 * MB + 1)}, 413),
        ({"Content-Length": "100"}, 413),  # more than the file was to be
    ],
)
def test_parts_that_are_refused(web: Client, headers: dict[str, str], status: int) -> None:
    path = create(web, len(CSV))["Location"]
    named = {"Upload-Offset": "0", "Content-Type": tus.CONTENT_TYPE} | TUS | headers
    answer = web.generic("PATCH", path, CSV, named["Content-Type"], headers=named)
    problem = refused(answer, status)
    assert status != 412 or answer["Tus-Version"] == "1.0.0"
    assert problem["hint"]
    assert offset_of(web, path) == 0


def test_a_part_without_a_length_may_not_overflow(web: Client) -> None:
    """As chunked transfer brings it: nothing says beforehand how much comes."""
    path = create(web, 10)["Location"]
    patch(web, path, 0, CSV[:5])
    upload = Upload.objects.get()
    with uploads.locked(upload) as file:
        file.seek(0, os.SEEK_END)
        with pytest.raises(Problem, match="too large"):
            uploads.receive(io.BytesIO(CSV), file, 10, hashlib.sha256())  # type: ignore[arg-type]
    assert upload.path.read_bytes() == CSV[:5]


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Upload-Length": "-1"},
        {"Upload-Defer-Length": "1"},
        {"Upload-Length": "1", "Upload-Metadata": "filename ###"},
        {"Upload-Length": "1", "Upload-Metadata": f"sha256 {b64('short')}"},
    ],
)
def test_uploads_that_never_begin(web: Client, headers: dict[str, str]) -> None:
    refused(web.post("/uploads/", headers=TUS | headers), 400)
    assert not Upload.objects.exists()


def test_other_methods(web: Client) -> None:
    path = create(web, 3)["Location"]
    answer = web.get(path, headers=TUS)
    refused(answer, 405)
    assert answer["Allow"] == "HEAD, PATCH, DELETE, OPTIONS"
    tunnelled = {"X_HTTP_Method_Override": "PATCH", "Upload_Offset": "0"}
    assert send(web, "POST", path, b"abc", **tunnelled).status_code == 204


def test_an_upload_is_terminated(web: Client) -> None:
    path = create(web, len(CSV))["Location"]
    file = Upload.objects.get().path
    assert file.exists()
    assert send(web, "DELETE", path).status_code == 204
    assert not file.exists()
    assert send(web, "HEAD", path).status_code == 404
    refused(patch(web, path, 0, CSV), 404, "not_found")


@pytest.mark.parametrize("algorithm", ["sha1", "sha256"])
def test_a_part_is_checked(web: Client, algorithm: str) -> None:
    path = create(web, len(CSV))["Location"]
    patch(web, path, 0, CSV[:3])
    digest = b64(hashlib.new(algorithm, CSV[3:]).digest())
    changed = CSV[3:].replace(b"two", b"TWO")
    refused(patch(web, path, 3, changed, Upload_Checksum=f"{algorithm} {digest}"), 460, "checksum")
    assert offset_of(web, path) == 3
    assert patch(web, path, 3, CSV[3:], Upload_Checksum=f"{algorithm} {digest}").status_code == 204


def test_the_whole_file_is_checked(web: Client) -> None:
    right = hashlib.sha256(CSV).hexdigest()
    path = create(web, len(CSV), sha256=right.upper())["Location"]
    assert patch(web, path, 0, CSV)["Upload-Sha256"] == right
    path = create(web, len(CSV), sha256="0" * 64)["Location"]
    file = Upload.objects.get(promised="0" * 64).path
    patch(web, path, 0, CSV[:8])
    refused(patch(web, path, 8, CSV[8:]), 460, "checksum")
    assert not file.exists()
    assert send(web, "HEAD", path).status_code == 404


def test_a_hash_that_a_killed_process_left_out(web: Client) -> None:
    path = create(web, len(CSV))["Location"]
    Upload.objects.get().path.write_bytes(CSV)
    answer = send(web, "HEAD", path)
    assert answer["Upload-Offset"] == answer["Upload-Length"]
    assert answer["Upload-Sha256"] == Upload.objects.get().sha256 == hashlib.sha256(CSV).hexdigest()


def test_a_stranger_finds_nothing(web: Client, outsider: User, client_of: ClientOf, api_of: ClientOf) -> None:
    path = create(web, len(CSV))["Location"]
    for stranger in (client_of(outsider), api_of(outsider)):
        assert send(stranger, "HEAD", path).status_code == 404
        refused(patch(stranger, path, 0, CSV), 404, "not_found")
        refused(send(stranger, "DELETE", path), 404, "not_found")
    assert offset_of(web, path) == 0
    pk = whole(web)
    assert make_dataset(api_of(outsider), upload=pk).status_code == 404
    page = client_of(outsider).post("/new", {"upload": pk}, headers={"Accept": "application/json"})
    assert page.status_code == 404
    assert not Dataset.objects.exists()


def test_nobody_and_a_wrong_token(web: Client) -> None:
    path = create(web, len(CSV))["Location"]
    for headers in ({}, {"Authorization": "Bearer mq_wrong"}):
        for method, where in (("POST", "/uploads/"), ("PATCH", path), ("DELETE", path)):
            answer = Client().generic(method, where, headers=TUS | headers)
            refused(answer, 401, "bad_token")
            assert answer["WWW-Authenticate"] == "Bearer"


def test_a_viewer_sends_nothing(workspace: Workspace, web: Client, client_of: ClientOf, api_of: ClientOf) -> None:
    path = create(web, len(CSV))["Location"]
    viewer = User.objects.create_user("vic@example.org")
    Membership.objects.create(workspace=workspace, user=viewer, role=Role.VIEWER)
    for client in (client_of(viewer), api_of(viewer)):
        assert offset_of(client, path) == 0
        refused(create(client, 3), 403, "forbidden")
        refused(patch(client, path, 0, CSV), 403, "forbidden")
        refused(send(client, "DELETE", path), 403, "forbidden")


def test_another_site_cannot_send_for_the_session(user: User, api_of: ClientOf) -> None:
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(user)
    refused(create(browser, 3), 403, "csrf")
    page = browser.get("/new").content.decode()
    token = re.search('name="csrfmiddlewaretoken" value="([^"]+)"', page)[1]
    made = send(browser, "POST", "/uploads/", Upload_Length="3", X_CSRFToken=token)
    assert made.status_code == 201
    path = made["Location"]
    refused(patch(browser, path, 0, b"abc"), 403, "csrf")
    refused(send(browser, "DELETE", path), 403, "csrf")
    assert patch(browser, path, 0, b"abc", X_CSRFToken=token).status_code == 204
    program = Client(enforce_csrf_checks=True, **api_of(user).defaults)
    assert create(program, 3).status_code == 201  # a token needs no cookie
