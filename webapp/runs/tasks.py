"""Celery's side of runs: ids in, one plain function called; and what a worker does when it starts and ends."""

from collections.abc import Callable
from typing import Any

from celery import shared_task
from celery.signals import worker_ready, worker_shutting_down
from django.conf import settings

from webapp.core.locks import only_one
from webapp.runs import actions, retraining, storage, supervisor, upkeep, worker
from webapp.runs.estimates import Measuring
from webapp.runs.previews import Drawing


@shared_task(name="webapp.runs.tasks.train")
def train(run_id: str) -> None:
    supervisor.supervise(run_id)


@shared_task(name="webapp.runs.tasks.measure")
def measure(estimate_id: str) -> None:
    Measuring.handle(estimate_id)


@shared_task(name="webapp.runs.tasks.preview")
def preview(preview_id: str) -> None:
    Drawing.handle(preview_id)


@shared_task(name="webapp.runs.tasks.sweep")
def sweep() -> None:
    actions.sweep()
    Measuring.sweep()
    Drawing.sweep()
    retraining.start_waiting()


@shared_task(name="webapp.runs.tasks.tidy")
def tidy() -> None:
    upkeep.tidy()


@shared_task(name="webapp.runs.tasks.store")
def store() -> None:
    storage.measure_waiting()
    with_the_bucket(storage.remove_waiting)
    with_the_bucket(storage.remove_due)
    with_the_bucket(storage.upload_waiting)


@shared_task(name="webapp.runs.tasks.fetch_artifact")
def fetch_artifact(run_id: str) -> None:
    with_the_bucket(storage.fetch_again, run_id)


def with_the_bucket(call: Callable[..., None], *arguments: str) -> None:
    """One thread at most waits for a bucket that hangs; what is passed over is asked for again within a minute."""
    with only_one(settings.MAQUETTE_DATA / "locks" / "bucket.lock") as alone:
        if alone:
            call(*arguments)


@worker_ready.connect
def announce(sender: Any, **_kwargs: Any) -> None:
    worker.start(sorted(sender.app.amqp.queues.consume_from))


@worker_shutting_down.connect
def hand_back(**_kwargs: Any) -> None:
    worker.stop()
