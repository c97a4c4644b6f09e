"""What a workspace may keep: told before the upload, and refused before anything is lost."""

import io
from typing import Any

from django.test import Client

from tests import things
from tests.datasets.sending import CSV, MB, ClientOf, create, make_dataset, refused, send, whole
from webapp.accounts.models import User, Workspace
from webapp.datasets import quota
from webapp.datasets.models import Dataset, DatasetVersion, Upload


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
