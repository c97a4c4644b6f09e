"""What was done lately in a workspace, and by how many visitors its demos were used, as home tells it."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import F, Max, Sum
from django.db.models.functions import TruncDate
from django.utils import timezone

from webapp.accounts.models import AuditEvent, Workspace
from webapp.core.models import WorkspaceOwned
from webapp.endpoints.models import UsageHour
from webapp.pages.overview import Overview
from webapp.prototypes.models import Prototype
from webapp.runs.models import Run

SHOWN = 6
LOOKED_AT = (24, 240)
"""How many of the newest events are read, and then, where too few of them are told."""
DEMOS_SHOWN = 3
DEMOS_SINCE = timedelta(days=7)
TOGETHER = timedelta(seconds=10)
"""What one press does is one thing to a person: an upload and the prototype made of it, a prototype deleted with its demo
and its data."""
TOLD_BY_NEXT = (
    ("uploaded", "dataset", "created", "prototype"),
    ("deleted", "endpoint", "deleted", "prototype"),
)
DATA_GO = ("deleted", "prototype", "deleted", "dataset")
NAMED = ("budget", "endpointkey", "key", "link", "price", "sharelink", "source", "token")
"""Subjects whose text does not say what they are."""


@dataclass(frozen=True)
class Happening:
    """What somebody did. run_id: of its run, while that is there; train_id: of the prototype whose run was not started;
    names_subject: whether the kind of its object must be named."""

    event: AuditEvent
    run_id: str = ""
    train_id: str = ""
    names_subject: bool = False

    @property
    def created_at(self) -> datetime:
        return self.event.created_at


@dataclass(frozen=True)
class DemoDay:
    """How often the page of one demo was asked on one day, and in which hour last."""

    name: str
    prototype: str
    total: int
    created_at: datetime


def recent(workspace: Workspace, overview: Overview) -> list[Happening | DemoDay]:
    """The newest events, each told once, and one entry a day for each demo that visitors used."""
    events, days = newest_events(workspace, overview.unread), demo_days(workspace) if overview.has_demos else []
    entries: list[AuditEvent | DemoDay] = [*events, *days]
    newest = sorted(entries, key=lambda entry: entry.created_at, reverse=True)[:SHOWN]
    audit_events = [entry for entry in newest if isinstance(entry, AuditEvent)]
    runs = present(Run, workspace, audit_events, "run")
    prototypes = present(Prototype, workspace, audit_events, "retraining")
    return [entry if isinstance(entry, DemoDay) else happening(entry, runs, prototypes) for entry in newest]


def happening(event: AuditEvent, runs: set[str], prototypes: set[str]) -> Happening:
    subject = event.subject_id
    return Happening(
        event,
        run_id=subject if subject in runs else "",
        train_id=subject if subject in prototypes else "",
        names_subject=event.subject in NAMED,
    )


def present(model: type[WorkspaceOwned], workspace: Workspace, events: list[AuditEvent], subject: str) -> set[str]:
    """The ids of the events' subjects of one kind that still have their row in `model`."""
    ids = [event.subject_id for event in events if event.subject == subject]
    rows = model.objects.for_workspace(workspace).filter(pk__in=ids).order_by()
    return set(rows.values_list("pk", flat=True)) if ids else set()


def newest_events(workspace: Workspace, unread: set[str]) -> list[AuditEvent]:
    """The newest events, each told once, without those of files that could not be read: they leave nothing. What was
    `discarded` says so later than all else that was done to it, so whoever reads the newest events has read that."""
    newest = AuditEvent.objects.for_workspace(workspace).select_related("user")
    events: list[AuditEvent] = []
    for most in LOOKED_AT:
        batch = list(newest[:most])
        nothing = unread.union(event.subject_id for event in batch if event.verb == "discarded")
        events = each_once(event for event in batch if event.subject_id not in nothing)
        if len(events) > SHOWN or len(batch) < most:
            break
    return events


def each_once(candidates: Iterable[AuditEvent]) -> list[AuditEvent]:
    events: list[AuditEvent] = []
    for event in candidates:
        if events and are_together(event, events[-1], DATA_GO):
            events[-1] = event
        elif not (events and are_together(event, events[-1], *TOLD_BY_NEXT)):
            events.append(event)
    return events


def are_together(event: AuditEvent, later: AuditEvent, *pairs: tuple[str, ...]) -> bool:
    """Whether an event and the next one are one of these pairs, of one person, in one moment."""
    pair = (event.verb, event.subject, later.verb, later.subject)
    return pair in pairs and event.user_id == later.user_id and later.created_at - event.created_at < TOGETHER


def demo_days(workspace: Workspace) -> list[DemoDay]:
    """The latest days on which demo pages were used. Usage without a key is the demo page's; refused requests do not count."""
    days = (
        UsageHour.objects.filter(endpoint__workspace=workspace, key="", hour__gte=timezone.now() - DEMOS_SINCE)
        .values(day=TruncDate("hour"), name=F("endpoint__name"), prototype=F("endpoint__prototype_id"))
        .annotate(total=Sum("requests") - Sum("errors"), created_at=Max("hour"))
        .filter(total__gt=0)
        .order_by("-created_at", "prototype")
    )
    return [DemoDay(day["name"], day["prototype"], day["total"], day["created_at"]) for day in days[:DEMOS_SHOWN]]
