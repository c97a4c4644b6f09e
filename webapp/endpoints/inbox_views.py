"""The feedback inbox: judgements of visitors become rows of the next version, or are dismissed."""

from typing import Any

from django.contrib import messages
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from trainer import personal_data
from webapp.accounts.access import form_on, load, needs
from webapp.accounts.requests import AuthedRequest
from webapp.accounts.rights import Right
from webapp.core.forms import refused_on
from webapp.core.problems import Problem
from webapp.datasets.models import DatasetVersion
from webapp.endpoints import inbox, unsure, written_rows
from webapp.endpoints.models import Endpoint, Feedback
from webapp.runs.retraining import run_to_repeat, train_like

SHOWN = 50


@needs(Right.EDIT)
@refused_on("feedback_inbox")
def feedback_inbox(request: AuthedRequest, pk: str) -> HttpResponse:
    """Context: endpoint, prototype, judgements [(feedback, text with personal data masked, suggested label or answer)], are_chats, total,
    labels, verdict (that is shown, "" for all), refusal (why none can become rows, else ""), unsure (how many the model was unsure of). A POST adds the `chosen` ones, with `text-ID` and
    `label-ID`, or dismisses them (`action`)."""
    endpoint = load(Endpoint.objects.select_related("prototype__dataset"), request.workspace, pk)
    if request.method == "POST":
        return take(request, endpoint)
    verdict = request.GET.get("verdict", "")
    verdict = verdict if verdict in (Feedback.UP, Feedback.DOWN) else ""
    judgements = inbox.new_ones(endpoint, verdict)
    version = endpoint.prototype.dataset.current
    are_chats = version is not None and written_rows.takes_conversations(version)
    context: dict[str, Any] = {
        "endpoint": endpoint,
        "are_chats": are_chats,
        "prototype": endpoint.prototype,
        "judgements": [
            (
                judgement,
                written_rows.shown(judgement) if are_chats else personal_data.masked(judgement.input),
                inbox.suggested_label(judgement),
            )
            for judgement in judgements.select_related("link")[:SHOWN]
        ],
        "total": judgements.count(),
        "labels": [entry["label"] for entry in version.labels] if version else [],
        "verdict": verdict,
        "refusal": refusal_of(version),
        "unsure": 0
        if are_chats
        else sum(judgement.endpoint_id == endpoint.pk for judgement in unsure.waiting(endpoint.prototype.dataset)),
    }
    return render(request, "endpoints/inbox.html", context)


def refusal_of(version: DatasetVersion | None) -> str:
    if version is None:
        return _("This dataset has not been imported yet.")
    try:
        inbox.readable(version)
    except Problem as problem:
        return str(problem)
    return ""


def take(request: AuthedRequest, endpoint: Endpoint) -> HttpResponse:
    chosen = request.POST.getlist("chosen")
    if request.POST.get("action") == "dismiss":
        count = inbox.dismiss(endpoint, chosen)
        messages.info(request, ngettext("%(n)d dismissed.", "%(n)d dismissed.", count) % {"n": count})
        return redirect("feedback_inbox", endpoint.pk)
    like = request.POST.get("like")
    run = run_to_repeat(endpoint.prototype, like) if like else None
    with transaction.atomic():
        made = inbox.add_to_data(endpoint, request.user, [choice_of(request, pk) for pk in chosen])
        if run:
            train_like(run, made, request.user)
    if not run:
        messages.info(request, _("The next version is being made. Then train again, and compare on the same test."))
    return redirect("data", endpoint.prototype_id)


def choice_of(request: HttpRequest, pk: str) -> inbox.Choice:
    return inbox.Choice(pk, request.POST.get(f"label-{pk}", "").strip(), request.POST.get(f"text-{pk}"))


@form_on("feedback_inbox")
def bring_in_unsure(request: AuthedRequest, pk: str) -> HttpResponse:
    """What the model was unsure of joins the pool, to be labelled in the queue of these."""
    endpoint = load(Endpoint.objects.select_related("prototype__dataset"), request.workspace, pk)
    unsure.bring_in(endpoint, request.user)
    messages.info(request, _("A version with these rows is being made. Then label them under Label, Unsure in use."))
    return redirect("data", endpoint.prototype_id)
