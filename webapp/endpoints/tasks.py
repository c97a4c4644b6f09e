"""Celery's side of endpoints: ids in, one plain function called."""

from celery import shared_task

from webapp.core.queues import hand_over
from webapp.endpoints import actions, hosting, registry
from webapp.endpoints.packaging import Packaging
from webapp.runs.tasks import fetch_artifact


@shared_task(name="webapp.endpoints.tasks.export_version")
def export_version(version_id: str) -> None:
    Packaging.handle(version_id)


@shared_task(name="webapp.endpoints.tasks.publish_all")
def publish_all() -> None:
    registry.publish_all()
    for run in actions.runs_without_files():
        hand_over(fetch_artifact, run)


@shared_task(name="webapp.endpoints.tasks.heal")
def heal() -> None:
    Packaging.sweep()
    registry.heal()


@shared_task(name="webapp.endpoints.tasks.drain_usage")
def drain_usage() -> None:
    registry.drain_usage()


@shared_task(name="webapp.endpoints.tasks.charge_hosting")
def charge_hosting() -> None:
    hosting.charge_hosting()
