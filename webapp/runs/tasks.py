"""Celery's side of runs: ids in, one plain function called; and what a worker does when it starts and ends."""

from collections.abc import Callable
from typing import Any

from celery.signals import worker_ready, worker_shutting_down
from django.conf import settings

from webapp.core.locks import only_one
from webapp.core.queues import task
from webapp.core.redis import rewrite_log
from webapp.runs import retraining, storage, upkeep, worker
from webapp.runs.estimates import Measuring
from webapp.runs.examining import Examining
from webapp.runs.judging import Grading
from webapp.runs.previews import Drawing
from webapp.runs.searching import Searching
from webapp.runs.training import Training

train = Training.task()
search = Searching.task()
measure = Measuring.task()
preview = Drawing.task()
examine = Examining.task()
judge = Grading.task()


@task("webapp.runs.tasks.sweep")
def sweep() -> None:
    for kind in (Training, Searching, Measuring, Drawing, Examining, Grading):
        kind.sweep()
    retraining.start_waiting()


@task("webapp.runs.tasks.tidy")
def tidy() -> None:
    upkeep.tidy()


@task("webapp.runs.tasks.store")
def store() -> None:
    upkeep.trim_caches()
    rewrite_log()
    storage.measure_waiting()
    with_the_bucket(storage.remove_waiting)
    with_the_bucket(storage.remove_due)
    with_the_bucket(storage.upload_waiting)


@task("webapp.runs.tasks.fetch_artifact")
def fetch_artifact(run_id: str) -> None:
    with_the_bucket(storage.fetch_again, run_id)


def with_the_bucket(call: Callable[..., None], *arguments: str) -> None:
    """One thread at most waits for a bucket that hangs; what is passed over is asked for again within a minute."""
    with only_one(settings.MAQUETTE_DATA / "locks" / "bucket.lock") as alone:
        if alone:
            call(*arguments)


def announce(sender: Any, **_kwargs: object) -> None:
    worker.start(sorted(sender.app.amqp.queues.consume_from))


def hand_back(**_kwargs: object) -> None:
    worker.stop()


worker_ready.connect(announce)
worker_shutting_down.connect(hand_back)
