"""Celery's side of what spans several apps: what is kept no longer is erased."""

from webapp.core.queues import task
from webapp.pages import retention


@task("webapp.pages.tasks.retain")
def retain() -> None:
    retention.sweep()
