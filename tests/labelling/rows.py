"""Rows with and without a label, and the dataset that they are."""

import json
import shutil
from pathlib import Path

from trainer.data.inspect import inspect
from webapp.accounts.models import User, Workspace
from webapp.datasets import reading
from webapp.datasets.models import Dataset, DatasetVersion, Status
from webapp.labelling.guiding import Guiding
from webapp.labelling.models import Guide

LABELLED, UNLABELLED = 30, 30
ROWS = LABELLED + UNLABELLED


def csv(labelled: int, unlabelled: int) -> bytes:
    lines = [f"order number {row} has come,{'good' if row % 2 else 'bad'}" for row in range(labelled)]
    lines += [f"question number {row} about it," for row in range(unlabelled)]
    return "\n".join(["text,label", *lines]).encode()


def as_dataset(workspace: Workspace, user: User, folder: Path) -> Dataset:
    """The rows in the database of a version that lies in this folder."""
    made = Dataset.objects.create(workspace=workspace, name="rows", created_by=user)
    profile, problems = (json.loads((folder / f"{name}.json").read_text("utf-8")) for name in ("profile", "problems"))
    DatasetVersion.objects.create(
        workspace=workspace,
        dataset=made,
        number=1,
        status=Status.READY,
        profile=profile,
        problems=problems,
        rows=profile["rows"],
        sha256=profile["sha256"],
    )
    return made


def made_from(content: bytes, user: User, workspace: Workspace, folder: Path) -> Dataset:
    (folder / "table.csv").write_bytes(content)
    inspect([folder / "table.csv"], folder / "table")
    made = as_dataset(workspace, user, folder / "table")
    shutil.copytree(folder / "table", made.versions.get().folder)
    return made


def read(dataset: Dataset) -> DatasetVersion:
    """The newest version, read as the worker would."""
    newest = dataset.latest
    assert newest is not None
    reading.read(newest.pk)
    newest.refresh_from_db()
    assert newest.status == Status.READY, newest.error
    return newest


def guide(dataset: Dataset) -> Guide:
    """What is asked next, worked out as the worker would."""
    row = Guide.objects.get(dataset=dataset)
    Guiding.handle(row.pk)
    row.refresh_from_db()
    assert row.error is None, row.error
    return row
