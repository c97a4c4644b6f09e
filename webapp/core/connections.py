"""Database connections: given back by whoever takes one outside of Django's own request cycle; and a database away."""

from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

from django.db import InterfaceError, OperationalError, close_old_connections, connection

P = ParamSpec("P")
T = TypeVar("T")
SQLITE_AWAY = ("locked", "unable to open", "disk I/O", "disk is full")
"""SQLite says with the same class of error that there is no such table, which no waiting mends."""


def releases_connection(call: Callable[P, T]) -> Callable[P, T]:
    """For what runs in a thread of its own: a connection that stays with the thread is one less for everybody."""

    @wraps(call)
    def wrapped(*args: P.args, **kwargs: P.kwargs) -> T:
        release_connection()
        try:
            return call(*args, **kwargs)
        finally:
            release_connection()

    return wrapped


def release_connection() -> None:
    """Give this thread's connection back, unless a transaction of the caller's is under way."""
    if not connection.in_atomic_block:
        close_old_connections()


def database_is_away(error: BaseException) -> bool:
    """Whether the database did not answer, restarts, is full of connections or is locked: the same may work soon."""
    if connection.vendor == "sqlite":
        return isinstance(error, OperationalError) and any(word in str(error) for word in SQLITE_AWAY)
    return isinstance(error, OperationalError | InterfaceError)
