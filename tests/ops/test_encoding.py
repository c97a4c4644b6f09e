"""A database whose encoding holds only some languages is refused at the start, not at the first row that needs more."""

import pytest
from django.db import connection
from django.db.utils import ConnectionHandler

from webapp.host.preflight import StartError, check_encoding

pytestmark = pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite holds every language")


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(("encoding", "is_refused"), [("UTF8", False), ("SQL_ASCII", True), ("LATIN1", True)])
def test_a_database_must_hold_every_language(encoding: str, is_refused: bool) -> None:
    name = f"encoded_{encoding.lower()}"
    with connection.cursor() as cursor:
        cursor.execute(f"CREATE DATABASE {name} ENCODING '{encoding}' TEMPLATE template0 LC_COLLATE 'C' LC_CTYPE 'C'")
    options = {key: connection.settings_dict[key] for key in ("ENGINE", "HOST", "PORT", "USER", "PASSWORD")}
    encoded = ConnectionHandler({"default": options | {"NAME": name}})["default"]
    try:
        if is_refused:
            with pytest.raises(StartError, match=encoding):
                check_encoding(encoded)
        else:
            check_encoding(encoded)
    finally:
        encoded.close()
        with connection.cursor() as cursor:
            cursor.execute(f"DROP DATABASE {name}")
