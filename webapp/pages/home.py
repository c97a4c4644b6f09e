"""Home: the prototypes of a workspace, what runs, what waits for a person, and what it costs."""

from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone

from webapp.accounts.access import member
from webapp.accounts.requests import AuthedRequest
from webapp.costs.gate import month
from webapp.pages import activity, cards
from webapp.pages.overview import overview


@member
def home(request: AuthedRequest) -> HttpResponse:
    """Context: page (of cards, see `cards.describe`), search, today, counts {state: n} over all prototypes, running (runs at
    work), month, kinds {kind: money}, events, and what waits for a person: untrained (cards), corrected
    [{prototype, name, total}]; importing (the card of a prototype whose data are being read, or None)."""
    workspace, money = request.workspace, month(request.workspace)
    every = overview(workspace, money)
    if not every.cards:
        return redirect("new_prototype")
    search = request.GET.get("search", "").strip()[:120]
    page = cards.page_of(every.cards, search, request.GET.get("page"))
    untrained = every.untrained[: cards.TO_DO]
    running = cards.runs_at_work(workspace) if every.has_runs_at_work else []
    by_prototype, by_kind = cards.spent(workspace)
    cards.describe({card.pk: card for card in (*page, *untrained)}.values(), running, by_prototype)
    context = {
        "page": page,
        "search": search,
        "today": timezone.localdate(),
        "counts": every.counts(),
        "running": running[: cards.RUNNING],
        "month": money,
        "spend": money,
        "events": activity.recent(workspace, every),
        "corrected": cards.corrected(workspace) if every.has_demos else [],
        "kinds": by_kind,
        "untrained": untrained,
        "importing": every.importing,
    }
    return render(request, "pages/home.html", context)
