"""What of runs counts for a workspace's limits (`webapp.core.limits`)."""

from datetime import timedelta
from functools import partial

from django.utils import timezone

from webapp.accounts.limits import counts
from webapp.accounts.models import Workspace
from webapp.runs import sse
from webapp.runs.models import Estimate, Examination, Preview, Run, Search, Status, Trial
from webapp.runs.querysets import HELD
from webapp.runs.search_models import OPEN

MINUTE = timedelta(minutes=1)


@counts("runs_waiting")
def runs_waiting(workspace: Workspace) -> int:
    """An open search counts as one, whether a trial of it waits or not: else any number of them could be started before the
    first has queued its trials."""
    waiting = Run.objects.for_workspace(workspace).filter(status__in=(Status.QUEUED, Status.INTERRUPTED))
    searches = Search.objects.for_workspace(workspace).filter(status__in=OPEN)
    return waiting.exclude(search__status__in=OPEN).count() + searches.count()


@counts("runs_at_once")
def runs_training(workspace: Workspace) -> int:
    return Run.objects.for_workspace(workspace).filter(status__in=HELD).count()


def begun_in_a_minute(kind: type[Trial], workspace: Workspace) -> int:
    return kind.objects.for_workspace(workspace).filter(sent_at__gt=timezone.now() - MINUTE).count()


for kind in (Estimate, Preview):
    counts(kind.LIMIT)(partial(begun_in_a_minute, kind))


@counts("examinations_minute")
def examinations_in_a_minute(workspace: Workspace) -> int:
    return Examination.objects.for_workspace(workspace).filter(sent_at__gt=timezone.now() - MINUTE).count()


@counts("streams")
def open_streams(workspace: Workspace) -> int:
    """Of this web process, which is the only one."""
    return sse.seats.of_workspaces[workspace.pk]
