"""Sources that are read again: new rows make a version, nothing new makes none, and what fails changes nothing and is told."""

import json
import shutil
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core import mail
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from tests.labelling.rows import csv, made_from, read
from tests.trainer.object_storage import BUCKET, object_storage
from tests.trainer.test_new_rows import Table, table_server
from webapp.accounts.models import AuditEvent, User, Workspace
from webapp.core.problems import Problem
from webapp.datasets import data_sources, rereading
from webapp.datasets.actions import delete_dataset
from webapp.datasets.models import Dataset
from webapp.datasets.source_models import DataSource
from webapp.prototypes.models import Prototype

ROWS = 40


@pytest.fixture
def dataset(user: User, workspace: Workspace, tmp_path: Path) -> Dataset:
    return made_from(csv(ROWS, 0), user, workspace, tmp_path)


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[str, type[Table]]]:
    with table_server() as (address, handler):
        monkeypatch.setenv("MAQUETTE_FETCH_LOOPBACK", address.rpartition(":")[2])
        handler.content = csv(ROWS, 0)
        yield address, handler


def read_source(source: DataSource) -> DataSource:
    """Now, as the worker would."""
    data_sources.read_now(source)
    rereading.Rereading.handle(source.pk)
    source.refresh_from_db()
    assert not source.due
    return source


def test_new_rows_make_a_version_and_nothing_new_makes_none(
    dataset: Dataset, user: User, server: tuple[str, type[Table]]
) -> None:
    base, handler = server
    source = data_sources.add(dataset, user, f"{base}/rows-with-tag?token=secret", "hourly")
    assert source.address == f"{base}/rows-with-tag?…"
    assert "secret" not in source.sealed
    read_source(source)
    assert (source.error, source.rows, source.new_rows, dataset.versions.count()) == (None, ROWS, 0, 1)
    assert source.next_at is not None
    assert timedelta(minutes=59) < source.next_at - timezone.now() <= timedelta(hours=1)
    read_source(source)
    handler.content += b"\na new complaint,bad\nand another one,good\n"
    read_source(source)
    assert (source.new_rows, dataset.versions.count()) == (2, 2)
    made = read(dataset)
    assert (source.made, made.rows, made.created_by) == (made, ROWS + 2, user)
    assert "rows-with-tag" in made.note
    assert (read_source(source).new_rows, dataset.versions.count()) == (2, 2)
    assert [path.name for path in source.folder.iterdir()] == ["seen.npy"]
    handler.content = b"text,label\n" + handler.content.partition(b"\n")[2] + b"the newest,bad\n"
    read_source(source)
    assert (source.new_rows, dataset.versions.count()) == (1, 3)
    assert sorted(path.name for path in source.folder.iterdir())[0].startswith("seen-")


def test_an_object_of_s3_is_read_again(dataset: Dataset, user: User, monkeypatch: pytest.MonkeyPatch) -> None:
    with object_storage() as (endpoint, client):
        monkeypatch.setenv("MAQUETTE_FETCH_LOOPBACK", endpoint.rpartition(":")[2])
        access = {"key_id": "AK", "secret": "hidden", "region": "us-east-1", "endpoint": endpoint}
        client.put_object(Bucket=BUCKET, Key="rows.csv", Body=csv(ROWS, 0))
        source = read_source(data_sources.add(dataset, user, f"s3://{BUCKET}/rows.csv", "hourly", **access))
        assert (source.kind, source.error, source.new_rows) == ("s3", None, 0)
        client.put_object(Bucket=BUCKET, Key="rows.csv", Body=csv(ROWS, 0) + b"\nnew in the bucket,bad\n")
        assert read_source(source).new_rows == 1
        assert read(dataset).rows == ROWS + 1
        client.delete_object(Bucket=BUCKET, Key="rows.csv")
        lost = read_source(source)
        assert lost.error is not None
        assert "404" in lost.error["message"]
        assert dataset.versions.count() == 2


def test_rows_of_now_can_be_in_the_data_already(dataset: Dataset, user: User, server: tuple[str, type[Table]]) -> None:
    base, handler = server
    handler.content = b"text,label\nsomebody,bad\n"
    source = read_source(data_sources.add(dataset, user, f"{base}/rows", known=True))
    assert (source.error, source.new_rows, source.known, dataset.versions.count()) == (None, 0, False, 1)
    handler.content += b"somebody else,bad\n"
    assert read_source(source).new_rows == 1


def test_a_failure_changes_nothing_and_is_told_once(
    dataset: Dataset,
    user: User,
    server: tuple[str, type[Table]],
    settings: Any,
    django_capture_on_commit_callbacks: Any,
) -> None:
    settings.MAIL_CONFIGURED = True
    base, handler = server
    source = data_sources.add(dataset, user, f"{base}/cut.csv")
    with django_capture_on_commit_callbacks(execute=True):
        read_source(source)
    with django_capture_on_commit_callbacks(execute=True):
        read_source(source)
    assert source.error is not None
    assert (source.error["code"], source.failures, dataset.versions.count()) == ("source_not_read", 2, 1)
    assert "was cut short" in source.error["message"]
    assert [(one.subject, one.to) for one in mail.outbox] == [("A source could not be read again", [user.email])]
    assert "was cut short" in mail.outbox[0].body
    assert AuditEvent.objects.filter(verb="not read").count() == 1
    handler.content = b"name,age\nAda,36\n"
    other = read_source(data_sources.add(dataset, user, f"{base}/rows"))
    assert other.error is not None
    assert other.error["code"] == "other_columns"
    assert dataset.versions.count() == 1


def test_what_could_not_join_is_read_again(dataset: Dataset, user: User, server: tuple[str, type[Table]]) -> None:
    base, handler = server
    handler.content += b"\nsomething new,bad\n"
    source = read_source(data_sources.add(dataset, user, f"{base}/rows"))
    assert source.made is not None
    failed = source.made
    error = {"code": "quota", "message": "Full.", "hint": ""}
    type(failed).objects.filter(pk=failed.pk).update(status="failed", error=error)
    failed.refresh_from_db()
    rereading.version_was_read(None, version=failed)
    source.refresh_from_db()
    assert source.error == error
    read_source(source)
    assert source.made is not None
    assert (source.error, source.new_rows, source.made.number) == (None, 1, failed.number + 1)


def test_the_quota_holds(dataset: Dataset, user: User, server: tuple[str, type[Table]], settings: Any) -> None:
    settings.MAQUETTE_QUOTA_BYTES = 0
    source = read_source(data_sources.add(dataset, user, f"{server[0]}/rows"))
    assert source.error is not None
    assert (source.error["code"], dataset.versions.count()) == ("quota", 1)


def test_a_folder_that_the_operator_allows(dataset: Dataset, user: User, settings: Any, tmp_path: Path) -> None:
    folder, outside = tmp_path / "exports", tmp_path / "outside.csv"
    folder.mkdir()
    outside.write_text("text,label\na secret,bad\n")
    (folder / "link.csv").symlink_to(outside)
    (folder / "new.part").write_text("text,label\nhalf,bad\n")
    (folder / "monday.csv").write_text("text,label\nfrom monday,bad\n")
    settings.MAQUETTE_DATA = tmp_path / "own"
    shutil.copytree(tmp_path / "table", dataset.versions.get().folder)
    for path in (folder, folder / "link.csv", outside, tmp_path / "none"):
        with pytest.raises(Problem, match="no such folder"):
            data_sources.add(dataset, user, str(path))
    settings.SOURCE_FOLDERS = [str(folder)]
    with pytest.raises(Problem, match="no such folder"):
        data_sources.add(dataset, user, str(folder / "link.csv"))
    source = read_source(data_sources.add(dataset, user, str(folder)))
    assert (source.error, source.new_rows) == (None, 1)
    read(dataset)
    (folder / "tuesday.csv").write_text("text,label\nfrom tuesday,good\n")
    assert read_source(source).new_rows == 1
    read(dataset)
    (folder / "tuesday.csv").unlink()
    (folder / "monday.csv").unlink()
    read_source(source)
    assert source.error is not None
    assert (source.error["message"], dataset.versions.count()) == ("The folder holds no file.", 3)
    settings.SOURCE_FOLDERS = []
    refused = read_source(source).error
    assert refused is not None
    assert refused["code"] == "bad_source"


def test_due_ones_are_read_and_paused_ones_are_not(
    dataset: Dataset, user: User, server: tuple[str, type[Table]]
) -> None:
    source = read_source(data_sources.add(dataset, user, f"{server[0]}/rows"))
    rereading.sweep()
    source.refresh_from_db()
    assert not source.due
    DataSource.objects.update(next_at=timezone.now())
    data_sources.change(source, user, paused=True)
    rereading.sweep()
    source.refresh_from_db()
    assert not source.due
    data_sources.change(source, user, paused=False)
    rereading.sweep()
    source.refresh_from_db()
    assert source.due


@pytest.mark.parametrize(
    "body",
    [
        {"address": ""},
        {"address": "ftp://example.com/rows.csv"},
        {"address": "https://ada:secret@example.com/rows.csv"},
        {"address": "s3://bucket"},
        {"address": "s3://bucket/rows.csv", "key_id": "A"},
        {"address": "s3://bucket/rows.csv", "endpoint": "minio"},
        {"address": "https://docs.google.com/spreadsheets/u/0/"},
        {"address": "/etc/passwd"},
        {"address": "https://example.com/rows.csv", "every": "minutely"},
    ],
)
def test_what_is_no_source_is_refused(body: dict[str, str], dataset: Dataset, api: Client) -> None:
    answer = api.post(f"/api/v1/datasets/{dataset.pk}/sources", json.dumps(body), content_type="application/json")
    assert (answer.status_code, answer.json()["code"]) == (422, "bad_source")
    assert not dataset.data_sources.exists()


def test_by_the_api(dataset: Dataset, api: Client) -> None:
    address = f"/api/v1/datasets/{dataset.pk}/sources"
    body = {"address": "s3://bucket/rows.csv", "key_id": "AK", "secret": "hidden", "every": "weekly"}
    made = api.post(address, json.dumps(body), content_type="application/json")
    assert made.status_code == 201, made.content
    assert "hidden" not in made.content.decode()
    one = f"{address}/{made.json()['id']}"
    changed = api.patch(one, json.dumps({"paused": True, "every": "daily"}), content_type="application/json")
    assert (changed.json()["paused"], changed.json()["every"], changed.json()["reading"]) == (True, "daily", True)
    assert api.post(f"{one}/read").status_code == 202
    assert [entry["kind"] for entry in api.get(address).json()["items"]] == ["s3"]
    assert api.delete(one).status_code == 204
    assert api.get(address).json()["items"] == []


def test_on_the_data_page(dataset: Dataset, workspace: Workspace, web: Client, server: tuple[str, type[Table]]) -> None:
    prototype = Prototype.objects.create(workspace=workspace, name="p", dataset=dataset)
    page = reverse("data", args=[prototype.pk])
    refused = web.post(reverse("add_source", args=[prototype.pk]), {"address": "x", "every": "daily"})
    assert "This is not an address that can be read." in refused.content.decode()
    web.post(reverse("add_source", args=[prototype.pk]), {"address": f"{server[0]}/gone", "every": "daily"})
    source = dataset.data_sources.get()
    assert "being read" in web.get(page).content.decode()
    rereading.Rereading.handle(source.pk)
    assert "was answered with 404" in web.get(page).content.decode()
    for action, words in (("pause", "paused"), ("resume", "Pause"), ("read", "being read")):
        web.post(reverse("change_source", args=[prototype.pk]), {"source": source.pk, "action": action})
        assert words in web.get(page).content.decode()
    web.post(reverse("change_source", args=[prototype.pk]), {"source": source.pk, "action": "remove"})
    assert not dataset.data_sources.exists()


def test_a_deleted_dataset_leaves_no_address(dataset: Dataset, user: User, workspace: Workspace) -> None:
    source = data_sources.add(dataset, user, "https://example.com/customers.csv")
    other = data_sources.add(dataset, user, "https://example.com/more-customers.csv")
    folder = source.folder
    folder.mkdir(parents=True)
    data_sources.remove(other, user)
    assert not AuditEvent.objects.filter(text__contains="more-customers").exists()
    delete_dataset(dataset, user)
    assert not DataSource.objects.exists()
    assert not folder.exists()
    assert not AuditEvent.objects.filter(text__contains="customers").exists()
