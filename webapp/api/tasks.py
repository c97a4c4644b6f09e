"""Celery's side of the API: forgetting."""

from celery import shared_task

from webapp.api.models import IdempotentAnswer


@shared_task(name="webapp.api.tasks.sweep")
def sweep() -> None:
    IdempotentAnswer.objects.outdated().delete()
