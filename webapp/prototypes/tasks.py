"""Celery's side of prototypes: forgetting what could not be read."""

from celery import shared_task

from webapp.prototypes import actions


@shared_task(name="webapp.prototypes.tasks.sweep")
def sweep() -> None:
    actions.sweep_unread()
