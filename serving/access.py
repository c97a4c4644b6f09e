"""Who may ask which model how often.

The web writes one record an endpoint into Redis (docs/architecture.md); it is kept here for a second, dropped at once
when the web says that it changed, and used however old while Redis does not answer.
"""

import asyncio
import hashlib
import hmac
import logging
import os
import time
from collections import OrderedDict
from typing import Any

import orjson
import redis
import redis.asyncio

from serving.problems import Problem, not_found

log = logging.getLogger(__name__)
PREFIX, CHANNEL = "maquette:endpoint:", "maquette:endpoints"
FRESH_SECONDS = 1.0
BUCKETS = 10_000
MOST_RECORDS = 10_000
VISITORS_PER_MINUTE = 60
"""What one visitor of a demo page may ask in a minute; keys have the limit of their endpoint."""


class Registry:
    """Endpoint records by slug."""

    def __init__(self, url: str) -> None:
        self.redis = redis.asyncio.Redis.from_url(url, socket_timeout=2, socket_connect_timeout=2)
        self.listener = redis.asyncio.Redis.from_url(url, socket_timeout=None, socket_connect_timeout=2)
        self.known: OrderedDict[str, tuple[float, dict[str, Any] | None]] = OrderedDict()

    async def get(self, slug: str) -> dict[str, Any] | None:
        kept = self.known.get(slug)
        if kept and time.monotonic() - kept[0] < FRESH_SECONDS:
            return kept[1]
        try:
            text = await self.redis.get(PREFIX + slug)
        except (redis.RedisError, OSError) as error:
            if kept is None:
                log.warning("Redis did not answer: %s", error)
                raise Problem(
                    503, "registry", "The list of endpoints cannot be reached.", "Try again soon.", Retry_After="2"
                ) from error
            self.known[slug] = (time.monotonic(), kept[1])
            return kept[1]
        record = orjson.loads(text) if text else None
        self.known[slug] = (time.monotonic(), record)
        while len(self.known) > MOST_RECORDS:
            self.known.popitem(last=False)
        return record

    async def all_live(self) -> list[dict[str, Any]]:
        """Records of live endpoints, for loading their models at the start."""
        try:
            names = [name async for name in self.redis.scan_iter(PREFIX + "*", count=500)]
            texts = await self.redis.mget(names) if names else []
        except (redis.RedisError, OSError):
            return []
        records = [orjson.loads(text) for text in texts if text]
        return [record for record in records if record["status"] == "live"]

    async def listen(self) -> None:
        """Forget a record as soon as the web says that it changed; for ever, through every loss of Redis."""
        while True:
            try:
                async with self.listener.pubsub() as channel:
                    await channel.subscribe(CHANNEL)
                    async for message in channel.listen():
                        if message["type"] == "message":
                            slug = message["data"].decode()
                            kept = self.known.get(slug)
                            if kept:
                                self.known[slug] = (0.0, kept[1])
            except (redis.RedisError, OSError):
                await asyncio.sleep(1)

    async def close(self) -> None:
        await self.redis.aclose()
        await self.listener.aclose()


class Gate:
    """Checks one request: internal token or key, the endpoint's state, the rate."""

    def __init__(self, registry: Registry) -> None:
        self.registry = registry
        self.internal = os.environ.get("MAQUETTE_INTERNAL_TOKEN", "").encode()
        self.buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def is_internal(self, secret: bytes) -> bool:
        return bool(self.internal) and hmac.compare_digest(secret, self.internal)

    async def admit(self, slug: str, secret: bytes, visitor: str) -> tuple[dict[str, Any], str]:
        """(record, key id) of a request that may go on; the key id is empty for the site's own pages."""
        record = await self.registry.get(slug)
        internal = self.is_internal(secret)
        if record is None:
            raise not_found()
        key = "" if internal else record["keys"].get(hashlib.sha256(secret).hexdigest(), "")
        if not internal and not key:
            hint = "Send the header Authorization: Bearer KEY; keys are on the prototype's share page."
            raise Problem(401, "bad_key", "The key is missing or wrong.", hint, WWW_Authenticate="Bearer")
        if record["status"] != "live":
            raise not_found()
        if record["blocked"]:
            raise Problem(
                402, "budget_spent", "This month's budget of the owner is spent.", "Ask the owner to raise it."
            )
        limit = (
            VISITORS_PER_MINUTE
            if internal and visitor.startswith("visitor:")
            else record["limits"]["requests_per_minute"]
        )
        self.spend(f"{slug}:{key or visitor}", limit)
        return record, key

    def spend(self, subject: str, per_minute: int) -> None:
        """Take one request from the subject's bucket, which holds a minute's worth and refills evenly."""
        now = time.monotonic()
        left, at = self.buckets.pop(subject, (float(per_minute), now))
        left = min(float(per_minute), left + (now - at) * per_minute / 60)
        self.buckets[subject] = (left - 1 if left >= 1 else left, now)
        if len(self.buckets) > BUCKETS:
            self.buckets.popitem(last=False)
        if left < 1:
            wait = str(max(1, round((1 - left) * 60 / max(per_minute, 1))))
            raise Problem(
                429,
                "rate_limit",
                f"More than {per_minute} requests a minute.",
                f"Wait {wait} seconds.",
                Retry_After=wait,
            )
