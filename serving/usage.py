"""Who used what, a minute at a time: counted in memory, handed to the web through a Redis stream."""

import asyncio
import logging
import time

import orjson
from redis.asyncio import Redis
from redis.exceptions import RedisError

log = logging.getLogger(__name__)
STREAM = "maquette:usage"
FLUSH_SECONDS = 2.0
MAX_ENTRIES = 100_000
ENTRIES_AT_ONCE = 500
Counts = dict[tuple[str, str, int], list[float]]


class Usage:
    """(slug, key, minute) → requests, errors, rows, milliseconds, tokens of prompts, tokens of answers. Kept while Redis is away; nothing is lost but by SIGKILL."""

    def __init__(self, redis: Redis) -> None:
        self.redis = redis
        self.counts: Counts = {}

    def add(
        self,
        slug: str,
        key: str,
        *,
        rows: int = 0,
        ms: float = 0.0,
        error: bool = False,
        tokens: tuple[int, int] = (0, 0),
    ) -> None:
        """`tokens`: of the prompts and of the answers, where texts were written."""
        self.merge((slug, key, int(time.time() // 60)), (1, int(error), rows, ms, *tokens))

    def merge(self, which: tuple[str, str, int], more: tuple[float, ...] | list[float]) -> None:
        counted = self.counts.get(which)
        self.counts[which] = [a + b for a, b in zip(counted, more, strict=True)] if counted else list(more)

    async def flush(self) -> bool:
        """Send everything; what could not be sent is counted on. One transaction a part, so that none is sent twice."""
        counts, self.counts = self.counts, {}
        waiting = list(counts.items())
        while waiting:
            part = waiting[:ENTRIES_AT_ONCE]
            try:
                async with self.redis.pipeline(transaction=True) as pipe:
                    for which, sums in part:
                        pipe.xadd(STREAM, {"u": entry(which, sums)}, maxlen=MAX_ENTRIES, approximate=True)
                    await pipe.execute()
            except (RedisError, OSError):
                for which, sums in waiting:
                    self.merge(which, sums)
                return False
            del waiting[:ENTRIES_AT_ONCE]
        return True

    async def run(self) -> None:
        while True:
            await asyncio.sleep(FLUSH_SECONDS)
            await self.flush()


def entry(which: tuple[str, str, int], sums: list[float]) -> bytes:
    slug, key, minute = which
    requests, errors, rows, ms, prompt_tokens, completion_tokens = sums
    return orjson.dumps(
        {
            "slug": slug,
            "key": key,
            "minute": minute,
            "requests": int(requests),
            "errors": int(errors),
            "rows": int(rows),
            "ms": round(ms, 1),
            "prompt_tokens": int(prompt_tokens),
            "completion_tokens": int(completion_tokens),
        }
    )
