"""/searches: many runs of one recipe with other settings, of which the best is tested."""

from typing import Any

from ninja import Router, Status

from webapp.accounts.requests import AuthedRequest
from webapp.api.auth import check_choice, once, page
from webapp.api.runs import RunIn, body_of, listed, prepared
from webapp.api.schemas import Page, SearchOut, SearchRow
from webapp.api.shapes import search_row, search_shape
from webapp.pages import removal
from webapp.runs import searches
from webapp.runs.models import Search
from webapp.runs.search_models import SearchStatus
from webapp.runs.search_views import load_search

router = Router(tags=["training"])


class SearchIn(RunIn):
    """A run's fields, which all trials share; its limits are those of all trials and the test together. `space`: {setting:
    {low, high, log} or {choices}}; left out, the usual one of the method (`search` of each setting in `GET /tasks`). `trials`: at
    most so many; `at_once`: so many at work at the same time."""

    space: dict[str, dict[str, Any]] | None = None
    trials: int | None = None
    at_once: int | None = None


@router.post("/searches", response={201: SearchOut})
@once
def create_search(request: AuthedRequest, payload: SearchIn) -> Status[dict[str, Any]]:
    """Begins with the recommended settings; what was tried so far proposes the next. It stops at the number of trials, or where a
    limit leaves too little for another, and tests the best trial, which becomes an ordinary run."""
    prototype, version = prepared(request, payload)
    return Status(201, search_shape(searches.create_search(prototype, request.user, body_of(payload), version)))


@router.get("/searches", response=Page[SearchRow])
def list_searches(
    request: AuthedRequest, cursor: str | None = None, prototype: str | None = None, status: str | None = None
) -> dict[str, Any]:
    check_choice("status", status, SearchStatus.values)
    return page(listed(request, Search.objects.prefetch_related("trials"), prototype, status), cursor, search_row)


@router.get("/searches/{pk}", response=SearchOut)
def get_search(request: AuthedRequest, pk: str) -> dict[str, Any]:
    return search_shape(load_search(request, pk))


@router.post("/searches/{pk}/stop", response=SearchOut)
def stop_search(request: AuthedRequest, pk: str) -> dict[str, Any]:
    """No more trials: the best so far is tested and kept."""
    return search_shape(searches.stop(load_search(request, pk), request.user))


@router.post("/searches/{pk}/cancel", response=SearchOut)
def cancel_search(request: AuthedRequest, pk: str) -> dict[str, Any]:
    return search_shape(searches.cancel(load_search(request, pk), request.user))


@router.post("/searches/{pk}/resume", response=SearchOut)
def resume_search(request: AuthedRequest, pk: str) -> dict[str, Any]:
    """A failed or cancelled search goes on with its trials."""
    return search_shape(searches.resume(load_search(request, pk), request.user))


@router.delete("/searches/{pk}", response={204: None})
def delete_search(request: AuthedRequest, pk: str) -> Status[None]:
    """The search and all its trials are deleted for good; their costs stay. 409 while it is at work, or one of its runs is served."""
    removal.delete_search(load_search(request, pk), request.user)
    return Status(204, None)
