"""On the page “Label”: the look-alikes of a row, and one label for those that are left chosen."""

from typing import Any

from django.http import HttpResponse, QueryDict
from django.shortcuts import render
from django.utils.translation import ngettext

from webapp.accounts.access import load, needs
from webapp.accounts.requests import AuthedRequest
from webapp.accounts.rights import Right
from webapp.core.forms import refused_on
from webapp.core.numbers import whole
from webapp.core.problems import Problem
from webapp.datasets.models import DatasetVersion
from webapp.labelling import actions
from webapp.labelling.alike import alike
from webapp.labelling.kinds import answers_like, kind_of
from webapp.labelling.views import KEYS, answer, check_same, rows_of, told_to_script
from webapp.prototypes.models import Prototype


@needs(Right.LABEL)
@refused_on("label")
@told_to_script
def label_alike(request: AuthedRequest, pk: str) -> HttpResponse:
    """The part of the page with the look-alikes of `?row=`, to get the answer `?value=`, as its form has it. A POST gives each `row` this
    answer.

    Context: prototype, version, row, values, label (the answer in words), alikes [(key, Alike)], problem where there are none.
    """
    prototype = load(Prototype.objects.select_related("dataset"), request.workspace, pk)
    if request.method == "POST":
        return take_many(request, prototype)
    row = whole(request.GET.get("row", ""), None) or 0
    context: dict[str, Any] = {"prototype": prototype, "row": row}
    try:
        version = actions.version_in_bulk(prototype.dataset)
        context |= {"label": in_words(version, request.GET), "values": request.GET.getlist("value"), "version": version}
        alikes = list(zip(KEYS, alike(version, row), strict=False))
        return render(request, "labelling/_alike.html", context | {"alikes": alikes})
    except Problem as problem:
        return render(request, "labelling/_alike.html", context | {"problem": problem})


def in_words(version: DatasetVersion, fields: QueryDict) -> str:
    labelling = kind_of(version)
    return labelling.label_text(labelling.cell(labelling.typed(fields), answers_like(version)))


def take_many(request: AuthedRequest, prototype: Prototype) -> HttpResponse:
    """What others have decided meanwhile is skipped, and counted."""
    version = actions.version_in_bulk(prototype.dataset)
    check_same(request, version)
    value, rows = kind_of(version).typed(request.POST), rows_of(request, "row")
    late = {
        refused["row"] for refused in actions.decide(version, request.user, [actions.Entry(row, value) for row in rows])
    }
    saved = [row for row in rows if row not in late]
    news = news_of(len(saved), len(late), in_words(version, request.POST))
    return answer(request, version, prototype, saved=saved, news=news)


def news_of(saved: int, late: int, label: str) -> str:
    """“11 rows got the label “refund”. 1 row was skipped …”."""
    message = ngettext("%(n)d row has the label “%(label)s” now.", "%(n)d rows have the label “%(label)s” now.", saved)
    skipped = ngettext(
        "%(n)d row was skipped: somebody has decided on it meanwhile.",
        "%(n)d rows were skipped: somebody has decided on them meanwhile.",
        late,
    )
    return " ".join([message % {"n": saved, "label": label}, *([skipped % {"n": late}] if late else [])])
