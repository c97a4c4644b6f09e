"""A prototype's settings, and deleting it, its demo or one of its runs: pages that know of data, runs and the demo."""

from django.conf import settings
from django.contrib import messages
from django.db.models import Sum
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from webapp.accounts.access import form_on, load, member, needs
from webapp.accounts.forms import RetentionForm
from webapp.accounts.requests import AuthedRequest
from webapp.accounts.rights import Right
from webapp.core.formats import count, size
from webapp.core.forms import refusal_of, refused_on, shown_form, typed
from webapp.core.problems import Conflict, Problem
from webapp.datasets.quota import own_bytes
from webapp.endpoints import addresses
from webapp.endpoints.models import Endpoint
from webapp.pages import removal
from webapp.prototypes.forms import PrototypeForm
from webapp.prototypes.models import Prototype
from webapp.runs import storage
from webapp.runs.search_views import load_search
from webapp.runs.views import load_run


@member
def prototype_settings(request: AuthedRequest, pk: str) -> HttpResponse:
    """Context: prototype, form (name and description), disk {runs, checkpoints (of those), dataset} (bytes), days_kept (of
    checkpoints)."""
    prototype = load(Prototype.objects.select_related("dataset"), request.workspace, pk)
    now = {"name": prototype.name, "summary": prototype.summary}
    disk = {
        "runs": prototype.runs.aggregate(total=Sum("bytes"))["total"] or 0,
        "checkpoints": removal.checkpoint_bytes(prototype),
        "dataset": prototype.dataset.versions.aggregate(total=Sum("bytes"))["total"] or 0,
    }
    form = shown_form(request, reverse("rename", args=[pk]), PrototypeForm, initial=now)
    days = {"days": prototype.dataset.retention_days}
    address = reverse("set_retention", args=[pk])
    context = {
        "prototype": prototype,
        "form": form,
        "retention_form": shown_form(request, address, RetentionForm, initial=days, auto_id="retention_%s"),
        "disk": disk,
        "days_kept": round(settings.RUN_RESUME_DAYS),
    }
    return render(request, "pages/settings.html", context)


@needs(Right.EDIT)
@refused_on("delete_prototype")
def delete_prototype(request: AuthedRequest, pk: str) -> HttpResponse:
    """A GET asks; context: prototype, runs (how many), endpoint or None, demo_url, shares_data, with_data (whether that was
    ticked). A POST deletes, with `data` the dataset too."""
    prototype = load(Prototype.objects.select_related("dataset"), request.workspace, pk)
    if request.method == "POST":
        with_data = "data" in request.POST
        removal.delete_prototype(prototype, request.user, with_data=with_data)
        messages.success(request, _("“%(name)s” is deleted.") % {"name": prototype.name})
        if not with_data and not prototype.dataset.prototypes.exists():
            messages.info(request, _("Its data is kept: find it under Settings, Storage."))
        return redirect("home")
    endpoint = Endpoint.objects.filter(prototype=prototype).first()
    context = {
        "prototype": prototype,
        "runs": prototype.runs.count(),
        "endpoint": endpoint,
        "shares_data": prototype.dataset.prototypes.exclude(pk=pk).exists(),
        "demo_url": settings.PUBLIC_URL + addresses.demo_path(endpoint) if endpoint else "",
        "with_data": "data" in typed(request, request.path),
    }
    return render(request, "pages/delete_prototype.html", context)


@needs(Right.EDIT)
@refused_on("run")
def delete_run(request: AuthedRequest, pk: str) -> HttpResponse:
    """A GET asks; context: run, prototype, size (bytes), model_size (what removing the model alone frees; None where it has
    none), needed (why the model must stay, or None). A POST deletes."""
    run = load_run(request, pk)
    prototype = run.prototype
    if request.method == "POST":
        removal.delete_run(run, request.user)
        messages.success(request, _("%(run)s is deleted.") % {"run": run})
        return redirect("runs", pk=prototype.pk)
    context = {
        "run": run,
        "prototype": prototype,
        "size": own_bytes(run.folder),
        "model_size": storage.model_bytes(run) if run.has_model else None,
        "needed": removal.needed(run),
    }
    return render(request, "pages/delete_run.html", context)


@needs(Right.EDIT)
@refused_on("search")
def delete_search(request: AuthedRequest, pk: str) -> HttpResponse:
    """A GET asks; context: search, prototype, count (trials), size (their bytes). A POST deletes."""
    search = load_search(request, pk)
    prototype = search.prototype
    if request.method == "POST":
        removal.delete_search(search, request.user)
        messages.success(request, _("%(search)s is deleted.") % {"search": search})
        return redirect("runs", pk=prototype.pk)
    size = search.trials.aggregate(total=Sum("bytes"))["total"] or 0
    context = {"search": search, "prototype": prototype, "count": search.trials.count(), "size": size}
    return render(request, "pages/delete_search.html", context)


@form_on("delete_run")
def remove_model(request: AuthedRequest, pk: str) -> HttpResponse:
    run = load_run(request, pk)
    freed = removal.remove_model(run, request.user)
    messages.success(request, _("Model removed, %(size)s freed.") % {"size": size(freed)})
    return redirect("run", pk=pk)


@needs(Right.EDIT)
@refused_on("unused_models")
def unused_models(request: AuthedRequest, pk: str) -> HttpResponse:
    """A GET asks which models to remove; context: prototype, unused (`removal.Unused`), ticked (ids of runs),
    total (bytes of all). A POST removes those of `run`."""
    prototype = load(Prototype.objects.select_related("workspace"), request.workspace, pk)
    if request.method == "POST":
        remove_models(request, prototype)
        return redirect("prototype_settings", pk=pk)
    unused = removal.unused_models(prototype)
    refusal = refusal_of(request, request.path)
    ticked = refusal.data.getlist("run") if refusal else [model.run.pk for model in unused if not model.was_served]
    total = sum(model.size for model in unused)
    context = {"prototype": prototype, "unused": unused, "ticked": ticked, "total": total}
    return render(request, "pages/unused_models.html", context)


def remove_models(request: AuthedRequest, prototype: Prototype) -> None:
    """Each by itself: what one of them is needed for meanwhile keeps no other. `Problem` when none was chosen."""
    runs = prototype.runs.select_related("prototype", "workspace").filter(pk__in=request.POST.getlist("run"))
    if not runs:
        raise Problem(_("No run was selected."), code="nothing_selected", hint=_("Select at least one."))
    freed = []
    for run in runs:
        try:
            freed.append(removal.remove_model(run, request.user))
        except Conflict as conflict:
            messages.error(request, f"{run}: {conflict.message} {conflict.hint}".strip())
    if freed:
        amounts = {"n": count(len(freed)), "size": size(sum(freed))}
        message = ngettext("%(n)s model removed, %(size)s freed.", "%(n)s models removed, %(size)s freed.", len(freed))
        messages.success(request, message % amounts)
