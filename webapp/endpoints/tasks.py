"""Celery's side of endpoints: ids in, one plain function called."""

from webapp.core.queues import enqueue, task
from webapp.endpoints import actions, addresses, hosting, registry, visitors
from webapp.endpoints.packaging import Packaging
from webapp.runs.tasks import fetch_artifact

export_version = Packaging.task()


@task("webapp.endpoints.tasks.publish_all")
def publish_all() -> None:
    registry.publish_all()
    for run in actions.runs_without_files():
        enqueue(fetch_artifact, run)


@task("webapp.endpoints.tasks.heal")
def heal() -> None:
    Packaging.sweep()
    registry.heal()


@task("webapp.endpoints.tasks.drain_usage")
def drain_usage() -> None:
    registry.drain_usage()


@task("webapp.endpoints.tasks.charge_hosting")
def charge_hosting() -> None:
    hosting.charge_hosting()


@task("webapp.endpoints.tasks.sweep")
def sweep() -> None:
    """What is not kept for longer: who rated answers, and addresses that were given up."""
    visitors.clear_old_visitors()
    addresses.delete_expired()
