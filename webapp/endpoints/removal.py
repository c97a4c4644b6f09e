"""Deleting for good: a run, or a prototype with its demo, its runs and, where that is asked for, its data."""

import shutil

from django.db import transaction
from django.db.models import Q
from django.utils.translation import gettext as _

from webapp.accounts.actions import audit
from webapp.accounts.models import User
from webapp.core.problems import Conflict
from webapp.datasets.actions import delete_rows
from webapp.datasets.models import Dataset
from webapp.endpoints import actions
from webapp.endpoints.models import Endpoint, EndpointVersion
from webapp.prototypes.models import Prototype
from webapp.runs import base_models, storage
from webapp.runs.models import Run


def delete_run(run: Run, user: User | None) -> None:
    """The run and all that it made; its rows of the ledger stay. Raises Conflict while it is at work, served, or what a run
    at work builds on."""
    with transaction.atomic():
        actions.lock_run(run)
        run.refresh_from_db()
        if not run.ended:
            raise Conflict(
                _("This run is still at work."),
                code="at_work",
                hint=_("Cancel it, or wait until it has ended; then delete it."),
            )
        served = Q(current__run=run) | Q(wanted__run=run, wanted__engine="", wanted__error__isnull=True)
        endpoint = Endpoint.objects.filter(served, prototype=run.prototype_id).first()
        if endpoint is not None:
            raise Conflict(
                _("The demo “%(name)s” uses this run.") % {"name": endpoint.name},
                code="deployed",
                hint=_("Deploy another run first, or delete the demo."),
            )
        check_not_built_on([run])
        EndpointVersion.objects.filter(run=run).delete()
        audit(run.workspace, user, "deleted", "run", run.pk, f"{run.prototype.name}, {run}")
        gone = Run(pk=run.pk, stored_at=run.stored_at, status=run.status)
        run.delete()
    storage.remove(gone)


def check_not_built_on(runs: list[Run]) -> None:
    """`Conflict` while a run of another prototype, or another run, that is at work begins with what one of these learned."""
    building = base_models.building_on(runs).first()
    if building is not None:
        raise Conflict(
            _("%(run)s of “%(prototype)s” builds on it and is still at work.")
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
        if prototype.runs.active().exists():
            raise Conflict(
                _("A run of this prototype is still at work."),
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
        audit(prototype.workspace, user, "deleted", "prototype", prototype.pk, prototype.name)
        prototype.delete()
        folders = delete_rows(dataset, user) if with_data else []
    for run in runs:
        storage.remove(run)
    for folder in folders:
        shutil.rmtree(folder, ignore_errors=True)
