"""The copy of an empty database that tests begin with (tests/database.py)."""

import pytest
from django.db import connection

from tests.database import Prepared


def test_tables_made_without_migrations_are_not_kept_for_others(
    request: pytest.FixtureRequest, prepared_tables: Prepared
) -> None:
    made_by_migrations = not request.config.getoption("nomigrations")
    assert (prepared_tables.database is not None) == (made_by_migrations and connection.vendor == "sqlite")


@pytest.mark.django_db
def test_every_process_of_migrations_knows_which_ran(request: pytest.FixtureRequest) -> None:
    is_recorded = "django_migrations" in connection.introspection.table_names()
    assert is_recorded or request.config.getoption("nomigrations")
