"""Labels of people who left without a word become a version too: an hour after the last one."""

from contextlib import suppress
from datetime import timedelta

from django.db.models import Max
from django.utils import timezone

from webapp.core.problems import Problem
from webapp.datasets.models import Dataset
from webapp.labelling.actions import current_version, done
from webapp.labelling.models import Decision

LEFT = timedelta(hours=1)
"""After the last decision on any row of a dataset."""


def gather() -> None:
    """Make the versions. One that could not be made waits for a person: it is not begun again by itself."""
    last = Decision.objects.unmade().settled().values("version__dataset").annotate(last=Max("decided_at"))
    for dataset in Dataset.objects.filter(
        pk__in=last.filter(last__lt=timezone.now() - LEFT).values("version__dataset")
    ):
        with suppress(Problem):
            gather_of(dataset)


def gather_of(dataset: Dataset) -> None:
    version = current_version(dataset)
    last = Decision.objects.pending(version).settled().select_related("person").order_by("-decided_at").first()
    if last is not None and dataset.latest == version:
        done(version, last.person)
