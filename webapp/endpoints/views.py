"""The share page and the try-it box: for members of the workspace."""

from typing import Any

from django.conf import settings
from django.contrib import messages
from django.db.models import Sum
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from webapp.accounts.access import load, member
from webapp.core.numbers import whole
from webapp.costs.actions import price_per_hour
from webapp.endpoints import actions, removal, serving_client
from webapp.endpoints.demo import example_file, target_of
from webapp.endpoints.models import Endpoint, EndpointKey, EndpointVersion, ShareLink, Visibility
from webapp.endpoints.snippets import snippets
from webapp.prototypes.models import Prototype
from webapp.runs import inputs, storage
from webapp.runs.models import Run
from webapp.runs.reports import report

FEEDBACK_SHOWN = 20


@member
def share(request: HttpRequest, pk: str) -> HttpResponse:
    """Context: prototype, endpoint or None, runs (that can be shared), visibilities; with an endpoint also demo_url,
    predict_url, links [(link, url)], keys, new_key (shown once), feedback, usage, versions, snippets, price_per_day."""
    prototype = load(Prototype, request.workspace, pk)
    endpoint = Endpoint.objects.filter(prototype=prototype).select_related("current__run").first()
    context: dict[str, Any] = {
        "prototype": prototype,
        "endpoint": endpoint,
        "runs": prototype.runs.best_first()[:20],
        "visibilities": Visibility.choices,
        "price_per_day": price_per_hour(request.workspace, "endpoint") * 24,
    }
    if endpoint:
        context |= endpoint_context(endpoint) | {"new_key": request.session.pop(f"key:{endpoint.pk}", None)}
    return render(request, "endpoints/share.html", context)


@member
def delete_prototype(request: HttpRequest, pk: str) -> HttpResponse:
    """A GET asks; context: prototype, runs (how many), endpoint or None, demo_url. A POST deletes."""
    prototype = load(Prototype, request.workspace, pk)
    if request.method == "POST":
        removal.delete_prototype(prototype, request.user)
        messages.success(request, _("“%(name)s” is deleted.") % {"name": prototype.name})
        return redirect("home")
    endpoint = Endpoint.objects.filter(prototype=prototype).first()
    context = {"prototype": prototype, "runs": prototype.runs.count(), "endpoint": endpoint}
    return render(
        request,
        "prototypes/delete.html",
        context | {"demo_url": settings.PUBLIC_URL + actions.demo_path(endpoint) if endpoint else ""},
    )


def endpoint_context(endpoint: Endpoint) -> dict[str, Any]:
    links = list(endpoint.links.all())
    totals = endpoint.usage.aggregate(requests=Sum("requests"), errors=Sum("errors"), rows=Sum("rows"), ms=Sum("ms"))
    feedback = endpoint.feedback.select_related("link")
    return {
        "demo_url": actions.demo_url(endpoint),
        "predict_url": actions.predict_url(endpoint),
        "links": [(link, settings.PUBLIC_URL + actions.demo_path(endpoint, link)) for link in links],
        "visits": sum(link.visits for link in links),
        "tries": sum(link.tries for link in links),
        "keys": endpoint.keys.working(),
        "usage": totals,
        "mean_ms": totals["ms"] / totals["requests"] if totals["requests"] else None,
        "feedback": feedback[:FEEDBACK_SHOWN],
        "thumbs": {verdict: feedback.filter(verdict=verdict).count() for verdict in ("up", "down")},
        "versions": endpoint.versions.select_related("run"),
        "snippets": snippets(endpoint),
    }


@member
@require_POST
def deploy(request: HttpRequest, pk: str) -> HttpResponse:
    """Share a run: from the run's page or the share page."""
    run = load(Run.objects.select_related("prototype", "workspace"), request.workspace, pk)
    wishes = {name: request.POST.get(name) for name in ("name", "slug", "visibility")}
    endpoint, key = actions.deploy(run, request.user, **wishes)
    if key:
        request.session[f"key:{endpoint.pk}"] = key
    return redirect("share", pk=run.prototype_id)


def load_endpoint(request: HttpRequest, pk: str) -> Endpoint:
    return load(Endpoint.objects.select_related("prototype", "workspace", "current__run"), request.workspace, pk)


@member
@require_POST
def update(request: HttpRequest, pk: str) -> HttpResponse:
    """name, words, slug, visibility, status: whichever the form holds."""
    endpoint = load_endpoint(request, pk)
    wishes = {name: request.POST.get(name) for name in ("name", "words", "slug", "visibility", "status")}
    actions.update(endpoint, request.user, wishes)
    messages.success(request, _("Saved."))
    return redirect("share", pk=endpoint.prototype_id)


@member
@require_POST
def create_key(request: HttpRequest, pk: str) -> HttpResponse:
    endpoint = load_endpoint(request, pk)
    _key, request.session[f"key:{endpoint.pk}"] = actions.create_key(
        endpoint, request.user, request.POST.get("name", "")
    )
    return redirect("share", pk=endpoint.prototype_id)


@member
@require_POST
def create_link(request: HttpRequest, pk: str) -> HttpResponse:
    endpoint = load_endpoint(request, pk)
    days = request.POST.get("days", "")
    actions.create_link(endpoint, request.user, request.POST.get("name", ""), whole(days, None))
    return redirect("share", pk=endpoint.prototype_id)


@member
@require_POST
def revoke_key(request: HttpRequest, pk: str) -> HttpResponse:
    key = load(EndpointKey.objects.select_related("endpoint", "workspace"), request.workspace, pk)
    actions.revoke(key, request.user)
    messages.success(request, _("Key “%(name)s” no longer works.") % {"name": key.name})
    return redirect("share", pk=key.endpoint.prototype_id)


@member
@require_POST
def revoke_link(request: HttpRequest, pk: str) -> HttpResponse:
    """End a link, or give it back (`restore`)."""
    link = load(ShareLink.objects.select_related("endpoint", "workspace"), request.workspace, pk)
    (actions.restore if request.POST.get("restore") else actions.revoke)(link, request.user)
    return redirect("share", pk=link.endpoint.prototype_id)


@member
@require_POST
def promote(request: HttpRequest, pk: str) -> HttpResponse:
    """Serve another version of the endpoint: forward or back."""
    version = load(EndpointVersion.objects.select_related("endpoint", "run", "workspace"), request.workspace, pk)
    actions.promote(version, request.user)
    return redirect("share", pk=version.endpoint.prototype_id)


@member
@require_POST
def try_run(request: HttpRequest, pk: str) -> HttpResponse:
    """The try-it box of a finished run. Context: answer (one output), asked, report, timing_ms."""
    run = load(Run.objects.select_related("prototype"), request.workspace, pk)
    asked = inputs.read(run, request.POST, request.FILES)
    answer = serving_client.predict_artifact(storage.local(run), [asked.value], f"member:{request.user.pk}")
    context = {
        "answer": answer["outputs"][0],
        "asked": asked,
        "report": report(run),
        "timing_ms": answer["timing_ms"],
        "run": run,
        "prototype": run.prototype,
        "target": target_of(run),
    }
    return render(request, "endpoints/_answer.html" if request.htmx else "endpoints/tried.html", context)


@member
def run_example(request: HttpRequest, pk: str, number: int) -> HttpResponseBase:
    """The picture or sound of an example in the try-it box."""
    return example_file(load(Run, request.workspace, pk), number)


@member
def qr(request: HttpRequest, pk: str) -> HttpResponse:
    """The demo's address as a QR code, SVG, on its own white ground: cameras do not read it on a dark page."""
    import io

    import segno

    out = io.BytesIO()
    segno.make(actions.demo_url(load_endpoint(request, pk)), error="m").save(
        out, kind="svg", scale=6, border=2, light="#fff"
    )
    return HttpResponse(out.getvalue(), content_type="image/svg+xml")
