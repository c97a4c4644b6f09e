"""Celery's side of reading: ids in, one plain function called."""

from celery import shared_task

from webapp.datasets import reading, uploads


@shared_task(name="webapp.datasets.tasks.read_version")
def read_version(version_id: str) -> None:
    reading.read(version_id)


@shared_task(name="webapp.datasets.tasks.sweep")
def sweep() -> None:
    reading.sweep()
    uploads.sweep()
