"""Verbs over money: prices and the budget. What is charged, and who may spend, is `webapp.costs.gate`."""

from datetime import date, datetime
from decimal import Decimal
from typing import Any

from django.conf import settings
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from webapp.accounts import limits
from webapp.accounts.actions import audit
from webapp.accounts.models import User, Workspace
from webapp.core.limits import BY_NAME
from webapp.core.problems import Forbidden
from webapp.costs import gate
from webapp.costs.amounts import decimal_of
from webapp.costs.models import Budget, LedgerEntry, Rate

# Public on-demand list prices, for a start: whoever owns the machine edits them on the costs page.
LIST_PRICES = [
    (
        "cpu",
        gettext_noop("This machine's processor, 2 cores"),
        "0.08925",
        "AWS EC2 c7i.large, us-east-1, on demand",
        date(2025, 1, 15),
    ),
    (
        "gpu",
        gettext_noop("One GPU, NVIDIA L4 24 GB"),
        "0.80480",
        "AWS EC2 g6.xlarge, us-east-1, on demand",
        date(2025, 1, 15),
    ),
    (
        "endpoint",
        gettext_noop("Running demo"),
        "0.02080",
        "AWS EC2 t3.small, us-east-1, on demand",
        date(2025, 1, 15),
    ),
]


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
    fixed: Decimal | None = settings.RATES.get(kind)
    if fixed is not None:
        return fixed * int(count or 1)
    rate = Rate.objects.filter(workspace=workspace, hardware=kind).first()
    return rate.price_per_hour * int(count or 1) if rate else Decimal(0)


def prices_are_fixed() -> bool:
    """Whether the operator of the site sets the prices. Once some are fixed, no workspace changes the others either."""
    return bool(settings.RATES)


def rates_of(workspace: Workspace) -> list[Rate]:
    """The prices that count for a workspace, the lowest first."""
    rates = list(Rate.objects.for_workspace(workspace))
    for rate in rates:
        fixed = settings.RATES.get(rate.hardware)
        if fixed is not None:
            rate.price_per_hour, rate.source, rate.source_date = fixed, _("set by the operator of this site"), None
    return sorted(rates, key=lambda rate: (rate.price_per_hour, rate.hardware))


def month_start(moment: datetime | None = None) -> datetime:
    return (moment or timezone.now()).replace(day=1, hour=0, minute=0, second=0, microsecond=0)


def set_budget(workspace: Workspace, amount: object, user: User | None = None) -> Budget:
    """Not one transaction: demos are charged one by one before, and none of them is held while the next is."""
    value, most = decimal_of(amount, _("The budget"), places=2), limits.most_of(workspace, "budget")
    if most is not None and value > most:
        raise limits.reached(BY_NAME["budget"], most, field="amount")
    budget = gate.set_budget(workspace, value)
    audit(workspace, user, "set", "budget", text=str(budget))
    return budget


def erase_names(workspace_id: str, ids: list[str]) -> None:
    """Amounts, times and prices of what was deleted stay; what it was called does not."""
    entries = LedgerEntry.objects.filter(workspace_id=workspace_id)
    entries.filter(prototype__in=ids).update(prototype_name="", subject_name="")
    entries.filter(subject_id__in=ids).update(subject_name="")


@transaction.atomic
def set_rate(workspace: Workspace, hardware: str, price: object, title: str = "", user: User | None = None) -> Rate:
    if prices_are_fixed():
        raise Forbidden(
            _("The operator of this site sets the prices."),
            code="prices_fixed",
            hint=_("Ask the operator of this site to change them."),
        )
    value = decimal_of(price, _("The price"), places=5)
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
    audit(workspace, user, "set", "price", text=str(rate))
    return rate
