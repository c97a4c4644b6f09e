"""Uploads: broken off and gone on with, swept, and turned into datasets."""

import hashlib
import io
import json
import os
import time
from datetime import timedelta
from typing import Any

import pytest
from django.http import HttpResponse
from django.test import Client
from django.utils import timezone

from tests.datasets.sending import (
    CSV,
    MB,
    b64,
    create,
    make_dataset,
    offset_of,
    patch,
    refused,
    send,
    send_stream,
    whole,
)
from webapp.accounts.models import User, Workspace
from webapp.datasets import tasks, uploads
from webapp.datasets.models import Dataset, Upload
from webapp.prototypes.models import Prototype


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
