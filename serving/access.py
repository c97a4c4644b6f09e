"""Who may ask what, and how often: the endpoints' records from Redis, keys, the internal token, rate limits.

Records are kept in memory for a second and dropped when the web says that they changed. While Redis is away, or
has come back without them, what is known stays in force, however old.
"""

import asyncio
import contextlib
import hashlib
import hmac
import logging
import time
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Any

import orjson
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from serving import problems
from serving.problems import Problem

log = logging.getLogger(__name__)
PREFIX, CHANNEL, PUBLISHED = "maquette:endpoint:", "maquette:endpoints", "maquette:published"
FRESH_SECONDS = 1.0
AWAY_SECONDS = 1.0
"""After a failure Redis is left alone this long, so that an outage costs no request more than one wait."""
MAX_RECORDS = 10_000
MAX_BUCKETS = 20_000
VISITORS, MIN_SHARE = 10, 2
"""A demo page's limit is for ten visitors at once; two requests a minute are anybody's."""


def connect(url: str, *, timeout: float | None = 1.0) -> Redis:
    return Redis.from_url(
        url,
        decode_responses=True,
        socket_timeout=timeout,
        socket_connect_timeout=1.0,
        retry=Retry(NoBackoff(), 1),
    )


@dataclass(frozen=True)
class Record:
    """An endpoint as the web published it (docs/architecture.md)."""

    slug: str
    live: bool
    failed: bool
    run: str | None
    version: int | None
    artifact: str | None
    engine: str | None
    blocked: str | None
    requests_per_minute: int | None
    inputs_per_request: int
    bytes_per_request: int
    keys: dict[str, str]
    system: str
    """What its owner tells a model that writes before all that is said."""

    @classmethod
    def parse(cls, text: str | bytes) -> "Record":
        fields = orjson.loads(text)
        limits: dict[str, Any] = fields.get("limits") or {}
        return cls(
            slug=fields["slug"],
            live=fields.get("status") == "live" and bool(fields.get("artifact")),
            failed=fields.get("status") == "failed",
            run=fields.get("run"),
            version=fields.get("version"),
            artifact=fields.get("artifact"),
            engine=fields.get("engine"),
            blocked=fields.get("blocked"),
            requests_per_minute=limits.get("requests_per_minute"),
            inputs_per_request=limits.get("inputs_per_request") or 64,
            bytes_per_request=limits.get("bytes_per_request") or 1024 * 1024,
            keys=fields.get("keys") or {},
            system=fields.get("system_prompt") or "",
        )


class Registry:
    """Slug → record. `get` answers None for an endpoint that does not exist; `Problem` 503 where nobody knows."""

    def __init__(self, redis: Redis, listener: Redis) -> None:
        self.redis = redis
        self.listener = listener
        self.cached: OrderedDict[str, tuple[float, Record | None]] = OrderedDict()
        self.reading: dict[str, asyncio.Task[Record | None]] = {}
        self.away_until = 0.0

    async def get(self, slug: str) -> Record | None:
        cached = self.cached.get(slug)
        if cached and time.monotonic() - cached[0] < FRESH_SECONDS:
            return cached[1]
        task = self.reading.get(slug)
        if task is None:
            task = self.reading[slug] = asyncio.create_task(self.read(slug))
            task.add_done_callback(lambda _done: self.reading.pop(slug, None))
        return await asyncio.shield(task)

    async def read(self, slug: str) -> Record | None:
        if time.monotonic() < self.away_until:
            return self.last_known(slug)
        try:
            text, published = await self.redis.mget(PREFIX + slug, PUBLISHED)
        except (RedisError, OSError):
            self.away_until = time.monotonic() + AWAY_SECONDS
            return self.last_known(slug)
        if text is None and published is None:  # it came back empty, and the web has not written its list anew yet
            return self.last_known(slug)
        record = Record.parse(text) if text else None
        self.cached[slug] = (time.monotonic(), record)
        self.cached.move_to_end(slug)
        while len(self.cached) > MAX_RECORDS:
            self.cached.popitem(last=False)
        return record

    def last_known(self, slug: str) -> Record | None:
        if slug not in self.cached:
            raise Problem(
                503,
                "no_registry",
                "The list of endpoints cannot be read just now.",
                "Try again shortly.",
                retry_after=2,
            )
        return self.cached[slug][1]

    async def live(self) -> list[Record] | None:
        """Every live endpoint, for loading at the start; None while the web has not written its list."""
        if not await self.redis.exists(PUBLISHED):
            return None
        names = [name async for name in self.redis.scan_iter(PREFIX + "*", count=500)]
        texts = await self.redis.mget(names) if names else []
        return [record for text in texts if text and (record := Record.parse(text)).live]

    async def listen(self) -> None:
        """Drop records as the web changes them; connects again for as long as the process lives."""
        while True:
            with contextlib.suppress(RedisError, OSError):
                async with self.listener.pubsub() as subscription:
                    await subscription.subscribe(CHANNEL)
                    self.forget_ages()
                    async for message in subscription.listen():
                        if message["type"] == "message":
                            self.cached.pop(message["data"], None)
            await asyncio.sleep(0.5)

    def forget_ages(self) -> None:
        """Changes may have been missed: read everything anew, yet keep it for as long as Redis does not answer."""
        for slug, (_read, record) in self.cached.items():
            self.cached[slug] = (float("-inf"), record)


@dataclass(frozen=True)
class Caller:
    """Who asks: a key's id, or the web itself on behalf of a visitor."""

    key: str
    internal: bool = False


@dataclass
class Bucket:
    tokens: float
    filled: float


@dataclass
class Limits:
    """Token buckets: a minute's worth at once, refilled evenly."""

    buckets: OrderedDict[tuple[str, str], Bucket] = field(default_factory=OrderedDict)

    def take(self, caller: tuple[str, str], per_minute: int | None) -> None:
        """One request of `caller`, an endpoint and who asks; `Problem` 429 with the seconds until the next is allowed."""
        if per_minute is None:
            return
        if per_minute < 1:
            raise problems.too_many(60)
        now = time.monotonic()
        bucket = self.buckets.get(caller)
        if bucket is None:
            bucket = self.buckets[caller] = Bucket(per_minute, now)
            if len(self.buckets) > MAX_BUCKETS:
                self.buckets.popitem(last=False)
        bucket.tokens = min(per_minute, bucket.tokens + (now - bucket.filled) * per_minute / 60)
        bucket.filled = now
        self.buckets.move_to_end(caller)
        if bucket.tokens < 1:
            raise problems.too_many((1 - bucket.tokens) * 60 / per_minute)
        bucket.tokens -= 1


class Access:
    def __init__(self, internal_token: str) -> None:
        self.internal_token = internal_token.encode()
        self.limits = Limits()

    def is_internal(self, token: bytes) -> bool:
        return bool(self.internal_token) and hmac.compare_digest(token, self.internal_token)

    def identify(self, record: Record | None, token: bytes) -> tuple[Record, Caller]:
        """The endpoint and who asks, or `Problem`: 404 unknown, 401 no or wrong key, 503 paused, not ready yet or failed.

        Only who has a key learns that an endpoint is paused.
        """
        if record is None:
            raise problems.no_endpoint()
        caller = self.caller(record, token)
        if not record.live:
            if record.failed:
                raise problems.unusable()
            raise problems.paused() if record.artifact else problems.deploying()
        return record, caller

    def caller(self, record: Record, token: bytes) -> Caller:
        if self.is_internal(token):
            return Caller("", internal=True)
        key = record.keys.get(hashlib.sha256(token).hexdigest()) if token else None
        if key is None:
            raise problems.no_key()
        return Caller(key)

    def admit(self, record: Record, caller: Caller, visitor: str) -> None:
        """`Problem` 402 when the budget is spent, 429 when asked too often. `visitor` counts for internal calls only."""
        if record.blocked:
            raise problems.budget_spent()
        if not caller.internal:
            self.limits.take((record.slug, f"key:{caller.key}"), record.requests_per_minute)
        elif visitor:
            self.limits.take((record.slug, f"visitor:{visitor}"), visitor_share(record.requests_per_minute))
            self.limits.take((record.slug, "visitors"), record.requests_per_minute)


def visitor_share(per_minute: int | None) -> int | None:
    """What of the demo page's requests one visitor may have, so that nobody takes it from the others."""
    return None if per_minute is None else max(per_minute // VISITORS, min(per_minute, MIN_SHARE))
