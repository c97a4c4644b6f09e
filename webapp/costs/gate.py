"""The one gate of a workspace's money: who may start, what is charged, and who must stop.

Every function locks the workspace's budget row for the length of its transaction (a row lock on PostgreSQL; on SQLite
every transaction is an immediate one), so runs and demos see each other's spending whoever asks first:

- A run **reserves** what it may spend before it starts, and starts only with a reservation. One with a limit of its own
  reserves that limit; one without reserves what it is thought to take, and more as it goes on.
- A heartbeat **charges** the time since the last one and shrinks the reservation, then hears whether the run may go on.
- It may go on while its reservation, and what is left of the month, pay for its next heartbeat and for stopping.

So runs that start together cannot pass the budget by more than one heartbeat each. What is asleep or paused is not charged.
"""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from django.conf import settings
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from webapp.accounts.models import Workspace
from webapp.core.formats import money
from webapp.core.problems import BudgetSpent
from webapp.costs.models import Budget, LedgerEntry, Reservation
from webapp.costs.signals import budget_changed, budget_changes

SECONDS_PER_HOUR = 3600
STOPPING_SECONDS = 3.0
"""A run that must stop is given this long to save, and pays for it."""
OPEN_ENDED_SECONDS = 600.0
"""A run without a limit, of which nobody knows what it takes, reserves as much time as this, again and again."""
FINISHING_SHARE, FINISHING_SECONDS = Decimal("0.25"), 60.0
"""Training ends early enough for evaluation and packaging to fit under a run's limit. Where they take longer than thought they
may use a quarter of the limit more, or a minute."""
WARNING_SHARE = Decimal("0.8")
ZERO = Decimal(0)


def cost_of(seconds: float, price: Decimal) -> Decimal:
    return (Decimal(str(round(seconds, 3))) * price / SECONDS_PER_HOUR).quantize(Decimal("0.0000001"))


def month_of(moment: datetime) -> date:
    return moment.date().replace(day=1)


def in_words(amount: Decimal, currency: str) -> str:
    return money(amount, currency)


@dataclass(frozen=True)
class Month:
    """This month's money of a workspace."""

    spent: Decimal
    budget: Decimal
    currency: str
    ceiling: int | None = None
    """The highest budget that the operator of the site allows."""

    @property
    def left(self) -> Decimal:
        return max(self.budget - self.spent, ZERO)

    @property
    def is_spent(self) -> bool:
        """Training stops and demos are paused."""
        return self.left <= 0

    @property
    def is_low(self) -> bool:
        """Worth a warning: four fifths are spent, and not all."""
        return not self.is_spent and self.spent >= self.budget * WARNING_SHARE


def month_from(budget: Budget) -> Month:
    spent = budget.spent if budget.month == month_of(timezone.now()) else ZERO
    return Month(spent, budget.effective, budget.currency, budget.ceiling)


def month(workspace: Workspace) -> Month:
    """This month's money, read from one row."""
    return month_from(Budget.objects.with_ceiling().filter(workspace=workspace).first() or Budget(workspace=workspace))


def problem_of(now: Month) -> BudgetSpent:
    return BudgetSpent(
        _("This month's budget of %(amount)s is spent.") % {"amount": in_words(now.budget, now.currency)},
        hint=_("Raise the budget on the costs page, or wait for the new month."),
    )


def too_little(now: Month) -> BudgetSpent:
    return BudgetSpent(
        _("Only %(left)s of this month's budget is left, too little to start this run.")
        % {"left": in_words(now.left, now.currency)},
        hint=_("Raise the budget on the costs page, or wait for the new month."),
    )


def check_budget(workspace: Workspace) -> Month:
    """This month's money; `BudgetSpent` when nothing is left."""
    now = month(workspace)
    if now.is_spent:
        raise problem_of(now)
    return now


class Waits(Exception):  # noqa: N818  not an error
    """Money is left, but runs under way have reserved it: the run waits for what they do not use."""


@dataclass(frozen=True)
class Terms:
    """How a run may spend. `limit` is its own cost limit, of all its attempts; `likely` what it is thought to take in all."""

    price: Decimal
    limit: Decimal | None = None
    likely: Decimal | None = None

    @property
    def one_beat(self) -> Decimal:
        """What must be there to go on: the time until the next heartbeat, and stopping after it."""
        return cost_of(settings.RUN_HEARTBEAT_SECONDS + STOPPING_SECONDS, self.price)

    @property
    def most(self) -> Decimal | None:
        """The limit, and what finishing may take beyond it."""
        if self.limit is None:
            return None
        return self.limit + max(self.limit * FINISHING_SHARE, cost_of(FINISHING_SECONDS, self.price))

    def wanted(self, cost: Decimal) -> Decimal:
        """To reserve at the start of a run that has cost so much before."""
        if self.limit is not None:
            return max(self.limit - cost, ZERO)
        if self.likely is not None and self.likely > cost:
            return self.likely - cost
        return cost_of(OPEN_ENDED_SECONDS, self.price)

    def least(self, cost: Decimal) -> Decimal:
        """Without which it does not start."""
        return min(self.one_beat, self.wanted(cost))


def locked(workspace: Workspace) -> Budget:
    """The budget's row, held until the transaction ends, with `spent` of this month."""
    rows = Budget.objects.with_ceiling().select_for_update()
    budget = rows.filter(workspace=workspace).first()
    if budget is None:
        Budget.objects.get_or_create(workspace=workspace)
        budget = rows.get(workspace=workspace)
    now = month_of(timezone.now())
    if budget.month != now:
        budget.month, budget.spent = now, ZERO
    return budget


def free(workspace: Workspace, but: str = "") -> Decimal:
    """What is left of the month and reserved by nobody, `but` the reservation of that key."""
    others = Reservation.objects.for_workspace(workspace).in_force().exclude(key=but).total()
    return max(month(workspace).left - others, ZERO)


def must_wait(workspace: Workspace, terms: Terms) -> bool:
    """Whether a run would wait for the reservations of others if it started now."""
    least = terms.least(ZERO)
    return free(workspace) < least <= month(workspace).left


@transaction.atomic
def reserve(workspace: Workspace, key: str, terms: Terms, cost: Decimal) -> Decimal:
    """Set money aside for a run that is about to start; what it may spend from now on by the budget, if nobody else comes.

    Raises `BudgetSpent` when the month's money is gone, `Waits` when others have reserved it. Asking again replaces the
    reservation.
    """
    now, least = month_from(locked(workspace)), terms.least(cost)
    if now.is_spent:
        raise problem_of(now)
    if now.left < least:
        raise too_little(now)
    available = free(workspace, but=key)
    if available < least:
        raise Waits
    amount = min(terms.wanted(cost), available)
    Reservation.objects.for_workspace(workspace).filter(expires_at__lt=timezone.now()).exclude(key=key).delete()
    Reservation.objects.update_or_create(
        key=key, defaults={"workspace": workspace, "amount": amount, "expires_at": expiry()}
    )
    return available


def expiry() -> datetime:
    return timezone.now() + timedelta(seconds=settings.RUN_LEASE_SECONDS)


def release(key: str) -> None:
    """What the run did not use is there for others."""
    Reservation.objects.filter(key=key).delete()


@transaction.atomic
def charge(
    workspace: Workspace, *, key: str, seconds: float, price: Decimal, charge_id: str = "", **fields: str
) -> Decimal:
    """Add to the ledger's line of this key and return the amount; the line's last `charge_id`, sent again, costs nothing."""
    budget = locked(workspace)
    return add(budget, key=key, seconds=seconds, price=price, charge_id=charge_id, most=None, **fields)


def add(
    budget: Budget,
    *,
    key: str,
    seconds: float,
    price: Decimal,
    charge_id: str,
    most: Decimal | None = None,
    **fields: str,
) -> Decimal:
    """One charge under the lock: the line of the hour and the month's sum, together. Of time that costs more than `most`, only
    the part that `most` pays for is charged."""
    amount = cost_of(seconds, price)
    if most is not None and amount > most:
        amount, seconds = most, seconds * float(most / amount)
    defaults = {"amount": amount, "seconds": seconds, "price_per_hour": price, "last_charge": charge_id}
    line, created = LedgerEntry.objects.get_or_create(
        key=key, defaults={"workspace_id": budget.workspace_id, **defaults, **fields}
    )
    if not created:
        if line.last_charge == charge_id:
            return ZERO
        line.amount, line.seconds, line.last_charge = line.amount + amount, line.seconds + seconds, charge_id
        line.save(update_fields=["amount", "seconds", "last_charge"])
    was_spent = budget.spent >= budget.effective
    budget.spent += amount
    budget.save(update_fields=["month", "spent"])
    if not was_spent and budget.spent >= budget.effective:
        announce(budget.workspace_id)
    return amount


def announce(workspace_id: str) -> None:
    transaction.on_commit(lambda: budget_changed.send(Budget, workspace_id=workspace_id))


def line_of(subject: Any) -> dict[str, str]:
    """What the ledger says of a run or an endpoint, also once that is deleted."""
    return {
        "prototype": subject.prototype_id,
        "prototype_name": subject.prototype.name,
        "subject": subject._meta.model_name,
        "subject_id": subject.pk,
        "subject_name": str(subject),
    }


def hour_key(subject: str, pk: str, price: Decimal, hardware: str = "") -> str:
    """Names a line of the ledger: one subject, one hour, one price."""
    return f"{subject}:{pk}:{timezone.now():%Y%m%d%H}:{price.normalize():f}:{hardware}"[:80]


@dataclass(frozen=True)
class Beat:
    """What a heartbeat cost, why the run must stop now (`stop`; None while it may go on), and what it may still spend if nobody
    else comes (`left`)."""

    amount: Decimal
    stop: dict[str, str] | None
    left: Decimal


@transaction.atomic
def beat(
    workspace: Workspace, key: str, terms: Terms, cost: Decimal, *, seconds: float, charge_id: str, line: dict[str, Any]
) -> Beat:
    """Charge a run's time since its last heartbeat, then say whether it may go on.

    `key` names the reservation, `cost` is what the run cost until now, `line` describes it in the ledger: hardware, subject,
    subject_id, subject_name, prototype, prototype_name.
    """
    budget = locked(workspace)
    where = hour_key("run", line["subject_id"], terms.price, line["hardware"])
    amount = add(
        budget, key=where, seconds=seconds, price=terms.price, charge_id=charge_id, kind=LedgerEntry.TRAINING, **line
    )
    now, cost = month_from(budget), cost + amount
    mine = Reservation.objects.filter(key=key).first() or Reservation(workspace=workspace, key=key, amount=ZERO)
    mine.amount, mine.expires_at = max(mine.amount - amount, ZERO), expiry()
    room = max(terms.most - cost, ZERO) if terms.most is not None else None
    available = free(workspace, but=key)
    if mine.amount < terms.one_beat:
        more = max(terms.one_beat, terms.wanted(cost))  # one that nears what it was thought to take still goes on
        mine.amount = min(max(more, mine.amount), available, *([room] if room is not None else []))
    mine.save()
    return Beat(amount, why_stop(now, terms, mine.amount, room), available)


def why_stop(now: Month, terms: Terms, reserved: Decimal, room: Decimal | None) -> dict[str, str] | None:
    """An error for the run, or None while its reservation and the month pay for one more heartbeat."""
    least = terms.one_beat if room is None else min(terms.one_beat, room)
    if terms.price <= 0 or (min(now.left, reserved) >= least and room != 0):
        return None
    if room == 0:
        limit = {"amount": in_words(terms.limit or ZERO, now.currency)}
        return {
            "code": "limit_reached",
            "message": _("Stopped: this run reached its limit of %(amount)s.") % limit,
            "hint": _("Its last checkpoint is kept. Start a run with a higher limit, or with none."),
        }
    if now.left >= least:
        message = _("Stopped: other runs have reserved what is left of this month's budget.")
    elif now.left:
        amounts = {"left": in_words(now.left, now.currency), "budget": in_words(now.budget, now.currency)}
        message = _("Stopped: only %(left)s of this month's budget of %(budget)s is left.") % amounts
    else:
        budget = {"amount": in_words(now.budget, now.currency)}
        message = _("Stopped: this month's budget of %(amount)s is spent.") % budget
    hint = _("Its last checkpoint is kept. Raise the budget, then resume the run; it continues from there.")
    return {"code": BudgetSpent.code, "message": message, "hint": hint}


@transaction.atomic
def charge_demo(
    workspace: Workspace, *, seconds: float, price: Decimal, charge_id: str, line: dict[str, Any]
) -> Decimal:
    """Charge a demo's time since its last charge, unless the budget has paused it: what is paused costs nothing. A minute that
    the month does not pay for in full is charged in part, so that demos never pass the budget; they are paused with it."""
    budget = locked(workspace)
    now = month_from(budget)
    if now.is_spent:
        return ZERO
    where = hour_key("demo", line["subject_id"], price)
    fields = line | {"kind": LedgerEntry.HOSTING, "hardware": "endpoint"}
    return add(budget, key=where, seconds=seconds, price=price, charge_id=charge_id, most=now.left, **fields)


def set_budget(workspace: Workspace, amount: Decimal) -> Budget:
    """Another budget for this month and the next ones; demos wake, or pause, at once. What they cost until now they cost
    under the old one: nothing, where it had paused them."""
    budget_changes.send(Budget, workspace_id=workspace.pk)
    with transaction.atomic():
        budget = locked(workspace)
        budget.amount = amount
        budget.save()
        announce(budget.workspace_id)
    return budget
