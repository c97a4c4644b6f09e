"""Prices, the ledger, the budget and what is reserved of it. Money is Decimal, in the workspace's one currency."""

from decimal import Decimal
from typing import ClassVar, Self

from django.conf import settings
from django.db import models
from django.db.models import Exists, OuterRef, Subquery, Sum
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from webapp.accounts.models import Workspace, WorkspaceLimit
from webapp.core.models import WorkspaceOwned, WorkspaceQuerySet

CURRENCY = "USD"


class Rate(WorkspaceOwned):
    """Price of one hour of a piece of hardware (`cpu`, `gpu`) or of a hosted endpoint (`endpoint`)."""

    hardware = models.CharField(max_length=40)
    title = models.CharField(_("name"), max_length=120)
    price_per_hour = models.DecimalField(_("price per hour"), max_digits=12, decimal_places=5)
    currency = models.CharField(max_length=3, default=CURRENCY)
    source = models.CharField(max_length=200, blank=True)
    source_date = models.DateField(null=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta(WorkspaceOwned.Meta):
        ordering = ["price_per_hour", "hardware"]
        constraints = [models.UniqueConstraint(fields=["workspace", "hardware"], name="one_rate_each")]

    def __str__(self) -> str:
        return f"{self.title}: {self.price_per_hour} {self.currency} an hour"


class LedgerQuerySet(WorkspaceQuerySet["LedgerEntry"]):
    def total(self) -> Decimal:
        return self.aggregate(total=Sum("amount"))["total"] or Decimal(0)


class LedgerEntry(WorkspaceOwned):
    """What one run or one demo cost within one hour at one price. The line grows during that hour and never changes after.

    `key` names subject and hour, `last_charge` the charge that the line grew by last: one that is sent twice counts once.
    """

    TRAINING, HOSTING, DATA = "training", "hosting", "data"

    kind = models.CharField(
        max_length=16, choices=[(TRAINING, _("Training")), (HOSTING, _("Hosting")), (DATA, _("Data"))]
    )
    key = models.CharField(max_length=80, unique=True)
    last_charge = models.CharField(max_length=80, blank=True)
    amount = models.DecimalField(max_digits=14, decimal_places=7)
    currency = models.CharField(max_length=3, default=CURRENCY)
    seconds = models.FloatField(default=0)
    price_per_hour = models.DecimalField(max_digits=12, decimal_places=5)
    hardware = models.CharField(max_length=40)
    prototype = models.CharField(max_length=16, blank=True, db_index=True)
    prototype_name = models.CharField(max_length=120, blank=True)
    subject = models.CharField(max_length=16, help_text="run, endpoint or dataset")
    subject_id = models.CharField(max_length=16)
    subject_name = models.CharField(max_length=120, blank=True)

    objects: ClassVar = LedgerQuerySet.as_manager()

    class Meta(WorkspaceOwned.Meta):
        indexes = [models.Index(fields=["workspace", "created_at"])]

    def __str__(self) -> str:
        return f"{self.amount} {self.currency} for {self.subject} {self.subject_id}"


class BudgetQuerySet(models.QuerySet["Budget"]):
    def with_ceiling(self) -> Self:
        """With the highest budget that the operator allows where the workspace has a limit of its own for it, in `own_ceiling`
        (`has_own_ceiling`: null is unlimited there)."""
        own = WorkspaceLimit.objects.filter(workspace=OuterRef("workspace"), name="budget")
        return self.annotate(own_ceiling=Subquery(own.values("most")[:1]), has_own_ceiling=Exists(own))


class Budget(models.Model):
    """What a workspace may spend in a calendar month (UTC), and what it has spent. At 100 % training stops and demos pause.

    The row is also the lock of the workspace's money: `webapp.costs.gate` takes it before it charges or reserves.
    """

    workspace = models.OneToOneField(Workspace, on_delete=models.CASCADE, related_name="budget")
    amount = models.DecimalField(_("a month"), max_digits=10, decimal_places=2, default=Decimal(60))
    currency = models.CharField(max_length=3, default=CURRENCY)
    month = models.DateField(null=True, help_text="the first day of the month that `spent` is of")
    spent = models.DecimalField(max_digits=14, decimal_places=7, default=Decimal(0))
    own_ceiling: int | None

    objects: ClassVar = BudgetQuerySet.as_manager()

    def __str__(self) -> str:
        return f"{self.amount} {self.currency} a month"

    @property
    def ceiling(self) -> int | None:
        """The highest budget that the operator allows."""
        return self.own_ceiling if getattr(self, "has_own_ceiling", False) else settings.LIMITS["budget"]

    @property
    def effective(self) -> Decimal:
        """What may be spent: the amount that the workspace set, at most the ceiling."""
        return self.amount if self.ceiling is None else min(self.amount, Decimal(self.ceiling))


class ReservationQuerySet(WorkspaceQuerySet["Reservation"]):
    def in_force(self) -> Self:
        return self.filter(expires_at__gt=timezone.now())

    def total(self) -> Decimal:
        return self.aggregate(total=Sum("amount"))["total"] or Decimal(0)


class Reservation(WorkspaceOwned):
    """Money of this month set aside for a run at work: what it may still spend. It shrinks with every charge, and ends with
    the run or, when its worker dies, with the lease."""

    key = models.CharField(max_length=40, unique=True, help_text="run:<id>:<lease>")
    amount = models.DecimalField(max_digits=14, decimal_places=7)
    expires_at = models.DateTimeField()

    objects: ClassVar = ReservationQuerySet.as_manager()

    def __str__(self) -> str:
        return f"{self.amount} for {self.key}"
