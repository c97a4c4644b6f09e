"""Decisions about rows that have no label yet. Each is saved as it is made; together they become a version."""

from typing import Any, ClassVar, Self

from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from webapp.accounts.models import User
from webapp.answers.labelled import LONGEST_LABEL as LONGEST_LABEL
from webapp.core.leased import Leased, ended
from webapp.core.models import WorkspaceOwned, WorkspaceQuerySet
from webapp.datasets.models import Dataset, DatasetVersion, Status
from webapp.prototypes.models import Prototype


class Source(models.TextChoices):
    PERSON = "person", _("Person")
    SUGGESTION = "suggestion", _("Suggestion")


class DecisionQuerySet(WorkspaceQuerySet["Decision"]):
    def unmade(self) -> Self:
        """Those that are in no later version yet: one that could not be made gives them back."""
        return self.filter(Q(made=None) | Q(made__status=Status.FAILED))

    def pending(self, version: DatasetVersion) -> Self:
        """Of this version's rows, those that are in no later version yet."""
        return self.unmade().filter(version=version)

    def waiting(self, version: DatasetVersion) -> Self:
        """Of rows of earlier versions that this one does not have, or does not ask the same of."""
        return self.unmade().settled().filter(version__dataset=version.dataset_id, not_in=version.pk)

    def settled(self) -> Self:
        """Those that change the row: skipped ones do not."""
        return self.filter(Q(value__isnull=False) | Q(left_out=True))

    def new(self) -> Self:
        """About rows of the pool."""
        return self.filter(before=None)

    def skipped(self) -> Self:
        return self.filter(value=None, left_out=False)


class GuestLink(WorkspaceOwned):
    """Opens a share of a queue to somebody without an account (`webapp.labelling.guests`)."""

    prototype = models.ForeignKey(Prototype, on_delete=models.CASCADE, related_name="guest_links")
    name = models.CharField(max_length=80)
    token = models.CharField(max_length=40, unique=True)
    share = models.PositiveSmallIntegerField(default=100, help_text="per cent of the rows without a label")
    pictures = models.BooleanField(default=False, help_text="whether pictures are shown, in which nothing is masked")
    expires_at = models.DateTimeField(null=True)
    revoked_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return self.name

    @property
    def works(self) -> bool:
        return self.revoked_at is None and (self.expires_at is None or self.expires_at > timezone.now())


class Opinion(WorkspaceOwned):
    """What a guest says of a row that somebody else has labelled: by it is known how far people agree."""

    version = models.ForeignKey(DatasetVersion, on_delete=models.CASCADE, related_name="+")
    row = models.PositiveIntegerField(help_text="from 1")
    guest = models.ForeignKey(GuestLink, on_delete=models.CASCADE, related_name="opinions")
    value = models.TextField(help_text="as of a decision")

    class Meta(WorkspaceOwned.Meta):
        constraints = [models.UniqueConstraint(fields=["version", "row", "guest"], name="one_opinion_each")]

    def __str__(self) -> str:
        return f"{self.guest} on row {self.row}"


class LabelNote(WorkspaceOwned):
    """What a label means, as guests are told."""

    dataset = models.ForeignKey(Dataset, on_delete=models.CASCADE, related_name="label_notes")
    label = models.CharField(max_length=LONGEST_LABEL)
    words = models.CharField(max_length=400)

    class Meta(WorkspaceOwned.Meta):
        constraints = [models.UniqueConstraint(fields=["dataset", "label"], name="one_note_a_label")]

    def __str__(self) -> str:
        return f"{self.label}: {self.words}"


class Decision(WorkspaceOwned):
    """`value`: the answer as a cell of the data (`webapp.answers.labelled.Labelling.cell`), such as a label; null for a row that was
    skipped, or that is `left_out`. The same as `before`: it was looked at and kept."""

    version = models.ForeignKey(DatasetVersion, on_delete=models.CASCADE, related_name="+")
    row = models.PositiveIntegerField(help_text="from 1")
    value = models.TextField(null=True)
    before = models.TextField(null=True, help_text="the label that the row has; null for one of the pool")
    left_out = models.BooleanField(default=False)
    source = models.CharField(max_length=80, default=Source.PERSON, help_text="person, suggestion, or rule:NAME")
    person = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, related_name="+")
    guest = models.ForeignKey(GuestLink, on_delete=models.SET_NULL, null=True, related_name="decisions")
    decided_at = models.DateTimeField()
    made = models.ForeignKey(
        DatasetVersion, on_delete=models.SET_NULL, null=True, related_name="+", help_text="the version that has it"
    )
    not_in = models.CharField(
        max_length=16, blank=True, help_text="the newest version that was searched for its row in vain"
    )

    objects: ClassVar = DecisionQuerySet.as_manager()

    class Meta(WorkspaceOwned.Meta):
        constraints = [models.UniqueConstraint(fields=["version", "row"], name="one_decision_each")]

    def __str__(self) -> str:
        return f"row {self.row} of {self.version}"

    @property
    def is_skipped(self) -> bool:
        return self.value is None and not self.left_out


class Rule(WorkspaceOwned):
    """Gives one label to rows of the pool that it matches (`webapp.labelling.rules`). `is_applied`: whether it was."""

    class Kind(models.TextChoices):
        WORDS = "words", _("Words")
        REGEX = "regex", _("Regular expression")
        VALUE = "value", _("Value of a column")

    dataset = models.ForeignKey(Dataset, on_delete=models.CASCADE, related_name="label_rules")
    name = models.CharField(max_length=60)
    kind = models.CharField(max_length=8, choices=Kind)
    pattern = models.CharField(max_length=200)
    column = models.TextField(blank=True, help_text="that it looks at; empty: all inputs")
    label = models.CharField(max_length=LONGEST_LABEL)
    is_applied = models.BooleanField(default=False)

    class Meta(WorkspaceOwned.Meta):
        constraints = [models.UniqueConstraint(fields=["dataset", "name"], name="one_rule_a_name")]

    def __str__(self) -> str:
        return self.name

    @property
    def source(self) -> str:
        return f"rule:{self.name}"


class Guide(Leased):
    """What all who label a dataset are asked next, and how good that makes a model already (`webapp.labelling.guiding`). `due` says
    that it is to be worked out anew. The suggestions themselves lie in the cache of the dataset."""

    TASK = "webapp.labelling.tasks.guide"
    WAITING = HELD = Q(due=True)
    FAILED = {"due": False}
    RESEND_SECONDS = 20

    dataset = models.OneToOneField(Dataset, on_delete=models.CASCADE, related_name="guide")
    version = models.ForeignKey(
        DatasetVersion, on_delete=models.SET_NULL, null=True, related_name="+", help_text="that it was last begun for"
    )
    due = models.BooleanField(default=True)
    decisions = models.PositiveIntegerField(default=0, help_text="that were pending when it was last begun")
    result = models.JSONField(null=True, help_text="of `trainer suggest`")
    history = models.JSONField(
        default=list, help_text="[{labels, value, low, high}]: the score by how many had a label"
    )

    def __str__(self) -> str:
        return f"guide of {self.dataset}"

    def finish(self, lease: str, **fields: object) -> bool:
        """What was worked out; it stays due where `fields` say so."""
        return self.move(self.held(lease), **(ended() | {"due": False, "attempts": 0} | fields))

    def wake(self) -> bool:
        return self.move(type(self).everywhere().filter(due=False), due=True, error=None, attempts=0)

    @property
    def facts(self) -> dict[str, Any]:
        """Of its result; empty where there is none yet."""
        return self.result or {}
