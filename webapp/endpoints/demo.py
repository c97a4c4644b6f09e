"""The public demo page: for anybody whom the endpoint was shared with. Needs no account and no script."""

import hashlib
from collections.abc import Mapping
from io import BytesIO
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core import signing
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods, require_POST

from webapp import answers as presentations
from webapp.accounts.requests import SiteRequest
from webapp.answers.why import shown
from webapp.catalog.titles import reads_table
from webapp.core.clients import client_address, network
from webapp.core.downloads import Download
from webapp.core.ids import new_id
from webapp.core.media import type_of
from webapp.core.problems import Problem
from webapp.core.ranges import in_range
from webapp.endpoints import examples, serving_client, visitors
from webapp.endpoints.admission import Closed, admit, check_answers, for_visitors, paused
from webapp.endpoints.models import Endpoint, ShareLink
from webapp.runs import inputs
from webapp.runs.artifacts import manifest, report
from webapp.runs.models import Run

ANSWER_LIFETIME_SECONDS = 24 * 3600
PAUSED_CODES = ("paused", "budget_spent")
"""What serving says of an endpoint that its owner, or the budget, has paused."""


def visitor_of(request: HttpRequest) -> str:
    """A rate limit's subject: the visitor's address, hashed with the site's secret so that none is stored."""
    subject = network(client_address(request))
    return "visitor:" + hashlib.sha256(f"{settings.SECRET_KEY}:{subject}".encode()).hexdigest()[:20]


def context_of(request: HttpRequest, endpoint: Endpoint, link: ShareLink | None) -> dict[str, Any]:
    run = endpoint.current.run if endpoint.current else None
    key = request.GET.get("example", "")
    form_context = examples.visitor_context(endpoint, run, key) if run else {"fields": [], "examples": []}
    return {"endpoint": endpoint, "link": link, "run": run, "target": target_of(run), **form_context}


def converses(run: Run | None) -> bool:
    """Whether a run's model answers in a conversation."""
    if run is None or presentations.of_task(run.task).key != "completion":
        return False
    return manifest(run).get("form") == "chat"


def target_of(run: Run | None) -> str:
    """The column that a model of tables predicts; empty for what reads texts, pictures or sounds."""
    is_table = run is not None and reads_table(run.task)
    return str((run.version.suggestion.get("columns") or {}).get("target", "")) if run and is_table else ""


@csrf_exempt  # a demo is opened from anywhere and changes nothing of the visitor's; `signing` guards the feedback
@require_http_methods(["GET", "POST"])
@for_visitors
def demo(request: SiteRequest, slug: str) -> HttpResponse:
    """Context: endpoint, link, run, fields, examples; target (the column predicted, of a table); after a POST also answer, token (of the answer), model_input, problem; why (`webapp.answers.why`), where `?why=1` asks it."""
    endpoint, link = admit(request, slug)
    if not request.htmx:
        check_answers(endpoint)
    context = context_of(request, endpoint, link)
    status = 200
    if request.method == "POST":
        status = predict(request, endpoint, link, context)
    else:
        visitors.count_visit(link, visits=1)
    page = "endpoints/chat.html" if converses(context["run"]) else "endpoints/demo.html"
    partial = "endpoints/_why.html" if asks_why(request) else "endpoints/_demo_answer.html"
    template = partial if request.htmx else page
    return with_devices(render(request, template, context, status=200 if request.htmx else status))


def with_devices(response: HttpResponse) -> HttpResponse:
    response["Permissions-Policy"] = inputs.DEVICES
    return response


def example_file(request: HttpRequest, values: Mapping[str, Any]) -> Download:
    """The picture or sound of an example, never as a type that a browser runs."""
    value = next((value for value in values.values() if isinstance(value, Path | inputs.File)), None)
    if value is None:
        raise Http404
    source = BytesIO(value.content) if isinstance(value, inputs.File) else value.open("rb")
    response = in_range(request, source, type_of(source.read(16)))
    response["Cache-Control"] = "private, max-age=3600"
    response["Content-Security-Policy"] = "default-src 'none'; sandbox"
    return response


@for_visitors
def example(request: SiteRequest, slug: str, number: int) -> HttpResponseBase:
    """The picture or sound of a row that a member ticked; 404 for the artifact's others."""
    endpoint, _link = admit(request, slug)
    if endpoint.current is None:
        raise Http404
    try:
        return example_file(request, examples.values_shown(endpoint, endpoint.current.run, str(number)))
    except Problem as problem:
        raise Http404 from problem


def predict(request: HttpRequest, endpoint: Endpoint, link: ShareLink | None, context: dict[str, Any]) -> int:
    """Ask the model and put its answer, or why there is none, into the context; the status to answer with."""
    run = context["run"]
    context["fields"] = inputs.filled(context["fields"], request.POST)
    try:
        check_answers(endpoint)
        key = request.POST.get("example")
        example = examples.values_shown(endpoint, run, key) if key else None
        model_input = inputs.read(run, request.POST, request.FILES, example)
        context["fields"] = inputs.filled(context["fields"], model_input.texts)
        who, explains = visitor_of(request), asks_why(request)
        answer = serving_client.predict(endpoint.slug, [model_input.value], who, explains=explains)
    except Closed as closed:
        context["problem"] = closed.as_problem()
        return closed.status
    except Problem as problem:
        if problem.code in PAUSED_CODES:  # since the page was drawn; a visitor has no budget to raise
            problem = paused(endpoint.workspace.name).as_problem()
        context["problem"] = problem
        return problem.status
    raw = answer["outputs"][0]
    context |= why_context(request, raw, model_input, "ask")
    output = examples.visitor_answer(endpoint, run, raw)
    follows = request.POST.get("follows") == "1"  # a slider
    visitors.count_visit(link, tries=0 if explains or follows else 1)
    presentation = presentations.of_task(run.task)
    rated = [endpoint.pk, new_id(), model_input.stored, presentation.shortened(output)]
    context |= {
        "model_input": model_input,
        "answer": output,
        "report": examples.visitor_report(run),
        "presentation": presentation,
        "correction": presentation.correction(output),
        "timing_ms": answer["timing_ms"],
        "asked_by": key,
        "token": signing.dumps(rated, salt="judgement", compress=True),
    }
    return 200


def asks_why(request: HttpRequest) -> str:
    """1, or the name of a method; empty where only the answer is asked."""
    return request.GET.get("why", "")[:40]


def why_context(
    request: HttpRequest, output: dict[str, Any], model_input: inputs.ModelInput, form: str = ""
) -> dict[str, Any]:
    """What the answer depends on, taken out of `output`: {why, picture (its address, where the browser has it not), why_form}; nothing
    where that was not asked. `form`: the id of the form that asks, where the page has one."""
    explanation = output.pop("explanation", None)
    if explanation is None:
        return {}
    address = next((medium["address"] for medium in model_input.media if medium["kind"] == "image"), "")
    why = shown(explanation, len(output.get("scores") or ()))
    return {"why": why, "picture": "" if is_fragment(request) else address, "why_form": form}


def is_fragment(request: HttpRequest) -> bool:
    """Whether htmx puts the answer into a page that has the picture already."""
    return "HX-Request" in request.headers


@csrf_exempt
@require_POST
@for_visitors
def feedback(request: SiteRequest, slug: str) -> HttpResponse:
    """Thumbs and “should have been” for an answer that this site really gave: the token proves it, and counts once."""
    endpoint, link = admit(request, slug)
    try:
        pk, answer, stored, output = signing.loads(
            request.POST.get("token", ""), salt="judgement", max_age=ANSWER_LIFETIME_SECONDS
        )
    except signing.BadSignature as error:
        raise Problem(_("That answer is too old to rate."), hint=_("Ask again, then rate the new answer.")) from error
    if pk != endpoint.pk:
        raise Http404
    correction = check_label(endpoint, request.POST.get("should_have_been", ""))
    verdict = request.POST.get("verdict") or ("down" if correction else "")
    who = visitor_of(request)
    visitors.take_feedback(
        endpoint, stored, output, verdict, answer, visitor=who, link=link, should_have_been=correction
    )
    context = context_of(request, endpoint, link) | {"thanks": verdict}
    page = render(request, "endpoints/_demo_thanks.html" if request.htmx else "endpoints/demo.html", context)
    return with_devices(page)


def check_label(endpoint: Endpoint, correction: str) -> str:
    """One of the model's labels; a short text where it answers with something else, or has none."""
    run = endpoint.current.run if endpoint.current else None
    chooses = run is not None and presentations.of_task(run.task).answer.correction == "label"
    labels = report(run).get("labels") if run is not None and chooses else None
    if correction and labels and correction not in labels:
        raise Problem(_("That is not one of this demo’s answers."), hint=_("Choose one from the list."))
    longest = presentations.of_task(run.task).longest_correction if run is not None else 0
    return correction if labels else correction[:longest]
