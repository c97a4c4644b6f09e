"""What counting a request costs: `python benchmarks/rate_limit.py [--requests 3000]`. A private Redis is started for it."""

import argparse
import asyncio
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]


def measure(count: int, folder: Path) -> None:
    """Prints milliseconds: of the call alone, and of what an asynchronous request takes longer with it."""
    from django.conf import settings
    from django.http import HttpRequest, HttpResponse
    from django.middleware.locale import LocaleMiddleware
    from django.test import RequestFactory

    from webapp.core import rate_limit
    from webapp.host.redis_server import EmbeddedRedis

    server = EmbeddedRedis(folder / "redis")
    settings.REDIS_URL = server.start()
    settings.LIMITS = settings.LIMITS | {"requests_minute": 10**9}
    request = RequestFactory().get("/")
    request.COOKIES[settings.SESSION_COOKIE_NAME] = "a" * 32

    def alone() -> tuple[float, float]:
        clocks, processor = [], time.process_time()
        for _ in range(count):
            began = time.perf_counter()
            rate_limit.admit(request)
            clocks.append(time.perf_counter() - began)
        return statistics.median(clocks) * 1e3, (time.process_time() - processor) / count * 1e3

    async def answer(_request: HttpRequest) -> HttpResponse:
        return HttpResponse()

    async def around() -> tuple[float, float]:
        """By turns, so that other work of the machine meets both alike."""
        middlewares: list[Any] = [LocaleMiddleware(answer), rate_limit.CountingLocaleMiddleware(answer)]
        clocks: list[list[float]] = [[], []]
        processor = [0.0, 0.0]
        for number in range(2 * count):
            which, began, used = number % 2, time.perf_counter(), time.process_time()
            await middlewares[which](request)
            clocks[which].append(time.perf_counter() - began)
            processor[which] += time.process_time() - used
        without, counted = (statistics.median(times) * 1e3 for times in clocks)
        return counted - without, (processor[1] - processor[0]) / count * 1e3

    rate_limit.admit(request)
    for name, (clock, processor) in (("the call alone", alone()), ("around a request", asyncio.run(around()))):
        print(f"{name:18} {clock:.3f} ms clock (median), {processor:.3f} ms processor")
    server.stop()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--requests", type=int, default=3000)
    count = parser.parse_args().requests
    sys.path.insert(0, str(ROOT))
    with tempfile.TemporaryDirectory() as folder:
        os.environ |= {"MAQUETTE_DATA": folder, "DJANGO_SETTINGS_MODULE": "webapp.settings"}
        import django

        django.setup()
        measure(count, Path(folder))


if __name__ == "__main__":
    main()
