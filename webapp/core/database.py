"""What is done to the database itself."""

import logging

from django.db import DatabaseError, connection

log = logging.getLogger(__name__)
PATIENCE_MS, USUAL_PATIENCE_MS = 1000, 20_000


def checkpoint() -> None:
    """SQLite overwrites what is deleted (`secure_delete`), but its write-ahead log holds the pages as they were until it is
    moved into the database and cut off. A reader may be in the way for longer than this waits; upkeep does it then. Outside of
    a transaction; nothing to do on PostgreSQL (docs/operations.md)."""
    if connection.vendor != "sqlite" or connection.in_atomic_block:
        return
    with connection.cursor() as cursor:
        try:
            cursor.execute(f"PRAGMA busy_timeout={PATIENCE_MS}")
            cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        except DatabaseError as error:
            log.warning("the write-ahead log is not cut off yet: %s", error)
        finally:
            cursor.execute(f"PRAGMA busy_timeout={USUAL_PATIENCE_MS}")
