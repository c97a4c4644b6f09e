"""What was done lately in a workspace, as home tells it."""

from datetime import timedelta

from webapp.accounts.models import AuditEvent, Workspace
from webapp.prototypes.cards import run_model
from webapp.prototypes.models import Prototype

SHOWN = 6
LOOKED_AT = 24
TOGETHER = timedelta(seconds=10)
"""An upload and the prototype made of it are one thing to a person."""
NAMED = ("budget", "endpointkey", "key", "link", "price", "sharelink", "token")
"""Subjects whose text does not say what they are."""


def recent(workspace: Workspace) -> list[AuditEvent]:
    """The newest events, each told once. `run_id` is set where its run is still there, `train_id` (a prototype's) where a run
    was not started, `names_subject` where its kind is told."""
    events: list[AuditEvent] = []
    for event in AuditEvent.objects.for_workspace(workspace).select_related("user")[:LOOKED_AT]:
        if not (events and is_upload_of(event, events[-1])):
            events.append(event)
    shown = events[:SHOWN]
    ids = [event.subject_id for event in shown if event.subject == "run"]
    there = set(run_model().objects.for_workspace(workspace).filter(pk__in=ids).values_list("pk", flat=True))
    asked = [event.subject_id for event in shown if event.subject == "retraining"]
    owners = set(Prototype.objects.for_workspace(workspace).filter(pk__in=asked).values_list("pk", flat=True))
    for event in shown:
        event.train_id = event.subject_id if event.subject == "retraining" and event.subject_id in owners else ""
        event.run_id = event.subject_id if event.subject_id in there else ""
        event.names_subject = event.subject in NAMED
    return shown


def is_upload_of(event: AuditEvent, later: AuditEvent) -> bool:
    """Whether an upload's event is told by the next one, of the prototype made from it."""
    pair = (event.verb, event.subject, later.verb, later.subject) == ("uploaded", "dataset", "created", "prototype")
    return pair and event.user_id == later.user_id and later.created_at - event.created_at < TOGETHER
