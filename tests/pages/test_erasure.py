"""Datasets, workspaces and accounts are erased whole, by pages that say what goes, and nothing is left behind anywhere."""

import io
import json
import sqlite3
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from allauth.account.models import EmailAddress
from django.conf import settings as site_settings
from django.contrib.sessions.models import Session
from django.db import connection
from django.test import Client, RequestFactory
from django.urls import reverse

from tests import things
from webapp.accounts import security
from webapp.accounts.actions import audit, create_token, create_workspace, ensure_user
from webapp.accounts.models import AuditEvent, Membership, Role, SecurityEvent, User, Workspace
from webapp.api.models import IdempotentAnswer
from webapp.core.database import checkpoint
from webapp.core.ids import new_id
from webapp.costs.gate import charge
from webapp.costs.models import LedgerEntry
from webapp.datasets.models import Dataset, DatasetVersion
from webapp.endpoints.models import Endpoint, Feedback
from webapp.pages import erasure
from webapp.prototypes.models import Prototype
from webapp.runs import upkeep
from webapp.runs.models import Estimate, Run

ClientOf = Callable[[User], Client]
MARK = "Zwetschgenmus"
"""In names of everything, in rows, in file names and in what visitors wrote."""


def fill(workspace: Workspace, user: User, mark: str = MARK) -> Endpoint:
    """A dataset, prototype, run and demo of which everything that somebody can name is called by the mark."""
    prototype = things.prototype(workspace)
    dataset = prototype.dataset
    version = dataset.current
    Prototype.objects.filter(pk=prototype.pk).update(name=mark, summary=mark)
    Dataset.objects.filter(pk=dataset.pk).update(name=mark, upload_bytes=3, cache_bytes=2)
    profile = version.profile | {"labels": [{"label": mark, "count": 2}], "columns": [{"name": mark, "kind": "text"}]}
    DatasetVersion.objects.filter(pk=version.pk).update(profile=profile, note=mark, sources=[f"0-{mark}.csv"], bytes=5)
    prototype.refresh_from_db()
    for folder in (dataset.upload_folder, dataset.cache_folder / "previews" / version.pk / "key"):
        folder.mkdir(parents=True)
        (folder / f"0-{mark}.csv").write_text(f"{mark},label", "utf-8")
    run = things.run(prototype, name=mark, answer=mark, params={"note": mark}, bytes=7)
    things.write_events(run, {"type": "log", "message": mark})
    run.artifact.mkdir(parents=True)
    (run.artifact / "report.json").write_text(json.dumps({"labels": [mark]}), "utf-8")
    Estimate.objects.create(workspace=workspace, version=version, key="k", hardware="cpu", spec={"columns": mark})
    endpoint = things.endpoint(run, name=mark, words=mark)
    Feedback.objects.create(workspace=workspace, endpoint=endpoint, input=mark, output={"label": mark}, verdict="up")
    endpoint.links.update(name=mark)
    endpoint.keys.update(name=mark)
    for subject, row in (("dataset", dataset), ("prototype", prototype), ("run", run), ("endpoint", endpoint)):
        audit(workspace, user, "created", subject, row.pk, mark)
    for secret in (endpoint.keys.get(), endpoint.links.get()):
        audit(workspace, user, "created", "key", secret.pk, f"{mark}: {mark}")
    names = {"prototype": prototype.pk, "prototype_name": mark, "subject_name": mark}
    line = {"kind": "training", "hardware": "cpu", "subject": "run", "subject_id": run.pk, **names}
    charge(workspace, key="k", seconds=3600, price=1, **line)
    IdempotentAnswer.objects.create(
        workspace=workspace, key="k", path="/runs", digest="d", status=201, body={"id": run.pk, "name": mark}
    )
    return endpoint


def told_in(folder: Path, mark: str) -> list[str]:
    """Names and contents below a folder with the mark, the database of the tests among them."""
    checkpoint()
    found = [path for path in folder.rglob("*") if mark in path.name or (path.is_file() and has(path, mark))]
    return [str(path) for path in found]


def has(path: Path, mark: str) -> bool:
    return mark.encode() in path.read_bytes()


@pytest.fixture
def browser(user: User, client_of: ClientOf) -> Client:
    return client_of(user)


@pytest.fixture
def neighbour(outsider: User) -> Iterator[Endpoint]:
    """Another workspace's, of which nothing may go."""
    workspace = outsider.workspaces.get()
    yield things.endpoint(things.run(things.prototype(workspace)), slug="neighbour")
    assert Endpoint.objects.get(slug="neighbour").current.run.version.folder.exists()


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("what", ["dataset", "prototype", "workspace", "account"])
def test_nothing_is_left_of_what_was_erased(what: str, user: User, browser: Client, neighbour: Endpoint) -> None:
    """Grepped: every file below the data folder, with the database and its write-ahead log."""
    mark = f"{MARK}{new_id()}"  # other tests leave files of theirs
    data, workspace = site_settings.MAQUETTE_DATA, user.workspaces.get()
    if what in ("workspace", "account"):
        Workspace.objects.filter(pk=workspace.pk).update(name=mark)
        create_token(user, workspace, mark)
    endpoint = fill(workspace, user, mark)
    dataset = endpoint.prototype.dataset
    assert told_in(data, mark)
    forms: dict[str, tuple[str, dict[str, str]]] = {
        "dataset": (reverse("delete_unused_dataset", args=[dataset.pk]), {"prototypes": "too"}),
        "prototype": (reverse("delete_prototype", args=[endpoint.prototype_id]), {"data": "on"}),
        "workspace": (reverse("delete_workspace"), {"name": mark}),
        "account": (reverse("delete_account"), {"name": user.email}),
    }
    address, typed = forms[what]
    asks = browser.get(address).content.decode()
    assert mark in asks or what == "account"
    answer = browser.post(address, typed)
    assert answer.status_code == 302, answer.content.decode()
    browser.cookies.clear()  # it holds what the next page says
    Session.objects.all().delete()
    assert told_in(data, mark) == []
    assert not Run.objects.filter(workspace=workspace.pk).exists()
    assert LedgerEntry.objects.get(kind="training").amount == 1, "what was charged stays, for accounting"


@pytest.mark.django_db(transaction=True)
def test_the_database_overwrites_what_it_deletes(user: User) -> None:
    if connection.vendor != "sqlite":
        pytest.skip("PostgreSQL vacuums")
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA secure_delete")
        assert cursor.fetchone() == (1,)
    asked_for = connection.settings_dict["OPTIONS"]["init_command"]
    assert "secure_delete=ON" in asked_for, "Debian's SQLite does it unasked, others do not"
    audit(user.workspaces.get(), user, "created", "token", "t", MARK)
    for log in (AuditEvent, SecurityEvent):
        log.objects.all().delete()
    checkpoint()
    file = Path(connection.settings_dict["NAME"])
    assert MARK.encode() not in file.read_bytes()
    assert file.with_name(f"{file.name}-wal").stat().st_size == 0
    assert sqlite3.connect(file).execute("PRAGMA integrity_check").fetchone() == ("ok",)


def test_the_page_lists_what_goes(user: User, workspace: Workspace, browser: Client) -> None:
    endpoint = fill(workspace, user)
    found = erasure.contents_of_dataset(endpoint.prototype.dataset)
    assert (found.versions, found.prototypes, found.runs, found.models, found.demos) == (1, 1, 1, 1, 1)
    assert (found.links, found.keys, found.ratings) == (1, 1, 1)
    assert found.size == 17
    page = browser.get(reverse("delete_unused_dataset", args=[endpoint.prototype.dataset_id])).content.decode()
    assert f"/d/{endpoint.slug}" in page
    assert "Ratings by visitors" in page


def test_data_in_use_goes_only_where_the_page_said_so(user: User, workspace: Workspace, browser: Client) -> None:
    """Somebody may have made a prototype of it after the page was drawn."""
    prototype = things.prototype(workspace)
    address = reverse("delete_unused_dataset", args=[prototype.dataset_id])
    assert browser.post(address).status_code == 409
    assert browser.post(address, {"prototypes": "too"}).status_code == 302
    assert not Prototype.objects.exists()


@pytest.mark.parametrize("what", ["dataset", "workspace", "account"])
def test_nothing_goes_while_a_run_is_at_work(what: str, user: User, workspace: Workspace, browser: Client) -> None:
    run = things.run(things.prototype(workspace), status="running")
    forms: dict[str, tuple[str, dict[str, str]]] = {
        "dataset": (reverse("delete_unused_dataset", args=[run.version.dataset_id]), {"prototypes": "too"}),
        "workspace": (reverse("delete_workspace"), {"name": workspace.name}),
        "account": (reverse("delete_account"), {"name": user.email}),
    }
    answer = browser.post(*forms[what])
    assert answer.status_code == 409
    assert "still running" in answer.content.decode()
    assert Prototype.objects.exists()
    assert User.objects.filter(pk=user.pk).exists()


@pytest.mark.parametrize("name", ["delete_workspace", "delete_account"])
def test_the_name_must_be_typed(name: str, user: User, browser: Client) -> None:
    answer = browser.post(reverse(name), {"name": "something else"})
    assert answer.status_code == 422
    assert "Nothing was deleted" in answer.content.decode()
    assert user.workspaces.exists()


def test_an_account_with_a_password_is_deleted_with_it(user: User, workspace: Workspace, client_of: ClientOf) -> None:
    user.set_password("correct horse")
    user.save()
    browser = client_of(user)
    answer = browser.post(reverse("delete_account"), {"name": user.email, "password": "wrong"})
    assert answer.status_code == 403
    assert User.objects.filter(pk=user.pk).exists()
    EmailAddress.objects.create(user=user, email=user.email)
    assert browser.post(reverse("delete_account"), {"name": user.email, "password": "correct horse"}).status_code == 302
    assert not User.objects.exists()
    assert not EmailAddress.objects.exists()
    assert not Workspace.objects.exists(), "an empty one leaves nothing"
    assert browser.get(reverse("home")).status_code == 302


def test_an_editor_may_not_delete_the_workspace(workspace: Workspace, client_of: ClientOf) -> None:
    editor = User.objects.create_user("ed@example.org")
    Membership.objects.create(workspace=workspace, user=editor, role=Role.EDITOR)
    for send in (client_of(editor).get, client_of(editor).post):
        assert send(reverse("delete_workspace"), {"name": workspace.name}).status_code == 403
    assert workspace.memberships.count() == 2


def test_a_viewer_may_leave_and_the_workspace_stays(workspace: Workspace, user: User, client_of: ClientOf) -> None:
    viewer = User.objects.create_user("vic@example.org")
    Membership.objects.create(workspace=workspace, user=viewer, role=Role.VIEWER)
    assert client_of(viewer).post(reverse("delete_account"), {"name": viewer.email}).status_code == 302
    assert list(workspace.members.all()) == [user]


def test_the_last_owner_of_others_stays(workspace: Workspace, user: User, browser: Client) -> None:
    other, _own = ensure_user("bo@example.org")
    Membership.objects.create(workspace=workspace, user=other, role=Role.EDITOR)
    answer = browser.post(reverse("delete_account"), {"name": user.email})
    assert answer.status_code == 409
    assert "only owner" in answer.content.decode()
    Membership.objects.filter(user=other, workspace=workspace).update(role=Role.OWNER)
    assert browser.post(reverse("delete_account"), {"name": user.email}).status_code == 302
    assert list(workspace.members.all()) == [other]


def test_whoever_has_no_workspace_left_gets_an_empty_one(workspace: Workspace, user: User, browser: Client) -> None:
    member = User.objects.create_user("bo@example.org")
    Membership.objects.create(workspace=workspace, user=member, role=Role.EDITOR)
    assert browser.post(reverse("delete_workspace"), {"name": workspace.name}).status_code == 302
    for one in (user, member):
        assert one.workspaces.get().pk != workspace.pk
    assert browser.get(reverse("home"))["Location"] == reverse("new_prototype")


def test_everything_can_be_taken_along(user: User, workspace: Workspace, browser: Client, neighbour: Endpoint) -> None:
    endpoint = fill(workspace, user)
    answer: Any = browser.get(reverse("export"))
    assert answer["Content-Type"] == "application/zip"
    with zipfile.ZipFile(io.BytesIO(b"".join(answer.streaming_content))) as archive:
        assert archive.testzip() is None
        names = archive.namelist()
        rows = {name: json.loads(archive.read(name)) for name in names if name.startswith("rows/")}
        account = json.loads(archive.read("account.json"))
    assert account["email"] == user.email
    assert [row["name"] for row in rows["rows/prototype.json"]] == [MARK]
    assert [row["input"] for row in rows["rows/feedback.json"]] == [MARK]
    assert rows["rows/ledgerentry.json"]
    dataset, run = endpoint.prototype.dataset, endpoint.current.run
    assert f"uploads/{dataset.pk}/0-{MARK}.csv" in names
    assert f"datasets/{dataset.pk}/v1/data.parquet" in names
    assert f"runs/{run.pk}/artifact/report.json" in names
    secrets = [endpoint.keys.get().digest, endpoint.links.get().token]
    assert not any(secret in json.dumps(rows) for secret in secrets)
    assert "neighbour" not in json.dumps(rows)


def test_the_storage_page_counts_what_was_computed(user: User, workspace: Workspace, browser: Client) -> None:
    folder = things.dataset(workspace).cache_folder / "embeddings"
    folder.mkdir(parents=True)
    (folder / "a.npy").write_bytes(bytes(1234))
    upkeep.trim_caches()
    assert browser.get(reverse("storage")).context["used"]["caches"] == 1234


def test_of_a_deleted_account_the_security_log_knows_neither_name_nor_address(
    workspace: Workspace, user: User, client_of: ClientOf, django_capture_on_commit_callbacks: Any
) -> None:
    leaver, _own = ensure_user("leaver@example.org")
    Membership.objects.create(workspace=workspace, user=leaver, role=Role.EDITOR)
    meta = {"REMOTE_ADDR": "203.0.113.99", "HTTP_USER_AGENT": "the leaver's own browser"}
    browser = client_of(leaver)
    browser.defaults |= meta
    Client(**meta).post(reverse("account_login"), {"login": "gone@example.org", "password": "x"})
    with django_capture_on_commit_callbacks(execute=True):  # what copies the failure into the workspace's log
        Client(**meta).post(reverse("account_login"), {"login": leaver.email, "password": "x"})
    request = RequestFactory().get("/", **meta)
    security.record(request, "data_downloaded", user=leaver, workspace=workspace, text="rows")
    about = {"subject": "user", "subject_id": leaver.pk, "text": leaver.email}
    security.record(request, "member_role_changed", user=user, workspace=workspace, **about)
    assert browser.post(reverse("delete_account"), {"name": leaver.email}).status_code == 302
    left = SecurityEvent.objects.exclude(verb="account_deleted").exclude(given="g…@example.org")
    told = {(event.verb, event.user, event.text) for event in left}
    assert told == {
        ("sign_in_failed", None, ""),  # the copy of the workspace that stays
        ("data_downloaded", None, ""),
        ("member_role_changed", user, ""),
    }
    assert not left.filter(user=None).exclude(address="", agent="").exists()


def test_the_security_log_goes_with_its_workspace(workspace: Workspace, user: User, browser: Client) -> None:
    create_workspace(user, "Second")
    security.record(None, "price_changed", user=user, workspace=workspace)
    security.record(None, "signed_in", user=user)
    assert browser.post(reverse("delete_workspace"), {"name": workspace.name}).status_code == 302
    assert not SecurityEvent.objects.filter(workspace_id=workspace.pk).exists()
    own = SecurityEvent.objects.filter(user=user, is_copy=False).values_list("verb", flat=True)
    assert set(own) == {"signed_in", "workspace_deleted"}
