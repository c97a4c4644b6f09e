"""The part of a run's page that has its model written as GGUF, and the file."""

from django.http import HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse

from webapp.accounts import security
from webapp.accounts.access import member, needs
from webapp.accounts.requests import AuthedRequest
from webapp.accounts.rights import Right
from webapp.core.downloads import Download
from webapp.core.forms import refused_on
from webapp.runs import gguf
from webapp.runs.models import Run
from webapp.runs.views import load_run


@needs(Right.EDIT, reading=Right.VIEW)
@refused_on("run", lambda request, pk: [pk])
def gguf_part(request: AuthedRequest, pk: str) -> HttpResponse:
    """A POST of `kind` has it written; a GET is the part of the page, asked for again meanwhile. Context: run, gguf."""
    run = load_run(request, pk)
    if request.method == "POST":
        gguf.ask(run, request.POST.get("kind", ""))
        if not request.htmx:
            return redirect(f"{reverse('run', args=[pk])}#gguf")
    return render(request, "runs/_gguf.html", {"run": run, "gguf": gguf.shown(run)})


@member
def gguf_file(request: AuthedRequest, pk: str, kind: str) -> HttpResponseBase:
    return gguf_response(load_run(request, pk), kind)


def gguf_response(run: Run, kind: str) -> HttpResponseBase:
    file = gguf.opened(run, kind)
    text = f"{run.prototype.name}, {run}, GGUF"
    security.record(None, "model_downloaded", workspace=run.workspace, subject="run", subject_id=run.pk, text=text)
    return Download(
        file, as_attachment=True, filename=gguf.download_name(run, kind), content_type="application/octet-stream"
    )
