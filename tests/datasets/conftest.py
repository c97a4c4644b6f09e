"""Clients that send files, and a folder of their own for these."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from tests.datasets.sending import ClientOf
from webapp.accounts.models import User
from webapp.datasets import reading
from webapp.datasets.models import Dataset


@pytest.fixture
def web(user: User, client_of: ClientOf) -> Client:
    return client_of(user)


@pytest.fixture
def api(user: User, api_of: ClientOf) -> Client:
    return api_of(user)


@pytest.fixture(autouse=True)
def no_parts_left(settings: Any, tmp_path: Path) -> None:
    settings.MAQUETTE_DATA = tmp_path


@pytest.fixture
def read() -> Callable[[Dataset], Dataset]:
    """Read a dataset's newest version, as the worker would."""

    def now(dataset: Dataset) -> Dataset:
        newest = dataset.latest
        assert newest is not None
        reading.read(newest.pk)
        newest.refresh_from_db()
        assert newest.status == "ready", newest.error
        return dataset

    return now
