"""A prototype is one idea: a task, a dataset, its runs and one endpoint."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from webapp.accounts.models import User
from webapp.core.models import WorkspaceOwned
from webapp.datasets.models import Dataset

GLYPHS = ("blocks", "arch", "bricks", "ball")
"""The small sculptures that stand for prototypes; see the glyph template tag."""


class Prototype(WorkspaceOwned):
    name = models.CharField(_("name"), max_length=120)
    summary = models.CharField(_("what it does"), max_length=200, blank=True)
    task = models.CharField(max_length=40, blank=True)
    dataset = models.ForeignKey(Dataset, on_delete=models.PROTECT, related_name="prototypes")
    created_by = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, related_name="+")
    sample = models.BooleanField(default=False)

    def __str__(self) -> str:
        return self.name

    @property
    def glyph(self) -> str:
        return GLYPHS[sum(self.pk.encode()) % len(GLYPHS)]
