"""The train page, and the fragments that it asks for: estimates, the layers of a small net, changed pictures."""

from collections.abc import Mapping
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from trainer import tasks
from trainer.answers.metrics import named
from webapp.accounts.access import load, member
from webapp.accounts.requests import AuthedRequest
from webapp.catalog.forms import is_expert, params_form
from webapp.catalog.hardware import gpu_count, options, workers
from webapp.catalog.titles import headline_of, method_title, task_title, trainable
from webapp.core.downloads import Download
from webapp.core.formats import money
from webapp.core.forms import cleaned, refused_on, shown_form, typed
from webapp.core.numbers import whole
from webapp.core.problems import Problem
from webapp.costs.gate import month
from webapp.costs.models import Rate
from webapp.datasets.models import DatasetVersion
from webapp.datasets.models import Status as VersionStatus
from webapp.prototypes.models import Prototype
from webapp.runs import (
    actions,
    base_models,
    diagrams,
    estimates,
    previews,
    searches,
)
from webapp.runs.expectations import expectation
from webapp.runs.forms import LimitsForm, limits_of, params_form_of
from webapp.runs.models import Run, answer_of
from webapp.runs.search_form import form_of


def chosen_version(request: HttpRequest, prototype: Prototype) -> DatasetVersion | None:
    """The version of the data that `version` names by its number, the newest that can be used by default; 404 for one that is not there."""
    number = whole(request.POST.get("version") or request.GET.get("version") or "", None)
    if number is None:
        return prototype.dataset.current
    version = prototype.dataset.versions.filter(number=number, status=VersionStatus.READY).first()
    if version is None:
        raise Http404
    return version


def load_version(request: AuthedRequest, pk: str) -> tuple[Prototype, DatasetVersion]:
    """The prototype and its `chosen_version`; 404 while there is none."""
    prototype = load(Prototype.objects.select_related("dataset"), request.workspace, pk)
    version = chosen_version(request, prototype)
    if version is None:
        raise Http404
    return prototype, version


@member
@refused_on("train")
def train(request: AuthedRequest, pk: str) -> HttpResponse:
    """Context: prototype, version, task (declaration), form (advanced settings), hardware [options], rates, month,
    best (best run so far), guess (what always guessing one label scores, see `guessed`). A POST starts the run. `?like=` is the run whose
    settings the page begins with."""
    prototype = load(Prototype.objects.select_related("dataset"), request.workspace, pk)
    like = run_to_repeat(request, prototype)
    version = like.version if like else chosen_version(request, prototype)
    if version is None:
        messages.info(request, _("Wait until the data has been imported."))
        return redirect("data", pk=pk)
    try:
        slug = task_of(version)
    except Problem as problem:
        messages.info(request, problem.message)
        return redirect("data", pk=pk)
    if request.method == "POST":
        body = body_of(request.POST, version)
        if "search" in request.POST:
            body |= search_of(request.POST, slug, body)
            return redirect("search", pk=searches.create_search(prototype, request.user, body, version).pk)
        return redirect("run", pk=actions.create_run(prototype, request.user, body, version).pk)
    records, best = workers(), best_so_far(prototype, slug, version)
    choice = choice_context(request, prototype, slug, like)
    context = {
        **choice,
        "search_form": shown_form(request, request.path, form_of(slug, choice["choice"].method), is_part=True),
        "prototype": prototype,
        "version": version,
        "is_older": version != prototype.dataset.current,
        "task": tasks.get(slug).declaration(),
        "augments": previews.augments(slug),
        **settings_context(request, slug, like),
        "hardware": [name for name in options(records) if name == "cpu" or gpu_count(records)],
        "gpus": gpu_count(records),
        "rates": {rate.hardware: rate for rate in Rate.objects.for_workspace(request.workspace)},
        "month": month(request.workspace),
        "best": best,
        "guess": guessed(version, best.headline["name"] if best and best.headline else headline_of(slug)),
        "blocked": [problem for problem in version.problems if problem["severity"] == "error"],
    }
    return render(request, "runs/train.html", context)


def guessed(version: DatasetVersion, metric: str) -> dict[str, Any] | None:
    """{name, value, label} of always guessing the most common label, in the metric of the score that it is compared with, which
    names the `label` where it counts rows; None where that is not known from the labels alone."""
    if not version.labels or not version.label_rows:
        return None
    most_common = version.labels[0]
    if named(metric).counts_rows:
        return {"name": metric, "value": most_common["count"] / version.label_rows, "label": most_common["label"]}
    chance = named(metric).chance
    return None if chance is None else {"name": metric, "value": chance}


def best_so_far(prototype: Prototype, slug: str, version: DatasetVersion) -> Run | None:
    """The best finished run that answers what is asked of this version; none whose score a column decides alone."""
    runs = prototype.runs.filter(task=slug, answer=answer_of(slug, version.suggestion.get("columns")))
    return runs.scored().trusted().best_first().first()


def run_to_repeat(request: HttpRequest, prototype: Prototype) -> Run | None:
    """The run that `like` names, where what it was trained on can still be used."""
    ready = prototype.runs.filter(version__status=VersionStatus.READY).select_related("version")
    return ready.filter(pk=request.GET.get("like", "")).first()


def task_of(version: DatasetVersion) -> str:
    """The slug of the task that runs of this version learn; `Problem`, in words for people, where there is none that can be
    trained."""
    slug: str = version.suggestion.get("task") or ""
    if not slug:
        message = _("Choose the columns first.")
        raise Problem(message, code="no_task", hint=_("Choose the columns on the data page."))
    if not trainable(slug):
        message = _("“%(title)s” is read, checked and kept here, but cannot be trained yet.")
        raise Problem(message % {"title": task_title(slug)}, code="task_not_trainable")
    return slug


def choice_context(request: AuthedRequest, prototype: Prototype, slug: str, like: Run | None) -> dict[str, Any]:
    """models (cards, none where the method says it all), methods, choice (what is selected), barred (titles of the methods
    that the selected model cannot be trained by), nets (whether a net may be drawn)."""
    before = {"model": like.model, "method": like.method} if like else {}
    selection = typed(request, request.path) or {**before, **request.GET.dict()}
    models = base_models.choices(slug, request.workspace)
    choice = base_models.preselected(slug, models, prototype, selection.get("model", ""), selection.get("method", ""))
    methods = base_models.method_choices(slug, choice.model)
    return {
        "models": [] if base_models.is_chosen_by_method(slug) else models,
        "methods": methods,
        "choice": choice,
        "barred": [
            method_title(slug, method["slug"]) for method in methods if not method["is_usable"] and not method["reason"]
        ],
        "nets": tasks.get(slug).has_nets and any(model["ref"].startswith(base_models.SCRATCH) for model in models),
    }


def settings_context(request: AuthedRequest, slug: str, like: Run | None) -> dict[str, Any]:
    """form (the task's own settings), its fields as `advanced` and `optimization`, limits (seed and limits), hardware_asked;
    those of the run `like` to begin with."""
    here, now = request.path, month(request.workspace)
    budget_left = money(now.left, now.currency)
    params, limits = (like.params, limits_of(like)) if like else ({}, {})
    form = shown_form(request, here, params_form_of(slug, params), is_part=True)
    fields = [form[name] for name in form.fields]
    return {
        "form": form,
        "advanced": [field for field in fields if not is_expert(field)],
        "optimization": [field for field in fields if is_expert(field)],
        "optimization_open": any(is_expert(field) and (field.errors or field.initial is not None) for field in fields),
        "limits": shown_form(
            request, here, LimitsForm, is_part=True, budget_left=budget_left, currency=now.currency, initial=limits
        ),
        "hardware_asked": typed(request, here).get("hardware", like.hardware if like else ""),
    }


def body_of(form: Mapping[str, str], version: DatasetVersion) -> dict[str, Any]:
    """A run's request, as the API would send it, from the fields of the train page."""
    slug = task_of(version)
    params = cleaned(params_form(slug, form))
    fields = cleaned(LimitsForm(form))
    limits = {"cost": fields["cap"], "seconds": fields["minutes"] and float(fields["minutes"]) * 60}
    return {
        "task": slug,
        "method": form.get("method") or None,
        "model": form.get("model") or None,
        "hardware": form.get("hardware") or None,
        "params": {name: value for name, value in params.items() if value not in (None, "", [])},
        "limits": {name: value for name, value in limits.items() if value is not None},
        "seed": fields["seed"] or 0,
    }


def search_of(form: Mapping[str, str], slug: str, body: dict[str, Any]) -> dict[str, Any]:
    """{space, trials, at_once} of a search, from the fields of the train page."""
    method = body["method"] or base_models.default_method(slug, body["model"] or "")
    asked = form_of(slug, method)(form)
    values = cleaned(asked)
    return {"space": asked.space(), "trials": values["trials"], "at_once": values["at_once"]}


@member
def search_settings(request: AuthedRequest, pk: str) -> HttpResponse:
    """The fragment with the settings that a search may try, for the method that is chosen; context: prototype, search_form."""
    prototype, version = load_version(request, pk)
    try:
        slug = task_of(version)
    except Problem as problem:
        raise Http404 from problem
    method = choice_context(request, prototype, slug, None)["choice"].method
    context = {"prototype": prototype, "search_form": form_of(slug, method)()}
    return render(request, "runs/_search_settings.html", context)


@member
def estimate(request: AuthedRequest, pk: str) -> HttpResponse:
    """The fragment with minutes and money: of one choice, or of the button (`?part=commit`). It asks again while measuring.
    A POST measures, which takes the right to change things; a GET shows what was measured before.

    Context: method, measuring, estimate {seconds, cost, …} or None, problem, month."""
    prototype, version = load_version(request, pk)
    template = "runs/_commit.html" if request.GET.get("part") == "commit" else "runs/_estimate.html"
    fields = {**request.POST.dict(), **request.GET.dict()}
    context: dict[str, Any] = {
        "prototype": prototype,
        "method": fields.get("method", "full"),
        "month": month(request.workspace),
    }
    measure = estimates.request if request.method == "POST" else estimates.known
    try:
        measurement = measure(version, body_of(fields, version))
    except Problem as problem:
        return render(request, template, context | {"problem": problem.as_dict()})
    if measurement is None:
        message = {"message": _("Not measured yet."), "hint": _("Anyone who can start a run sees time and cost here.")}
        return render(request, template, context | {"problem": message})
    result = estimates.priced(measurement) if measurement.result else None
    if result:
        context["expect"] = expectation(result["expected"], version, prototype)
    return render(
        request, template, context | {"estimate": result, "problem": measurement.error, "measuring": not result}
    )


@member
def net(request: AuthedRequest, pk: str) -> HttpResponse:
    """The fragment with the layers of the chosen small net, and how many weights it has."""
    _prototype, version = load_version(request, pk)
    try:
        layout = previews.diagram(version, body_of(request.GET, version))
    except Problem as problem:
        return render(request, "runs/_net.html", {"problem": problem})
    drawn = {"net": layout, "drawing": diagrams.draw(layout), "blocks": diagrams.blocks(layout)} if layout else {}
    return render(request, "runs/_net.html", drawn)


@member
@require_POST
def augmented(request: AuthedRequest, pk: str) -> HttpResponse:
    """The fragment with pictures as learning would see them; it asks again while they are drawn."""
    prototype, version = load_version(request, pk)
    context: dict[str, Any] = {"prototype": prototype, "version": version}
    try:
        context |= previews.augmented(version, body_of(request.POST, version))
    except Problem as problem:
        context["problem"] = problem
    return render(request, "runs/_augmented.html", context)


@member
def augmented_picture(request: AuthedRequest, pk: str, key: str) -> HttpResponseBase:
    _prototype, version = load_version(request, pk)
    path = previews.folder_of(version, key) / previews.PICTURE
    if not key.isalnum() or not path.is_file():
        raise Http404
    response = Download(path.open("rb"), content_type="image/png")
    response["Cache-Control"] = "private, max-age=86400, immutable"
    return response
