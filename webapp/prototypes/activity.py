"""What was done lately in a workspace, and by how many visitors its demos were used, as home tells it."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import F, Max, QuerySet, Sum
from django.db.models.functions import TruncDate
from django.utils import timezone

from webapp.accounts.models import AuditEvent, Workspace
from webapp.datasets.models import Dataset
from webapp.prototypes.cards import run_model
from webapp.prototypes.models import Prototype

SHOWN = 6
LOOKED_AT = 24
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
NAMED = ("budget", "endpointkey", "key", "link", "price", "sharelink", "token")
"""Subjects whose text does not say what they are."""


@dataclass(frozen=True)
class DemoDay:
    """How often the page of one demo was asked on one day, and in which hour last."""

    name: str
    prototype: str
    total: int
    created_at: datetime


def recent(workspace: Workspace) -> list[AuditEvent | DemoDay]:
    """The newest events, each told once, and one entry a day for each demo that visitors used. Of an event, `run_id` is set
    where its run is still there, `train_id` (a prototype's) where a run was not started, `names_subject` where its kind is told."""
    events: list[AuditEvent] = []
    for event in told(workspace).select_related("user")[:LOOKED_AT]:
        if events and are_together(event, events[-1], DATA_GO):
            events[-1] = event
        elif not (events and are_together(event, events[-1], *TOLD_BY_NEXT)):
            events.append(event)
    together = sorted([*events, *demo_days(workspace)], key=lambda one: one.created_at, reverse=True)[:SHOWN]
    shown = [one for one in together if isinstance(one, AuditEvent)]
    ids = [event.subject_id for event in shown if event.subject == "run"]
    there = set(run_model().objects.for_workspace(workspace).filter(pk__in=ids).values_list("pk", flat=True))
    asked = [event.subject_id for event in shown if event.subject == "retraining"]
    owners = set(Prototype.objects.for_workspace(workspace).filter(pk__in=asked).values_list("pk", flat=True))
    for event in shown:
        event.train_id = event.subject_id if event.subject == "retraining" and event.subject_id in owners else ""
        event.run_id = event.subject_id if event.subject_id in there else ""
        event.names_subject = event.subject in NAMED
    return together


def told(workspace: Workspace) -> QuerySet[AuditEvent]:
    """Events, without those of files that could not be read: they leave nothing."""
    events = AuditEvent.objects.for_workspace(workspace)
    of_nothing = (
        Prototype.objects.for_workspace(workspace).unread().values("pk"),
        Dataset.objects.for_workspace(workspace).unread().values("pk"),
        events.filter(verb="discarded").order_by().values("subject_id"),
    )
    for ids in of_nothing:
        events = events.exclude(subject_id__in=ids)
    return events


def are_together(event: AuditEvent, later: AuditEvent, *pairs: tuple[str, ...]) -> bool:
    """Whether an event and the next one are one of these pairs, of one person, in one moment."""
    pair = (event.verb, event.subject, later.verb, later.subject)
    return pair in pairs and event.user_id == later.user_id and later.created_at - event.created_at < TOGETHER


def demo_days(workspace: Workspace) -> list[DemoDay]:
    """The latest days on which demo pages were used. Usage without a key is the demo page's; refused requests do not count.
    Endpoints are a layer above; the relation leads there without an import."""
    usage = Prototype._meta.get_field("endpoint").related_model._meta.get_field("usage").related_model
    days = (
        usage.objects.filter(endpoint__workspace=workspace, key="", hour__gte=timezone.now() - DEMOS_SINCE)
        .values(day=TruncDate("hour"), name=F("endpoint__name"), prototype=F("endpoint__prototype_id"))
        .annotate(total=Sum("requests") - Sum("errors"), created_at=Max("hour"))
        .filter(total__gt=0)
        .order_by("-created_at", "prototype")
    )
    return [DemoDay(one["name"], one["prototype"], one["total"], one["created_at"]) for one in days[:DEMOS_SHOWN]]
