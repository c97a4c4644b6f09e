"""The page of many labels at once: rules that are measured before they are applied, and labels that are renamed or merged."""

from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from webapp.accounts.access import load, member
from webapp.accounts.requests import AuthedRequest
from webapp.core.forms import refused_on
from webapp.datasets.models import DatasetVersion
from webapp.datasets.rows import names_of
from webapp.labelling import actions, rules
from webapp.labelling.kinds import kind_of
from webapp.labelling.models import Rule
from webapp.labelling.queue import answer_column
from webapp.prototypes.models import Prototype

FIELDS = ("name", "kind", "pattern", "column", "label")


@member
@refused_on("label_rules")
def label_rules(request: AuthedRequest, pk: str) -> HttpResponse:
    """Context: prototype, version, labels [(label, rows)], rules [(rule, measured)], columns (that a rule can look at), kinds, labelling, sent (the
    fields of a rule that was refused). A POST does `action`: add (a rule), apply or remove (`rule`), rename (`label`, `name`)."""
    prototype = load(Prototype.objects.select_related("dataset"), request.workspace, pk)
    version = actions.version_in_bulk(prototype.dataset)
    if request.method == "POST":
        return change(request, prototype, version)
    dataset_rules = Rule.objects.filter(dataset=prototype.dataset).order_by("created_at")
    answer = answer_column(version)
    context: dict[str, Any] = {
        "prototype": prototype,
        "version": version,
        "labels": actions.labels_of(version),
        "rules": [(rule, rules.measure(version, rule)) for rule in dataset_rules],
        "columns": [name for name in names_of(version) if name != answer],
        "kinds": Rule.Kind.choices,
        "labelling": kind_of(version),
    }
    return render(request, "labelling/rules.html", context)


def change(request: AuthedRequest, prototype: Prototype, version: DatasetVersion) -> HttpResponse:
    action = request.POST.get("action", "")
    if action == "add":
        rules.create(version, request.user, **{name: request.POST.get(name, "") for name in FIELDS})
    elif action == "rename":
        rules.rename(version, request.user, [request.POST.get("label", "")], request.POST.get("name", ""))
        return redirect("data", prototype.pk)
    else:
        rule = load(Rule.objects.filter(dataset=prototype.dataset), request.workspace, request.POST.get("rule", ""))
        if action == "remove":
            if rules.remove(rule, request.user) is not None:
                return redirect("data", prototype.pk)
            messages.info(request, _("Removed, with what it had labelled."))
        else:
            count = rules.apply(rule, request.user)
            messages.info(
                request,
                ngettext("%(n)d row labelled by the rule.", "%(n)d rows labelled by the rule.", count) % {"n": count},
            )
    return redirect("label_rules", prototype.pk)
