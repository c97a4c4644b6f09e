"""Datasets and their versions.

A dataset is what a person calls one thing; a version is what was read once and never changes: rows, columns, roles
and split, under one content hash. Another mapping or a fix makes the next version.

    processing → ready | failed
"""

from pathlib import Path
from typing import Any, ClassVar, Self

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.db.models.fields.json import KT
from django.utils.translation import gettext_lazy as _

from trainer import cache
from trainer.columns import ColumnProfile
from trainer.roles import roles_of
from trainer.suggestion import shape_of
from webapp.accounts.models import User
from webapp.catalog.titles import trainable
from webapp.core import readers
from webapp.core.leased import Leased
from webapp.core.models import WorkspaceOwned, WorkspaceQuerySet
from webapp.datasets.folders import checked_path
from webapp.datasets.source_models import DataSource as DataSource
from webapp.datasets.upload_metadata import parse_metadata, path_in


class Status(models.TextChoices):
    PROCESSING = "processing", _("Reading")
    READY = "ready", _("Ready")
    FAILED = "failed", _("Failed")


class DatasetQuerySet(WorkspaceQuerySet["Dataset"]):
    def unread(self) -> Self:
        """Those of files that could not be read: every version has failed."""
        return self.exclude(versions__in=DatasetVersion.objects.exclude(status=Status.FAILED))


class Dataset(WorkspaceOwned):
    name = models.CharField(_("name"), max_length=120)
    created_by = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, related_name="+")
    retention_days = models.PositiveIntegerField(
        null=True, help_text="how long it is kept after its last use; null: DATASET_RETENTION_DAYS"
    )
    upload_bytes = models.BigIntegerField(default=0, help_text="what its files take as they came")
    cache_bytes = models.BigIntegerField(default=0, help_text="what was computed from it, when that was last measured")
    measured_at = models.DateTimeField(
        null=True, db_index=True, help_text="when a walk over its folders last corrected what is kept of them"
    )

    objects: ClassVar = DatasetQuerySet.as_manager()

    def __str__(self) -> str:
        return self.name

    @property
    def latest(self) -> "DatasetVersion | None":
        """The newest version, ready or not."""
        return self.versions.order_by("-number").first()

    @property
    def current(self) -> "DatasetVersion | None":
        """The newest version that can be used."""
        return self.versions.filter(status=Status.READY).order_by("-number").first()

    @property
    def upload_folder(self) -> Path:
        return settings.MAQUETTE_DATA / "uploads" / self.pk

    @property
    def folder(self) -> Path:
        """Of all its versions."""
        return settings.MAQUETTE_DATA / "datasets" / self.pk

    @property
    def cache_folder(self) -> Path:
        """What runs, estimates and previews compute from its rows and keep for the next ones."""
        return cache.folder_of(settings.MAQUETTE_DATA / "cache", self.workspace_id, self.pk)

    @property
    def folders(self) -> list[Path]:
        """Everything on disk that is of it."""
        return [self.upload_folder, self.folder, self.cache_folder]


class DatasetVersion(Leased):
    TASK = "webapp.datasets.tasks.read_version"
    WAITING = HELD = Q(status=Status.PROCESSING)
    FAILED = {"status": Status.FAILED}
    RESEND_SECONDS = 20
    OF_LISTS = {"asked_task": KT("profile__suggestion__task"), "worst_severity": KT("problems__0__severity")}
    """Annotations by which `trainable` needs neither the profile nor the problems (sorted, the worst first)."""

    dataset = models.ForeignKey(Dataset, on_delete=models.CASCADE, related_name="versions")
    number = models.PositiveIntegerField()
    parent = models.ForeignKey("self", on_delete=models.SET_NULL, null=True, related_name="+")
    created_by = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, related_name="+")
    note = models.CharField(max_length=200, blank=True)
    sources = models.JSONField(default=list, help_text="names of the uploaded files, in order")
    request = models.JSONField(default=dict, help_text="task, columns, split and fixes asked for")

    status = models.CharField(max_length=12, choices=Status, default=Status.PROCESSING)
    progress = models.FloatField(default=0)
    rows_read = models.BigIntegerField(default=0)
    seconds = models.FloatField(null=True)

    rows = models.BigIntegerField(default=0)
    bytes = models.BigIntegerField(default=0)
    sha256 = models.CharField(max_length=64, blank=True)
    profile = models.JSONField(default=dict)
    problems = models.JSONField(default=list)

    class Meta(Leased.Meta):
        ordering = ["-number"]
        constraints = [models.UniqueConstraint(fields=["dataset", "number"], name="one_version_number_each")]

    def __str__(self) -> str:
        return f"{self.dataset} version {self.number}"

    @property
    def queue(self) -> dict[str, Any]:
        return {"queue": readers.QUEUE}

    @property
    def folder(self) -> Path:
        return settings.MAQUETTE_DATA / "datasets" / self.dataset_id / f"v{self.number}"

    @property
    def cache_folder(self) -> Path:
        """Its dataset's."""
        return cache.folder_of(settings.MAQUETTE_DATA / "cache", self.workspace_id, self.dataset_id)

    @property
    def part_folder(self) -> Path:
        """Where the reader writes until the version is whole."""
        return self.folder.with_name(f"v{self.number}.part")

    @property
    def source_names(self) -> list[str]:
        """What the uploaded files were called, without the number they are stored under."""
        return [name.partition("-")[2] or name for name in self.sources]

    @property
    def suggestion(self) -> dict[str, Any]:
        return self.profile.get("suggestion") or {}

    @property
    def roles(self) -> dict[str, str]:
        """{column: what it is for} (see `trainer.roles`); worked out where the version was read before there were roles."""
        roles = self.suggestion.get("roles")
        return (
            roles
            if roles is not None
            else self.roles_under(self.suggestion.get("task"), self.suggestion.get("columns"))
        )

    def roles_under(self, task: str | None, columns: dict[str, str] | None) -> dict[str, str]:
        """The same for another task and its columns ({role of the task: column})."""
        columns, split = columns or {}, self.split.get("wanted") or {}
        shape = shape_of(task, columns) if task else None
        return roles_of(self.columns, shape, columns, self.suggestion.get("chosen") or {}, split)

    @property
    def trainable(self) -> bool:
        """Whether a run could learn from this: the task can be trained, and no problem stands in the way."""
        if "asked_task" in vars(self):  # of lists, see OF_LISTS
            task, is_blocked = vars(self)["asked_task"], vars(self)["worst_severity"] == "error"
        else:
            task = self.suggestion.get("task")
            is_blocked = any(problem["severity"] == "error" for problem in self.problems)
        return self.status == Status.READY and not is_blocked and trainable(task)

    @property
    def source(self) -> dict[str, Any]:
        """What the reader says of the first file."""
        source: dict[str, Any] = (self.profile.get("source") or [{}])[0]
        return source

    @property
    def sheets(self) -> list[str]:
        """The sheets of the workbook that was uploaded; none for any other file."""
        return list(self.source.get("sheets") or [])

    @property
    def sheet(self) -> str:
        """The one that was read."""
        return str(self.source.get("sheet") or "")

    @property
    def readings(self) -> list[dict[str, Any]]:
        """How the files were read, doubts first: {what, chosen, others, confidence …} (see `trainer.data.readings`)."""
        readings: list[dict[str, Any]] = self.profile.get("reading") or []
        return readings

    @property
    def left_out(self) -> list[dict[str, Any]]:
        """What of the files was not kept: {file, sheet, reason, count, sentence, examples}."""
        left_out: list[dict[str, Any]] = self.profile.get("left_out") or []
        return left_out

    @property
    def names_columns(self) -> bool:
        """Whether the names of the columns are a row of the file, which may be chosen."""
        return self.source.get("format") in ("csv", "excel", "html")

    @property
    def is_prose(self) -> bool:
        """Whether plain text was read as paragraphs, one a row, where it may have been meant as a table."""
        return bool(self.source.get("format") == "text")

    @property
    def header_row(self) -> int | None:
        """The row of the column names, from 1, or 0 where there are none; None where the format needs none to be named."""
        row: int | None = self.source.get("header_row")
        return row

    @property
    def label_column(self) -> str | None:
        """The column of the classes, where rows are answered with one."""
        chosen = self.suggestion.get("columns") or {}
        return (chosen.get("label") or chosen.get("target")) if self.labels else None

    @property
    def columns(self) -> list[ColumnProfile]:
        columns: list[ColumnProfile] = self.profile.get("columns", [])
        return columns

    @property
    def split(self) -> dict[str, Any]:
        return self.profile.get("split") or {}

    @property
    def test_rows(self) -> int:
        """Rows that every run is tested on: in a cross-validation each that is used, once."""
        split = self.split
        if split.get("folds"):
            return sum(split.get(part) or 0 for part in ("train", "validation", "test"))
        return split.get("test") or 0

    @property
    def labels(self) -> list[dict[str, Any]]:
        """[{label, count}] of the commonest; a profile keeps a thousand."""
        return self.profile.get("labels") or []

    @property
    def label_total(self) -> int:
        """How many different labels there are."""
        return self.profile.get("label_total") or len(self.labels)

    @property
    def label_rows(self) -> int:
        """Rows that have a label."""
        return int(self.profile.get("label_rows") or 0) or sum(class_count["count"] for class_count in self.labels)


class Upload(WorkspaceOwned):
    """A file on its way (webapp/datasets/uploads.py, tus.py). Its size on disk, and no column, says how much has come."""

    created_by = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, related_name="+")
    name = models.CharField(max_length=255, help_text="as the client calls it")
    length = models.BigIntegerField(help_text="bytes, once it is whole")
    metadata = models.TextField(blank=True, help_text="Upload-Metadata as it came")
    promised = models.CharField(max_length=64, blank=True, help_text="SHA-256 that the client announced")
    sha256 = models.CharField(max_length=64, blank=True, help_text="of the whole file, once the last byte is there")
    expires_at = models.DateTimeField(db_index=True)

    def __str__(self) -> str:
        return self.name

    @property
    def path(self) -> Path:
        return settings.MAQUETTE_DATA / "uploads" / "parts" / self.pk

    @property
    def relative_path(self) -> str:
        """Its place in a folder, as the client named and `checked_path` took it; "" for none."""
        return checked_path(path_in(parse_metadata(self.metadata)))
