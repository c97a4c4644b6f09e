"""The page “Label”: one row at a time, its label by a key."""

from collections.abc import Callable, Iterable
from functools import wraps
from typing import Any, Concatenate, ParamSpec
from urllib.parse import urlencode

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from webapp import answers as presentations
from webapp.accounts.access import load, needs
from webapp.accounts.requests import AuthedRequest
from webapp.accounts.rights import Right
from webapp.answers.labelled import Labelling
from webapp.catalog.titles import task_title
from webapp.core.forms import refused_on
from webapp.core.numbers import whole
from webapp.core.problem_responses import problem_response
from webapp.core.problems import Problem
from webapp.datasets.models import DatasetVersion, Status
from webapp.labelling import actions, doubts
from webapp.labelling import progress as progress_so_far
from webapp.labelling.kinds import answers_like, kind_of
from webapp.labelling.models import Guide
from webapp.labelling.queue import MOST_SEARCHED, ORDERS, POOLED, UNSURE, answer_column, is_unlabelled, items, starts_of
from webapp.prototypes.models import Prototype

P = ParamSpec("P")
KEYS = "123456789abcdefghijklmnopqrstuvwxyz"
AHEAD = 8
"""Rows that a page has before they are asked about."""
QUEUE = ("order", "about", "search")
"""What a queue is asked for; `about`: what it is of, such as the run whose mistakes are looked at."""


def wants_script(request: HttpRequest) -> bool:
    return request.headers.get("Accept", "").startswith("application/json")


def told_to_script(
    view: Callable[Concatenate[AuthedRequest, P], HttpResponse],
) -> Callable[Concatenate[AuthedRequest, P], HttpResponse]:
    """A refusal as JSON where the page's script asks."""

    @wraps(view)
    def checked(request: AuthedRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponse:
        try:
            return view(request, *args, **kwargs)
        except Problem as problem:
            if wants_script(request):
                return problem_response(problem)
            raise

    return checked


@needs(Right.LABEL)
@refused_on("label")
@told_to_script
def label(request: AuthedRequest, pk: str) -> HttpResponse:
    """A POST takes a decision: `row`, and `value` (or `new`, a label that is typed) or `action` (skip, leave_out, keep).

    Context: prototype, version, can_label (whether this task is labelled here), starts [(task, its title)] (with which a column
    for labels can be added), at_work (a version is being read), cards (rows),
    labels [(key, label, rows)], task_title (where no row has a label yet), progress, advice, and what `asked`, `guided` and
    `of_kind` say. With `?cards` only the cards, none of the rows in `?without=`; with `?progress` only how good it is already.
    """
    prototype = load(Prototype.objects.select_related("dataset"), request.workspace, pk)
    if request.method == "POST":
        return take(request, prototype)
    version = prototype.dataset.current
    context: dict[str, Any] = {"prototype": prototype, "version": version}
    context["can_label"] = version is not None and answer_column(version) is not None
    context["starts"] = starts_to_offer(version) if version is not None and request.membership.can_edit else []
    if version is None or not context["can_label"]:
        return render(request, "labelling/label.html", context)
    actions.current_version(prototype.dataset)
    if "progress" in request.GET:
        return render(request, "labelling/_progress.html", guided(version))
    context |= asked(request, version) | of_kind(version)
    if "cards" in request.GET:
        return render(request, "labelling/_cards.html", context)
    latest = prototype.dataset.latest
    progress = actions.progress(version)
    context |= guided(version)
    context |= {
        "labels": keyed(actions.labels_of(version)) if kind_of(version).is_chosen else [],
        "progress": progress,
        "task_title": task_title(version.suggestion["task"]) if is_first(version, progress) else "",
        "advice": actions.advice(version, progress),
        "at_work": latest is not None and latest.status == Status.PROCESSING,
        "failed": latest if latest is not None and latest.status == Status.FAILED else None,
    }
    return render(request, "labelling/label.html", context)


def is_first(version: DatasetVersion, progress: actions.Progress) -> bool:
    """Whether nobody has said anything of its rows."""
    return not progress.pending and is_unlabelled(version)


def starts_to_offer(version: DatasetVersion) -> list[tuple[str, str]]:
    """Tasks whose labels rows can get instead of what they get now."""
    now = version.suggestion.get("task") if answer_column(version) is not None else None
    others = [task for task in starts_of(version) if task != now]
    return [(task, task_title(task)) for task in others] if others and actions.can_begin(version) else []


def of_kind(version: DatasetVersion) -> dict[str, Any]:
    """Context of the kind of answers: kind (its presentation), labelling, and what its templates need."""
    labelling = kind_of(version)
    return {
        "kind": presentations.of_task(version.suggestion["task"]),
        "labelling": labelling,
        **labelling.context(answers_like(version)),
    }


def asked(request: HttpRequest, version: DatasetVersion) -> dict[str, Any]:
    """Context of what is asked about: cards, and by what of QUEUE they were found; query: the same as it stands in an address;
    suspects: how many labels look wrong; unsure: how many rows of the pool visitors of a demo judged."""
    chosen = {name: request.GET.get(name, "").strip()[:MOST_SEARCHED] for name in QUEUE}
    known = (*ORDERS, *(POOLED if kind_of(version).is_suggested else ()), *doubts.queues_of(version))
    if chosen["order"] not in known:
        chosen["order"] = "mixed"
    without = tuple(row for text in request.GET.getlist("without") if (row := whole(text, None)) is not None)
    if chosen["order"] in doubts.SOURCES:
        cards = doubts.items(version, chosen["order"], chosen["about"], AHEAD, without)
    else:
        cards = items(version, chosen["order"], AHEAD, without, chosen["search"])
    query = urlencode({name: value for name, value in chosen.items() if value})
    is_again = chosen["order"] in doubts.SOURCES
    counts = {"suspects": len(doubts.suspects(version)), "unsure": 0}
    if UNSURE in POOLED and UNSURE in known:
        counts["unsure"] = len(POOLED[UNSURE](version))
    return {**chosen, "cards": cards, "query": query, "is_again": is_again, **counts}


def guided(version: DatasetVersion) -> dict[str, Any]:
    """Context of how good it is already: guide, fitted (when), model_name (the run that suggests), score, stop, curve, reader: sentences."""
    guide = actions.guide_of(version)
    return {
        "guide": guide,
        "model_name": guide.facts.get("model_name", ""),
        "fitted": fitted_at(guide),
        "score": progress_so_far.score_sentence(guide),
        "stop": progress_so_far.stop_sentence(guide),
        "curve": progress_so_far.curve(guide),
        "reader": progress_so_far.reader_sentence(guide),
    }


def fitted_at(guide: Guide) -> str:
    """By which the script knows that there are news."""
    return guide.finished_at.isoformat() if guide.finished_at else ""


def keyed(labels: Iterable[tuple[str, int]]) -> list[tuple[str, str, int]]:
    """(key, label, rows); the key is empty where there are more labels than keys."""
    return [(KEYS[index] if index < len(KEYS) else "", name, count) for index, (name, count) in enumerate(labels)]


def take(request: AuthedRequest, prototype: Prototype) -> HttpResponse:
    version = actions.current_version(prototype.dataset)
    check_same(request, version)
    actions.decide(version, request.user, [entry_of(request, kind_of(version))])
    return answer(request, version, prototype)


def check_same(request: HttpRequest, version: DatasetVersion) -> None:
    """`Problem` where the page shows rows of another version: its numbers may be those of other rows."""
    if request.POST.get("version") != version.pk:
        raise Problem(
            _("There is a newer version, and this decision is not in it."),
            code="other_version",
            hint=_("Reload the page and continue. What you decided before is kept."),
            status=409,
        )


def entry_of(request: HttpRequest, labelling: Labelling) -> actions.Entry:
    row, action = whole(request.POST.get("row", ""), None), request.POST.get("action", "")
    if row is None:
        raise Problem(_("No row was named."), code="no_row", hint=_("Reload the page."))
    before = request.POST.get("before") or None
    if action == "keep" and before is not None:
        return actions.Entry(row, labelling.value(before), before=before)
    value = None if action else labelling.typed(request.POST)
    return actions.Entry(row, value, left_out=action == "leave_out", before=before)


def rows_of(request: HttpRequest, name: str) -> list[int]:
    """Row numbers of this field, each once, in their order."""
    numbers = [row for text in request.POST.getlist(name) if (row := whole(text, None)) is not None]
    return list(dict.fromkeys(numbers))


def answer(request: HttpRequest, version: DatasetVersion, prototype: Prototype, **more: Any) -> HttpResponse:
    """The page again; for its script, how far it is, and `more`."""
    if not wants_script(request):
        return back(request, prototype)
    progress = actions.progress(version)
    counts = {"labelled": progress.labelled, "pool": progress.pool, "pending": progress.pending}
    fitted = fitted_at(actions.guide_of(version))
    return JsonResponse({**counts, **more, "advice": actions.advice(version, progress), "fitted": fitted})


def back(request: HttpRequest, prototype: Prototype) -> HttpResponse:
    """To the same queue."""
    query = urlencode({name: value for name in QUEUE if (value := request.POST.get(name, "")[:MOST_SEARCHED])})
    address = reverse("label", args=[prototype.pk])
    return redirect(f"{address}?{query}" if query else address)


@needs(Right.LABEL)
@require_POST
@refused_on("label")
@told_to_script
def undo(request: AuthedRequest, pk: str) -> HttpResponse:
    """Take back one’s last decision, or those about all of `rows`."""
    prototype = load(Prototype.objects.select_related("dataset"), request.workspace, pk)
    version = actions.current_version(prototype.dataset)
    check_same(request, version)
    decision = actions.undo(version, request.user, rows_of(request, "rows"))
    if wants_script(request):
        return answer(request, version, prototype)
    messages.info(request, _("Undone: row %(row)d.") % {"row": decision.row})
    return back(request, prototype)


@needs(Right.LABEL)
@require_POST
@refused_on("label")
def done(request: AuthedRequest, pk: str) -> HttpResponse:
    """Make a version of everybody's decisions, and show it being read."""
    prototype = load(Prototype.objects.select_related("dataset"), request.workspace, pk)
    version = actions.current_version(prototype.dataset)
    if actions.done(version, request.user) == version:
        messages.info(request, _("Nothing was labelled since the last version."))
        return redirect("label", prototype.pk)
    return redirect("data", prototype.pk)


@needs(Right.EDIT)
@require_POST
@refused_on("label")
def begin(request: AuthedRequest, pk: str) -> HttpResponse:
    """Add an empty column for labels, and show the version being read."""
    version = actions.version_there(load(Prototype.objects.select_related("dataset"), request.workspace, pk).dataset)
    made = actions.begin(version, request.user, request.POST.get("task", ""))
    return redirect("label" if made == version else "data", pk)
