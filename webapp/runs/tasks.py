"""Celery's side of runs: ids in, one plain function called; and what a worker does when it starts and ends."""

from collections.abc import Callable
from typing import Any

from celery import shared_task
from celery.signals import worker_ready, worker_shutting_down
from django.conf import settings

from webapp.core.locks import only_one
from webapp.core.queues import hand_over
from webapp.runs import actions, estimates, previews, retraining, storage, supervisor, upkeep, worker

AGAIN_SECONDS, DOWNLOAD_SECONDS = 1, 30


@shared_task(name="webapp.runs.tasks.train")
def train(run_id: str) -> None:
    supervisor.supervise(run_id)


@shared_task(name="webapp.runs.tasks.measure")
def measure(estimate_id: str) -> None:
    """One at a time on all workers, which also makes the figures truer. The others come again, so that nobody's upload waits behind a row
    of trials; so does one whose model is being downloaded."""
    with only_one(settings.MAQUETTE_DATA / "locks" / "estimate.lock") as alone:
        done = alone and estimates.measure(estimate_id)
    if not done:
        estimates.put_off(estimate_id)
        hand_over(measure, estimate_id, countdown=DOWNLOAD_SECONDS if alone else AGAIN_SECONDS)


@shared_task(name="webapp.runs.tasks.preview")
def preview(version_id: str, key: str) -> None:
    previews.draw(version_id, key)


@shared_task(name="webapp.runs.tasks.sweep")
def sweep() -> None:
    actions.sweep()
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
