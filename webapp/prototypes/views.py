"""New prototype, and what the forms and links of the data page do."""

from typing import Any

from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _

from webapp.accounts.access import form_on, load, member, needs
from webapp.accounts.requests import AuthedRequest
from webapp.accounts.rights import Right, check
from webapp.core.forms import cleaned, refusal_of, refused_on, typed
from webapp.core.numbers import whole
from webapp.core.problems import Problem
from webapp.datasets import actions as dataset_actions
from webapp.datasets import quota, uploads
from webapp.datasets import versions as dataset_versions
from webapp.datasets.exports import difference
from webapp.datasets.exports import download as download_file
from webapp.datasets.media import media_response
from webapp.datasets.models import Dataset, DatasetVersion, Status
from webapp.prototypes import actions, offered
from webapp.prototypes.forms import MappingForm, PrototypeForm, SplitForm
from webapp.prototypes.models import Prototype


@needs(Right.EDIT)
@refused_on("new_prototype")
def new_prototype(request: AuthedRequest) -> HttpResponse:
    """The drop area. A POST takes files (`file`, repeatable), finished uploads (`upload`, repeatable), pasted rows
    (`rows`), a name on the hub (`hub`) or a sample (`sample`: 1, or the name of a set)."""
    if request.method != "POST":
        return new_page(request)
    dataset, fields = data_from(request)
    prototype = actions.create_prototype(dataset, request.user, **fields)
    return sent_to(request, prototype)


@form_on("data")
def replace_data(request: AuthedRequest, pk: str) -> HttpResponse:
    """Other data for a prototype whose own could not be read: the same POST as `new_prototype` takes."""
    prototype = load(Prototype, request.workspace, pk)
    dataset, fields = data_from(request)
    actions.fill(prototype, dataset, request.user, **fields)
    return sent_to(request, prototype)


def sent_to(request: HttpRequest, prototype: Prototype) -> HttpResponse:
    """To the data page; for a program that sent the files, its address."""
    address = reverse("data", args=[prototype.pk])
    if request.headers.get("Accept", "").startswith("application/json"):
        return JsonResponse({"location": address}, status=201)
    return redirect(address)


def new_page(request: AuthedRequest, unread: Prototype | None = None, error: object = None) -> HttpResponse:
    """Context: limits, offered (samples), typed and errors of a form that was refused; `unread`, the prototype whose file
    could not be read, so that the next one goes into it, and `error` {message, hint} of that file."""
    sizes = {"max": settings.MAX_UPLOAD_BYTES, "room": quota.room(request.workspace)}
    context = {f"{name}_bytes": size for name, size in sizes.items()}
    context |= {f"{name}_megabytes": size // 2**20 for name, size in sizes.items()}
    action = reverse("replace_data", args=[unread.pk]) if unread else reverse("new_prototype")
    refusal = refusal_of(request, action)
    errors = refusal.errors if refusal else {}
    if refusal and {"rows", "hub"} & set(errors):
        refusal.shown = True
    context |= {"max_files": dataset_actions.MAX_FILES, "offered": offered.cards(), "unread": unread, "error": error}
    context |= {"action": action, "typed": typed(request, action), "errors": errors}
    return render(request, "prototypes/new.html", context)


def data_from(request: AuthedRequest) -> tuple[Dataset, dict[str, Any]]:
    """The dataset that a POST of the New page brings, and fields of a prototype over it."""
    who = (request.workspace, request.user)
    name = request.POST.get("name", "")
    if sample := request.POST.get("sample"):
        return actions.bundled_sample(*who) if sample == "1" else (actions.sample_set(*who, sample), {})
    if "rows" in request.POST:
        return actions.pasted(*who, request.POST["rows"], name), {"name": name}
    if "hub" in request.POST:
        return dataset_actions.fetch_dataset(*who, request.POST["hub"], name), {"name": name}
    if named := request.POST.getlist("upload"):
        return uploads.create_dataset(*who, named, name), {"name": name}
    return dataset_actions.create_dataset(*who, request.FILES.getlist("file"), name), {"name": name}


@member
def media(request: AuthedRequest, pk: str, name: str) -> HttpResponseBase:
    """A picture or a sound of the dataset's newest version, `?thumb` for the small picture; never as a type that a browser runs."""
    prototype = load(Prototype.objects.select_related("dataset"), request.workspace, pk)
    return media_response(request, prototype.dataset.current, name)


@form_on("data")
def map_columns(request: AuthedRequest, pk: str) -> HttpResponse:
    version = current_version(request, pk)
    form = MappingForm(version, request.POST)
    fields = cleaned(form)
    made = dataset_versions.remap(version, request.user, fields["task"], form.columns(), roles=form.roles())
    if made == version:
        messages.info(request, _("Nothing changed."))
    return redirect("data", pk=pk)


@form_on("data")
def divide(request: AuthedRequest, pk: str) -> HttpResponse:
    """Put other rows aside: makes the next version."""
    version = current_version(request, pk)
    form = SplitForm(version, request.POST)
    cleaned(form)
    suggestion = version.suggestion
    made = dataset_versions.remap(
        version, request.user, suggestion.get("task") or "", suggestion.get("columns") or {}, form.wanted()
    )
    if made == version:
        messages.info(request, _("Nothing changed."))
    return redirect("data", pk=pk)


def current_version(request: AuthedRequest, pk: str) -> DatasetVersion:
    """The newest version that can be used; a `Conflict` while there is none."""
    return dataset_actions.current_version(load(Prototype, request.workspace, pk).dataset)


@form_on("data", guard=needs(Right.LABEL))
def change_rows(request: AuthedRequest, pk: str) -> HttpResponse:
    """What should become of the ticked rows (`row`, repeatable): another label (`value`), or, for editors, to be left out."""
    version = current_version(request, pk)
    if request.POST.get("version") != version.pk:
        raise Problem(_("There is a newer version."), hint=_("Reload the page and select the rows again."))
    rows = [row for text in request.POST.getlist("row") if (row := whole(text, None)) is not None]
    if request.POST.get("action") == "label":
        cells = [{"row": row, "column": version.label_column, "value": request.POST.get("value", "")} for row in rows]
        dataset_versions.change(version, request.user, {"set": cells})
    else:
        check(request.membership, Right.EDIT)
        dataset_versions.change(version, request.user, {"drop": rows})
    return redirect("data", pk=pk)


@form_on("data")
def choose_sheet(request: AuthedRequest, pk: str) -> HttpResponse:
    """Read another sheet of the workbook (`sheet`), the names of the columns from another row (`header`), plain text as
    a table (`layout`), or what can be read in several ways by another `choice` (`reading`: the question)."""
    version = current_version(request, pk)
    sheet, header = request.POST.get("sheet", ""), whole(request.POST.get("header", ""), None)
    if reading := request.POST.get("reading"):
        dataset_versions.read_otherwise(version, request.user, {reading: request.POST.get("choice", "")})
    elif layout := request.POST.get("layout"):
        dataset_versions.read_layout(version, request.user, layout)
    elif sheet or header is None:
        dataset_versions.read_sheet(version, request.user, sheet, header)
    else:
        dataset_versions.read_header(version, request.user, header)
    return redirect("data", pk=pk)


@member
def download(request: AuthedRequest, pk: str) -> HttpResponseBase:
    """Every row of `?version=` (the newest by default) as `?format=` csv, jsonl or parquet."""
    prototype = load(Prototype.objects.select_related("dataset"), request.workspace, pk)
    number = whole(request.GET.get("version", ""), None)
    version = dataset_actions.ready_version(prototype.dataset, number)
    return download_file(version, request.GET.get("format", "csv"))


@member
def diff(request: AuthedRequest, pk: str) -> HttpResponse:
    """Context: prototype, before, after (versions, `?from=` and `?to=`), difference (see `webapp.datasets.exports`)."""
    prototype = load(Prototype.objects.select_related("dataset"), request.workspace, pk)
    numbers = [parsed for name in ("from", "to") if (parsed := whole(request.GET.get(name, ""), None)) is not None]
    versions = {
        version.number: version
        for version in prototype.dataset.versions.filter(status=Status.READY, number__in=numbers)
    }
    if len(numbers) != 2 or not set(numbers) <= set(versions):
        raise Http404
    before, after = (versions[number] for number in numbers)
    context = {"prototype": prototype, "before": before, "after": after, "difference": difference(before, after)}
    return render(request, "prototypes/diff.html", context)


@form_on("data")
def mend(request: AuthedRequest, pk: str) -> HttpResponse:
    """One-click remedy of a fault: makes the next version."""
    version = current_version(request, pk)
    dataset_versions.apply_fixes(version, request.user, request.POST.get("action", ""))
    return redirect("data", pk=pk)


@form_on("data")
def restore(request: AuthedRequest, pk: str) -> HttpResponse:
    """Make an older version (`version`, its number) the newest again."""
    prototype = load(Prototype.objects.select_related("dataset"), request.workspace, pk)
    number = whole(request.POST.get("version", ""), None)
    version = prototype.dataset.versions.filter(number=number).first() if number is not None else None
    if version is None:
        raise Http404
    made = dataset_versions.restore(version, request.user)
    numbers = {"old": version.number, "new": made.number}
    messages.success(request, _("Version %(old)d is restored as version %(new)d.") % numbers)
    return redirect("data", pk=pk)


@form_on("prototype_settings")
def rename(request: AuthedRequest, pk: str) -> HttpResponse:
    prototype = load(Prototype, request.workspace, pk)
    fields = cleaned(PrototypeForm(request.POST))
    actions.rename(prototype, request.user, fields["name"], fields["summary"])
    messages.success(request, _("Saved."))
    return redirect("prototype_settings", pk=pk)
