"""Celery's side of reading: ids in, one plain function called."""

from typing import Any

from celery import shared_task
from celery.signals import worker_shutting_down

from webapp.datasets import reading, uploads


@shared_task(name="webapp.datasets.tasks.read_version")
def read_version(version_id: str) -> None:
    reading.read(version_id)


@shared_task(name="webapp.datasets.tasks.sweep")
def sweep() -> None:
    reading.sweep()
    uploads.sweep()


@worker_shutting_down.connect
def hand_back(**_kwargs: Any) -> None:
    reading.stopping.set()
