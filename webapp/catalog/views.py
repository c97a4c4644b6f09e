"""Models and documentation: pages over the trainer's declarations."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from trainer import tasks
from webapp.accounts.access import member


@member
def models(request: HttpRequest) -> HttpResponse:
    """Context: tasks, each a declaration with its `models`, `methods`, `metrics`."""
    return render(request, "catalog/models.html", {"tasks": [task.declaration() for task in tasks.all()]})


@member
def docs(request: HttpRequest) -> HttpResponse:
    return render(request, "catalog/docs.html", {"tasks": [task.declaration() for task in tasks.all()]})
