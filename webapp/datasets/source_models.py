"""Places that rows are read from again and again (`webapp.datasets.rereading`)."""

from datetime import timedelta
from pathlib import Path
from typing import Any, ClassVar, Self

from django.db import models
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from webapp.accounts.models import User
from webapp.core import readers
from webapp.core.leased import Leased, LeasedQuerySet, ended


class Every(models.TextChoices):
    HOUR = "hourly", _("Every hour")
    DAY = "daily", _("Every day")
    WEEK = "weekly", _("Every week")


PERIODS = {Every.HOUR: timedelta(hours=1), Every.DAY: timedelta(days=1), Every.WEEK: timedelta(weeks=1)}


class Kind(models.TextChoices):
    URL = "url", _("Address")
    SHEET = "sheet", "Google Sheet"
    S3 = "s3", "S3"
    FOLDER = "folder", _("Folder of the server")


class DataSourceQuerySet(LeasedQuerySet["DataSource"]):
    def due_by_time(self) -> Self:
        return self.filter(due=False, paused=False, next_at__lte=timezone.now())


class DataSource(Leased):
    """`due`: it is to be read now, or is being read. What it was like when it was read last is known by `etag`, `modified` and
    `sha256`; which rows were seen, by a file in `folder`."""

    TASK = "webapp.datasets.tasks.read_source"
    WAITING = HELD = Q(due=True)
    FAILED = {"due": False}
    RESEND_SECONDS = 60

    dataset = models.ForeignKey("datasets.Dataset", on_delete=models.CASCADE, related_name="data_sources")
    created_by = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, related_name="+")
    kind = models.CharField(max_length=8, choices=Kind)
    address = models.TextField(help_text="as it is shown: without what may be a secret")
    sealed = models.TextField(help_text="the whole address, and what S3 asks for, encrypted (webapp.core.sealed)")
    every = models.CharField(max_length=8, choices=Every, default=Every.DAY)
    paused = models.BooleanField(default=False)
    due = models.BooleanField(default=True)
    known = models.BooleanField(
        default=False, help_text="whether the rows of the first reading are in the data already"
    )
    next_at = models.DateTimeField(null=True, db_index=True)
    checked_at = models.DateTimeField(null=True, help_text="when it was last read to its end")
    failures = models.PositiveIntegerField(default=0, help_text="in a row")
    etag = models.CharField(max_length=200, blank=True)
    modified = models.CharField(max_length=60, blank=True)
    sha256 = models.CharField(max_length=64, blank=True)
    rows = models.BigIntegerField(default=0, help_text="that it had when it last changed")
    new_rows = models.BigIntegerField(default=0, help_text="of these, those that joined the data")
    left_out = models.JSONField(default=list, help_text="problems: what of it could not be read")
    made = models.ForeignKey(
        "datasets.DatasetVersion",
        on_delete=models.SET_NULL,
        null=True,
        related_name="+",
        help_text="with its last new rows",
    )

    objects: ClassVar = DataSourceQuerySet.as_manager()

    def __str__(self) -> str:
        return self.address

    @property
    def queue(self) -> dict[str, Any]:
        return {"queue": readers.QUEUE}

    @property
    def folder(self) -> Path:
        """Beside the versions of its dataset, with which it goes."""
        return self.dataset.folder / f"source-{self.pk}"

    @property
    def is_working(self) -> bool:
        return bool(self.due)

    def later(self) -> dict[str, Any]:
        """Fields of one that was read: when again."""
        return {"due": False, "attempts": 0, "next_at": timezone.now() + PERIODS[Every(self.every)]}

    def finish(self, lease: str, **fields: object) -> bool:
        failed = {"failures": F("failures") + 1} if fields.get("error") else {}
        return self.move(
            self.held(lease), **(ended() | self.later() | {"checked_at": timezone.now()} | failed | fields)
        )

    def give_up(self, error: dict[str, Any]) -> bool:
        fields = ended() | self.later() | {"failures": F("failures") + 1}
        return self.move(self.everywhere().waiting(), error=error, **fields)

    def wake(self) -> bool:
        """To be read now."""
        return self.move(type(self).everywhere().filter(due=False), due=True, attempts=0, sent_at=None)
