"""How every prototype of a workspace stands: three flat queries, however much there is.

Home counts them all, orders them, finds what waits for a person and leaves out what came to nothing. It reads each of
these off the same rows rather than ask the database anew.
"""

from dataclasses import dataclass
from decimal import Decimal

from django.db.models import Count, Max, Q

from webapp.accounts.models import Workspace
from webapp.core.states import state_of
from webapp.costs.gate import Month
from webapp.datasets.models import DatasetVersion, Status
from webapp.endpoints.models import Status as DemoStatus
from webapp.prototypes.models import Prototype, glyph_of
from webapp.runs.models import Run
from webapp.runs.querysets import ENDED, LISTED
from webapp.runs.querysets import Status as RunStatus


@dataclass
class Card:
    """A prototype: its demo's status (None without a demo), the number and the status of its newest version, how many runs it
    has, how many of them finished, how many of those still have a model, and how many are at work."""

    pk: str
    name: str
    summary: str
    dataset_id: str
    dataset_name: str
    demo: str | None
    number: int
    data: str
    runs: int
    finished: int
    models: int
    active: int
    state: str = ""

    # What only a card that is shown has (`cards.describe`).
    best_run: Run | None = None
    active_run: Run | None = None
    offered_run: Run | None = None
    version: DatasetVersion | None = None
    spent: Decimal | None = None

    @property
    def glyph(self) -> str:
        return glyph_of(self.pk)

    @property
    def demo_title(self) -> str:
        """The demo's status in words."""
        return str(DemoStatus(self.demo).label if self.demo else "")

    def state_under(self, money: Month) -> str:
        return state_of(
            live=self.demo == DemoStatus.LIVE,
            endpoint=bool(self.demo),
            active=bool(self.active),
            finished=bool(self.models),
            removed=bool(self.finished),
            budget_is_spent=money.is_spent,
        )


@dataclass(frozen=True)
class Overview:
    """cards: the prototypes whose data were read or are being read, the newest first. unread: the ids of the others, and of
    datasets, whose files could not be read: of them no list shows anything."""

    cards: list[Card]
    unread: set[str]

    def counts(self) -> dict[str, int]:
        """How many prototypes are in each state; `training` also counts the live ones with a run at work."""
        counted: dict[str, int] = {}
        for card in self.cards:
            for state in {card.state, "training"} if card.active else {card.state}:
                counted[state] = counted.get(state, 0) + 1
        return counted

    @property
    def untrained(self) -> list[Card]:
        """Those with data but no run."""
        return [card for card in self.cards if card.data == Status.READY and not card.runs]

    @property
    def importing(self) -> Card | None:
        """The newest without a run whose data are being read."""
        return next((card for card in self.cards if card.data == Status.PROCESSING and not card.runs), None)

    @property
    def has_demos(self) -> bool:
        return any(card.demo for card in self.cards)

    @property
    def has_runs_at_work(self) -> bool:
        return any(card.active for card in self.cards)


def overview(workspace: Workspace, money: Month) -> Overview:
    """`money` decides whether a demo that is live is paused."""
    prototypes = Prototype.objects.for_workspace(workspace).order_by("-created_at", "id")
    rows = list(prototypes.values_list("pk", "name", "summary", "dataset_id", "dataset__name", "endpoint__status"))
    versions, runs = newest_versions(workspace), counted_runs(workspace)
    cards = [
        Card(*row, *newest, *runs.get(row[0], (0, 0, 0, 0)))
        for row in rows
        if (newest := versions.get(row[3])) is not None
    ]
    for card in cards:
        card.state = card.state_under(money)
    unread = {row[0] for row in rows}.difference(card.pk for card in cards)
    return Overview(cards, unread.union(dataset for dataset, newest in versions.items() if newest is None))


def newest_versions(workspace: Workspace) -> dict[str, tuple[int, str] | None]:
    """{dataset: (number, status) of its newest version, or None where every version has failed}."""
    counted = DatasetVersion.objects.for_workspace(workspace).order_by().values_list("dataset")
    last = {status: Max("number", filter=Q(status=status)) for status in (Status.READY, Status.PROCESSING)}
    versions: dict[str, tuple[int, str] | None] = {}
    for dataset, newest, ready, processing in counted.annotate(Max("number"), **last):
        status = Status.READY if newest == ready else Status.PROCESSING if newest == processing else Status.FAILED
        versions[dataset] = None if ready is None and processing is None else (newest, status)
    return versions


def counted_runs(workspace: Workspace) -> dict[str, list[int]]:
    """{prototype: [how many runs it has, how many finished, have a model, are at work]}."""
    counted = Run.objects.for_workspace(workspace).order_by().values_list("prototype")
    finished = Q(status=RunStatus.SUCCEEDED)
    rows = counted.annotate(
        runs=Count("pk", filter=LISTED),
        finished=Count("pk", filter=finished),
        models=Count("pk", filter=finished & Q(model_removed_at=None)),
        active=Count("pk", filter=~Q(status__in=ENDED)),
    )
    return {prototype: counts for prototype, *counts in rows}
