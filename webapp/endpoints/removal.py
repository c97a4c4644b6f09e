"""Deleting a prototype: its demo goes dark first, then its runs and what they made. Its data stays."""

from django.db import transaction
from django.utils.translation import gettext as _

from webapp.accounts.actions import audit
from webapp.accounts.models import User
from webapp.core.problems import Conflict
from webapp.endpoints import actions
from webapp.endpoints.models import Endpoint
from webapp.prototypes.models import Prototype
from webapp.runs import storage


def delete_prototype(prototype: Prototype, user: User | None) -> None:
    """The ledger keeps its lines: what was spent was spent. Raises Conflict while a run is at work."""
    with transaction.atomic():
        Prototype.objects.select_for_update().get(pk=prototype.pk)
        if prototype.runs.active().exists():
            raise Conflict(
                _("A run of this prototype is still at work."),
                code="at_work",
                hint=_("Cancel it, or wait until it has ended; then delete the prototype."),
            )
        for endpoint in Endpoint.objects.filter(prototype=prototype):
            actions.delete(endpoint, user)
        runs = list(prototype.runs.all())
        audit(prototype.workspace, user, "deleted", "prototype", prototype.pk, prototype.name)
        prototype.delete()
    for run in runs:
        storage.remove(run)
