"""What is kept for so many days and no longer: visitors' ratings with their inputs, datasets that nobody uses, and what was
measured and drawn before a run."""

import logging
from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import F, Max, QuerySet
from django.utils import timezone

from webapp.accounts.models import Workspace
from webapp.core.database import checkpoint
from webapp.core.problems import Conflict
from webapp.datasets.models import Dataset
from webapp.endpoints.models import Endpoint, Feedback, Status
from webapp.pages import erasure
from webapp.runs.models import Estimate, Preview

log = logging.getLogger(__name__)
AT_ONCE = 100
TRIAL_DAYS = 30
"""How long an estimate or a preview is kept; who asks again has it made again."""


def sweep() -> None:
    """Every hour."""
    forget_feedback()
    forget_trials()
    for dataset in outdated_datasets():
        try:
            erasure.erase_dataset(dataset, None)
        except Conflict as conflict:  # a run of it has just begun
            log.info("dataset %s is kept for now: %s", dataset.pk, conflict.message)


def forget_feedback() -> None:
    """Of each workspace what is older than it, or the site, keeps."""
    usual = Feedback.objects.filter(workspace__feedback_days=None)
    deleted = forget_older(usual, settings.FEEDBACK_RETENTION_DAYS)
    for workspace in Workspace.objects.filter(feedback_days__gt=0):
        deleted += forget_older(Feedback.objects.for_workspace(workspace), workspace.feedback_days or 0)
    if deleted:
        checkpoint()


def forget_trials() -> None:
    """Those that nobody is at; a run has a copy of its estimate."""
    oldest = timezone.now() - timedelta(days=TRIAL_DAYS)
    for model in (Estimate, Preview):
        model.objects.filter(created_at__lt=oldest, lease="").exclude(sent_at__gte=oldest).delete()


def forget_older(feedback: "QuerySet[Feedback]", days: int) -> int:
    """How many were deleted; none where they are kept for good (0)."""
    if not days:
        return 0
    return feedback.filter(created_at__lt=timezone.now() - timedelta(days=days)).delete()[0]


def outdated_datasets() -> list[Dataset]:
    """Those whose last use is longer ago than they are kept. A demo that is live uses its dataset, so does a run at work."""
    usual = settings.DATASET_RETENTION_DAYS
    datasets = Dataset.objects.exclude(retention_days=0)
    if not usual:
        datasets = datasets.exclude(retention_days=None)
    live = Endpoint.objects.filter(status=Status.LIVE).values("prototype__dataset")
    datasets = datasets.exclude(pk__in=live).annotate(
        read=Max("versions__created_at"),
        run=Max("versions__runs__created_at"),
        ended=Max("versions__runs__finished_at"),
    )
    now = timezone.now()
    outdated = [
        dataset
        for dataset in datasets.select_related("workspace").order_by(F("created_at"))
        if last_use(dataset) < now - timedelta(days=dataset.retention_days or usual)
    ]
    return outdated[:AT_ONCE]


def last_use(dataset: Dataset) -> datetime:
    """When it was made, got its newest version, or a run of it began or ended last."""
    annotated = vars(dataset)
    moments = (dataset.created_at, annotated["read"], annotated["run"], annotated["ended"])
    return max(moment for moment in moments if moment is not None)
