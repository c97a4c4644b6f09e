"""Celery's side of prototypes: forgetting what could not be read."""

from webapp.core.queues import task
from webapp.prototypes import actions


@task("webapp.prototypes.tasks.sweep")
def sweep() -> None:
    actions.sweep_unread()
