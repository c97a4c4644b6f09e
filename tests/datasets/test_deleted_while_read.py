"""A dataset that is deleted while it is read: its reader ends without a word of a fault, and leaves nothing."""

import logging
from collections.abc import Callable
from typing import Any

import pytest
from django.conf import settings
from django.core.files.uploadedfile import SimpleUploadedFile

from tests.datasets.sending import CSV
from webapp.accounts.models import User, Workspace
from webapp.datasets import actions, reading
from webapp.datasets.models import Dataset, DatasetVersion
from webapp.datasets.reading import Reading

PHASES = {
    "claimed": (Reading, "make_files"),
    "read": (Reading, "take"),
    "whole": (Reading, "keep"),
    "measured": (reading, "own_bytes"),
}


def deleted_before(monkeypatch: pytest.MonkeyPatch, owner: Any, name: str, dataset: Dataset) -> None:
    """The dataset is deleted just before `owner.name` is called for the first time."""
    call: Callable[..., Any] = getattr(owner, name)

    def delete_first(*args: Any, **fields: Any) -> Any:
        monkeypatch.setattr(owner, name, call)
        actions.delete_dataset(dataset, None)
        return call(*args, **fields)

    monkeypatch.setattr(owner, name, delete_first)


@pytest.mark.parametrize("source", ["upload", "sample"])
@pytest.mark.parametrize("phase", PHASES)
def test_nothing_is_said_and_nothing_left(
    phase: str,
    source: str,
    user: User,
    workspace: Workspace,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(logging.getLogger("webapp"), "propagate", True)
    if source == "upload":
        dataset = actions.create_dataset(workspace, user, [SimpleUploadedFile("rows.csv", CSV)])
    else:
        dataset = actions.sample_dataset(workspace, user, "breast-cancer", "sample")
    version = dataset.latest
    assert version
    folders = [dataset.upload_folder, settings.MAQUETTE_DATA / "datasets" / dataset.pk]
    deleted_before(monkeypatch, *PHASES[phase], dataset)
    reading.read(version.pk)
    assert not DatasetVersion.objects.filter(pk=version.pk).exists()
    assert [record.getMessage() for record in caplog.records if record.levelno >= logging.ERROR] == []
    assert [path for folder in folders for path in folder.rglob("*")] == []
