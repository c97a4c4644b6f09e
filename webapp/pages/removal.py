"""Deleting for good: the model of a run, a run, or a prototype with its demo, its runs and, where that is asked for, its
data."""

import shutil
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from webapp.accounts.actions import audit, erase_names
from webapp.accounts.models import AuditEvent, User
from webapp.core import removals
from webapp.core.locks import only_one
from webapp.core.problems import Conflict
from webapp.datasets import actions as dataset_actions
from webapp.datasets.actions import delete_rows
from webapp.datasets.models import Dataset, DatasetVersion
from webapp.datasets.quota import own_bytes
from webapp.endpoints import actions
from webapp.endpoints.models import Endpoint, EndpointVersion
from webapp.labelling import actions as labelling
from webapp.labelling.carrying import carry
from webapp.prototypes.models import Prototype
from webapp.runs import base_models, storage
from webapp.runs.models import Run, Search, Status
from webapp.runs.querysets import RunQuerySet
from webapp.runs.search_models import OPEN

CHECKPOINTS = "checkpoints"
MOST_LISTED = 100
"""Runs that one page looks through."""


def delete_run(run: Run, user: User | None) -> None:
    """The run and all that it made; its rows of the ledger stay. Raises Conflict while it is at work, served, or what a run
    at work builds on."""
    with transaction.atomic():
        if run.name:  # a demo that served it before says so
            events = AuditEvent.objects.filter(workspace=run.workspace, subject="endpoint", text__contains=run.name)
            events.filter(subject_id__in=Endpoint.objects.filter(prototype=run.prototype_id).values("pk")).update(
                text=""
            )
        folders = delete_rows_of(run, [run], user)
    removals.remove(folders)


def delete_search(search: Search, user: User | None) -> None:
    """The search with all its trials and the model of the best; their rows of the ledger stay. Raises Conflict while it is at
    work, or where one of its runs is served or built on."""
    with transaction.atomic():
        if not search.ended or search.trials.active().exists():
            raise still_at_work(_("This search is still running."))
        trials = search.trials.select_for_update().select_related("workspace", "prototype").order_by("pk")
        folders = delete_rows_of(search, list(trials), user)
    removals.remove(folders)


def delete_rows_of(job: Run | Search, runs: list[Run], user: User | None) -> list[Path]:
    """A run, or a search with its trials, in the database; the folders to remove once that is committed."""
    for run in runs:
        actions.lock_run(run)
        run.refresh_from_db()
        check_unused(run)
    EndpointVersion.objects.filter(run__in=runs).delete()
    audit(job.workspace, user, "deleted", str(job._meta.model_name), job.pk)
    erase_names(job.workspace_id, [job.pk, *(run.pk for run in runs)])
    folders = [run.folder for run in runs]
    removals.due(*folders, in_bucket=True)
    job.delete()
    return folders


def still_at_work(message: str) -> Conflict:
    return Conflict(message, code="at_work", hint=_("Cancel it, or wait until it has ended."))


def check_unused(run: Run) -> None:
    """`Conflict` while the run is at work, served or about to be, or built on by a run at work."""
    if not run.ended:
        raise still_at_work(_("This run is still running."))
    endpoint = served_runs(run.prototype_id).get(run.pk)
    if endpoint is not None:
        raise Conflict(
            _("The demo “%(name)s” uses this run.") % {"name": endpoint.name},
            code="deployed",
            hint=_("Deploy another run first, or delete the demo."),
        )
    check_not_built_on([run])


def served_runs(prototype_id: str) -> dict[str, Endpoint]:
    """{run id: the prototype's demo} of what it serves, and of what it will serve once that is packaged."""
    endpoint = Endpoint.objects.select_related("current", "wanted").filter(prototype=prototype_id).first()
    if endpoint is None:
        return {}
    target = endpoint.wanted
    waits = target is not None and not target.engine and target.error is None
    return {version.run_id: endpoint for version in (endpoint.current, target if waits else None) if version}


def check_removable(run: Run) -> None:
    """`Conflict` where the run has no model to remove, or somebody needs it."""
    check_unused(run)
    if run.status != Status.SUCCEEDED:
        raise Conflict(_("This run has no model."), code="no_artifact", hint=_("Only a finished run has one."))


def needed(run: Run) -> Conflict | None:
    """Why the run's model must stay."""
    try:
        check_removable(run)
    except Conflict as conflict:
        return conflict
    return None


def remove_model(run: Run, user: User | None) -> int:
    """Free the space of a run's model and keep its results; how many bytes that freed here. A second time changes nothing.
    Raises Conflict as `check_removable` does, and while the model is being packaged.

    The row first, which everybody who needs the model asks (`storage.check_model`), then the files; whoever dies between
    leaves them to `upkeep.tidy`.
    """
    with ExitStack() as held:
        with transaction.atomic():
            actions.lock_run(run)
            run.refresh_from_db()
            if run.model_removed_at is None:
                check_removable(run)
                if not held.enter_context(only_one(storage.packaging(run))):
                    raise Conflict(
                        _("This model is being prepared for the demo."),
                        code="packaging",
                        hint=_("Wait a minute, then remove it."),
                    )
                now = {"model_removed_at": timezone.now(), "model_in_bucket": True}
                Run.objects.filter(pk=run.pk).update(**now)
                audit(run.workspace, user, "removed model", "run", run.pk, f"{run.prototype.name}, {run}")
        return storage.remove_model_files(run)


def given_up(prototype: Prototype) -> RunQuerySet[Run]:
    """Runs that failed or were cancelled, which keep their checkpoints for `RUN_RESUME_DAYS`."""
    return prototype.runs.filter(status__in=(Status.FAILED, Status.CANCELLED))


def checkpoint_bytes(prototype: Prototype) -> int:
    return sum(own_bytes(run.folder / CHECKPOINTS) for run in given_up(prototype).order_by("-number")[:MOST_LISTED])


def remove_checkpoints(prototype: Prototype, user: User | None) -> int:
    """Free the space of what failed and cancelled runs could be resumed from; how many bytes that freed. A run that is resumed
    at the same moment waits for it, or keeps its own."""
    freed = 0
    with transaction.atomic():
        for run in given_up(prototype).select_for_update().order_by("pk"):
            folder = run.folder / CHECKPOINTS
            if not folder.is_dir():
                continue
            freed += own_bytes(folder)
            shutil.rmtree(folder, ignore_errors=True)
            storage.measure(run)
        audit(prototype.workspace, user, "removed checkpoints", "prototype", prototype.pk, prototype.name)
    return freed


@dataclass(frozen=True)
class Unused:
    """A run whose model nobody needs now; `was_served`: by an earlier version of the demo, which could go back to it."""

    run: Run
    size: int
    was_served: bool


def unused_models(prototype: Prototype) -> list[Unused]:
    """Finished runs whose model can be removed: neither one that may be the best, nor in use; those that take most first."""
    best = {run.pk for run in base_models.best_runs(prototype)}
    needed = {*served_runs(prototype.pk), *base_models.in_use(prototype.workspace), *best}
    served = set(EndpointVersion.objects.filter(endpoint__prototype=prototype).values_list("run", flat=True))
    runs = prototype.runs.with_model().exclude(pk__in=needed).select_related("version").order_by("-number")
    unused = [Unused(run, storage.model_bytes(run), run.pk in served) for run in runs[:MOST_LISTED]]
    return sorted(unused, key=lambda model: -model.size)


def check_not_built_on(runs: list[Run]) -> None:
    """`Conflict` while a run of another prototype, or another run, that is at work begins with what one of these learned."""
    building = base_models.building_on(runs).first()
    if building is not None:
        raise Conflict(
            _("%(run)s of “%(prototype)s” builds on it and is still running.")
            % {"run": building, "prototype": building.prototype.name},
            code="built_on",
            hint=_("Cancel it, or wait until it has ended."),
        )


def delete_prototype(prototype: Prototype, user: User | None, *, with_data: bool = False) -> None:
    """The ledger keeps its lines: what was spent was spent. `with_data` deletes its dataset too, all versions of it; that
    raises Conflict while another prototype uses it, as all does while a run is at work."""
    with transaction.atomic():
        if with_data:
            Dataset.objects.select_for_update().filter(pk=prototype.dataset_id).first()
        if Prototype.objects.select_for_update().filter(pk=prototype.pk).first() is None:
            raise Conflict(
                _("This prototype was deleted meanwhile."), code="deleted", hint=_("There is nothing to do.")
            )
        dataset = prototype.dataset
        if prototype.runs.active().exists() or prototype.searches.filter(status__in=OPEN).exists():
            raise Conflict(
                _("A run of this prototype is still running."),
                code="at_work",
                hint=_("Cancel it, or wait until it has ended; then delete the prototype."),
            )
        if with_data and dataset.prototypes.exclude(pk=prototype.pk).exists():
            raise Conflict(
                _("Another prototype uses this data."), code="in_use", hint=_("Delete the prototype without its data.")
            )
        for endpoint in Endpoint.objects.filter(prototype=prototype):
            actions.delete(endpoint, user)
        runs = list(prototype.runs.select_for_update().order_by("pk"))
        check_not_built_on(runs)
        audit(prototype.workspace, user, "deleted", "prototype", prototype.pk)
        searches = prototype.searches.values_list("pk", flat=True)
        erase_names(prototype.workspace_id, [prototype.pk, *searches, *(run.pk for run in runs)])
        folders = [run.folder for run in runs]
        removals.due(*folders, in_bucket=True)
        prototype.delete()
        folders += delete_rows(dataset, user) if with_data else []
    removals.remove(folders)


def purge_history(version: DatasetVersion, user: User) -> dict[str, Any]:
    """Delete for good what this version was made from, see `datasets.actions.purge_history`.

    {versions (numbers deleted), runs [{id, name, prototype}] that learned from them}: their artifacts hold test rows as they
    were.
    """
    carry(version)  # what nobody has pressed “Done” for yet is not history
    purged = dataset_actions.purge_history(version, user)
    labelling.delete_decisions(purged)
    runs = Run.objects.filter(version__in=purged).order_by("version__number", "number")
    return {
        "versions": sorted(deleted.number for deleted in purged),
        "runs": [{"id": run.pk, "name": str(run), "prototype": run.prototype_id} for run in runs],
    }
