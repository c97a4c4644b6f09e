"""A prototype's settings, and deleting it or one of its runs: pages that know of data, runs and the demo."""

from django.conf import settings
from django.contrib import messages
from django.db.models import Sum
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _

from webapp.accounts.access import load, member
from webapp.core.forms import refused_on, shown_form
from webapp.datasets.quota import own_bytes
from webapp.endpoints import actions, removal
from webapp.endpoints.models import Endpoint
from webapp.prototypes.forms import PrototypeForm
from webapp.prototypes.models import Prototype
from webapp.runs.models import Run


@member
def prototype_settings(request: HttpRequest, pk: str) -> HttpResponse:
    """Context: prototype, form (name and description), disk {runs, dataset} (bytes)."""
    prototype = load(Prototype.objects.select_related("dataset"), request.workspace, pk)
    now = {"name": prototype.name, "summary": prototype.summary}
    disk = {
        "runs": prototype.runs.aggregate(total=Sum("bytes"))["total"] or 0,
        "dataset": prototype.dataset.versions.aggregate(total=Sum("bytes"))["total"] or 0,
    }
    form = shown_form(request, reverse("rename", args=[pk]), PrototypeForm, initial=now)
    return render(request, "prototypes/settings.html", {"prototype": prototype, "form": form, "disk": disk})


@member
def delete_prototype(request: HttpRequest, pk: str) -> HttpResponse:
    """A GET asks; context: prototype, runs (how many), endpoint or None, demo_url, shares_data. A POST deletes, with `data` the
    dataset too."""
    prototype = load(Prototype.objects.select_related("dataset"), request.workspace, pk)
    if request.method == "POST":
        removal.delete_prototype(prototype, request.user, with_data="data" in request.POST)
        messages.success(request, _("“%(name)s” is deleted.") % {"name": prototype.name})
        return redirect("home")
    endpoint = Endpoint.objects.filter(prototype=prototype).first()
    context = {
        "prototype": prototype,
        "runs": prototype.runs.count(),
        "endpoint": endpoint,
        "shares_data": prototype.dataset.prototypes.exclude(pk=pk).exists(),
        "demo_url": settings.PUBLIC_URL + actions.demo_path(endpoint) if endpoint else "",
    }
    return render(request, "prototypes/delete.html", context)


@member
@refused_on("run")
def delete_run(request: HttpRequest, pk: str) -> HttpResponse:
    """A GET asks; context: run, prototype, size (bytes). A POST deletes."""
    run = load(Run.objects.select_related("prototype", "workspace"), request.workspace, pk)
    prototype = run.prototype
    if request.method == "POST":
        removal.delete_run(run, request.user)
        messages.success(request, _("%(run)s is deleted.") % {"run": run})
        return redirect("runs", pk=prototype.pk)
    return render(request, "runs/delete.html", {"run": run, "prototype": prototype, "size": own_bytes(run.folder)})
