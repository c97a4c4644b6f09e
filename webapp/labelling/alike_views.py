"""On the page “Label”: the look-alikes of a row, and one label for those that are left chosen."""

from django.http import HttpResponse
from django.shortcuts import render
from django.utils.translation import ngettext

from trainer.columns import canonical_label
from webapp.accounts.access import load, needs
from webapp.accounts.requests import AuthedRequest
from webapp.accounts.rights import Right
from webapp.core.forms import refused_on
from webapp.core.numbers import whole
from webapp.core.problems import Problem
from webapp.labelling import actions
from webapp.labelling.alike import alike
from webapp.labelling.views import KEYS, answer, check_same, rows_of, told_to_script
from webapp.prototypes.models import Prototype


@needs(Right.LABEL)
@refused_on("label")
@told_to_script
def label_alike(request: AuthedRequest, pk: str) -> HttpResponse:
    """The part of the page with the look-alikes of `?row=`, to get the label `?label=`. A POST gives each `row` the label `value`.

    Context: prototype, version, row, label, alikes [(key, Alike)], problem where there are none.
    """
    prototype = load(Prototype.objects.select_related("dataset"), request.workspace, pk)
    if request.method == "POST":
        return take_many(request, prototype)
    row, label = whole(request.GET.get("row", ""), None) or 0, canonical_label(request.GET.get("label", ""))
    context = {"prototype": prototype, "row": row, "label": label}
    try:
        version = actions.version_with_classes(prototype.dataset)
        alikes = list(zip(KEYS, alike(version, row), strict=False))
        return render(request, "labelling/_alike.html", context | {"version": version, "alikes": alikes})
    except Problem as problem:
        return render(request, "labelling/_alike.html", context | {"problem": problem})


def take_many(request: AuthedRequest, prototype: Prototype) -> HttpResponse:
    """What others have decided meanwhile is skipped, and counted."""
    version = actions.version_with_classes(prototype.dataset)
    check_same(request, version)
    value, rows = canonical_label(request.POST.get("value", "")), rows_of(request, "row")
    late = {
        refused["row"] for refused in actions.decide(version, request.user, [actions.Entry(row, value) for row in rows])
    }
    saved = [row for row in rows if row not in late]
    return answer(request, version, prototype, saved=saved, news=news_of(len(saved), len(late), value))


def news_of(saved: int, late: int, label: str) -> str:
    """“11 rows got the label “refund”. 1 row was skipped …”."""
    message = ngettext("%(n)d row has the label “%(label)s” now.", "%(n)d rows have the label “%(label)s” now.", saved)
    skipped = ngettext(
        "%(n)d row was skipped: somebody has decided on it meanwhile.",
        "%(n)d rows were skipped: somebody has decided on them meanwhile.",
        late,
    )
    return " ".join([message % {"n": saved, "label": label}, *([skipped % {"n": late}] if late else [])])
