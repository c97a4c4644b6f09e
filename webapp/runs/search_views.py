"""The page of a search and its buttons. It starts from the train page (`train_views`)."""

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _

from webapp.accounts.access import form_on, load, member
from webapp.accounts.requests import AuthedRequest
from webapp.runs import search_pictures, searches
from webapp.runs.models import Search


def load_search(request: AuthedRequest, pk: str) -> Search:
    return load(
        Search.objects.select_related("prototype__dataset", "version", "created_by", "workspace", "winner"),
        request.workspace,
        pk,
    )


@member
def search(request: AuthedRequest, pk: str) -> HttpResponse:
    """Context: search, prototype, live (see `search_pictures.picture`)."""
    found = load_search(request, pk)
    context = {"search": found, "prototype": found.prototype, "live": search_pictures.picture(found)}
    return render(request, "runs/search.html", context)


@member
def search_live(request: AuthedRequest, pk: str) -> HttpResponse:
    """The part of the page that changes; tells htmx to load the page anew when the search has ended."""
    found = load_search(request, pk)
    context = {"search": found, "prototype": found.prototype, "live": search_pictures.picture(found)}
    response = render(request, "runs/_search.html", context)
    if found.ended:
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
