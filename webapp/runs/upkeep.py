"""Files of runs that nobody needs any more: checkpoints when nothing can go on from them, models that were removed, leftovers
of earlier versions."""

import shutil
from datetime import timedelta

from django.conf import settings
from django.db.models import F
from django.utils import timezone

from trainer import cache
from webapp.core import confinement, removals
from webapp.core.database import checkpoint
from webapp.datasets.models import Dataset
from webapp.datasets.quota import measure_dataset
from webapp.runs import storage
from webapp.runs.models import Run, Status
from webapp.runs.querysets import ENDED

COUNTED_AT_ONCE = 50
"""Datasets that are walked over every ten minutes."""
KEEP_SECONDS = 60
"""A run that has just ended may still be looked at by its worker."""


def tidy() -> None:
    """Every ten minutes: remove the checkpoints of runs that succeeded, and of those that failed or were cancelled longer ago
    than they may be resumed. One that is resumed later trains again from its beginning."""
    for path in (settings.MAQUETTE_DATA / "runs").glob("*/artifact.zip"):
        path.unlink(missing_ok=True)  # earlier versions kept downloads here
    folders = {path.parent.name: path for path in (settings.MAQUETTE_DATA / "runs").glob("*/checkpoints")}
    now = timezone.now()
    done = Run.objects.filter(status=Status.SUCCEEDED, finished_at__lt=now - timedelta(seconds=KEEP_SECONDS))
    given_up = Run.objects.filter(status__in=ENDED, finished_at__lt=now - timedelta(days=settings.RUN_RESUME_DAYS))
    for run in (done | given_up).filter(pk__in=list(folders)).only("status"):
        shutil.rmtree(folders[run.pk], ignore_errors=True)
        storage.measure(run)
    remove_left_models()
    removals.finish()
    checkpoint()
    confinement.sweep()
    recount()


def trim_caches() -> None:
    """Every minute: a trainer keeps the folder of its own dataset within the limit, and sees no other."""
    sizes = cache.keep_all_within(settings.MAQUETTE_DATA / "cache")
    of_datasets = {folder.name: size for folder, size in sizes.items()}
    cached = Dataset.objects.exclude(cache_bytes=0).values_list("pk", flat=True)
    for dataset, size in (dict.fromkeys(cached, 0) | of_datasets).items():
        Dataset.objects.filter(pk=dataset).exclude(cache_bytes=size).update(cache_bytes=size)


def recount() -> None:
    """Walk over the folders of those datasets and ended runs that were counted longest ago, and correct what is kept of them:
    an operator has deleted something, or a process was killed between a file and its row."""
    for dataset in Dataset.objects.order_by(F("measured_at").asc(nulls_first=True))[:COUNTED_AT_ONCE]:
        measure_dataset(dataset)
        Dataset.objects.filter(pk=dataset.pk).update(measured_at=timezone.now())
        for run in Run.objects.ended().filter(version__dataset=dataset).only("status"):
            storage.measure(run)


def remove_left_models() -> None:
    """Files of removed models that are still there: whoever removed them died between the row and the files."""
    for run in Run.objects.filter(model_removed_at__isnull=False).only("pk"):
        if any(place.is_dir() for place in storage.model_places(run)):
            storage.remove_model_files(run)
