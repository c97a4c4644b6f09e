"""Prices, the ledger and the budget. Money is Decimal, in the workspace's one currency."""

from decimal import Decimal

from django.db import models
from django.db.models import Sum
from django.utils.translation import gettext_lazy as _

from webapp.accounts.models import Workspace
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


class LedgerQuerySet(WorkspaceQuerySet):
    def total(self) -> Decimal:
        return self.aggregate(total=Sum("amount"))["total"] or Decimal(0)


class LedgerEntry(WorkspaceOwned):
    """One charge; never changed or deleted. `key` makes a charge that is sent twice count once."""

    TRAINING, HOSTING, DATA = "training", "hosting", "data"

    kind = models.CharField(
        max_length=16, choices=[(TRAINING, _("Training")), (HOSTING, _("Hosting")), (DATA, _("Data"))]
    )
    key = models.CharField(max_length=80, unique=True)
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

    objects = LedgerQuerySet.as_manager()

    class Meta(WorkspaceOwned.Meta):
        indexes = [models.Index(fields=["workspace", "created_at"])]

    def __str__(self) -> str:
        return f"{self.amount} {self.currency} for {self.subject} {self.subject_id}"


class Budget(models.Model):
    """What a workspace may spend in a calendar month (UTC). At 100 % training waits and demos sleep."""

    workspace = models.OneToOneField(Workspace, on_delete=models.CASCADE, related_name="budget")
    amount = models.DecimalField(_("a month"), max_digits=10, decimal_places=2, default=Decimal(60))
    currency = models.CharField(max_length=3, default=CURRENCY)

    def __str__(self) -> str:
        return f"{self.amount} {self.currency} a month"
