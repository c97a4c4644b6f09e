"""Celery's side of reading: ids in, one plain function called."""

from webapp.core.queues import task
from webapp.datasets import reading, rereading, uploads


@task("webapp.datasets.tasks.read_version")
def read_version(version_id: str) -> None:
    reading.read(version_id)


read_source = rereading.Rereading.task()


@task("webapp.datasets.tasks.sweep")
def sweep() -> None:
    reading.sweep()
    uploads.sweep()
    rereading.sweep()
