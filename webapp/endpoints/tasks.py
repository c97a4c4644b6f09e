"""Celery's side of endpoints: ids in, one plain function called."""

from celery import shared_task

from webapp.core.queues import hand_over
from webapp.endpoints import actions, registry
from webapp.runs.tasks import fetch_artifact

AGAIN_SECONDS = 2


@shared_task(name="webapp.endpoints.tasks.export_version")
def export_version(version_id: str) -> None:
    if not actions.export(version_id):
        hand_over(export_version, version_id, countdown=AGAIN_SECONDS)


@shared_task(name="webapp.endpoints.tasks.publish_all")
def publish_all() -> None:
    registry.publish_all()
    for run in actions.runs_without_files():
        hand_over(fetch_artifact, run)
    actions.send_lost_exports()


@shared_task(name="webapp.endpoints.tasks.heal")
def heal() -> None:
    registry.heal()


@shared_task(name="webapp.endpoints.tasks.drain_usage")
def drain_usage() -> None:
    registry.drain_usage()


@shared_task(name="webapp.endpoints.tasks.charge_hosting")
def charge_hosting() -> None:
    actions.charge_hosting()
