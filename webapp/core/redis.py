"""The one Redis connection pool of a process. Redis is a convenience here, never the truth: callers survive its loss."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

import redis
import redis.asyncio
from django.conf import settings

log = logging.getLogger(__name__)


@cache
def client() -> redis.Redis:
    """A client for short commands; blocking reads use `async_client`."""
    return redis.Redis.from_url(
        settings.REDIS_URL, decode_responses=True, socket_timeout=5, socket_connect_timeout=2, health_check_interval=15
    )


def async_client(patience: float) -> redis.asyncio.Redis:
    """A fresh client for one stream's reader, given up when it hears nothing for so many seconds: longer than it asks Redis to
    wait, or a quiet stream would pass for one that hangs."""
    return redis.asyncio.Redis.from_url(
        settings.REDIS_URL, decode_responses=True, socket_timeout=patience, socket_connect_timeout=2
    )


ERASED = "maquette:erased"
"""Set while the append-only file of Redis may hold what was erased."""


def note_erasure() -> None:
    """What was erased is in no key any more, but the commands that wrote it are in the file that Redis appends to."""
    with best_effort("noting an erasure"):
        client().set(ERASED, 1)


def rewrite_log() -> None:
    """Have Redis write that file anew, from the keys as they are, where something was erased; one that others share may forbid
    it, or be at it already, and is asked again later."""
    with best_effort("rewriting the append-only file"):
        if client().get(ERASED) and client().bgrewriteaof():
            client().delete(ERASED)


@contextmanager
def best_effort(what: str) -> Iterator[None]:
    """Go on without Redis: what is written inside can be made again from the database or a file."""
    try:
        yield
    except redis.RedisError as error:
        log.warning("%s: Redis did not answer (%s)", what, error)
