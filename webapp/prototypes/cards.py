"""Home: the prototypes of a workspace as cards, live and running first, how many of each state, and what was spent."""

from typing import Any

from django.core.paginator import Page, Paginator
from django.db.models import Case, Exists, OuterRef, Q, QuerySet, Subquery, Sum, When

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


def of_workspace(workspace: Workspace) -> QuerySet[Prototype]:
    return Prototype.objects.for_workspace(workspace).with_data()


def prototypes_of(runs: Any) -> set[str]:
    """The ids of the prototypes that have one of these runs."""
    return set(runs.order_by().values_list("prototype", flat=True).distinct())


def to_do(workspace: Workspace) -> dict[str, Any]:
    """{untrained}: the newest prototypes with data but no run; {importing}: the newest one whose data are being read, or None."""
    versions = DatasetVersion.objects.filter(dataset=OuterRef("dataset")).order_by("-number")
    without = of_workspace(workspace).filter(~Exists(run_model().objects.filter(prototype=OuterRef("pk"))))
    without = without.annotate(version_status=Subquery(versions.values("status")[:1])).order_by("-created_at")
    untrained = list(without.filter(version_status=Status.READY)[:TO_DO])
    latest = latest_versions(untrained)
    for one in untrained:
        one.version = latest.get(one.dataset_id)
    return {"untrained": untrained, "importing": without.filter(version_status=Status.PROCESSING).first()}


def counts(workspace: Workspace, money: Month, training: set[str]) -> dict[str, int]:
    """How many prototypes are in each state, over all pages; `training` also counts the live ones with a run at work.
    `training`: see `at_work`."""
    runs = run_model().objects.for_workspace(workspace)
    finished, ended = prototypes_of(runs.with_model()), prototypes_of(runs.filter(status="succeeded"))
    found: dict[str, int] = {}
    for pk, endpoint in of_workspace(workspace).order_by().values_list("pk", "endpoint__status"):
        state = state_of(
            live=endpoint == "live",
            endpoint=bool(endpoint),
            active=pk in training,
            finished=pk in finished,
            removed=pk in ended,
            budget_is_spent=money.is_spent,
        )
        for name in {state, *(["training"] if pk in training else [])}:
            found[name] = found.get(name, 0) + 1
    return found


def at_work(workspace: Workspace) -> set[str]:
    """The ids of the prototypes with a run that has not ended."""
    return prototypes_of(run_model().objects.for_workspace(workspace).active())


def cards(
    workspace: Workspace, money: Month, training: set[str], search: str = "", number: Any = None
) -> Page[Prototype]:
    """One page of prototypes whose name or description holds `search`, those whose demo is live first, then those with a run
    at work, then the newest, with what their card shows: best_run, active_run, spent, version, state; a constant number
    of queries, none of which looks at the runs of other pages' prototypes."""
    place = Case(When(endpoint__status="live", then=0), When(pk__in=training, then=1), default=2)
    wanted = of_workspace(workspace).select_related("dataset", "endpoint").alias(place=place)
    if search:
        wanted = wanted.filter(Q(name__icontains=search) | Q(summary__icontains=search))
    page = Paginator(wanted.order_by("place", "-created_at", "id"), CARDS_PER_PAGE).get_page(number)
    describe(page.object_list, workspace, money)
    return page


def latest_versions(prototypes: Any) -> dict[str, DatasetVersion]:
    """{dataset id: its newest version}, without its profile; each knows whether it is `trainable`."""
    versions = DatasetVersion.objects.filter(dataset__in={one.dataset_id for one in prototypes}).order_by("number")
    fields = ("id", "dataset_id", "number", "status", "rows", "error", "progress")
    return {one.dataset_id: one for one in versions.only(*fields).annotate(**DatasetVersion.OF_LISTS)}


def runs_of(prototypes: Any) -> dict[str, tuple[Any, Any, Any, bool]]:
    """{prototype: (its best run, its newest run at work, the run that Share offers, each None where there is none, whether
    one has finished)}."""
    every = run_model().objects
    of_this = every.filter(prototype=OuterRef("pk"))
    chosen = Prototype.objects.filter(pk__in=[one.pk for one in prototypes]).order_by()
    named = chosen.values_list(
        "pk",
        Subquery(of_this.scored().best_first().values("pk")[:1]),
        Subquery(of_this.active().order_by("-number").values("pk")[:1]),
        Subquery(of_this.with_model().best_first().values("pk")[:1]),
        Exists(of_this.filter(status="succeeded")),
    )
    rows = list(named)
    found = every.in_bulk({run for _pk, *of_it, _finished in rows for run in of_it if run})
    return {pk: (*map(found.get, of_it), finished) for pk, *of_it, finished in rows}


def describe(prototypes: Any, workspace: Workspace, money: Month) -> None:
    """Put onto each prototype what its card shows."""
    runs, latest, spent = runs_of(prototypes), latest_versions(prototypes), spent_by("prototype", workspace)
    for one in prototypes:
        endpoint = getattr(one, "endpoint", None)
        one.best_run, one.active_run, one.offered_run, finished = runs.get(one.pk, (None, None, None, False))
        one.spent = spent.get(one.pk)
        one.version = latest.get(one.dataset_id)
        one.state = state_of(
            live=bool(endpoint and endpoint.status == "live"),
            endpoint=bool(endpoint),
            active=one.active_run is not None,
            finished=one.offered_run is not None,
            removed=finished,
            budget_is_spent=money.is_spent,
        )
