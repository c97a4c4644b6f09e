"""An older version comes back as the next one, without being read or copied again; or is trained as it is."""

from collections.abc import Callable
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from django.urls import reverse

from tests import things
from tests.datasets.sending import CSV, ClientOf
from webapp.accounts.models import User, Workspace
from webapp.core.problems import Conflict, Problem
from webapp.datasets import actions, versions
from webapp.datasets.models import Dataset, DatasetVersion
from webapp.datasets.quota import used_bytes
from webapp.prototypes.models import Prototype
from webapp.runs.models import Run

Read = Callable[[Dataset], Dataset]


@pytest.fixture
def dataset(user: User, workspace: Workspace, read: Read) -> Dataset:
    """Two versions: as it came, and with its first row left out."""
    made = read(actions.create_dataset(workspace, user, [SimpleUploadedFile("rows.csv", CSV)]))
    versions.change(made.current, user, {"drop": [1]})
    return read(made)


def test_the_rows_are_back_as_the_next_version(dataset: Dataset, user: User, workspace: Workspace) -> None:
    first, second = dataset.versions.order_by("number")
    before = used_bytes(workspace)
    made = versions.restore(first, user)
    assert (made.number, made.status, made.parent) == (3, "ready", first)
    assert (made.rows, made.sha256, made.profile) == (first.rows, first.sha256, first.profile)
    assert made.rows != second.rows
    assert dataset.current == made
    names = sorted(path.name for path in first.folder.iterdir())
    assert sorted(path.name for path in made.folder.iterdir()) == names
    assert all((made.folder / name).stat().st_ino == (first.folder / name).stat().st_ino for name in names)
    assert used_bytes(workspace) == before, "it takes no room"
    assert not made.part_folder.exists()


def test_files_are_linked_before_the_database_is_held(
    dataset: Dataset, user: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each file, in a transaction of many of them, would hold up everybody who writes."""
    outside, depth, link = [], len(connection.savepoint_ids), versions.link_or_copy

    def watched(source: str, target: str) -> None:
        outside.append(len(connection.savepoint_ids) == depth)
        link(source, target)

    monkeypatch.setattr(versions, "link_or_copy", watched)
    first = dataset.versions.get(number=1)
    versions.restore(first, user)
    assert outside
    assert all(outside)
    assert sorted(path.name for path in first.folder.parent.iterdir() if path.name.endswith("part")) == []


def test_deleting_the_earlier_ones_leaves_it_whole(dataset: Dataset, user: User, read: Read) -> None:
    made = versions.restore(dataset.versions.get(number=1), user)
    computed = dataset.cache_folder / "embeddings" / "of-a-row-that-is-deleted"
    computed.parent.mkdir(parents=True)
    computed.write_bytes(b"vector")
    actions.purge_history(made, user)
    assert not dataset.cache_folder.exists(), "what was computed from deleted rows goes with them"
    made.refresh_from_db()
    assert made.bytes > 0
    versions.change(made, user, {"drop": [1]})
    assert read(dataset).current.rows == made.rows - 1


def test_what_cannot_be_restored(dataset: Dataset, user: User) -> None:
    first, second = dataset.versions.order_by("number")
    with pytest.raises(Problem, match="is the latest"):
        versions.restore(second, user)
    DatasetVersion.objects.filter(pk=first.pk).update(status="failed")
    first.refresh_from_db()
    with pytest.raises(Problem, match="cannot be restored"):
        versions.restore(first, user)
    assert dataset.versions.count() == 2


@pytest.mark.parametrize("before", ["the files", "the row"])
def test_what_is_deleted_for_good_meanwhile_does_not_come_back(
    before: str, dataset: Dataset, user: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody deletes the earlier versions while another restores one of them: before its files are linked, and after."""
    first, second = dataset.versions.order_by("number")
    link = versions.link_all

    def late(*of_first: Any) -> None:
        if before == "the row":
            link(*of_first)
        actions.purge_history(second, user)
        if before == "the files":
            link(*of_first)

    monkeypatch.setattr(versions, "link_all", late)
    with pytest.raises(Conflict) as told:
        versions.restore(first, user)
    assert told.value.code == "deleted"
    assert [one.number for one in dataset.versions.filter(status="ready")] == [2]
    assert sorted(path.name for path in second.folder.parent.glob("v[0-9]*") if path.is_dir()) == ["v2"]


def test_what_is_deleted_for_good_is_no_base_of_the_next_version(dataset: Dataset, user: User) -> None:
    first, second = dataset.versions.order_by("number")
    actions.purge_history(second, user)
    with pytest.raises(Conflict):
        versions.change(first, user, {"drop": [1]})
    assert dataset.versions.count() == 2


def test_nothing_is_deleted_for_good_while_its_next_version_is_read(dataset: Dataset, user: User) -> None:
    first, second = dataset.versions.order_by("number")
    versions.change(first, user, {"drop": [2]})
    with pytest.raises(Problem, match="is being read"):
        actions.purge_history(second, user)
    assert first.folder.is_dir()


def test_a_dataset_that_was_deleted_meanwhile_has_no_next_version(dataset: Dataset, user: User) -> None:
    stale = dataset.versions.get(number=1)
    actions.delete_dataset(Dataset.objects.get(), user)
    for make in (lambda: versions.change(stale, user, {"drop": [1]}), lambda: actions.purge_history(stale, user)):
        with pytest.raises(Conflict) as told:
            make()
        assert told.value.code == "deleted"


def test_over_the_api(dataset: Dataset, outsider: User, api: Client, api_of: ClientOf) -> None:
    path = f"/api/v1/datasets/{dataset.pk}/versions"
    assert api_of(outsider).post(f"{path}/1/restore").status_code == 404
    assert api.post(f"{path}/7/restore").status_code == 404
    answer = api.post(f"{path}/1/restore")
    assert answer.status_code == 201, answer.content
    assert answer.json()["status"] == "ready"
    assert dataset.current.number == 3
    assert api.post(f"{path}/3/restore").json()["code"] == "latest"


def test_on_the_page(dataset: Dataset, workspace: Workspace, web: Client) -> None:
    prototype = Prototype.objects.create(workspace=workspace, dataset=dataset, name="idea")
    path = reverse("data", args=[prototype.pk])
    assert "Restore this version" not in web.get(path).content.decode()
    page = web.get(path + "?version=1").content.decode()
    assert "Restore this version" in page
    assert web.post(reverse("restore", args=[prototype.pk]), {"version": "1"})["Location"] == path
    assert dataset.current.number == 3


def test_training_on_an_older_version(workspace: Workspace, web: Client) -> None:
    prototype = things.prototype(workspace)
    second = things.dataset(workspace).current
    DatasetVersion.objects.filter(pk=second.pk).update(dataset=prototype.dataset, number=2)
    path = reverse("train", args=[prototype.pk])
    assert "not the latest" not in web.get(path).content.decode()
    assert f"{path}?version=1" in web.get(reverse("data", args=[prototype.pk]) + "?version=1").content.decode()
    page = web.get(path + "?version=1").content.decode()
    assert "You are training on version 1, not the latest." in page
    assert '<input type="hidden" name="version" value="1">' in page
    assert web.get(path + "?version=9").status_code == 404
    web.post(path, {"version": "1", "model": "local:tiny", "method": "probe"})
    assert Run.objects.get().version.number == 1
