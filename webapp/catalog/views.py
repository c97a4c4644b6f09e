"""Models and documentation: pages over the trainer's declarations."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from trainer import tasks
from webapp.accounts.access import member
from webapp.catalog.listing import listed


@member
def models(request: HttpRequest) -> HttpResponse:
    """Context: search, groups (see `listed`)."""
    search = request.GET.get("search", "")[:100]
    return render(request, "catalog/models.html", {"search": search, "groups": listed(search)})


@member
def docs(request: HttpRequest) -> HttpResponse:
    return render(request, "catalog/docs.html", {"tasks": [task.declaration() for task in tasks.all()]})
