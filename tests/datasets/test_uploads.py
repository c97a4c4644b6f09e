"""Uploads by tus: broken off and gone on with, refused, shared with nobody, swept, and turned into datasets."""

import base64
import hashlib
import http.client
import io
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from axe_playwright_python.sync_playwright import Axe
from django.http import HttpResponse
from django.test import Client
from django.utils import timezone
from playwright.sync_api import Page, Request, expect, sync_playwright

from tests import things
from tests.site import HIDDEN, ROOT, free_port, wait
from webapp.accounts.models import Membership, Role, User, Workspace
from webapp.core.problems import Problem
from webapp.datasets import tasks, uploads
from webapp.datasets.models import Dataset, DatasetVersion, Upload
from webapp.prototypes.models import Prototype

MB = 2**20
CHUNK = 8 * MB
CSV = b"text,label\none,a\ntwo,b\n"
TUS = {"Tus-Resumable": "1.0.0"}
ClientOf = Callable[[User], Client]


def b64(value: str | bytes) -> str:
    return base64.b64encode(value.encode() if isinstance(value, str) else value).decode()


def send(client: Client, method: str, path: str, body: bytes = b"", **headers: str) -> HttpResponse:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return client.generic(method, path, body, headers=TUS | {"Content-Type": uploads.CONTENT_TYPE} | named)


def send_stream(client: Client, path: str, stream: io.IOBase, length: int, **headers: str) -> HttpResponse:
    """A PATCH at offset 0 whose body the server reads from `stream`."""
    environ = {"wsgi.input": stream, "CONTENT_LENGTH": str(length), "CONTENT_TYPE": uploads.CONTENT_TYPE}
    return client.generic("PATCH", path, headers=TUS | {"Upload-Offset": "0"} | headers, **environ)


def create(client: Client, length: int, name: str = "rows.csv", **fields: str) -> HttpResponse:
    pairs = ",".join(f"{key} {b64(value)}" for key, value in {"filename": name, **fields}.items())
    return send(client, "POST", "/uploads/", Upload_Length=str(length), Upload_Metadata=pairs)


def patch(client: Client, path: str, offset: int, body: bytes, **headers: str) -> HttpResponse:
    return send(client, "PATCH", path, body, Upload_Offset=str(offset), **headers)


def offset_of(client: Client, path: str) -> int:
    answer = send(client, "HEAD", path)
    assert answer.status_code == 200, answer.status_code
    assert answer["Cache-Control"] == "no-store"
    return int(answer["Upload-Offset"])


def whole(client: Client, content: bytes = CSV, name: str = "rows.csv") -> str:
    """The id of a finished upload."""
    path = create(client, len(content), name)["Location"]
    assert patch(client, path, 0, content).status_code == 204
    return path.rpartition("/")[2]


def refused(answer: HttpResponse, status: int, code: str = "") -> dict[str, Any]:
    assert answer.status_code == status, answer.content
    assert answer["Tus-Resumable"] == "1.0.0"
    assert answer["Content-Type"] == "application/problem+json"
    problem = json.loads(answer.content)
    assert problem["status"] == status
    assert problem["detail"].endswith(".")
    assert problem["hint"].endswith(".")
    assert code in ("", problem["code"])
    return problem


def make_dataset(client: Client, **body: Any) -> HttpResponse:
    return client.post("/api/v1/datasets", json.dumps(body), content_type="application/json")


@pytest.fixture
def web(user: User, client_of: ClientOf) -> Client:
    return client_of(user)


@pytest.fixture
def api(user: User, api_of: ClientOf) -> Client:
    return api_of(user)


@pytest.fixture(autouse=True)
def no_parts_left(settings: Any, tmp_path: Path) -> None:
    settings.MAQUETTE_DATA = tmp_path


# The protocol


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
    named = {"Upload-Offset": "0", "Content-Type": uploads.CONTENT_TYPE} | TUS | headers
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


# Checksums


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


# Who


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


# Room


def test_too_large_is_said_at_creation(web: Client, settings: Any) -> None:
    settings.MAX_UPLOAD_BYTES = 5 * MB
    problem = refused(create(web, 5 * MB + 1), 413, "too_large")
    assert "5 MB" in problem["detail"]
    assert not Upload.objects.exists()


def test_the_quota_counts_what_is_coming_and_what_is_kept(
    web: Client, api: Client, user: User, workspace: Workspace, outsider: User, client_of: ClientOf, settings: Any
) -> None:
    settings.MAQUETTE_QUOTA_BYTES = 10 * MB
    pk = whole(web, b"x" * 4 * MB)
    path = create(web, 4 * MB)["Location"]
    assert uploads.room(workspace) == 2 * MB
    problem = refused(create(web, 3 * MB), 413, "quota")
    assert "3 MB" in problem["detail"]
    assert "2 MB" in problem["detail"]
    assert create(client_of(outsider), 3 * MB).status_code == 201  # another workspace's quota
    assert send(web, "DELETE", path).status_code == 204
    assert make_dataset(api, upload=pk).status_code == 201
    assert uploads.room(workspace) == 6 * MB
    DatasetVersion.objects.update(bytes=2 * MB)  # what the reader wrote
    refused(create(web, 5 * MB), 413, "quota")
    assert create(web, 4 * MB).status_code == 201


def test_the_quota_holds_for_the_plain_ways_too(web: Client, api: Client, settings: Any) -> None:
    settings.MAQUETTE_QUOTA_BYTES = 10
    for client, path in ((web, "/new"), (api, "/api/v1/datasets")):
        assert client.post(path, {"file": io.BytesIO(CSV), "name": "rows"}).status_code == 413
    assert not Dataset.objects.exists()


def test_the_page_says_how_much_room_there_is(web: Client, settings: Any) -> None:
    settings.MAQUETTE_QUOTA_BYTES = 3 * MB
    page = web.get("/new").content.decode()
    assert f'data-room-bytes="{3 * MB}"' in page
    assert "has room for 3 MB more" in page
    settings.MAQUETTE_QUOTA_BYTES = 20 * 1024**3
    assert '<span class="muted">The workspace has room' not in web.get("/new").content.decode()


# Broken off


class Broken(io.RawIOBase):
    """A body that ends early, or whose connection breaks."""

    def __init__(self, content: bytes, error: OSError | None) -> None:
        self.content, self.error = io.BytesIO(content), error

    def read(self, size: int = -1) -> bytes:
        piece = self.content.read(size)
        if not piece and self.error:
            raise self.error
        return piece


@pytest.mark.parametrize("error", [None, ConnectionResetError("gone")])
def test_what_came_before_a_break_stays(web: Client, error: OSError | None) -> None:
    content = os.urandom(2 * MB)
    path = create(web, len(content))["Location"]
    send_stream(web, path, Broken(content[: MB + 17], error), len(content))
    assert offset_of(web, path) == MB + 17
    patch(web, path, MB + 17, content[MB + 17 :])
    assert Upload.objects.get().path.read_bytes() == content


def test_a_checked_part_that_breaks_off_goes(web: Client) -> None:
    path = create(web, len(CSV))["Location"]
    digest = b64(hashlib.sha1(CSV).digest())
    stream = Broken(CSV[:9], OSError("gone"))
    refused(send_stream(web, path, stream, len(CSV), **{"Upload-Checksum": f"sha1 {digest}"}), 460)
    assert offset_of(web, path) == 0


def test_the_second_of_two_patches_is_told_to_wait(web: Client) -> None:
    """The second comes while the first one's body is being read."""
    path = create(web, len(CSV))["Location"]
    answers: list[HttpResponse] = []

    class Meanwhile(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            if not answers:
                answers.append(patch(web, path, 0, CSV))
                answers.append(send(web, "DELETE", path))
            return super().read(size)

    assert send_stream(web, path, Meanwhile(CSV), len(CSV)).status_code == 204
    for answer in answers:
        refused(answer, 423, "locked")
    assert len(answers) == 2
    assert Upload.objects.get().path.read_bytes() == CSV


# The sweep


def expire(upload: Upload) -> Upload:
    Upload.objects.filter(pk=upload.pk).update(expires_at=timezone.now() - timedelta(seconds=1))
    return upload


def test_a_part_adds_a_day(web: Client) -> None:
    path = create(web, len(CSV))["Location"]
    Upload.objects.update(expires_at=timezone.now() + timedelta(minutes=1))
    patch(web, path, 0, CSV[:3])
    assert Upload.objects.get().expires_at > timezone.now() + timedelta(hours=23)


def test_the_sweep_takes_what_nobody_goes_on_with(web: Client, settings: Any) -> None:
    old, young = (Upload.objects.get(pk=create(web, 3)["Location"].rpartition("/")[2]) for _ in range(2))
    lost = Upload.objects.get(pk=create(web, 3)["Location"].rpartition("/")[2])
    lost.path.unlink()
    expire(lost)
    expire(old)
    assert send(web, "HEAD", f"/uploads/{old.pk}").status_code == 404
    orphans = [old.path.with_name(name) for name in ("orphan", "fresh")]
    for orphan in orphans:
        orphan.touch()
    for path in (orphans[0], young.path):
        os.utime(path, (time.time() - 90_000,) * 2)
    tasks.sweep()
    assert list(Upload.objects.all()) == [young]
    assert {path.name for path in young.path.parent.iterdir()} == {young.pk, "fresh"}


def test_the_sweep_leaves_what_is_being_written(web: Client) -> None:
    path = create(web, 3)["Location"]
    upload = expire(Upload.objects.get())
    with uploads.locked(upload):
        uploads.sweep()
    assert upload.path.exists()
    assert Upload.objects.count() == 1
    uploads.sweep()
    assert not upload.path.exists()
    assert send(web, "HEAD", path).status_code == 404


# Datasets


def test_finished_files_become_a_dataset_without_being_copied(web: Client, api: Client, workspace: Workspace) -> None:
    ids = [whole(web, CSV, f"../{name}.csv") for name in ("train", "test")]
    inodes = [Upload.objects.get(pk=pk).path.stat().st_ino for pk in ids]
    answer = make_dataset(api, upload=ids, name="both")
    assert answer.status_code == 201, answer.content
    dataset = Dataset.objects.get(pk=answer.json()["id"])
    assert (dataset.name, dataset.workspace) == ("both", workspace)
    assert dataset.latest.sources == ["0-train.csv", "1-test.csv"]
    files = [dataset.upload_folder / name for name in dataset.latest.sources]
    assert [file.stat().st_ino for file in files] == inodes
    assert [file.stat().st_nlink for file in files] == [1, 1]
    assert [file.read_bytes() for file in files] == [CSV, CSV]
    assert not Upload.objects.exists()
    assert make_dataset(api, upload=ids).status_code == 404  # they are used


def test_one_file_names_its_dataset(web: Client, api: Client) -> None:
    answer = make_dataset(api, upload=whole(web, name="support letters.csv"))
    assert answer.json()["name"] == "support letters"


def test_an_unfinished_file_makes_no_dataset(web: Client, api: Client) -> None:
    path = create(web, len(CSV))["Location"]
    patch(web, path, 0, CSV[:9])
    answer = make_dataset(api, upload=[whole(web), path.rpartition("/")[2]])
    assert answer.status_code == 409
    problem = answer.json()
    assert problem["detail"] == f"“rows.csv” is not all there yet: 9 of {len(CSV)} bytes have come."
    assert problem["hint"]
    assert not Dataset.objects.exists()
    assert Upload.objects.count() == 2
    assert offset_of(web, path) == 9


@pytest.mark.parametrize("body", [{}, {"upload": 3}, {"upload": None}, {"upload": []}, []])
def test_a_body_that_names_no_upload(api: Client, body: Any) -> None:
    answer = api.post("/api/v1/datasets", json.dumps(body), content_type="application/json")
    assert answer.status_code == 422
    assert answer.json()["hint"]


def test_too_much_for_one_dataset(web: Client, api: Client, settings: Any) -> None:
    assert make_dataset(api, upload=["x"] * 21).status_code == 413
    ids = [whole(web), whole(web)]
    settings.MAX_UPLOAD_BYTES = 2 * len(CSV) - 1
    assert make_dataset(api, upload=ids).json()["code"] == "too_large"
    assert Upload.objects.count() == 2


def test_a_failure_leaves_the_uploads_as_they_were(
    web: Client, user: User, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    pk = whole(web)

    def fails(*_args: Any, **_fields: Any) -> None:
        raise RuntimeError("the database went away")

    with monkeypatch.context() as patched:
        patched.setattr(uploads, "audit", fails)
        with pytest.raises(RuntimeError):
            uploads.create_dataset(workspace, user, [pk])
    assert Upload.objects.get().path.read_bytes() == CSV
    assert not Dataset.objects.exists()
    assert [one.name for one in Upload.objects.get().path.parents[1].iterdir()] == ["parts"]
    assert uploads.create_dataset(workspace, user, [pk]).name == "rows"


def test_a_key_makes_one_dataset_of_an_upload(web: Client, api: Client) -> None:
    pk = whole(web)
    post = {"data": json.dumps({"upload": pk}), "content_type": "application/json"}
    first, second = (api.post("/api/v1/datasets", **post, headers={"Idempotency-Key": "k"}) for _ in range(2))
    assert first.json()["id"] == second.json()["id"]


def test_the_page_makes_a_prototype_of_uploads(web: Client) -> None:
    answer = web.post("/new", {"upload": [whole(web)]}, headers={"Accept": "application/json"})
    assert answer.status_code == 201, answer.content
    prototype = Prototype.objects.get()
    assert answer.json() == {"location": f"/prototypes/{prototype.pk}/data"}
    assert prototype.name == "rows"


def test_datasets_of_before_need_no_folder(workspace: Workspace) -> None:
    things.dataset(workspace, bytes=7)
    assert uploads.used_bytes(workspace) == 7


# A real web process, really killed


class Web:
    """The web process alone, on a folder of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.port = folder, free_port()
        self.address = f"http://127.0.0.1:{self.port}"
        kept = {name: value for name, value in os.environ.items() if name not in HIDDEN}
        own = {"MAQUETTE_DATA": str(folder), "PORT": str(self.port), "REDIS_URL": "redis://127.0.0.1:1/0"}
        self.environment = kept | own
        self.process: subprocess.Popen[bytes] | None = None

    def manage(self, *arguments: str) -> str:
        command = [sys.executable, "manage.py", *arguments]
        options: Any = {"cwd": ROOT, "env": self.environment, "capture_output": True, "text": True}
        done = subprocess.run(command, **options, timeout=60)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip().rpartition("\n")[2]

    def start(self) -> None:
        command = [sys.executable, "-m", "uvicorn", "webapp.asgi:application", f"--port={self.port}"]
        with (self.folder / "web.log").open("ab") as log:
            self.process = subprocess.Popen(command, cwd=ROOT, env=self.environment, stdout=log, stderr=log)
        wait(self.answers, 60, "the web process answers")

    def answers(self) -> bool:
        try:
            return httpx.get(self.address + "/healthz").status_code == 200
        except httpx.TransportError:
            return False

    def kill(self) -> None:
        if self.process:
            self.process.send_signal(signal.SIGKILL)
            self.process.wait(10)

    def restart(self) -> None:
        self.kill()
        self.start()


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Web]:
    web = Web(tmp_path)
    web.manage("migrate", "--verbosity=0")
    web.start()
    yield web
    web.kill()


def break_off(web: Web, path: str, headers: dict[str, str], body: bytes, sent: int, *, kill: bool) -> None:
    """A PATCH of which only the first bytes leave, before the client goes or the server dies."""
    with closing(http.client.HTTPConnection("127.0.0.1", web.port)) as connection:
        connection.putrequest("PATCH", path)
        for name, value in (headers | {"Content-Length": str(len(body))}).items():
            connection.putheader(name, value)
        connection.endheaders()
        connection.send(body[:sent])
        if kill:
            web.restart()


@pytest.mark.slow
def test_thirty_megabytes_interrupted_five_times(running: Web) -> None:
    content = os.urandom(30 * MB)
    token = running.manage("api_token", "--email", "tester@example.org")
    headers = {"Authorization": f"Bearer {token}"} | TUS
    digest = hashlib.sha256(content).hexdigest()
    fields = {"Upload-Length": str(len(content)), "Upload-Metadata": f"filename {b64('rows.csv')},sha256 {b64(digest)}"}
    made = httpx.post(running.address + "/uploads/", headers=headers | fields)
    assert made.status_code == 201, made.text
    path = made.headers["Location"]
    interruptions = iter(["kill in a part", "abort", "kill in between", "abort", "kill in a part"])
    offsets: list[int] = []
    while True:  # a client that remembers nothing but the address
        seen = httpx.head(running.address + path, headers=headers)
        assert seen.status_code == 200, seen.status_code
        offsets.append(int(seen.headers["Upload-Offset"]))
        if offsets[-1] == len(content):
            break
        part = content[offsets[-1] : offsets[-1] + CHUNK]
        parts = headers | {"Upload-Offset": str(offsets[-1]), "Content-Type": uploads.CONTENT_TYPE}
        interruption = next(interruptions, "")
        if interruption in ("abort", "kill in a part"):
            break_off(running, path, parts, part, len(part) // 2, kill=interruption != "abort")
            assert int(httpx.head(running.address + path, headers=headers).headers["Upload-Offset"]) >= offsets[-1]
            continue
        answer = httpx.patch(running.address + path, headers=parts, content=part, timeout=60)
        assert answer.status_code == 204, answer.text
        if interruption == "kill in between":
            running.restart()
    assert not list(interruptions)
    assert offsets == sorted(offsets)
    assert seen.headers["Upload-Sha256"] == digest
    body = {"upload": path.rpartition("/")[2], "name": "thirty"}
    answer = httpx.post(running.address + "/api/v1/datasets", headers=headers, json=body, timeout=60)
    assert answer.status_code == 201, answer.text
    file = running.folder / "uploads" / answer.json()["id"] / "0-rows.csv"
    assert file.read_bytes() == content
    assert not list((running.folder / "uploads" / "parts").iterdir())


# A real browser


@pytest.fixture
def page() -> Iterator[Page]:
    with sync_playwright() as playwright:
        path = os.environ.get("MAQUETTE_CHROMIUM") or None
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox", "--disable-gpu"])
        yield browser.new_context().new_page()
        browser.close()


def sign_in(page: Page, web: Web) -> None:
    code = (
        "from webapp.accounts.actions import ensure_user; from webapp.accounts.models import SignInLink; "
        "print(SignInLink.issue(ensure_user('founder@example.org')[0]))"
    )
    page.goto(f"{web.address}/signin/{web.manage('shell', '-c', code)}")
    page.locator("main form button").click()
    page.wait_for_url(re.compile("/new$"))


def slow_down(page: Page) -> None:
    conditions = {"offline": False, "latency": 0, "downloadThroughput": -1, "uploadThroughput": 6 * MB}
    page.context.new_cdp_session(page).send("Network.emulateNetworkConditions", conditions)


@pytest.mark.browser
@pytest.mark.slow
def test_the_page_goes_on_after_a_reload_a_pause_a_restart_and_a_lost_connection(
    running: Web, page: Page, tmp_path: Path
) -> None:
    file = tmp_path / "letters.csv"
    file.write_bytes(b"text,label\n" + os.urandom(15 * MB).hex().encode())
    complaints: list[str] = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("console", lambda message: complaints.append(message.text) if "Content" in message.text else None)
    patched: list[int] = []

    def note(request: Request) -> None:
        if request.method == "PATCH":
            patched.append(int(request.headers["upload-offset"]))

    page.on("request", note)
    sign_in(page, running)
    slow_down(page)
    speed = page.locator("[data-part=speed]")
    page.locator("input[type=file]").set_input_files(file)
    expect(speed).to_contain_text(re.compile(r"\d+ %, [\d.]+ of 31 MB, [\d.]+ MB a second, about \d+ s left"))
    wait_for(page, lambda: CHUNK in patched)
    page.reload()

    del patched[:]
    page.locator("input[type=file]").set_input_files(file)
    wait_for(page, lambda: patched)
    assert patched[0] >= CHUNK  # what was there was not sent again
    page.locator("[data-part=pause]").click()
    expect(speed).to_contain_text("Paused at")
    assert not Axe().run(page).response["violations"]
    page.locator("[data-part=resume]").click()
    expect(speed).to_contain_text("MB a second")

    running.kill()
    expect(speed).to_contain_text("The connection is lost", timeout=20_000)
    running.start()
    expect(speed).to_contain_text("MB a second", timeout=30_000)
    page.context.set_offline(True)
    expect(speed).to_contain_text("The connection is lost")
    page.context.set_offline(False)
    page.wait_for_url(re.compile("/prototypes/.+/data"), timeout=60_000)
    [stored] = (running.folder / "uploads").glob("*/0-letters.csv")
    assert stored.read_bytes() == file.read_bytes()
    assert page.evaluate("Object.keys(localStorage).filter((key) => key.startsWith('tus::')).length") == 0
    assert not complaints


@pytest.mark.browser
@pytest.mark.slow
def test_without_script_the_form_sends_itself(running: Web, page: Page, tmp_path: Path) -> None:
    file = tmp_path / "letters.csv"
    file.write_bytes(CSV)
    plain = page.context.browser.new_context(java_script_enabled=False).new_page()
    sign_in(plain, running)
    plain.locator("input[type=file]").set_input_files(file)
    plain.locator("noscript button").click()
    plain.wait_for_url(re.compile("/prototypes/.+/data"))
    assert [one.read_bytes() for one in (running.folder / "uploads").glob("*/0-letters.csv")] == [CSV]


def wait_for(page: Page, condition: Callable[[], Any], seconds: float = 20) -> None:
    """As `wait`, with the browser's events coming in."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        page.wait_for_timeout(50)
