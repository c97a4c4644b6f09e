"""Celery's side of reading: ids in, one plain function called."""

from celery import shared_task

from webapp.datasets import actions, uploads


@shared_task(name="webapp.datasets.tasks.read_version")
def read_version(version_id: str) -> None:
    actions.read(version_id)


@shared_task(name="webapp.datasets.tasks.sweep")
def sweep() -> None:
    actions.sweep()
    uploads.sweep()
