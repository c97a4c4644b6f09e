"""Celery's side of endpoints: ids in, one plain function called."""

from celery import shared_task

from webapp.core.queues import hand_over
from webapp.endpoints import actions, registry
from webapp.runs.tasks import fetch_artifact

AGAIN_SECONDS, FETCHED_SECONDS = 2, 15
"""When to look again: whether another worker has packaged it, and whether its files have come."""


@shared_task(name="webapp.endpoints.tasks.export_version")
def export_version(version_id: str) -> None:
    """Waits for no bucket: of those that do, one thread at most is held up by one that hangs."""
    if waits := actions.waits_for_files(version_id):
        run_id, is_new = waits
        hand_over(fetch_artifact, run_id)
        if is_new:
            hand_over(export_version, version_id, countdown=FETCHED_SECONDS)
    elif not actions.export(version_id):
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
