"""What is found out about a finished run on request: asked for by a POST, and its part of the run's page."""

from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse

from webapp.accounts.access import needs
from webapp.accounts.requests import AuthedRequest
from webapp.accounts.rights import Right
from webapp.core.forms import refused_on
from webapp.runs import examining, insight, robustness
from webapp.runs.models import Examination
from webapp.runs.views import load_run

SHOWN = {Examination.Kind.ROBUSTNESS: robustness.shown, Examination.Kind.INSIGHT: insight.shown}


@needs(Right.EDIT, reading=Right.VIEW)
@refused_on("run", lambda request, pk, kind: [pk])
def examination(request: AuthedRequest, pk: str, kind: str) -> HttpResponse:
    """A POST begins it; a GET is the part of the run's page, asked for again while it is at work. Context: run, and what
    `SHOWN` gives, under the kind's name."""
    run = load_run(request, pk)
    if kind not in SHOWN:
        raise Http404
    if request.method == "POST":
        examining.ask(run, kind)
        if not request.htmx:
            return redirect(f"{reverse('run', args=[pk])}#{kind}")
    return render(request, f"runs/_{kind}.html", {"run": run, kind: SHOWN[Examination.Kind(kind)](run, request.GET)})
