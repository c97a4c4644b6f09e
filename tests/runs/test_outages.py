"""A database that was away, and workers that end late: nobody is taken for dead too soon, no second is charged twice or lost."""

import time
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.conf import settings
from django.db import OperationalError, connection
from django.utils import timezone

from tests import attempts, things
from trainer import errors
from webapp.accounts.models import Workspace
from webapp.core.work import Lost
from webapp.costs import gate
from webapp.costs.actions import set_rate
from webapp.costs.models import LedgerEntry, Reservation
from webapp.runs import training
from webapp.runs.charging import money_key
from webapp.runs.models import Run, Status
from webapp.runs.training import Training

PRICE = Decimal(100)


def claimed(workspace: Workspace, clock: Callable[[], float] = time.monotonic) -> Training:
    fields = {"status": Status.QUEUED, "headline": None, "progress": 0, "price_per_hour": PRICE}
    run = things.run(things.prototype(workspace), **fields)
    set_rate(workspace, "cpu", PRICE)
    attempt = attempts.training(clock).begin(run, [])
    assert attempt
    return attempt


def pass_by(run: Run, seconds: float) -> None:
    """Move its lease, and when that was seen to have run out, into the past."""
    run.refresh_from_db()
    for name in ("lease_until", "missed_at"):
        if getattr(run, name):
            setattr(run, name, getattr(run, name) - timedelta(seconds=seconds))
    run.save()


def test_who_was_kept_from_renewing_a_lease_is_heard_first(workspace: Workspace) -> None:
    """The database was away for longer than a lease; the first sweep after it comes before the worker's next beat."""
    one = claimed(workspace)
    pass_by(one.row, 2 * settings.RUN_LEASE_SECONDS)
    Training.sweep()
    one.row.refresh_from_db()
    assert one.row.status == Status.STARTING
    one.beat()
    pass_by(one.row, 2 * settings.RUN_LEASE_SECONDS)  # the next outage: what was seen in the last one does not count
    Training.sweep()
    one.beat()


def test_who_stays_silent_loses_the_run(workspace: Workspace) -> None:
    one = claimed(workspace)
    pass_by(one.row, settings.RUN_LEASE_SECONDS + 1)
    Training.sweep()
    pass_by(one.row, settings.RUN_LEASE_SECONDS / 2 + 1)
    Training.sweep()
    one.row.refresh_from_db()
    assert (one.row.status, one.row.lease) == (Status.QUEUED, "")
    with pytest.raises(Lost):
        one.beat()


def test_a_beat_between_two_looks_of_a_sweep_counts(workspace: Workspace) -> None:
    one = claimed(workspace)
    pass_by(one.row, settings.RUN_LEASE_SECONDS + 1)
    Run.objects.miss()
    pass_by(one.row, settings.RUN_LEASE_SECONDS)
    found = Run.objects.expired().get()
    one.beat()
    assert not found.expire()


@pytest.mark.django_db(transaction=True)
def test_a_charge_whose_answer_was_lost_counts_once(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    """The database went away while it committed: what it had stored by then is neither charged again nor taken back."""
    now = 0.0
    one = claimed(workspace, clock=lambda: now)
    commit, lost = connection._commit, []

    def commit_and_lose() -> None:
        commit()
        if not lost:
            lost.append(now)
            raise OperationalError("database is locked")

    now = 5.0
    one.beat()
    now = 12.0
    with monkeypatch.context() as failing:
        failing.setattr(connection, "_commit", commit_and_lose)
        one.beat()
    assert (lost, one.unstored) == ([12.0], True)
    now = 20.0
    one.beat()
    now = 21.0
    one.beat()
    one.row.refresh_from_db()
    line = LedgerEntry.objects.get()
    assert one.row.seconds == line.seconds == 21
    assert one.row.cost == line.amount == gate.month(workspace).spent
    assert abs(line.amount - gate.cost_of(21, PRICE)) < Decimal("0.000001")


def test_a_worker_that_ends_late_does_not_release_the_next_one_s_money(workspace: Workspace) -> None:
    first = claimed(workspace)
    first.is_stopped = True
    attempts.end(first, errors.EXIT_STOPPED)
    again = Run.objects.get()
    assert again.status == Status.QUEUED
    second = Training.begin(again, [])
    assert second
    first.close()
    assert Reservation.objects.get().key == money_key(again, second.lease)
    again.refresh_from_db()
    assert again.lease_until > timezone.now()


def test_the_money_is_free_once_the_run_is(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who takes a run that was handed back finds nothing reserved for the attempt before."""
    fields = {"status": Status.QUEUED, "headline": None, "progress": 0, "model": "artifact:gone"}
    run = things.run(things.prototype(workspace), price_per_hour=PRICE, **fields)
    seen: list[int] = []
    outcome = Training.outcome

    def look(self: Training, status: int | None) -> dict[str, Any]:
        seen.append(Reservation.objects.count())
        return outcome(self, status)

    monkeypatch.setattr(Training, "outcome", look)
    monkeypatch.setattr(training, "spec_of", lambda *_settings: {"dataset": {}})
    Training.handle(run.pk)
    assert seen == [0]
