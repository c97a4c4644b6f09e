"""Celery's side of the API: forgetting."""

from webapp.api.models import IdempotentAnswer
from webapp.core.queues import task


@task("webapp.api.tasks.sweep")
def sweep() -> None:
    IdempotentAnswer.objects.outdated().delete()
