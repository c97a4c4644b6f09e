"""What a run costs while it trains: its reservation, a charge with each heartbeat, and for how long there is money."""

import time
from collections.abc import Callable
from contextlib import suppress
from decimal import Decimal
from typing import Any

from django.db import transaction
from django.db.models import F
from django.utils.translation import gettext as _

from trainer import allowance
from webapp.accounts import limits
from webapp.accounts.models import Workspace
from webapp.core.files import write_whole
from webapp.core.work import Work
from webapp.costs import gate
from webapp.datasets.quota import own_bytes
from webapp.runs.actions import terms_of
from webapp.runs.models import Run


class Charged(Work[Run]):
    """A run that is paid for by the second, to the end of its workspace's money."""

    model = Run

    def __init__(
        self, row: Run, lease: str, gpus: list[int], money: Decimal, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """`money` is what the run may still spend if nobody else comes."""
        super().__init__(row, lease, clock)
        self.gpus, self.money = gpus, money
        self.hardware = hardware_of(gpus)
        self.money_key = money_key(row, lease)
        self.terms = terms_of(row, row.price_per_hour)
        self.charged_at = clock()
        self.charges = self.size = 0
        self.stop_problem: dict[str, str] | None = None
        """Why the run must stop: the gate of its workspace's money, no compute hours, or a full disk."""

    def store(self, fields: dict[str, Any]) -> None:
        """The lease, the progress and the charge for the time since the last beat, all or nothing; whether there is money to go
        on."""
        run, now = self.row, self.clock()
        self.size = own_bytes(run.folder)
        with transaction.atomic():
            if self.unstored:
                self.see_what_was_stored()
            seconds = now - self.charged_at
            super().store(fields | {"seconds": F("seconds") + seconds, "bytes": self.size})
            beat = self.charge(seconds)
            Run.objects.filter(pk=run.pk).update(cost=run.cost + beat.amount)
        run.seconds += seconds
        run.cost += beat.amount
        self.stop_problem = self.stop_problem or beat.stop or compute_spent(run.workspace)
        self.charges += 1
        self.charged_at = now
        self.allow(beat.left)

    def allow(self, money: Decimal) -> None:
        """Tell the trainer for how long there is money, as the budget and the other runs are now: it ends early enough to test
        and keep its best. The limits that it was started with are the person's own."""
        if self.row.price_per_hour:
            spendable = max(money - self.terms.one_beat, gate.ZERO)  # below that the gate stops it
            seconds = float(spendable / self.row.price_per_hour) * gate.SECONDS_PER_HOUR
            with suppress(OSError):  # a full disk: the gate stops the run in time all the same
                write_whole(self.row.folder / allowance.FILE, allowance.described(seconds))

    def see_what_was_stored(self) -> None:
        """A beat whose answer was lost may be stored all the same, where the database went away while it committed. The row
        says until when the run is charged."""
        row = Run.objects.filter(pk=self.row.pk, lease=self.lease).values_list("seconds", "cost").first()
        if row is None:
            return
        already = row[0] - self.row.seconds
        if already > 0:
            self.charged_at += already
            self.charges += 1
        self.row.seconds, self.row.cost = row

    def charge(self, seconds: float) -> gate.Beat:
        run = self.row
        line = gate.line_of(run) | {"hardware": self.hardware}
        charge_id = f"{run.attempts}:{self.lease[:8]}:{self.charges}"
        return gate.beat(
            run.workspace, self.money_key, self.terms, run.cost, seconds=seconds, charge_id=charge_id, line=line
        )


def hardware_of(devices: list[int]) -> str:
    """What is paid for: the GPUs that are held, which a small machine has fewer of than were asked for."""
    if not devices:
        return "cpu"
    return "gpu" if len(devices) == 1 else f"gpu:{len(devices)}"


def compute_spent(workspace: Workspace) -> dict[str, str] | None:
    """An error for a run whose workspace has used up its compute hours."""
    problem = limits.refusal(workspace, "compute_hours_day", "compute_hours_month")
    hint = _("Its last checkpoint is kept. Resume the run when there are compute hours again.")
    return problem.as_dict() | {"hint": hint} if problem else None


def money_key(run: Run, lease: str) -> str:
    """Of one attempt's reservation: an earlier worker that ends late does not release the next one's."""
    return f"run:{run.pk}:{lease[:8]}"
