"""`/healthz` and `/readyz`: whether the web process lives, and whether all that it needs answers."""

import urllib.request
from collections.abc import Callable

from django.conf import settings
from django.db import connection
from django.http import HttpRequest, HttpResponse, JsonResponse

from webapp.core.redis import client


def healthz(request: HttpRequest) -> HttpResponse:
    """Answers while the process lives; touches nothing."""
    return HttpResponse("ok\n", content_type="text/plain")


def part(check: Callable[[], object]) -> bool:
    try:
        return bool(check())
    except Exception:
        return False


def database_answers() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1 FROM accounts_user WHERE 1 = 0")
    return True


def serving_answers() -> bool:
    with urllib.request.urlopen(settings.SERVING_URL + "/healthz", timeout=2) as response:  # noqa: S310
        return bool(response.status == 200)


def worker_answers() -> bool:
    return next(client().scan_iter("maquette:worker:*", count=500), None) is not None


def readyz(request: HttpRequest) -> JsonResponse:
    """JSON per part, 200 when all answer, else 503."""
    parts = {
        "database": part(database_answers),
        "redis": part(lambda: client().ping()),
        "worker": part(worker_answers),
        "serving": part(serving_answers),
    }
    return JsonResponse(
        {"ready": all(parts.values()), "parts": {name: "ok" if good else "down" for name, good in parts.items()}},
        status=200 if all(parts.values()) else 503,
    )
