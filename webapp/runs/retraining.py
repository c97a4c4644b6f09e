"""“Remove it and train again”: the wish for a run on a version that is still being read.

    waiting → started | refused

The wish is a row, so that neither a lost message nor a worker that dies loses it, and none that comes late spends money:
it is claimed by compare-and-set in the transaction that makes the run, and refused once it is an hour old. It is looked at
when its version was read, and by the sweeper.
"""

import logging
from datetime import timedelta
from typing import Any

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from webapp.accounts.actions import audit
from webapp.accounts.models import User
from webapp.accounts.rights import Right
from webapp.core.problems import Conflict, Problem
from webapp.core.sentences import problem_of_error
from webapp.costs import gate
from webapp.datasets.actions import lock_dataset
from webapp.datasets.models import DatasetVersion, Status
from webapp.datasets.quota import lock_quota
from webapp.datasets.versions import remap
from webapp.prototypes.models import Prototype
from webapp.runs import actions
from webapp.runs.leaks import is_input
from webapp.runs.models import Retraining, Run

AT_MOST = timedelta(hours=1)
"""How old a wish may become; nobody waits for its run after that."""
AT_ONCE = 50

log = logging.getLogger(__name__)


def train_without(run: Run, user: User, column: str) -> DatasetVersion:
    """The next version, in which the column is ignored; a run with the settings of this one starts once it is read."""
    gate.check_budget(run.workspace)
    with transaction.atomic():
        lock_quota(run.workspace)
        dataset = lock_dataset(run.prototype.dataset_id)  # a second press waits
        version = version_without(run, dataset.current, column)
        check_none_being_read(version)
        actions.lock_what_it_needs(run.prototype, vars(run))  # told now, not by a run that never starts
        task, columns = version.suggestion["task"], version.suggestion["columns"]
        made = remap(version, user, task, columns, roles={column: "ignore"})
        begin_once_read(run, made, user)
    return made


def train_like(run: Run, made: DatasetVersion, user: User) -> None:
    """A run with the settings of this one on a version that has just been made, once it is read; what is in the way is told
    now. Their scores can be compared: test rows keep their part."""
    gate.check_budget(run.workspace)
    actions.lock_what_it_needs(run.prototype, vars(run))
    begin_once_read(run, made, user)


def begin_once_read(run: Run, made: DatasetVersion, user: User) -> None:
    Retraining.objects.create(
        workspace=run.workspace,
        prototype=run.prototype,
        version=made,
        base=run,
        asked_by=user,
        settings=run.recipe,
    )


def run_to_repeat(prototype: Prototype, about: str = "") -> Run | None:
    """Whose settings the next training has: the run of this id, else the one with the best score, else the last that ended well."""
    ended = prototype.runs.listed().filter(status="succeeded")
    return (ended.filter(pk=about).first() if about else None) or ended.best_first().first() or ended.first()


def version_without(run: Run, version: DatasetVersion | None, column: str) -> DatasetVersion:
    """The version, if a column can be taken out of it for a run; `Problem`."""
    if version is None or not is_input(run, version, column):
        raise Problem(
            _("“%(name)s” is not an input of the newest version.") % {"name": column[:80]},
            code="no_column",
            hint=_("Open the data page to see what each column is for."),
        )
    return version


def check_none_being_read(version: DatasetVersion) -> None:
    """A press twice would make two versions, and two runs to pay for."""
    if version.dataset.versions.filter(number__gt=version.number, status=Status.PROCESSING).exists():
        raise Conflict(
            _("A new version of the data is being read already."),
            code="being_read",
            hint=_("Wait until it is ready; the data page shows how far it is."),
        )


def start_waiting(version: DatasetVersion | None = None) -> None:
    """Start or refuse every wish that need not wait any more, or those for one version."""
    requests = Retraining.objects.waiting().select_related("prototype", "workspace", "version", "asked_by", "base")
    requests = requests.filter(version=version) if version else requests.due(timezone.now() - AT_MOST)
    for wish in requests.order_by("created_at")[:AT_ONCE]:
        try:
            start_or_refuse(wish)
        except (
            Exception
        ):  # one that fails by a fault of ours keeps no other waiting; it is tried again until it is too old
            log.exception("the run asked for on version %s could not be started", wish.version_id)


def start_or_refuse(wish: Retraining) -> None:
    """Start the run of one wish, refuse it, or leave it waiting while its version is being read."""
    try:
        check_wish(wish)
        if wish.version.status == Status.READY:
            start(wish)
    except Problem as problem:
        refuse(wish, problem.as_dict())


def check_wish(wish: Retraining) -> None:
    """`Problem` with what is in the way."""
    hint = _("Start it yourself if it is still wanted.")
    if timezone.now() - wish.created_at > AT_MOST:
        raise Problem(_("It was asked for more than an hour ago."), code="too_old", hint=hint)
    member = wish.workspace.memberships.filter(user=wish.asked_by).first()
    if member is None or not member.can(Right.EDIT):
        message = _("Whoever asked for it may no longer start runs in this workspace.")
        raise Problem(message, code="no_member", hint=hint)
    if wish.version.status == Status.FAILED:
        unknown = {"code": "no_version", "message": _("The new version of the data could not be read.")}
        raise problem_of_error(wish.version.error or unknown)


def start(wish: Retraining) -> None:
    """Claim and make the run, both or neither. Raises what `create_run` refuses.

    The prototype is held first: who deletes it, or the run that the wish names, holds it before the wish's row too.
    """
    with transaction.atomic():
        lock_quota(wish.workspace)
        Prototype.objects.select_for_update().filter(pk=wish.prototype_id).first()
        if not wish.move("started"):
            return
        run = actions.create_run(wish.prototype, wish.asked_by, wish.settings, wish.version)
        Retraining.objects.filter(pk=wish.pk).update(run=run)


def refuse(wish: Retraining, error: dict[str, Any]) -> None:
    """Say in the prototype's activity, and on its data page, why nothing was trained."""
    with transaction.atomic():
        if wish.move("refused", error=error):
            number = _("version %(number)d") % {"number": wish.version.number}
            text = f"{wish.prototype.name}, {number}: {error['message']}"
            audit(wish.workspace, None, "not trained", "retraining", wish.prototype_id, text)
