"""Home: the prototypes of a workspace as cards, live and running first, how many of each state, and what was spent."""

from typing import Any

from django.core.paginator import Page, Paginator
from django.db.models import Case, Count, Exists, OuterRef, Q, QuerySet, Subquery, Sum, When

from webapp.accounts.models import Workspace
from webapp.core.states import state_of
from webapp.costs.actions import month_start
from webapp.costs.gate import Month
from webapp.costs.models import LedgerEntry
from webapp.datasets.models import DatasetVersion, Status
from webapp.prototypes.models import Prototype

CARDS_PER_PAGE = 12
TO_DO = 3
ENDED = ("succeeded", "failed", "cancelled")


def run_model() -> Any:
    """Runs are a layer above prototypes; the relation leads there without an import."""
    return Prototype._meta.get_field("runs").related_model


def spent_by(field: str, workspace: Workspace) -> dict[str, Any]:
    """This month's money by a field of the ledger."""
    entries = LedgerEntry.objects.for_workspace(workspace).filter(created_at__gte=month_start())
    return dict(entries.values_list(field).annotate(total=Sum("amount")).order_by())


def with_states(workspace: Workspace) -> QuerySet[Prototype]:
    """Prototypes, those whose demo is live first, then those with a run at work, then the newest."""
    runs = run_model().objects.filter(prototype=OuterRef("pk")).order_by()
    return (
        Prototype.objects.for_workspace(workspace)
        .with_data()
        .annotate(has_runs=Exists(runs), active=Exists(runs.active()), finished=Exists(runs.with_model()))
        .annotate(place=Case(When(endpoint__status="live", then=0), When(active=True, then=1), default=2))
        .order_by("place", "-created_at", "id")
    )


def to_do(workspace: Workspace) -> dict[str, list[Prototype]]:
    """{untrained}: the newest prototypes with data but no run."""
    versions = DatasetVersion.objects.filter(dataset=OuterRef("dataset")).order_by("-number")
    newest = with_states(workspace).annotate(version_status=Subquery(versions.values("status")[:1]))
    untrained = list(newest.filter(has_runs=False, version_status=Status.READY).order_by("-created_at")[:TO_DO])
    latest = latest_versions(untrained)
    for one in untrained:
        one.version = latest.get(one.dataset_id)
    return {"untrained": untrained}


def counts(workspace: Workspace, money: Month) -> dict[str, int]:
    """How many prototypes are in each state, over all pages; `training` also counts the live ones with a run at work."""
    groups = (
        with_states(workspace).order_by().values("endpoint__status", "active", "finished").annotate(total=Count("pk"))
    )
    found: dict[str, int] = {}
    for group in groups:
        endpoint, active = group["endpoint__status"], group["active"]
        state = state_of(
            live=endpoint == "live",
            endpoint=bool(endpoint),
            active=active,
            finished=group["finished"],
            budget_is_spent=money.is_spent,
        )
        for name in {state, *(["training"] if active else [])}:
            found[name] = found.get(name, 0) + group["total"]
    return found


def cards(workspace: Workspace, money: Month, search: str = "", number: Any = None) -> Page[Prototype]:
    """One page of prototypes whose name or description holds `search`, with what their card shows: best_run,
    active_run, spent, version, state; a constant number of queries."""
    runs = run_model().objects
    of_this = runs.filter(prototype=OuterRef("pk"))
    wanted = with_states(workspace).select_related("dataset", "endpoint")
    if search:
        wanted = wanted.filter(Q(name__icontains=search) | Q(summary__icontains=search))
    wanted = wanted.annotate(
        best_id=Subquery(of_this.scored().best_first().values("pk")[:1]),
        active_id=Subquery(of_this.active().order_by("-number").values("pk")[:1]),
    )
    page = Paginator(wanted, CARDS_PER_PAGE).get_page(number)
    describe(page.object_list, workspace, money)
    return page


def latest_versions(prototypes: Any) -> dict[str, DatasetVersion]:
    """{dataset id: its newest version}, without its profile; each knows whether it is `trainable`."""
    versions = DatasetVersion.objects.filter(dataset__in={one.dataset_id for one in prototypes}).order_by("number")
    fields = ("id", "dataset_id", "number", "status", "rows", "error", "progress")
    return {one.dataset_id: one for one in versions.only(*fields).annotate(**DatasetVersion.OF_LISTS)}


def describe(prototypes: Any, workspace: Workspace, money: Month) -> None:
    """Put onto each prototype what its card shows."""
    shown = run_model().objects.in_bulk({pk for one in prototypes for pk in (one.best_id, one.active_id) if pk})
    latest = latest_versions(prototypes)
    spent = spent_by("prototype", workspace)
    for one in prototypes:
        endpoint = getattr(one, "endpoint", None)
        one.best_run, one.active_run = shown.get(one.best_id), shown.get(one.active_id)
        one.spent = spent.get(one.pk)
        one.version = latest.get(one.dataset_id)
        one.state = state_of(
            live=bool(endpoint and endpoint.status == "live"),
            endpoint=bool(endpoint),
            active=one.active,
            finished=one.finished,
            budget_is_spent=money.is_spent,
        )
