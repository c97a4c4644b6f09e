"""The page of a search and its buttons. It starts from the train page (`train_views`)."""

from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _

from webapp.accounts.access import form_on, load, member
from webapp.accounts.requests import AuthedRequest
from webapp.runs import search_pictures, searches
from webapp.runs.models import Search


def load_search(request: AuthedRequest, pk: str) -> Search:
    related = ("prototype__dataset", "version__dataset", "created_by", "workspace", "winner")
    return load(Search.objects.select_related(*related), request.workspace, pk)


@member
def search(request: AuthedRequest, pk: str) -> HttpResponse:
    return render(request, "runs/search.html", context_of(load_search(request, pk)))


def context_of(search: Search) -> dict[str, Any]:
    """search, prototype, live (see `search_pictures.picture`)."""
    return {"search": search, "prototype": search.prototype, "live": search_pictures.picture(search)}


@member
def search_live(request: AuthedRequest, pk: str) -> HttpResponse:
    """The part of the page that changes; tells htmx to load the page anew when the search has ended."""
    row = load_search(request, pk)
    response = render(request, "runs/_search.html", context_of(row))
    if row.ended:
        response["HX-Refresh"] = "true"
    return response


@form_on("search")
def stop_search(request: AuthedRequest, pk: str) -> HttpResponse:
    searches.stop(load_search(request, pk), request.user)
    messages.info(request, _("No more trials are made. The best so far is tested and kept."))
    return redirect("search", pk=pk)


@form_on("search")
def cancel_search(request: AuthedRequest, pk: str) -> HttpResponse:
    searches.cancel(load_search(request, pk), request.user)
    messages.info(request, _("Cancelled. What was spent until now is on the costs page."))
    return redirect("search", pk=pk)


@form_on("search")
def resume_search(request: AuthedRequest, pk: str) -> HttpResponse:
    searches.resume(load_search(request, pk), request.user)
    return redirect("search", pk=pk)
