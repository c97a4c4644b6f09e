"""The runs of a prototype, one run live and done, what can be done with it, and the queue."""

import json
from typing import Any

from asgiref.sync import sync_to_async
from django.contrib import messages
from django.core.serializers.json import DjangoJSONEncoder
from django.db.models import Count, Sum
from django.http import Http404, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _

from webapp.accounts import limits, security
from webapp.accounts.access import form_on, load, member, needs
from webapp.accounts.factors import check_factor
from webapp.accounts.requests import AuthedRequest, SiteRequest
from webapp.accounts.rights import Right
from webapp.accounts.sessions import while_signed_in
from webapp.catalog.hardware import as_tenants_see, devices, gpu_count, workers
from webapp.core.connections import releases_connection
from webapp.core.downloads import ZipDownload
from webapp.core.forms import refused_on, typed
from webapp.core.numbers import whole
from webapp.core.problem_responses import problem_response
from webapp.core.problems import Conflict, Problem
from webapp.core.scores import strip_ends
from webapp.core.trainer_process import without_folders
from webapp.datasets.media import media_response
from webapp.prototypes.models import Prototype
from webapp.runs import (
    actions,
    artifacts,
    comparing,
    gguf,
    grouping,
    inputs,
    insight,
    judge_page,
    leaks,
    live,
    reports,
    retraining,
    robustness,
    sse,
    storage,
    turns,
)
from webapp.runs.models import Run, Status

RUNS_A_PAGE, MOST_CHOICES = 15, 50
SEARCHES = 10
"""The newest, above the runs."""


@member
def runs(request: AuthedRequest, pk: str) -> HttpResponse:
    """Context: prototype, runs (newest first, 15 a page), page, metric (that of every score on the page, empty where they
    differ), disk (bytes that its ended runs and its dataset take),
    may_compare (whether two runs have a score), searches (the newest, with the `count` and the `cost` of their trials)."""
    from django.core.paginator import Paginator

    prototype = load(Prototype, request.workspace, pk)
    every = prototype.runs.listed().select_related("version", "created_by", "search").order_by("-number")
    page = Paginator(every, RUNS_A_PAGE).get_page(request.GET.get("page"))
    disk = {
        "runs": prototype.runs.aggregate(total=Sum("bytes"))["total"] or 0,
        "dataset": prototype.dataset.versions.aggregate(total=Sum("bytes"))["total"] or 0,
    }
    metrics = {run.headline["name"] for run in page if run.headline}
    searches = prototype.searches.select_related("winner").order_by("-number")
    context = {
        "metric": metrics.pop() if len(metrics) == 1 else "",
        "disk": disk,
        "may_compare": prototype.runs.scored()[1:2].exists(),
        "searches": searches.annotate(count=Count("trials"), cost=Sum("trials__cost"))[:SEARCHES],
    }
    return render(request, "runs/runs.html", context | {"prototype": prototype, "runs": page, "page": page})


@member
def compare(request: AuthedRequest, pk: str) -> HttpResponse:
    """`?run=` two or more times, newest first. Context: prototype, problem (why they cannot be compared, else None), and
    comparison, lines (`comparing.table`), ends (of the strips), differing (settings), curves, changed (of the first pair),
    choices (every run with a score, to choose others)."""
    prototype = load(Prototype, request.workspace, pk)
    scored = prototype.runs.scored().order_by("-number")
    chosen = comparing.asked_for(scored, request.GET.getlist("run"))
    context: dict[str, Any] = {
        "prototype": prototype,
        "chosen": chosen,
        "choices": scored[:MOST_CHOICES],
        "problem": None,
    }
    try:
        comparison = comparing.compare_runs(chosen)
    except Problem as problem:
        return render(request, "runs/compare.html", context | {"problem": problem})
    first, pair = comparison.runs[0], comparison.pairs[0]
    values = [(run.headline or {}).get(key) for run in chosen for key in ("value", "low", "high")]
    context |= {
        "comparison": comparison,
        "lines": comparing.table(comparison),
        "ends": strip_ends(values, comparison.metric),
        "differing": comparing.settings_that_differ(chosen),
        "curves": comparing.overlaid_curves(chosen),
        "pair": pair,
        "changed": comparing.changes_shown(first, pair),
    }
    return render(request, "runs/compare.html", context)


def load_run(request: AuthedRequest, pk: str) -> Run:
    related = ("prototype__dataset", "version__dataset", "created_by", "workspace", "search")
    return load(Run.objects.select_related(*related), request.workspace, pk)


@member
def run(request: AuthedRequest, pk: str) -> HttpResponse:
    """One page for the whole life of a run: waiting, live (runs/run_live.html) or ended (run_done.html).

    Context: run, prototype, live (see `live.picture`), and when done report, siblings, history, files, groups
    (`grouping.shown` by `?by=` or `?condition=`), robustness, insight and judge (their `shown`).
    """
    run = load_run(request, pk)
    context: dict[str, Any] = {"run": run, "prototype": run.prototype, "live": live.picture(run)}
    if run.status != Status.SUCCEEDED:
        return render(request, "runs/run_live.html", context)
    report = artifacts.report(run)
    leaks.store_leak(run, report)
    context |= reports.context(run, report) | {"leaks": leaks.describe_leaks(run, report)}
    context["groups"] = grouping.shown(run, request.GET)
    context["gguf"] = gguf.shown(run)
    context["judge"] = judge_page.shown(run, report, request)
    context |= {"robustness": robustness.shown(run), "insight": insight.shown(run, request.GET)}
    if run.model_removed_at:
        return render(request, "runs/run_done.html", context)
    context |= inputs.try_it(run, request.GET.get("example", "")) | {"may_try": request.membership.can_edit}
    context["mistakes"] = [
        mistake | {"can_be_asked": inputs.can_be_asked(run, mistake)} for mistake in context["mistakes"]
    ]
    context["fields"] = inputs.filled(context["fields"], typed(request, reverse("try_run", args=[pk])))
    response = render(request, "runs/run_done.html", context)
    response["Permissions-Policy"] = inputs.DEVICES
    return response


@member
def run_live(request: AuthedRequest, pk: str) -> HttpResponse:
    """The part of the live page that changes; tells htmx to load the page anew when the run has ended."""
    run = load_run(request, pk)
    response = render(request, "runs/_live.html", {"run": run, "prototype": run.prototype, "live": live.picture(run)})
    if run.ended:
        response["HX-Refresh"] = "true"
    return response


async def run_stream(request: SiteRequest, pk: str) -> HttpResponseBase:
    """Server-sent events: every event of the run once, from `Last-Event-ID` (or `?after=`) on, until it ends. 429 where one
    person, one workspace, or all together, listen to too many."""
    run, most = await sync_to_async(followed, thread_sensitive=False)(request, pk)
    given = request.headers.get("Last-Event-ID") or request.GET.get("after") or "0"
    after = whole(given, 0)
    if sse.seats.full(request.user.pk, run.workspace_id, most):
        hint = "Close pages of other runs, or read /api/v1/runs/ID/events."
        message = "Too many pages follow runs at once."
        return problem_response(Problem(message, code="too_many_streams", hint=hint, status=429, retry_after=30))
    stream = while_signed_in(request, sse.sse(run.pk, run.events_path, after))
    events = sse.seats.hold(request.user.pk, stream, run.workspace_id, most)
    response = StreamingHttpResponse(events, content_type="text/event-stream")
    response["Cache-Control"] = "no-cache, no-transform"
    response["X-Accel-Buffering"] = "no"
    return response


@releases_connection
def followed(request: SiteRequest, pk: str) -> tuple[Run, int | None]:
    """The run, and how many streams its workspace may have open."""
    run = member_run(request, pk)
    return run, limits.most_of(run.workspace, "streams")


@releases_connection
def member_run(request: SiteRequest, pk: str) -> Run:
    if not request.user.is_authenticated or not request.membership:
        raise Http404
    check_factor(request.user, request.membership.workspace)
    return load(Run, request.membership.workspace, pk)


@needs(Right.EDIT)
@refused_on("run")
def stop(request: AuthedRequest, pk: str) -> HttpResponse:
    """A GET asks whether to stop and keep the best so far, or to cancel; context: run, prototype. A POST stops and keeps."""
    run = load_run(request, pk)
    if request.method == "POST":
        actions.stop(run, request.user)
        messages.info(request, _("Training is ending. The best so far is tested and kept."))
    elif not run.ended:
        return render(request, "runs/stop.html", {"run": run, "prototype": run.prototype})
    return redirect("run", pk=pk)


@form_on("run")
def cancel(request: AuthedRequest, pk: str) -> HttpResponse:
    actions.cancel(load_run(request, pk), request.user)
    messages.info(request, _("Cancelled. What was spent until now is on the costs page."))
    return redirect("run", pk=pk)


@form_on("run")
def resume(request: AuthedRequest, pk: str) -> HttpResponse:
    actions.resume(load_run(request, pk), request.user)
    return redirect("run", pk=pk)


@form_on("run")
def train_without(request: AuthedRequest, pk: str) -> HttpResponse:
    """Take a column (`column`) out of the data and train again as before."""
    column = request.POST.get("column", "")
    retraining.train_without(run := load_run(request, pk), request.user, column)
    messages.info(
        request,
        _("A new version without “%(name)s” is being made. Training starts as soon as it is ready.") % {"name": column},
    )
    return redirect("data", pk=run.prototype_id)


@form_on("run")
def accept_leaks(request: AuthedRequest, pk: str) -> HttpResponse:
    """The columns that decide alone were known at the time: the run counts like any other."""
    leaks.accept(load_run(request, pk), request.user)
    messages.success(request, _("Noted: known at the time. The run counts like any other."))
    return redirect("run", pk=pk)


@member
def log(request: AuthedRequest, pk: str) -> HttpResponse:
    """The whole log as plain text."""
    run = load_run(request, pk)
    response = HttpResponse("\n".join(live.log_lines(run.events_path)) + "\n", content_type="text/plain; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="run-{run.number}.log"'
    return response


@member
def spec(request: AuthedRequest, pk: str) -> HttpResponse:
    """What was asked of the trainer, to repeat the run by hand; paths without where this site keeps its data."""
    run = load_run(request, pk)
    try:
        document = actions.spec_of(run.version, vars(run), run.price_per_hour)
    except Problem:  # what it began with was deleted, or its model removed
        earlier = live.kept_spec(run)
        if earlier is None:
            raise
        document = earlier
    text = json.dumps(document, indent=2, ensure_ascii=False, cls=DjangoJSONEncoder)
    return HttpResponse(without_folders(text), "application/json")


@member
def media(request: AuthedRequest, pk: str, name: str) -> HttpResponseBase:
    """A picture or a sound of the rows that the run was tested on, `?thumb` for the small picture; never as a type that a browser runs."""
    return media_response(request, load_run(request, pk).version, name)


@member
def artifact(request: AuthedRequest, pk: str) -> HttpResponseBase:
    return artifact_response(load_run(request, pk))


def artifact_response(run: Run) -> HttpResponseBase:
    """The artifact as a zip, packed while it is sent: nothing of it is held in memory or written twice."""
    if run.status != Status.SUCCEEDED or not storage.local_model(run).is_dir():
        raise Conflict(_("This run has no artifact."), code="no_artifact", hint=_("Only a finished run has one."))
    text = f"{run.prototype.name}, {run}"
    security.record(None, "model_downloaded", workspace=run.workspace, subject="run", subject_id=run.pk, text=text)
    return ZipDownload(run.artifact, f"{run.prototype.pk}-run-{run.number}.zip")


@member
def queue(request: AuthedRequest) -> HttpResponse:
    """The workers page. Context: workers, devices, gpus, waiting [(run, place)], running."""
    mine = Run.objects.for_workspace(request.workspace).select_related("prototype")
    records = as_tenants_see(workers(), set())
    waiting = list(mine.filter(status=Status.QUEUED).order_by("queued_at")[:50])
    context = {
        "workers": records,
        "devices": devices(records),
        "gpus": gpu_count(records),
        "waiting": list(zip(waiting[:20], turns.places(waiting[:20]), strict=True)),
        "waiting_count": len(waiting),
        "running": mine.filter(status__in=(Status.STARTING, Status.RUNNING)).order_by("started_at")[:20],
        "training_workers": [
            record for record in records if any(name.startswith("train") for name in record["queues"])
        ],
    }
    return render(request, "runs/workers.html", context)
