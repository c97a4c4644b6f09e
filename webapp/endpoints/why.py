"""Why a run answered a test row wrongly: asked by a click in the table of mistakes."""

from typing import Any

from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _

from webapp import answers as presentations
from webapp.accounts.access import form_on
from webapp.accounts.requests import AuthedRequest
from webapp.core.problems import Problem
from webapp.datasets.media import media_file
from webapp.endpoints import serving_client
from webapp.endpoints.demo import asks_why, target_of, why_context
from webapp.runs import inputs, results, storage
from webapp.runs.artifacts import report
from webapp.runs.models import Run
from webapp.runs.views import load_run


@form_on("run")
def why_mistake(request: AuthedRequest, pk: str, number: int) -> HttpResponse:
    """The answer to a mistake's input, asked anew, with what it depends on. Context: as of `try_run`, and why_id."""
    run = load_run(request, pk)
    artifact, figures = storage.local_model(run), report(run)
    mistakes = figures.get("mistakes") or []
    if number >= len(mistakes):
        raise Http404
    model_input = inputs.read(run, {}, {}, values_of(run, mistakes[number]))
    visitor = f"member:{request.user.pk}"
    explains = asks_why(request) or "1"
    answer = serving_client.predict_artifact(artifact, [model_input.value], visitor, explains=explains)
    context = {
        **why_context(request, answer["outputs"][0], model_input),
        "answer": answer["outputs"][0],
        "presentation": presentations.of_task(run.task),
        "model_input": model_input,
        "report": figures,
        "timing_ms": answer["timing_ms"],
        "run": run,
        "prototype": run.prototype,
        "target": target_of(run),
        "why_id": f"why-{number}",
    }
    context["picture"] = next((medium["address"] for medium in model_input.media if medium["kind"] == "image"), "")
    return render(request, "endpoints/_why.html" if request.htmx else "endpoints/tried.html", context)


def values_of(run: Run, mistake: dict[str, Any]) -> dict[str, Any]:
    """What the model read of a mistake's row, by the names of its inputs; files as the version has them. `Problem` where the
    report keeps only a part of it, or the file is gone."""
    shown, fields = results.shown_mistake(run, mistake), inputs.fields_of(run)
    if not inputs.can_be_asked(run, shown):
        raise Problem(_("The report keeps only a part of this row."), hint=_("Ask it in the try-it box."))
    if shown["fields"]:
        return dict(shown["fields"])
    file = media_file(run.version, mistake[shown["medium"]]) if shown["medium"] else None
    if shown["medium"] and file is None:
        raise Problem(_("This example is not there any more."), hint=_("Choose another one."), status=404)
    media = {field.name: file[0] for field in fields if file and field.kind == shown["medium"]}
    texts = {field.name: mistake.get("text", shown["text"]) for field in fields if field.kind not in inputs.MEDIA}
    return media | texts
