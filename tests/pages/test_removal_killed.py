"""Deleting is finished, whoever is killed in between: what the rows no longer know goes from the disk too."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import transaction
from django.utils import timezone

from tests import things
from tests.datasets.sending import CSV
from webapp.accounts.models import User, Workspace
from webapp.core import removals
from webapp.core.models import Removal
from webapp.datasets import actions
from webapp.datasets.models import Dataset
from webapp.pages import removal
from webapp.runs import upkeep
from webapp.runs.models import Run


class Killed(BaseException):
    """As a kill: nothing handles it."""


@pytest.fixture
def run(workspace: Workspace) -> Run:
    made = things.run(things.prototype(workspace))
    (made.artifact / "model").mkdir(parents=True)
    dataset = made.version.dataset
    dataset.upload_folder.mkdir(parents=True)
    (dataset.upload_folder / "0-rows.csv").write_bytes(CSV)
    return made


def masked(run: Run, user: User) -> None:
    """A second version, and what it was made from deleted."""
    later = things.DatasetVersion.objects.create(
        workspace=run.workspace, dataset=run.version.dataset, number=2, parent=run.version, status="ready"
    )
    later.folder.mkdir(parents=True)
    actions.purge_history(later, user)


VERBS: dict[str, tuple[Callable[[Run, User], None], Callable[[Run], list[Path]]]] = {
    "run": (removal.delete_run, lambda run: [run.folder]),
    "prototype": (lambda run, user: removal.delete_prototype(run.prototype, user), lambda run: [run.folder]),
    "prototype with its data": (
        lambda run, user: removal.delete_prototype(run.prototype, user, with_data=True),
        lambda run: [run.folder, run.version.dataset.upload_folder, run.version.folder.parent],
    ),
    "what a version was made from": (masked, lambda run: [run.version.dataset.upload_folder, run.version.folder]),
}


def killed(*_folders: object) -> None:
    raise Killed


def an_hour_later() -> None:
    Removal.objects.update(created_at=timezone.now() - removals.LOOK_AGAIN - timedelta(seconds=1))
    upkeep.tidy()


@pytest.mark.parametrize("what", VERBS)
def test_killed_before_the_files_went(what: str, run: Run, user: User, monkeypatch: pytest.MonkeyPatch) -> None:
    delete, places = VERBS[what]
    folders = places(run)
    with monkeypatch.context() as dying:
        dying.setattr(removals, "remove", killed)
        with pytest.raises(Killed):
            delete(run, user)
    assert all(folder.exists() for folder in folders)
    upkeep.tidy()
    assert all(folder.exists() for folder in folders), "somebody may be at it"
    an_hour_later()
    assert not any(folder.exists() for folder in folders)
    assert not Removal.objects.exists()


def test_what_was_still_being_written_goes_too(run: Run, user: User) -> None:
    """A reader, or a fetch from the bucket, that had begun before."""
    folder = run.folder
    removal.delete_run(run, user)
    assert not folder.exists()
    (folder / "artifact").mkdir(parents=True)
    an_hour_later()
    assert not folder.exists()


def test_what_no_bucket_holds_any_more_is_done(run: Run, user: User, settings: Any) -> None:
    """The setting of the bucket was taken away before its copy was."""
    settings.STORAGE_URL = "s3://models"
    removal.delete_run(run, user)
    an_hour_later()
    assert Removal.objects.get().in_bucket, "a worker takes it away first"
    settings.STORAGE_URL = ""
    upkeep.tidy()
    assert not Removal.objects.exists()


def test_what_is_not_deleted_after_all_stays(run: Run, user: User) -> None:
    @transaction.atomic
    def begin() -> None:
        removals.due(run.folder)
        raise Killed

    with pytest.raises(Killed):
        begin()
    an_hour_later()
    assert run.folder.exists()


def test_an_upload_whose_row_was_never_written(
    user: User, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    def send() -> Dataset:
        return actions.create_dataset(workspace, user, [SimpleUploadedFile("rows.csv", CSV)])

    kept = send()
    with monkeypatch.context() as dying:
        dying.setattr(actions, "room_for", killed)
        dying.setattr(actions.shutil, "rmtree", killed)
        with pytest.raises(Killed):
            send()
    (left,) = Removal.objects.values_list("path", flat=True)
    folder = kept.upload_folder.parents[1] / left
    assert list(folder.iterdir())
    an_hour_later()
    assert not folder.exists()
    assert list(kept.upload_folder.iterdir())
