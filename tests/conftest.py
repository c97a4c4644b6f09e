"""People, workspaces and the running site, for every test that needs them."""

import gc
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.db.backends.base.base import BaseDatabaseWrapper
from django.test import Client
from django.utils import translation

from tests.database import Prepared
from tests.quick import LEFT_OUT, is_quick
from tests.scheduling import pytest_xdist_make_scheduler, turn  # noqa: F401  a hook
from tests.site import Site
from tests.warm import warm_trainers  # noqa: F401  for all
from trainer import openmp, tasks
from webapp.accounts.actions import create_token, ensure_user
from webapp.accounts.models import User, Workspace


def pytest_configure() -> None:
    """Tests import torch, scikit-learn and LightGBM in any order."""
    openmp.share()


def pytest_sessionfinish() -> None:
    gc.unfreeze()  # what libraries count at the exit is to be found


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """In the order of `tests.scheduling`, which says too who runs what."""
    for item in items:
        if is_quick(item.path) and "site" not in item.fixturenames and not any(map(item.get_closest_marker, LEFT_OUT)):  # type: ignore[attr-defined]
            item.add_marker("quick")
    items.sort(key=turn)


@pytest.fixture(scope="module", autouse=True)
def what_is_loaded_stays() -> None:
    """Libraries are millions of objects, which the garbage collector need not look through again and again."""
    gc.freeze()


@pytest.fixture(scope="session", autouse=True)
def connection_of_a_test_stays() -> Iterator[None]:
    """A streamed response that is closed late, by the garbage collector say, would close the connection in the middle
    of a test's transaction."""
    close = BaseDatabaseWrapper.close_if_unusable_or_obsolete

    def close_between_transactions(self: BaseDatabaseWrapper) -> None:
        if not self.in_atomic_block:
            close(self)

    BaseDatabaseWrapper.close_if_unusable_or_obsolete = close_between_transactions
    yield
    BaseDatabaseWrapper.close_if_unusable_or_obsolete = close


@pytest.fixture
def with_files(settings: Any) -> None:
    """Clients are answered with files below /static/ too."""
    from webapp.settings import MIDDLEWARE

    settings.MIDDLEWARE = MIDDLEWARE


@pytest.fixture(scope="session")
def django_db_keepdb() -> bool:
    """What is there is not made again; it lies in a folder that goes with the session (tests/settings.py)."""
    return connection.vendor == "sqlite"


@pytest.fixture(scope="session")
def prepared_tables(request: pytest.FixtureRequest, django_db_modify_db_settings_parallel_suffix: None) -> Prepared:
    """What `--nomigrations` makes knows of no migration: whoever began with a copy would run them all over its tables."""
    is_copied = connection.vendor == "sqlite" and not request.config.getoption("nomigrations")
    return Prepared(Path(connection.settings_dict["TEST"]["NAME"]) if is_copied else None)


@pytest.fixture(scope="session")
def django_db_modify_db_settings(prepared_tables: Prepared) -> None:
    """Pytest-django asks for it before it makes the database."""


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None, prepared_tables: Prepared) -> None:
    prepared_tables.finish()


@pytest.fixture(autouse=True)
def the_smallest_numbers_are_none_of_zero() -> Iterator[None]:
    """A run has its process take them for 0, which others of its tests, and Hypothesis, do not expect."""
    yield
    if "torch" in sys.modules:
        sys.modules["torch"].set_flush_denormal(False)


@pytest.fixture(autouse=True)
def in_english() -> Iterator[None]:
    """A page asked for in another language leaves it behind in the process."""
    yield
    translation.deactivate()


ONLY_READ = ("summarization", "translation")


@pytest.fixture
def only_read(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """These tasks are declared without a family, as one is whose data are read but which cannot be trained yet."""
    for slug in ONLY_READ:
        monkeypatch.setattr(tasks.get(slug), "family", None)
    tasks.all.cache_clear()
    yield
    monkeypatch.undo()
    tasks.all.cache_clear()


@pytest.fixture
def user(db: None) -> User:
    return ensure_user("ada@example.org")[0]


@pytest.fixture
def workspace(user: User) -> Workspace:
    return user.workspaces.get()


@pytest.fixture
def outsider(db: None) -> User:
    return ensure_user("eve@example.org")[0]


@pytest.fixture
def client_of() -> Callable[[User], Client]:
    """A signed-in browser of one user."""

    def make(user: User) -> Client:
        client = Client()
        client.force_login(user)
        return client

    return make


@pytest.fixture
def api_of() -> Callable[[User], Client]:
    """A client with an API token of one user's first workspace."""

    def make(user: User) -> Client:
        _token, secret = create_token(user, user.workspaces.first(), "test")
        return Client(headers={"Authorization": f"Bearer {secret}"})

    return make


@pytest.fixture(scope="session")
def site(tmp_path_factory: Any) -> Iterator[Site]:
    """The whole site with a tiny base model, `local:tiny`, running for the session."""
    from tests.tiny_model import build

    running = Site(tmp_path_factory.mktemp("site"), build(tmp_path_factory.mktemp("models")))
    running.start()
    yield running
    running.stop()
