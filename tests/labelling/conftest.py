"""A dataset with rows that have no label, as the reader leaves it."""

import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.labelling.rows import LABELLED, UNLABELLED, as_dataset, csv
from trainer.data.inspect import inspect
from webapp.accounts.models import User, Workspace
from webapp.datasets.models import Dataset


@pytest.fixture(autouse=True)
def own_folder(settings: Any, tmp_path: Path) -> None:
    settings.MAQUETTE_DATA = tmp_path


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A version, read once for all tests."""
    path = tmp_path_factory.mktemp("labelling")
    (path / "rows.csv").write_bytes(csv(LABELLED, UNLABELLED))
    inspect([path / "rows.csv"], path / "v1")
    return path / "v1"


@pytest.fixture
def dataset(user: User, workspace: Workspace, folder: Path) -> Dataset:
    made = as_dataset(workspace, user, folder)
    shutil.copytree(folder, made.versions.get().folder)
    return made
