"""A column that decides a run's answers alone: taken out of the data by a press, and trained again as before."""

import logging
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from webapp.accounts.models import User
from webapp.core.problems import Conflict, Problem
from webapp.core.queues import hand_over
from webapp.costs import gate
from webapp.datasets.actions import remap
from webapp.datasets.models import Dataset, DatasetVersion, Status
from webapp.runs import actions
from webapp.runs.models import Run

WAIT_SECONDS = 2
MOST_WAITS = 450
"""A quarter of an hour for reading the rows; then nobody waits for the run any more."""

log = logging.getLogger(__name__)


def found(run: Run, report: dict[str, Any]) -> list[dict[str, Any]]:
    """[{column, score, rule}] of the run's report that are still inputs of the newest version."""
    told = report.get("leaks") or []
    version = run.prototype.dataset.current if told else None
    return [one for one in told if version and version.roles.get(one["column"]) == "input"]


def train_without(run: Run, user: User, column: str) -> DatasetVersion:
    """The next version, in which the column is ignored; a run with the settings of this one starts once it is read."""
    version = run.prototype.dataset.current
    if version is None or version.roles.get(column) != "input":
        raise Problem(
            _("“%(name)s” is not an input of the newest version.") % {"name": column[:80]},
            code="no_column",
            hint=_("Open the data page to see what each column is for."),
        )
    gate.check_budget(run.workspace)
    suggestion = version.suggestion
    with transaction.atomic():
        Dataset.objects.select_for_update().get(pk=version.dataset_id)  # a second press waits for the first
        actions.lock_what_it_needs(run.prototype, vars(run))  # told now, not by a run that never starts
        check_none_being_read(version)
        made = remap(version, user, suggestion["task"], suggestion["columns"], roles={column: "ignore"})
    send(made.pk, run.pk, user.pk, 0)
    return made


def check_none_being_read(version: DatasetVersion) -> None:
    """A press twice would make two versions, and two runs to pay for."""
    if version.dataset.versions.filter(number__gt=version.number, status=Status.PROCESSING).exists():
        raise Conflict(
            _("A new version of the data is being read already."),
            code="being_read",
            hint=_("Wait until it is ready; the data page shows how far it is."),
        )


def send(version_id: str, run_id: str, user_id: Any, waits: int) -> None:
    from webapp.runs.tasks import train_when_read

    hand_over(train_when_read, version_id, run_id, user_id, waits, countdown=WAIT_SECONDS)


def train_when_read(version_id: str, run_id: str, user_id: Any, waits: int) -> Run | None:
    """Start the run, or come again while the version is being read; None when it did not start now."""
    version = DatasetVersion.objects.filter(pk=version_id).first()
    before = Run.objects.select_related("prototype").filter(pk=run_id).first()
    if version is None or before is None or version.status == Status.FAILED:
        return None
    if version.status != Status.READY:
        if waits < MOST_WAITS:
            send(version_id, run_id, user_id, waits + 1)
        return None
    again = ("task", "model", "method", "params", "limits", "hardware", "seed")
    body = {name: getattr(before, name) for name in again}
    try:
        return actions.create_run(before.prototype, User.objects.filter(pk=user_id).first(), body, version)
    except Problem as problem:
        log.warning("Run %s was not trained again: %s", run_id, problem.message)
        return None
