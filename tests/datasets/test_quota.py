"""What a workspace may keep: told before the upload, and refused before anything is lost."""

import io
import os
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection, transaction
from django.test import Client

from tests import things
from tests.datasets.sending import CSV, MB, ClientOf, create, make_dataset, refused, send, whole
from tests.site import rows_of
from tests.trainer.test_data_uploads import classes, zipped
from trainer.samples import SAMPLES
from webapp.accounts.models import User, Workspace
from webapp.core.problems import Problem
from webapp.datasets import actions, quota, reading, tasks, uploads, versions
from webapp.datasets.models import Dataset, DatasetVersion, Upload
from webapp.datasets.reading import Reading


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
    assert quota.room(workspace) == 2 * MB
    problem = refused(create(web, 3 * MB), 413, "quota")
    assert "3 MB" in problem["detail"]
    assert "2 MB" in problem["detail"]
    assert create(client_of(outsider), 3 * MB).status_code == 201  # another workspace's quota
    assert send(web, "DELETE", path).status_code == 204
    assert make_dataset(api, upload=pk).status_code == 201
    assert quota.room(workspace) == 6 * MB
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


def test_datasets_of_before_need_no_folder(workspace: Workspace) -> None:
    things.dataset(workspace, bytes=7)
    assert quota.used_bytes(workspace) == 7


def test_pasted_rows_count(web: Client, settings: Any) -> None:
    settings.MAQUETTE_QUOTA_BYTES = 30
    answer = web.post("/new", {"rows": "text,label\n" + "one more,a\n" * 10})
    assert answer.status_code == 413
    assert "has room for" in answer.content.decode()
    assert not Dataset.objects.exists()


def test_a_version_without_room_is_refused_and_nothing_is_lost(
    user: User, workspace: Workspace, settings: Any, read: Callable[[Dataset], Dataset]
) -> None:
    dataset = read(actions.create_dataset(workspace, user, [SimpleUploadedFile("rows.csv", rows_of(40))]))
    first = dataset.current
    assert first is not None
    settings.MAQUETTE_QUOTA_BYTES = quota.used_bytes(workspace) + 100
    with pytest.raises(Problem, match="has room for") as raised:
        versions.change(first, user, {"drop": [1]})
    assert raised.value.hint
    assert dataset.versions.count() == 1
    settings.MAQUETTE_QUOTA_BYTES = quota.used_bytes(workspace) + quota.size_of(first.folder / "data.parquet")
    made = versions.change(first, user, {"drop": [1]})
    assert quota.room(workspace) == 0, "what is about to be read has its room"
    reading.read(made.pk)
    made.refresh_from_db()
    assert (made.status, made.error["code"]) == ("failed", "quota")
    assert made.error["hint"]
    assert not made.folder.exists()
    assert dataset.current == first
    assert first.folder.exists()
    made.refresh_from_db()
    assert (made.bytes, quota.used_bytes(workspace)) == (0, first.bytes + len(rows_of(40)))


def test_pictures_that_versions_share_count_once(
    user: User, workspace: Workspace, tmp_path: Path, read: Callable[[Dataset], Dataset]
) -> None:
    file = zipped(tmp_path / "a.zip", classes())
    dataset = read(actions.create_dataset(workspace, user, [SimpleUploadedFile("a.zip", file.read_bytes())]))
    first = dataset.current
    assert first is not None
    everything = sum(path.stat().st_size for path in first.folder.rglob("*") if path.is_file())
    assert first.bytes == everything  # thumbnails too
    versions.change(first, user, {"drop": [1]})
    second = read(dataset).current
    assert second is not None
    assert second.bytes < first.bytes
    actions.purge_history(second, user)
    second.refresh_from_db()
    assert second.bytes == quota.own_bytes(second.folder) > 0


def test_half_written_versions_count_and_are_swept(workspace: Workspace) -> None:
    reading = things.dataset(workspace, ready=False).latest
    ended = things.dataset(workspace).latest
    assert reading is not None
    assert ended is not None
    folders = [reading.part_folder, ended.part_folder, ended.part_folder.with_name("v9.part")]
    (reading.part_folder / "lease").mkdir(parents=True)
    for folder in folders:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "lease").mkdir(exist_ok=True)
        (folder / "lease" / "data.parquet").write_bytes(b"x" * 1000)
        os.utime(folder, (time.time() - 4000,) * 2)
    young = ended.part_folder.with_name("v10.part")
    young.mkdir()
    DatasetVersion.objects.filter(pk=reading.pk).update(lease="lease")
    Reading(reading, "lease").beat()
    assert quota.used_bytes(workspace) == 1000
    tasks.sweep()
    assert [folder.exists() for folder in [*folders, young]] == [True, False, False, True]


def noted(walk: Callable[..., Any], seen: list[bool]) -> Callable[..., Any]:
    def look(*arguments: Any, **options: Any) -> Any:
        seen.append(connection.in_atomic_block)
        return walk(*arguments, **options)

    return look


@pytest.fixture
def walks(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """Of each walk over a folder: whether a transaction was open, for which others wait."""
    seen: list[bool] = []
    for owner, name in ((Path, "rglob"), (Path, "iterdir"), (os, "walk")):
        monkeypatch.setattr(owner, name, noted(getattr(owner, name), seen))
    return seen


@pytest.mark.django_db(transaction=True)
def test_nobody_waits_for_a_walk_over_the_disk(user: User, workspace: Workspace, walks: list[bool]) -> None:
    first = actions.create_dataset(workspace, user, [SimpleUploadedFile("rows.csv", rows_of(40))])
    walks.clear()
    actions.create_dataset(workspace, user, [SimpleUploadedFile("more.csv", rows_of(40))])
    reading.read(first.latest.pk)
    assert first.current
    uploads.begin(workspace, user, 10, name="a.csv", promised="", metadata="")
    versions.change(first.current, user, {"drop": [1]})
    reading.read(first.latest.pk)
    versions.restore(first.versions.get(number=1), user)
    assert walks
    assert not any(walks)


@pytest.mark.django_db(transaction=True)
def test_the_quota_s_lock_holds_up_nothing_else(workspace: Workspace) -> None:
    """A row that names the workspace locks it against being deleted, which a lock for an update would forbid."""
    if connection.vendor == "sqlite":
        pytest.skip("SQLite has one lock for all")

    def add() -> None:
        try:
            with transaction.atomic():
                connection.cursor().execute("SET LOCAL lock_timeout = '2s'")
                things.dataset(workspace)
        finally:
            connection.close()

    with transaction.atomic(), ThreadPoolExecutor(1) as thread:
        quota.lock_quota(workspace)
        thread.submit(add).result()
    assert Dataset.objects.filter(workspace=workspace).count() == 1


def test_what_came_from_the_hub_is_counted_once(
    user: User, workspace: Workspace, settings: Any, tmp_path: Path
) -> None:
    """Its files lie where they are counted when the worker asks whether there is room for them."""
    SAMPLES["breast-cancer"].write(tmp_path / "a.csv")
    settings.MAQUETTE_QUOTA_BYTES = (tmp_path / "a.csv").stat().st_size + 10
    first = actions.sample_dataset(workspace, user, "breast-cancer", "Tumours")
    reading.read(first.latest.pk)
    assert first.latest.error["message"].startswith("Once read, "), "the files had room, and only the rows had none"
    assert first.upload_folder.exists()
    second = actions.sample_dataset(workspace, user, "breast-cancer", "Again")
    reading.read(second.latest.pk)
    assert second.latest.error["code"] == "quota"
    assert second.latest.error["message"].startswith("This needs 1 MB, and the workspace has room for 0 MB more")
    assert not second.upload_folder.exists()


@pytest.mark.django_db(transaction=True)
def test_of_five_uploads_at_once_only_those_that_fit_are_kept(user: User, workspace: Workspace, settings: Any) -> None:
    settings.MAQUETTE_QUOTA_BYTES = 10 * MB

    def upload(number: int) -> bool:
        file = SimpleUploadedFile(f"{number}.csv", b"text,label\n" + b"x" * int(4.7 * MB))
        try:
            actions.create_dataset(workspace, user, [file])
        except Problem as problem:
            return problem.code != "quota"
        finally:
            connection.close()
        return True

    with ThreadPoolExecutor(5) as threads:
        kept = list(threads.map(upload, range(5)))
    assert sum(kept) == Dataset.objects.count() == 2
    assert quota.used_bytes(workspace) <= 10 * MB
