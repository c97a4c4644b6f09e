"""Verbs over money: what a thing costs, charging it, and whether there is budget left."""

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from webapp.accounts.models import Workspace
from webapp.core.problems import BudgetSpent, Problem
from webapp.costs.models import Budget, LedgerEntry, Rate

# Public on-demand list prices, for a start: whoever owns the machine edits them on the costs page.
LIST_PRICES = [
    (
        "cpu",
        "This machine's processor, 2 cores",
        "0.08925",
        "AWS EC2 c7i.large, us-east-1, on demand",
        date(2025, 1, 15),
    ),
    ("gpu", "One GPU, NVIDIA L4 24 GB", "0.80480", "AWS EC2 g6.xlarge, us-east-1, on demand", date(2025, 1, 15)),
    ("endpoint", "A live demo, awake", "0.02080", "AWS EC2 t3.small, us-east-1, on demand", date(2025, 1, 15)),
]
SECONDS_PER_HOUR = 3600


def seed(workspace: Workspace) -> None:
    """The first prices and the first budget of a new workspace."""
    for hardware, title, price, source, day in LIST_PRICES:
        Rate.objects.get_or_create(
            workspace=workspace,
            hardware=hardware,
            defaults={"title": title, "price_per_hour": Decimal(price), "source": source, "source_date": day},
        )
    Budget.objects.get_or_create(workspace=workspace)


def price_per_hour(workspace: Workspace, hardware: str) -> Decimal:
    """The hourly price of `cpu`, `gpu`, `gpu:4` (four times one) or `endpoint`; an unknown one is free."""
    kind, _colon, count = hardware.partition(":")
    rate = Rate.objects.filter(workspace=workspace, hardware=kind).first()
    return rate.price_per_hour * int(count or 1) if rate else Decimal(0)


def cost_of(seconds: float, price: Decimal) -> Decimal:
    return (Decimal(str(round(seconds, 3))) * price / SECONDS_PER_HOUR).quantize(Decimal("0.0000001"))


def charge(workspace: Workspace, *, key: str, seconds: float, price: Decimal, **fields: Any) -> Decimal:
    """Append one line to the ledger and return its amount; a `key` that was charged before costs nothing."""
    amount = cost_of(seconds, price)
    try:
        with transaction.atomic():
            LedgerEntry.objects.create(
                workspace=workspace, key=key, amount=amount, seconds=seconds, price_per_hour=price, **fields
            )
    except IntegrityError:
        return Decimal(0)
    return amount


def month_start(moment: datetime | None = None) -> datetime:
    return (moment or timezone.now()).replace(day=1, hour=0, minute=0, second=0, microsecond=0)


@dataclass(frozen=True)
class Month:
    """This month's money of a workspace."""

    spent: Decimal
    budget: Decimal
    currency: str

    @property
    def left(self) -> Decimal:
        return max(self.budget - self.spent, Decimal(0))


def month(workspace: Workspace) -> Month:
    budget = Budget.objects.filter(workspace=workspace).first() or Budget(workspace=workspace)
    spent = LedgerEntry.objects.for_workspace(workspace).filter(created_at__gte=month_start()).total()
    return Month(spent, budget.amount, budget.currency)


def check_budget(workspace: Workspace) -> Month:
    """This month's money; `BudgetSpent` when nothing is left."""
    now = month(workspace)
    if now.left <= 0:
        raise BudgetSpent(
            _("This month's budget of %(amount)s %(currency)s is spent.")
            % {"amount": now.budget, "currency": now.currency},
            hint=_("Raise the budget on the costs page, or wait for the new month."),
        )
    return now


def set_budget(workspace: Workspace, amount: Any) -> Budget:
    value = decimal_of(amount, _("The budget"))
    budget, _created = Budget.objects.update_or_create(
        workspace=workspace, defaults={"amount": value.quantize(Decimal("0.01"))}
    )
    return budget


def set_rate(workspace: Workspace, hardware: str, price: Any, title: str = "") -> Rate:
    value = decimal_of(price, _("The price"))
    defaults: dict[str, Any] = {
        "price_per_hour": value,
        "source": _("set by the owner"),
        "source_date": timezone.now().date(),
    }
    if title:
        defaults["title"] = title[:120]
    rate, _created = Rate.objects.update_or_create(
        workspace=workspace,
        hardware=hardware,
        defaults=defaults,
        create_defaults=defaults | {"title": title or hardware},
    )
    return rate


def decimal_of(value: Any, what: str) -> Decimal:
    """A sum of money from a person's hands: not negative, not absurd."""
    try:
        number = Decimal(str(value).strip().replace(",", ""))
    except ArithmeticError:
        number = Decimal(-1)
    if not number.is_finite() or not 0 <= number < 1_000_000:
        raise Problem(_("%(what)s is not a sum of money.") % {"what": what}, hint=_("Write a number like 12.50."))
    return number
