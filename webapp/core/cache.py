"""Django's cache in Redis, so that all processes count the same attempts and a restart forgets none.

Redis is a convenience, never the truth: while it is away each process counts in its own memory, and nobody is kept from signing in.
"""

import json
import logging
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import redis
from django.core.cache.backends.locmem import LocMemCache
from django.core.cache.backends.redis import RedisCache

log = logging.getLogger(__name__)


class JsonSerializer:
    """Django's own is pickle: whoever could write to Redis would run code in the site."""

    def dumps(self, value: object) -> int | str:
        """A number stays one, so that Redis can count it up."""
        return value if type(value) is int else json.dumps(value)

    def loads(self, data: bytes) -> Any:
        return json.loads(data)


def shared(name: str) -> Callable[..., Any]:
    """The method of that name in Redis, or in this process's memory while Redis is away."""

    def method(self: "SharedCache", *args: Any, **options: Any) -> Any:
        try:
            return getattr(RedisCache, name)(self, *args, **options)
        except redis.RedisError as error:
            log.warning("the cache goes on in memory: Redis did not answer (%s)", type(error).__name__)
            return getattr(self.own, name)(*args, **options)

    method.__name__ = name
    return method


class SharedCache(RedisCache):
    def __init__(self, server: str, params: dict[str, Any]) -> None:
        super().__init__(server, params)
        self.own = LocMemCache("redis-is-away", {**params, "OPTIONS": {}})

    add, get, set, touch, delete, incr = map(shared, ("add", "get", "set", "touch", "delete", "incr"))
    get_many, set_many, delete_many, has_key = map(shared, ("get_many", "set_many", "delete_many", "has_key"))

    def clear(self) -> None:
        """What this cache holds: the queues lie in the same database."""
        self.own.clear()
        with suppress(redis.RedisError):
            client = self._cache.get_client(None, write=True)
            for name in client.scan_iter(f"{self.key_prefix}:*", count=500):
                client.delete(name)
