"""`/healthz` and `/readyz`: whether the web process lives, and whether all that it needs answers."""

from collections.abc import Callable

from django.conf import settings
from django.db import connection
from django.http import HttpRequest, HttpResponse, JsonResponse

from webapp.catalog import hardware
from webapp.core import readers
from webapp.core.redis import client
from webapp.host.direct import open_directly
from webapp.runs.queues import queue_of


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
    with open_directly(settings.SERVING_URL + "/healthz", timeout=2) as response:
        return bool(response.status == 200)


def queues_without_worker() -> list[str]:
    """Of the queues that work is put into, those that no worker announced in the last 20 seconds that it takes."""
    workers = hardware.workers()
    needed = [settings.CELERY_TASK_DEFAULT_QUEUE, readers.QUEUE, *map(queue_of, hardware.options(workers))]
    taken = {queue for worker in workers for queue in worker.get("queues") or ()}
    return [queue for queue in needed if queue not in taken]


def readyz(request: HttpRequest) -> JsonResponse:
    """JSON per part, 200 when all answer, else 503. `waiting`: the queues that no worker takes."""
    waiting = queues_without_worker()
    parts = {
        "database": part(database_answers),
        "redis": part(lambda: client().ping()),
        "worker": not waiting,
        "serving": part(serving_answers),
    }
    states = {name: "ok" if good else "down" for name, good in parts.items()}
    body = {"ready": all(parts.values()), "parts": states, "waiting": waiting}
    return JsonResponse(body, status=200 if body["ready"] else 503)
