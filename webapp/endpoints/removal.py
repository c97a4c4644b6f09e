"""Deleting for good: a run, or a prototype with its demo, its runs and, where that is asked for, its data."""

from django.db import transaction
from django.db.models import Q
from django.utils.translation import gettext as _

from webapp.accounts.actions import audit
from webapp.accounts.models import User
from webapp.core.problems import Conflict
from webapp.datasets.actions import delete_dataset
from webapp.endpoints import actions
from webapp.endpoints.models import Endpoint, EndpointVersion
from webapp.prototypes.models import Prototype
from webapp.runs import storage
from webapp.runs.models import Run


def delete_run(run: Run, user: User | None) -> None:
    """The run and all that it made; its rows of the ledger stay. Raises Conflict while it is at work or served."""
    with transaction.atomic():
        Prototype.objects.select_for_update().get(pk=run.prototype_id)
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
        EndpointVersion.objects.filter(run=run).delete()
        audit(run.workspace, user, "deleted", "run", run.pk, f"{run.prototype.name}, {run}")
        gone = Run(pk=run.pk, stored_at=run.stored_at)
        run.delete()
    storage.remove(gone)


def delete_prototype(prototype: Prototype, user: User | None, *, with_data: bool = False) -> None:
    """The ledger keeps its lines: what was spent was spent. `with_data` deletes its dataset too, all versions of it; that
    raises Conflict while another prototype uses it, as all does while a run is at work."""
    dataset = prototype.dataset
    with transaction.atomic():
        Prototype.objects.select_for_update().get(pk=prototype.pk)
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
        runs = list(prototype.runs.all())
        audit(prototype.workspace, user, "deleted", "prototype", prototype.pk, prototype.name)
        prototype.delete()
    for run in runs:
        storage.remove(run)
    if with_data:
        delete_dataset(dataset, user)
