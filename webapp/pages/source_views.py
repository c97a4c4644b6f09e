"""The panel of sources on the data page."""

from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from webapp.accounts.access import form_on, load
from webapp.accounts.requests import AuthedRequest
from webapp.core.forms import cleaned, shown_form
from webapp.datasets import data_sources
from webapp.datasets.source_models import DataSource, Every
from webapp.prototypes.models import Prototype


class SourceForm(forms.Form):
    address = forms.CharField(
        label=gettext_lazy("Address"),
        max_length=data_sources.LONGEST,
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
        help_text=gettext_lazy(
            "https://…, the address of a Google Sheet, s3://bucket/file.csv, or a folder of the server."
        ),
    )
    every = forms.ChoiceField(label=gettext_lazy("Read it"), choices=Every, initial=Every.DAY)
    known = forms.BooleanField(
        label=gettext_lazy("Its rows of now are in the data already"),
        required=False,
        help_text=gettext_lazy("Only rows that come later join."),
    )


class S3Form(forms.Form):
    key_id = forms.CharField(label=gettext_lazy("Access key"), max_length=200, required=False)
    secret = forms.CharField(
        label=gettext_lazy("Secret"),
        max_length=200,
        required=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "off"}),
        help_text=gettext_lazy("Stored encrypted, never shown."),
    )
    region = forms.CharField(label=gettext_lazy("Region"), max_length=60, required=False)
    endpoint = forms.CharField(
        label=gettext_lazy("Server, if not Amazon’s"),
        max_length=200,
        required=False,
        help_text="https://s3.example.com",
    )


def sources_context(request: AuthedRequest, prototype: Prototype) -> dict[str, Any]:
    """Context: sources, sources_at_work (whether one is being read), source_form and s3_form."""
    action = reverse("add_source", args=[prototype.pk])
    sources = list(prototype.dataset.data_sources.select_related("made").order_by("created_at"))
    return {
        "sources": sources,
        "sources_at_work": any(source.due for source in sources),
        "source_form": shown_form(request, action, SourceForm),
        "s3_form": shown_form(request, action, S3Form),
    }


@form_on("data")
def add_source(request: AuthedRequest, pk: str) -> HttpResponse:
    prototype = load(Prototype.objects.select_related("dataset__workspace"), request.workspace, pk)
    asked, access = cleaned(SourceForm(request.POST)), cleaned(S3Form(request.POST))
    data_sources.add(prototype.dataset, request.user, asked.pop("address"), asked.pop("every"), **asked, **access)
    messages.success(request, _("The source is being read. New rows become the next version."))
    return redirect("data", pk=pk)


@form_on("data")
def change_source(request: AuthedRequest, pk: str) -> HttpResponse:
    """Does `action` with `source`: read, pause, resume, or remove."""
    prototype = load(Prototype, request.workspace, pk)
    sources = DataSource.objects.select_related("dataset__workspace").filter(dataset=prototype.dataset_id)
    source, action = load(sources, request.workspace, request.POST.get("source", "")), request.POST.get("action", "")
    if action == "remove":
        data_sources.remove(source, request.user)
        messages.info(request, _("The source is removed. The rows that it brought stay."))
    elif action in ("pause", "resume"):
        data_sources.change(source, request.user, paused=action == "pause")
    elif action == "read":
        data_sources.read_now(source)
    return redirect("data", pk=pk)
