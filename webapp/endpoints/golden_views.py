"""The page of a prototype's golden set: rows are added by their numbers, taken out, and tried with a run."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from webapp.accounts.access import load, member
from webapp.accounts.requests import AuthedRequest
from webapp.core.forms import refused_on
from webapp.core.numbers import whole
from webapp.core.problems import Problem
from webapp.datasets.actions import current_version
from webapp.endpoints import golden
from webapp.endpoints.models import GoldenRow
from webapp.prototypes.models import Prototype
from webapp.runs.retraining import run_to_repeat


@member
@refused_on("golden_set")
def golden_set(request: AuthedRequest, pk: str) -> HttpResponse:
    """Context: prototype, rows, most, run (that can be tried, or None), failures (None where none was tried), got ({row id: answer} of
    those that failed), problem (why it could not be asked). A POST adds `rows`, numbers of rows of the data, or takes `remove` out. `?run=`
    tries that run."""
    prototype = load(Prototype.objects.select_related("dataset"), request.workspace, pk)
    if request.method == "POST":
        return change(request, prototype)
    rows, run = golden.rows_of(prototype), run_to_repeat(prototype, request.GET.get("run", ""))
    context: dict[str, Any] = {"prototype": prototype, "most": golden.MOST_ROWS, "run": run, "failures": None}
    if run and rows and "run" in request.GET:
        try:
            context["failures"] = golden.failures(run, rows)
        except Problem as problem:
            context["problem"] = problem
    got = {failure.row.pk: failure.got for failure in context["failures"] or []}
    return render(request, "endpoints/golden.html", context | {"rows": [(row, got.get(row.pk)) for row in rows]})


def change(request: HttpRequest, prototype: Prototype) -> HttpResponse:
    if removed := request.POST.get("remove"):
        GoldenRow.objects.filter(prototype=prototype, pk=removed).delete()
        messages.info(request, _("Taken out."))
        return redirect("golden_set", prototype.pk)
    version = current_version(prototype.dataset)
    added = golden.add(prototype, golden.entries_of(version, numbers_in(request.POST.get("rows", ""))))
    messages.info(request, ngettext("%(n)d row added.", "%(n)d rows added.", added) % {"n": added})
    return redirect("golden_set", prototype.pk)


def numbers_in(text: str) -> list[int]:
    """“3, 17 40” as numbers; `Problem` for anything else."""
    parts = text.replace(",", " ").split()
    numbers = [whole(part, None) for part in parts]
    if not parts or None in numbers or len(parts) > golden.MOST_ROWS:
        raise golden.bad_row(_("Write numbers of rows, such as 3, 17, 40."))
    return [number for number in dict.fromkeys(numbers) if number is not None]
