"""The share page and the try-it box: for members of the workspace."""

from typing import Any

from django.conf import settings
from django.contrib import messages
from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from webapp import answers as presentations
from webapp.accounts.access import form_on, load, member, needs
from webapp.accounts.requests import AuthedRequest
from webapp.accounts.rights import Right
from webapp.core.forms import cleaned, refusal_of, refused_on, shown_form
from webapp.core.problems import Conflict
from webapp.costs.actions import price_per_hour
from webapp.endpoints import actions, addresses, choosing, examples, licensing, replacing, serving_client
from webapp.endpoints.admission import opening, paused_by_budget
from webapp.endpoints.demo import asks_why, converses, example_file, target_of, why_context
from webapp.endpoints.forms import EndpointForm, KeyForm, LinkForm, ShareForm
from webapp.endpoints.models import Endpoint, EndpointKey, EndpointVersion, ShareLink
from webapp.endpoints.snippets import snippets
from webapp.endpoints.usage import price_per_1000, used
from webapp.prototypes.models import Prototype
from webapp.runs import inputs, licences, storage
from webapp.runs.artifacts import report
from webapp.runs.models import Run
from webapp.runs.views import load_run

FEEDBACK_SHOWN = 20


@member
def share(request: AuthedRequest, pk: str) -> HttpResponse:
    """Context: prototype, endpoint or None, runs (that can be shared, the best first), price_per_day, unshareable (the run of
    `?run=` that cannot be shared, or None), without_model (the best finished run, where no model is left to share), licence_notes
    (what the licence of the base model forbids), what `licensing.context` says; before the first demo also chosen (the run, of `?run=`, else the best; None beside an unshareable one), form and what
    `examples.sharing_context` says of it; with an endpoint what `endpoint_context` says."""
    prototype = load(Prototype, request.workspace, pk)
    endpoint = Endpoint.objects.filter(prototype=prototype).select_related("current__run", "workspace").first()
    runs = list(prototype.runs.with_model().best_first()[:20])
    context: dict[str, Any] = {
        "prototype": prototype,
        "endpoint": endpoint,
        "runs": runs,
        "price_per_day": price_per_hour(request.workspace, "endpoint") * 24,
        "unshareable": unshareable(request, prototype),
        "without_model": None if runs else prototype.runs.best_first().first(),
    }
    if endpoint:
        context |= endpoint_context(request, endpoint)
    elif runs:
        context |= first_context(request, runs, context["unshareable"])
    shared = context.get("shown_run") or context.get("chosen")
    context["licence_notes"] = licences.of_run(shared) if shared else []
    context |= licensing.context(endpoint, shared, prototype, request.GET.get("run", ""))
    return render(request, "endpoints/share.html", context)


def unshareable(request: HttpRequest, prototype: Prototype) -> Run | None:
    """The run of `?run=`, or of the version of `?version=`, when it has no model: removed, or not finished."""
    runs = prototype.runs.filter(Q(pk=request.GET.get("run", "")) | Q(deployments=request.GET.get("version", "")))
    return next((run for run in runs if not run.has_model), None)


def first_context(request: HttpRequest, runs: list[Run], missing: Run | None) -> dict[str, Any]:
    """Another run than the one asked for is never chosen unsaid: beside `missing`, the person chooses."""
    requested = runs[0].prototype.runs.with_model().filter(pk=request.GET.get("run", "")).first()
    refused = next((run for run in runs if refusal_of(request, reverse("deploy", args=[run.pk]))), None)
    chosen = refused or requested or (None if missing else runs[0])
    if chosen is None:
        return {"chosen": None}
    name = chosen.prototype.name
    form = shown_form(request, reverse("deploy", args=[chosen.pk]), ShareForm, initial={"name": name})
    return {"chosen": chosen, "form": form, **examples.sharing_context(None, chosen, ticked_again(request, chosen))}


def ticked_again(request: HttpRequest, run: Run) -> list[str] | None:
    """What was ticked in the form of this run that was just refused."""
    refusal = refusal_of(request, reverse("deploy", args=[run.pk]))
    return refusal.data.getlist("examples") if refusal else None


def endpoint_context(request: HttpRequest, endpoint: Endpoint) -> dict[str, Any]:
    """opens (`Opening`), by_budget, question (`Question` or None), replaced (see there), demo_url, predict_url, forms, links
    [(link, url)], keys, new_key (shown once), feedback, usage, versions, snippets; shown_run (the run that is asked about, else
    the one served) and of it what `examples.sharing_context` says."""
    links = list(endpoint.links.all())
    totals = used(endpoint)
    feedback = endpoint.feedback.select_related("link")
    question = replacing.question(request, endpoint)
    run = question.after if question else endpoint.current.run if endpoint.current else None
    return {
        "opens": opening(endpoint),
        "by_budget": paused_by_budget(endpoint),
        "question": question,
        "shown_run": run,
        "replaced": replacing.replaced(request, endpoint),
        "demo_url": addresses.demo_url(endpoint),
        "predict_url": addresses.predict_url(endpoint),
        "links": [(link, settings.PUBLIC_URL + addresses.demo_path(endpoint, link)) for link in links],
        "visits": sum(link.visits for link in links),
        "tries": sum(link.tries for link in links),
        "keys": endpoint.keys.working(),
        "usage": totals,
        "price_per_1000": price_per_1000(endpoint, totals["completion_tokens"]),
        "may_instruct": converses(endpoint.current.run if endpoint.current else None),
        "mean_ms": totals["ms"] / totals["requests"] if totals["requests"] else None,
        "feedback": feedback[:FEEDBACK_SHOWN],
        "thumbs": {verdict: feedback.filter(verdict=verdict).count() for verdict in ("up", "down")},
        "versions": endpoint.versions.select_related("run"),
        "snippets": snippets(endpoint),
        "new_key": request.session.pop(f"key:{endpoint.pk}", None),
        **endpoint_forms(request, endpoint),
        **(examples.sharing_context(endpoint, run) if run else {}),
    }


def endpoint_forms(request: HttpRequest, endpoint: Endpoint) -> dict[str, Any]:
    addresses = {name: reverse(name, args=[endpoint.pk]) for name in ("update_endpoint", "create_link", "create_key")}
    now = {"name": endpoint.name, "words": endpoint.words, "visibility": endpoint.visibility}
    now["system_prompt"] = endpoint.system_prompt
    return {
        "endpoint_form": shown_form(request, addresses["update_endpoint"], EndpointForm, initial=now),
        "link_form": shown_form(request, addresses["create_link"], LinkForm, auto_id="link_%s"),
        "key_form": shown_form(request, addresses["create_key"], KeyForm, auto_id="key_%s"),
    }


@form_on("share", lambda request, pk: [load_run(request, pk).prototype_id])
def deploy(request: AuthedRequest, pk: str) -> HttpResponse:
    """Share a run. What must be asked first, of whom the demo is for or whether the run that is live is replaced, is asked on
    the share page."""
    run = load_run(request, pk)
    storage.check_model(run)
    endpoint = Endpoint.objects.filter(prototype=run.prototype).select_related("current__run").first()
    before = endpoint.current if endpoint else None
    unconfirmed = licensing.FIELD if licensing.asked(endpoint, run) else None
    needed = "visibility" if endpoint is None else "instead_of" if before else unconfirmed
    if needed and needed not in request.POST:
        return redirect(f"{reverse('share', args=[run.prototype_id])}?run={run.pk}")
    licensing.check(endpoint, run, confirmed=licensing.FIELD in request.POST)
    if endpoint is None:
        fields = cleaned(ShareForm(request.POST))
        choice = choosing.check_form(run, request.POST)
        endpoint, key = actions.deploy(run, request.user, **fields, examples=choice)
        request.session[f"key:{endpoint.pk}"] = key
        return redirect("share", pk=run.prototype_id)
    if before:
        replacing.check_asked(endpoint, request.POST["instead_of"])
    choice = choosing.check_form(run, request.POST)
    endpoint, _key = actions.deploy(run, request.user, examples=choice)
    replacing.remember(request, endpoint, before, endpoint.versions.first())
    return redirect("share", pk=run.prototype_id)


def load_endpoint(request: AuthedRequest, pk: str) -> Endpoint:
    return load(Endpoint.objects.select_related("prototype", "workspace", "current__run"), request.workspace, pk)


def prototype_of_endpoint(request: AuthedRequest, pk: str) -> list[str]:
    return [load_endpoint(request, pk).prototype_id]


@form_on("share", prototype_of_endpoint)
def update(request: AuthedRequest, pk: str) -> HttpResponse:
    """name, words, slug, visibility, status: whichever the form holds, and of those what was changed in it (`was_NAME` is what
    it showed), so that a page opened before somebody else's change does not take that back."""
    endpoint = load_endpoint(request, pk)
    fields = {name: request.POST[name] for name in ("slug", "status") if name in request.POST}
    fields |= cleaned(EndpointForm(request.POST, only=request.POST.keys()))
    changed = {name: value for name, value in fields.items() if request.POST.get(f"was_{name}") != value}
    actions.update(endpoint, request.user, changed)
    messages.success(request, _("Saved."))
    return redirect("share", pk=endpoint.prototype_id)


@form_on("share", prototype_of_endpoint)
def choose_examples(request: AuthedRequest, pk: str) -> HttpResponse:
    """examples: numbers of the rows of the run `examples_of` that are ticked; typed: ids of those that stay; own-FIELD: another one, typed.
    Changed is what differs from what the form showed (was_examples, was_typed)."""
    endpoint = load_endpoint(request, pk)
    run = endpoint.current.run if endpoint.current else None
    if run is None or run.pk != request.POST.get("examples_of"):
        raise Conflict(
            _("The demo serves %(run)s by now, so its examples stay as they were.") % {"run": run or "–"},
            code="replaced_already",
            hint=_("Look at its rows, then choose again."),
        )
    choice = choosing.check_form(run, request.POST)
    actions.update(endpoint, request.user, {"examples": choice})
    messages.success(request, _("Saved."))
    return redirect("share", pk=endpoint.prototype_id)


@form_on("share", prototype_of_endpoint)
def create_key(request: AuthedRequest, pk: str) -> HttpResponse:
    endpoint = load_endpoint(request, pk)
    name = cleaned(KeyForm(request.POST))["name"]
    _key, request.session[f"key:{endpoint.pk}"] = actions.create_key(endpoint, request.user, name)
    return redirect("share", pk=endpoint.prototype_id)


@form_on("share", prototype_of_endpoint)
def create_link(request: AuthedRequest, pk: str) -> HttpResponse:
    endpoint = load_endpoint(request, pk)
    fields = cleaned(LinkForm(request.POST))
    actions.create_link(endpoint, request.user, fields["name"], fields["days"])
    return redirect("share", pk=endpoint.prototype_id)


@member
@require_POST
def revoke_key(request: AuthedRequest, pk: str) -> HttpResponse:
    key = load(EndpointKey.objects.select_related("endpoint", "workspace"), request.workspace, pk)
    actions.revoke(key, request.user)
    messages.success(request, _("Key “%(name)s” no longer works.") % {"name": key.name})
    return redirect("share", pk=key.endpoint.prototype_id)


@member
@require_POST
def revoke_link(request: AuthedRequest, pk: str) -> HttpResponse:
    """End a link, or give it back (`restore`)."""
    link = load(ShareLink.objects.select_related("endpoint", "workspace"), request.workspace, pk)
    (actions.restore if request.POST.get("restore") else actions.revoke)(link, request.user)
    return redirect("share", pk=link.endpoint.prototype_id)


@form_on("share", lambda request, pk: [load(EndpointVersion, request.workspace, pk).endpoint.prototype_id])
def promote(request: AuthedRequest, pk: str) -> HttpResponse:
    """Serve another version of the endpoint: forward, back, or back again (`undo`). Asked on the share page first."""
    versions = EndpointVersion.objects.select_related("endpoint__current__run", "run", "workspace")
    version = load(versions, request.workspace, pk)
    storage.check_model(version.run)
    endpoint, before = version.endpoint, version.endpoint.current
    if before and "instead_of" not in request.POST:
        return redirect(f"{reverse('share', args=[endpoint.prototype_id])}?version={version.pk}")
    if before:
        replacing.check_asked(endpoint, request.POST["instead_of"])
    choice = None if "undo" in request.POST else choosing.check_form(version.run, request.POST)
    actions.promote(version, request.user, choice, is_undone="undo" in request.POST)
    if "undo" in request.POST:
        replacing.clear_undo(request, endpoint)
        again = _("%(run)s is deployed again.") if endpoint.status == "off" else _("%(run)s is live again.")
        messages.success(request, again % {"run": version.run})
    else:
        replacing.remember(request, endpoint, before, version)
    return redirect("share", pk=endpoint.prototype_id)


@form_on("run")
def try_run(request: AuthedRequest, pk: str) -> HttpResponse:
    """The try-it box of a finished run. Context: answer (one output), model_input, report, timing_ms; why and picture
    (`why_context`), where `?why=1` asks it."""
    run = load_run(request, pk)
    artifact, key = storage.local_model(run), request.POST.get("example")
    example = inputs.example_values(run, key) if key else None
    model_input = inputs.read(run, request.POST, request.FILES, example)
    who, explains = f"member:{request.user.pk}", asks_why(request)
    answer = serving_client.predict_artifact(artifact, [model_input.value], who, explains=explains)
    context = {
        **why_context(request, answer["outputs"][0], model_input, "try-form"),
        "asked_by": key,
        "answer": answer["outputs"][0],
        "presentation": presentations.of_task(run.task),
        "model_input": model_input,
        "report": report(run),
        "timing_ms": answer["timing_ms"],
        "run": run,
        "prototype": run.prototype,
        "target": target_of(run),
    }
    partial = "endpoints/_why.html" if explains else "endpoints/_answer.html"
    return render(request, partial if request.htmx else "endpoints/tried.html", context)


@member
def run_example(request: AuthedRequest, pk: str, number: int) -> HttpResponseBase:
    """The picture or sound of an example in the try-it box."""
    return example_file(request, inputs.example_values(load(Run, request.workspace, pk), str(number)))


@member
def qr(request: AuthedRequest, pk: str) -> HttpResponse:
    """The demo's address as a QR code, SVG, on its own white ground: cameras do not read it on a dark page."""
    import io

    import segno

    out = io.BytesIO()
    segno.make(addresses.demo_url(load_endpoint(request, pk)), error="m").save(
        out, kind="svg", scale=6, border=2, light="#fff"
    )
    return HttpResponse(out.getvalue(), content_type="image/svg+xml")


@needs(Right.EDIT)
@refused_on("delete_endpoint")
def delete_endpoint(request: AuthedRequest, pk: str) -> HttpResponse:
    """A GET asks; context: endpoint, prototype, demo_url, links and keys (how many still work), judged (how many answers).
    A POST deletes."""
    endpoint = load_endpoint(request, pk)
    prototype = endpoint.prototype
    if request.method == "POST":
        actions.delete(endpoint, request.user)
        messages.success(request, _("The demo “%(name)s” is deleted.") % {"name": endpoint.name})
        return redirect("share", pk=prototype.pk)
    context = {
        "endpoint": endpoint,
        "prototype": prototype,
        "demo_url": settings.PUBLIC_URL + addresses.demo_path(endpoint),
        "links": sum(link.works for link in endpoint.links.all()),
        "keys": endpoint.keys.working().count(),
        "judged": endpoint.feedback.count(),
    }
    return render(request, "endpoints/delete.html", context)
