"""A prototype is one idea: a task, a dataset, its runs and one endpoint."""

from typing import ClassVar, Self

from django.db import models
from django.db.models import Exists, OuterRef, Q
from django.utils.translation import gettext_lazy as _

from webapp.accounts.models import User
from webapp.core.models import WorkspaceOwned, WorkspaceQuerySet
from webapp.datasets.models import Dataset, DatasetVersion, Status

GLYPHS = ("blocks", "arch", "bricks", "ball")
"""The small sculptures that stand for prototypes; see the glyph template tag."""


def glyph_of(pk: str) -> str:
    return GLYPHS[sum(pk.encode()) % len(GLYPHS)]


class PrototypeQuerySet(WorkspaceQuerySet["Prototype"]):
    def with_data(self) -> Self:
        """Those whose data were read or are being read; of a file that could not be, no list shows anything."""
        return self.filter(Exists(self.readable()))

    def unread(self) -> Self:
        return self.exclude(Exists(self.readable()))

    def readable(self) -> models.QuerySet[DatasetVersion]:
        return DatasetVersion.objects.filter(~Q(status=Status.FAILED), dataset=OuterRef("dataset"))


class Prototype(WorkspaceOwned):
    name = models.CharField(_("name"), max_length=120)
    summary = models.CharField(_("what it does"), max_length=200, blank=True)
    task = models.CharField(max_length=40, blank=True)
    dataset = models.ForeignKey(Dataset, on_delete=models.PROTECT, related_name="prototypes")
    created_by = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, related_name="+")
    sample = models.BooleanField(default=False)

    objects: ClassVar = PrototypeQuerySet.as_manager()

    def __str__(self) -> str:
        return self.name

    @property
    def glyph(self) -> str:
        return glyph_of(self.pk)
