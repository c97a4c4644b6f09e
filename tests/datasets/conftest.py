"""Clients that send files, and a folder of their own for these."""

from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from tests.datasets.sending import ClientOf
from webapp.accounts.models import User


@pytest.fixture
def web(user: User, client_of: ClientOf) -> Client:
    return client_of(user)


@pytest.fixture
def api(user: User, api_of: ClientOf) -> Client:
    return api_of(user)


@pytest.fixture(autouse=True)
def no_parts_left(settings: Any, tmp_path: Path) -> None:
    settings.MAQUETTE_DATA = tmp_path
