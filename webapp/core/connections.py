"""Database connections outside of Django's own request cycle: whoever takes one there gives it back."""

from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

from django.db import close_old_connections, connection

P = ParamSpec("P")
T = TypeVar("T")


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
