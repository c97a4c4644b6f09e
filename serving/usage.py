"""Counts of what was answered, added up a minute at a time and sent to the web through a Redis stream."""

import asyncio
import logging
import time
from collections import defaultdict

import orjson
import redis
import redis.asyncio

log = logging.getLogger(__name__)
STREAM = "maquette:usage"
FLUSH_SECONDS = 2.0
MOST_ENTRIES = 100_000


class Usage:
    def __init__(self, client: redis.asyncio.Redis) -> None:
        self.redis = client
        self.counts: dict[tuple[str, str, int], list[float]] = defaultdict(lambda: [0, 0, 0, 0.0])
        self.answered = self.refused = 0
        self.total_ms = 0.0

    def add(self, slug: str, key: str, rows: int, ms: float, error: bool = False) -> None:
        count = self.counts[slug, key, int(time.time() // 60)]
        count[0] += 1
        count[1] += error
        count[2] += rows
        count[3] += ms
        self.answered += not error
        self.refused += error
        self.total_ms += ms

    async def flush(self) -> None:
        """Send what has gathered; what Redis does not take is kept for the next time."""
        taken, self.counts = self.counts, defaultdict(lambda: [0, 0, 0, 0.0])
        for (slug, key, minute), (requests, errors, rows, ms) in taken.items():
            record = {
                "slug": slug,
                "key": key,
                "minute": minute,
                "requests": requests,
                "errors": errors,
                "rows": rows,
                "ms": ms,
            }
            try:
                await self.redis.xadd(STREAM, {"u": orjson.dumps(record)}, maxlen=MOST_ENTRIES, approximate=True)
            except (redis.RedisError, OSError):
                count = self.counts[slug, key, minute]
                for at, value in enumerate((requests, errors, rows, ms)):
                    count[at] += value

    async def run(self) -> None:
        while True:
            await asyncio.sleep(FLUSH_SECONDS)
            await self.flush()
