"""Celery's side of labelling: ids in, one plain function called."""

from webapp.core.queues import task
from webapp.labelling import leaving
from webapp.labelling.guiding import Guiding

guide = Guiding.task()


@task("webapp.labelling.tasks.sweep")
def sweep() -> None:
    Guiding.sweep()


@task("webapp.labelling.tasks.gather")
def gather() -> None:
    leaving.gather()
