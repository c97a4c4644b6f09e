"""From labels to a run: what was decided becomes a version, and a run like one before it starts on that."""

from django.contrib import messages
from django.db import transaction
from django.http import HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from webapp.accounts.access import load, needs
from webapp.accounts.requests import AuthedRequest
from webapp.accounts.rights import Right
from webapp.core.forms import refused_on
from webapp.core.problems import Conflict
from webapp.labelling.actions import current_version, done
from webapp.prototypes.models import Prototype
from webapp.runs import retraining


@needs(Right.EDIT)
@require_POST
@refused_on("label")
def finish_and_train(request: AuthedRequest, pk: str) -> HttpResponse:
    """Make a version of everybody's decisions, and train on it as the run `like` was trained, once it is read."""
    prototype = load(Prototype.objects.select_related("dataset", "workspace"), request.workspace, pk)
    run = retraining.run_to_repeat(prototype, request.POST.get("like", ""))
    if run is None:
        raise Conflict(_("No run has ended well yet."), code="no_run", hint=_("Press “Done”, then train."))
    version = current_version(prototype.dataset)
    with transaction.atomic():
        made = done(version, request.user)
        if made != version:
            retraining.train_like(run, made, request.user)
    if made == version:
        messages.info(request, _("Nothing was labelled since the last version."))
        return redirect("label", pk)
    return redirect("data", pk)
