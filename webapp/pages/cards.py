"""Home: one page of a workspace's prototypes as cards, live and running first, with what each of them shows."""

from collections.abc import Collection, Mapping
from decimal import Decimal
from typing import Any

from django.core.paginator import Page, Paginator
from django.db.models import Count, F, Sum

from webapp.accounts.models import Workspace
from webapp.costs.actions import month_start
from webapp.costs.models import LedgerEntry
from webapp.datasets.models import DatasetVersion
from webapp.endpoints.models import Feedback
from webapp.endpoints.models import Status as DemoStatus
from webapp.pages.overview import Card
from webapp.runs.models import Run

CARDS_PER_PAGE = 12
RUNNING = 5
TO_DO = 3
NOT_SHOWN = ("params", "estimate", "metrics", "baselines", "verdict", "against_best_run")


def page_of(cards: list[Card], search: str, number: str | None) -> Page[Card]:
    """One page of those whose name or description holds `search`: those whose demo is live, then those with a run at work,
    then the others, each as they came."""
    term = search.casefold()
    matching = [card for card in cards if term in card.name.casefold() or term in card.summary.casefold()]
    matching.sort(key=lambda card: 0 if card.demo == DemoStatus.LIVE else 1 if card.active else 2)
    return Paginator(matching, CARDS_PER_PAGE).get_page(number)


def describe(cards: Collection[Card], active: list[Run], spent: dict[str, Decimal]) -> None:
    """Put onto each card what it shows besides its state: best_run, active_run, offered_run (which Share offers), version,
    spent. `active` are the workspace's runs at work; no query looks at the runs of other cards."""
    at_work = {run.prototype_id: run for run in sorted(active, key=lambda run: run.number)}
    finished, versions = [card.pk for card in cards if card.finished], newest_versions(cards)
    best = Run.objects.best_of_each(finished) if finished else {}
    for card in cards:
        card.best_run, card.offered_run = best.get(card.pk, (None, None))
        card.active_run, card.spent = at_work.get(card.pk), spent.get(card.pk)
        card.version = versions.get(card.dataset_id)


def newest_versions(cards: Collection[Card]) -> dict[str, DatasetVersion]:
    """{dataset: its newest version}, without its profile; each knows whether it is `trainable`."""
    keys = {(card.dataset_id, card.number) for card in cards}
    datasets, numbers = {dataset for dataset, _number in keys}, {number for _dataset, number in keys}
    versions = DatasetVersion.objects.filter(dataset__in=datasets, number__in=numbers).order_by()
    candidates = versions.only("dataset_id", "number", "status", "rows", "error").annotate(**DatasetVersion.OF_LISTS)
    return {version.dataset_id: version for version in candidates if (version.dataset_id, version.number) in keys}


def runs_at_work(workspace: Workspace) -> list[Run]:
    """Those that have not ended, the first in the queue first."""
    active = Run.objects.for_workspace(workspace).active().order_by("queued_at")
    return list(active.select_related("prototype").defer(*NOT_SHOWN))


def spent(workspace: Workspace) -> tuple[dict[str, Decimal], dict[str, Decimal]]:
    """This month's money: {prototype: money}, {kind: money}."""
    entries = LedgerEntry.objects.for_workspace(workspace).filter(created_at__gte=month_start())
    by_prototype: dict[str, Decimal] = {}
    by_kind = {kind: Decimal(0) for kind in ("hosting", "training", "data")}
    for prototype, kind, amount in entries.values_list("prototype", "kind").annotate(Sum("amount")).order_by():
        by_prototype[prototype] = by_prototype.get(prototype, Decimal(0)) + amount
        by_kind[kind] = by_kind.get(kind, Decimal(0)) + amount
    return by_prototype, by_kind


def corrected(workspace: Workspace) -> list[Mapping[str, Any]]:
    """[{prototype, name, total}] of the demos whose visitors said most often that an answer was wrong."""
    wrong = Feedback.objects.for_workspace(workspace).filter(verdict=Feedback.DOWN)
    by_demo = wrong.values(prototype=F("endpoint__prototype_id"), name=F("endpoint__prototype__name"))
    return list(by_demo.annotate(total=Count("pk")).order_by("-total")[:TO_DO])
