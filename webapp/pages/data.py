"""The data page of a prototype: its rows, their problems, and the run that waits for them."""

from collections import Counter
from typing import Any

from django.contrib import messages
from django.db.models import Exists, Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _

from webapp.accounts.access import form_on, load, member
from webapp.accounts.requests import AuthedRequest
from webapp.catalog.titles import task_title, trainable
from webapp.core.forms import shown_form
from webapp.core.numbers import whole
from webapp.datasets import versions as dataset_versions
from webapp.datasets.exports import FORMATS
from webapp.datasets.models import DatasetVersion, Status
from webapp.datasets.rows import PAGE_ROWS, page
from webapp.labelling.queue import answer_column, is_unlabelled, starts_of
from webapp.pages import removal
from webapp.pages.source_views import sources_context
from webapp.prototypes.forms import MappingForm, SplitForm
from webapp.prototypes.grid import GALLERY_ROWS, grid, is_gallery
from webapp.prototypes.models import Prototype
from webapp.prototypes.views import current_version, new_page
from webapp.runs.models import Retraining, Run
from webapp.runs.querysets import ENDED

MAX_SAID = 12
"""Readings, and reasons for leaving out, that the page lists."""


def retraining_to_tell(prototype: Prototype, latest: DatasetVersion) -> Retraining | None:
    """The wish for a run on the newest version, or None once there is nothing new to say of it."""
    gone = Q(status=Retraining.Status.STARTED) & (Q(run=None) | Q(run__status__in=ENDED))
    started_since = Run.objects.filter(version=latest, prototype=prototype)
    overtaken = Q(status=Retraining.Status.REFUSED) & Q(Exists(started_since))
    retrainings = Retraining.objects.filter(prototype=prototype, version=latest).exclude(gone | overtaken)
    return retrainings.select_related("base", "run").first()


@member
def data(request: AuthedRequest, pk: str) -> HttpResponse:
    """Context: prototype, version, versions, latest, current (the newest that can be used), is_older (than that), is_editable
    (nothing newer is there or being read, and the reader may edit), is_labellable (the same, and may label), is_answerable (and
    the page Label has its kind of answers), mapping (form),
    page, search, label, split, problems, fine, at_work, retraining (the run asked for on the newest version while it was
    read: waiting, started until that run has ended, or refused until
    another was started).

    `?version=N` shows an older one. While the newest is read, htmx asks again for the fragment `#reading`.
    """
    prototype = load(Prototype, request.workspace, pk)
    versions = list(prototype.dataset.versions.defer("profile", "problems").order_by("-number"))
    latest = versions[0]
    number = whole(request.GET.get("version", ""), None)
    criteria = {"number": number} if number is not None else {"status": Status.READY}
    version = prototype.dataset.versions.filter(**criteria).order_by("-number").first() or latest
    current = next((candidate for candidate in versions if candidate.status == Status.READY), latest)
    is_newest = version.number >= current.number and latest.status != Status.PROCESSING
    context = {
        "prototype": prototype,
        "version": version,
        "current": current,
        "is_older": version.number < current.number,
        "is_editable": is_newest and request.membership.can_edit,
        "is_labellable": is_newest and request.membership.can_label,
        "is_answerable": is_newest and request.membership.can_label and answer_column(version) is not None,
        "trainable": version.trainable,
        "task_trains": trainable(version.suggestion.get("task")),
        "task_title": task_title(version.suggestion.get("task") or ""),
        "versions": versions,
        "latest": latest,
        "at_work": latest.status == Status.PROCESSING,
        "runs_of_version": Run.objects.filter(version=version).count(),
        "retraining": retraining_to_tell(prototype, latest),
    }
    if all(candidate.status == Status.FAILED for candidate in versions):
        response = new_page(request, prototype, latest.error)
    else:
        if version.status == Status.READY:
            context |= details(request, prototype, version) | sources_context(request, prototype)
            context |= unlabelled_context(version, can_edit=is_newest and request.membership.can_edit)
        response = render(request, "pages/data.html", context)
    if request.htmx.target == "reading" and not context["at_work"]:
        # While it is read, only the bar is drawn again, so that what is typed or ticked meanwhile stays; now all of it.
        response["HX-Retarget"] = response["HX-Reselect"] = "#main"
    return response


def unlabelled_context(version: DatasetVersion, *, can_edit: bool) -> dict[str, Any]:
    """Context: is_unlabelled (labelling can begin); starts [(task, its title)] that may be labelled, the one that is chosen first."""
    if not is_unlabelled(version):
        return {"is_unlabelled": False}
    now = version.suggestion.get("task") if answer_column(version) is not None else None
    tasks = sorted(starts_of(version), key=lambda task: task != now) if can_edit else []
    return {"is_unlabelled": True, "starts": [(task, task_title(task)) for task in tasks]}


def details(request: HttpRequest, prototype: Prototype, version: DatasetVersion) -> dict[str, Any]:
    query = {name: request.GET.get(name, "") for name in ("search", "label", "split", "sort")}
    gallery = is_gallery(version, request.GET.get("view", ""))
    number = whole(request.GET.get("page", "1"), 1)
    rows = page(version, number, **query, size=GALLERY_ROWS if gallery else PAGE_ROWS)
    for problem in version.problems:
        problem["fixes"] = dataset_versions.fixes_of(problem)
    severities = Counter(problem["severity"] for problem in version.problems)
    return {
        **query,
        "mapping": mapping_of(request, prototype, version),
        "dividing": shown_form(request, reverse("divide", args=[prototype.pk]), SplitForm, version),
        "page": rows,
        "gallery": gallery,
        "grid": grid(version, rows, everything=request.GET.get("columns") == "all"),
        "severities": severities,
        **reading_context(version),
        "safe_fixes": dataset_versions.safe_fixes(version),
        "formats": list(FORMATS),
        **places(version),
        "media": {
            kind: [column["name"] for column in version.columns if column["kind"] == kind]
            for kind in ("image", "audio")
        },
        "most": max((label["count"] for label in version.labels), default=0),
    }


def mapping_of(request: HttpRequest, prototype: Prototype, version: DatasetVersion) -> MappingForm:
    """The form of the columns, for the task in `?task=` where one is being chosen."""
    action = reverse("map_columns", args=[prototype.pk])
    return shown_form(request, action, MappingForm, version, task=request.GET.get("task", ""))


def places(version: DatasetVersion) -> dict[str, Any]:
    """Where in a row the cells stand that are drawn together with another; None for what is not there."""
    names = [column["name"] for column in version.columns]
    chosen = version.suggestion.get("columns") or {}

    def place_of(name: str | None) -> int | None:
        return names.index(name) if name in names else None

    return {
        "objects_at": place_of(chosen.get("objects")),
        "width_at": place_of("width"),
        "height_at": place_of("height"),
        "tokens_column": chosen.get("tokens"),
        "tags_at": place_of(chosen.get("tags")),
    }


@form_on("data")
def purge_history(request: AuthedRequest, pk: str) -> HttpResponse:
    """Delete for good what the newest version was made from."""
    version = current_version(request, pk)
    purged = removal.purge_history(version, request.user)
    names = ", ".join(run["name"] for run in purged["runs"]) or _("none")
    messages.success(
        request,
        _("The uploaded files and older versions are deleted. Runs trained on them: %(names)s.") % {"names": names},
    )
    return redirect("data", pk=pk)


def reading_context(version: DatasetVersion) -> dict[str, Any]:
    """Context: readings (all), questions (those with another choice, doubts first) and doubts; left_out and how much it is."""
    questions = [reading for reading in version.readings if reading["choices"]]
    doubts = [reading for reading in questions if reading["doubt"]]
    total = sum(entry["count"] for entry in version.left_out)
    return {
        "readings": version.readings[:MAX_SAID],
        "questions": questions[:MAX_SAID],
        "doubts": doubts,
        "left_out": version.left_out[:MAX_SAID],
        "left_out_total": total,
    }
