"""Thumbs and gradings of a run's answers."""

from typing import Any

from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _

from webapp.accounts.access import form_on, needs
from webapp.accounts.requests import AuthedRequest
from webapp.accounts.rights import Right
from webapp.core.forms import cleaned, refused_on
from webapp.core.numbers import whole
from webapp.core.problems import Problem
from webapp.runs import artifacts, judge_page, judging, thumbs
from webapp.runs.models import Run
from webapp.runs.views import load_run

VERDICTS = {"up": True, "down": False}


@needs(Right.EDIT, reading=Right.VIEW)
@refused_on("run", lambda request, pk: [pk])
def judging_part(request: AuthedRequest, pk: str) -> HttpResponse:
    """A POST begins a grading; a GET is the part of the run's page, asked for again while one is at work."""
    run = load_run(request, pk)
    if request.method == "POST":
        asked = cleaned(judge_page.JudgingForm(request.POST, currency=run.currency))
        judging.begin(run, request.user, cap=asked["cap"], consents=asked["consent"])
        return to_part(run)
    return part(request, run)


@form_on("run", guard=needs(Right.LABEL))
def rate_answer(request: AuthedRequest, pk: str) -> HttpResponse:
    """`thumb` (up, down) for the answer of `side` to `row`, or `undo`."""
    run, sent = load_run(request, pk), request.POST
    if "undo" in sent:
        thumbs.take_back(run, request.user)
    else:
        answers, is_up = thumbs.written(run, artifacts.report(run)), VERDICTS.get(sent.get("thumb", ""))
        if is_up is None:
            raise Problem(_("A thumb is up or down."), code="bad_thumb")
        thumbs.rate(run, request.user, answers, whole(sent.get("row", ""), -1), sent.get("side", ""), is_up)
    return part(request, run) if request.htmx else to_part(run)


@form_on("run")
def cancel_judging(request: AuthedRequest, pk: str) -> HttpResponse:
    judging.cancel(run := load_run(request, pk), request.user)
    return to_part(run)


@form_on("run")
def resume_judging(request: AuthedRequest, pk: str) -> HttpResponse:
    judging.resume(run := load_run(request, pk), request.user)
    return to_part(run)


def to_part(run: Run) -> HttpResponse:
    return redirect(f"{reverse('run', args=[run.pk])}#judge")


def part(request: AuthedRequest, run: Run) -> HttpResponse:
    shown: dict[str, Any] = {"judge": judge_page.shown(run, artifacts.report(run), request)}
    return render(request, "runs/_judge.html", {"run": run} | shown)
