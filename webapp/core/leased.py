"""Rows whose work a worker does, and how far each has come, whoever dies meanwhile.

    waiting → held → finished | failed
        ↖      ↓
        interrupted                (its worker was stopped or died; after too many deaths it fails)

The row is the truth; the queue's message carries only its id. Every change of state is a compare-and-set here, so a message
that is delivered twice, or a worker that comes back from the dead, changes nothing. `webapp.core.work` does the work.
"""

import secrets
from datetime import datetime, timedelta
from typing import Any, ClassVar, Self, TypeVar, cast

from django.conf import settings
from django.db import models, transaction
from django.db.models import F, Q
from django.utils import timezone
from django.utils.module_loading import import_string

from webapp.core.models import WorkspaceOwned, WorkspaceQuerySet
from webapp.core.queues import enqueue

Row = TypeVar("Row", bound="Leased")
FREE: dict[str, Any] = {"lease": "", "lease_until": None, "sent_at": None}
"""Nobody has it, and nobody was told of it."""


class LeasedQuerySet(WorkspaceQuerySet[Row]):
    def waiting(self) -> Self:
        """There is work to do, and nobody does it."""
        return self.filter(self.model.WAITING, lease="")

    def unsent(self) -> Self:
        """Those that wait and whose message may be lost; one too many is refused by the claim."""
        late = timezone.now() - timedelta(seconds=self.model.RESEND_SECONDS)
        return self.waiting().filter(Q(sent_at=None) | Q(sent_at__lt=late))

    def silent(self) -> Self:
        """Held by a worker that has not been heard of for a whole lease."""
        return self.filter(self.model.HELD, lease_until__lt=timezone.now())

    def miss(self) -> None:
        """Note of those that are silent when that was first seen."""
        news = Q(missed_at=None) | Q(missed_at__lt=F("lease_until"))
        self.silent().filter(news).update(missed_at=timezone.now())

    def expired(self) -> Self:
        """Silent for long enough after that was first seen. A database that was away comes back with all leases run out: the
        workers, who could not renew theirs, are heard before anybody is taken for dead."""
        patience = timedelta(seconds=settings.RUN_LEASE_SECONDS / 2)
        seen = Q(missed_at__gte=F("lease_until"), missed_at__lt=timezone.now() - patience)
        return self.silent().filter(seen)


class Leased(WorkspaceOwned):
    """A kind says in which states its rows wait and are held, what a change of state writes beside the lease, and which
    task of Celery does the work."""

    TASK: ClassVar[str]
    """The dotted name of the Celery task, which takes the row's id."""
    WAITING: ClassVar[Q]
    HELD: ClassVar[Q]
    CLAIMED: ClassVar[dict[str, Any]] = {}
    INTERRUPTED: ClassVar[dict[str, Any]] = {}
    FAILED: ClassVar[dict[str, Any]] = {}
    MAX_ATTEMPTS: ClassVar[int] = 2
    RESEND_SECONDS: ClassVar[float] = 120
    """How long a message may take to be heard before it is sent again."""

    sent_at = models.DateTimeField(null=True, help_text="when its message last went to the queue")
    lease = models.CharField(max_length=32, blank=True, help_text="of the worker that has it; empty: nobody")
    lease_until = models.DateTimeField(null=True)
    missed_at = models.DateTimeField(null=True, help_text="when a sweep first found that its lease had run out")
    attempts = models.PositiveSmallIntegerField(default=0)
    finished_at = models.DateTimeField(null=True)
    error = models.JSONField(null=True, help_text="why it failed: {code, message, hint, detail?}")

    objects: ClassVar = LeasedQuerySet.as_manager()

    class Meta(WorkspaceOwned.Meta):
        abstract = True

    # State changes. Each returns whether it happened.

    @classmethod
    def everywhere(cls) -> LeasedQuerySet[Self]:
        return cast(LeasedQuerySet[Self], cls._default_manager.all())

    def in_state(self, *states: str) -> LeasedQuerySet[Self]:
        return self.everywhere().filter(status__in=states)

    def move(self, rows: LeasedQuerySet[Self], /, **fields: object) -> bool:
        """Compare and set: only while it is one of `rows`."""
        moved = bool(rows.filter(pk=self.pk).update(**fields))
        if moved:
            self.refresh_from_db()
        return moved

    def held(self, lease: str) -> LeasedQuerySet[Self]:
        return self.everywhere().filter(self.HELD, pk=self.pk, lease=lease)

    def claim(self, **fields: object) -> str | None:
        """Take it for one worker; its lease, or None when somebody else has it or there is nothing to do any more."""
        lease = secrets.token_hex(16)
        taken = {"lease": lease, "lease_until": next_lease(), "attempts": F("attempts") + 1, "error": None}
        return lease if self.move(self.everywhere().waiting(), **taken, **self.CLAIMED, **fields) else None

    def beat(self, lease: str, **fields: object) -> bool:
        """Renew the lease and store progress; False when it is no longer this worker's."""
        return bool(self.held(lease).update(lease_until=next_lease(), **fields))

    def finish(self, lease: str, **fields: object) -> bool:
        return self.move(self.held(lease), **ended(), **fields)

    def interrupt(self, lease: str, **fields: object) -> bool:
        """Its worker stops, or its trainer died: for another one to begin anew."""
        return self.move(self.held(lease), **FREE, **self.INTERRUPTED, **fields)

    def expire(self) -> bool:
        """Take it from a worker that is gone, unless that one was heard of at the last moment."""
        return self.move(self.everywhere().expired().filter(lease=self.lease), **FREE, **self.INTERRUPTED)

    def requeue(self) -> bool:
        """What was interrupted waits again."""
        return self.everywhere().waiting().filter(pk=self.pk).exists()

    def give_up(self, error: dict[str, Any]) -> bool:
        """One that nobody holds fails."""
        return self.move(self.everywhere().waiting(), error=error, **self.FAILED, **ended())

    @property
    def deaths(self) -> int:
        """Attempts that count."""
        return self.attempts

    # The queue

    @property
    def queue(self) -> dict[str, Any]:
        """Options of its message."""
        return {}

    def send(self, **options: object) -> None:
        """Put its id on the queue once the row is committed. A broker that is away is made good by the sweeper."""
        transaction.on_commit(lambda: self.deliver(**options))

    def deliver(self, **options: object) -> bool:
        self.everywhere().filter(pk=self.pk).update(sent_at=timezone.now())
        return enqueue(import_string(self.TASK), self.pk, **self.queue, **options)


def ended() -> dict[str, Any]:
    return {"lease": "", "lease_until": None, "finished_at": timezone.now()}


def next_lease() -> datetime:
    return timezone.now() + timedelta(seconds=settings.RUN_LEASE_SECONDS)
