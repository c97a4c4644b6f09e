"""Models and documentation: pages over the trainer's declarations."""

from django.http import HttpResponse
from django.shortcuts import render

from trainer import tasks
from webapp.accounts.access import member
from webapp.accounts.requests import AuthedRequest
from webapp.catalog import hub
from webapp.catalog.listing import listed


@member
def models(request: AuthedRequest) -> HttpResponse:
    """Context: search, groups (see `listed`), downloaded (count, bytes): how many models were fetched, and their size."""
    search = request.GET.get("search", "")[:100]
    downloaded = {"count": len(hub.downloaded()), "bytes": hub.downloaded_bytes()}
    context = {"search": search, "groups": listed(search), "downloaded": downloaded}
    return render(request, "catalog/models.html", context)


@member
def docs(request: AuthedRequest) -> HttpResponse:
    return render(request, "catalog/docs.html", {"tasks": [task.declaration() for task in tasks.all()]})
