"""The gate of a workspace's money: runs reserve, are charged, and are stopped; paused demos cost nothing."""

import json
import signal
from collections.abc import Callable, Iterator
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone

from tests import attempts, things
from trainer import allowance
from webapp.accounts.models import Workspace
from webapp.core import work
from webapp.core.problems import BudgetSpent
from webapp.costs import gate
from webapp.costs.actions import set_budget, set_rate
from webapp.costs.models import Budget, LedgerEntry, Reservation
from webapp.endpoints import actions as endpoints
from webapp.endpoints import hosting
from webapp.endpoints.models import Endpoint
from webapp.prototypes.models import Prototype
from webapp.runs.actions import terms_of
from webapp.runs.models import Run, Status
from webapp.runs.training import KILL_AFTER_SECONDS, Training

HUNDRED = Decimal(100)
OPEN = gate.Terms(HUNDRED)
LINE = {"hardware": "cpu", "subject": "run", "subject_id": "r", "subject_name": "Run 1"}


@pytest.fixture
def prototype(workspace: Workspace) -> Prototype:
    return things.prototype(workspace)


class Trainer:
    """In place of the process: it hears signals, and saves for as long as it may before it ends."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self.clock, self.told_at = clock, 0.0

    def signal(self, _number: int) -> None:
        self.told_at = self.told_at or self.clock()

    @property
    def gone(self) -> bool:
        return bool(self.told_at) and self.clock() - self.told_at >= KILL_AFTER_SECONDS


class Day:
    """Runs at work side by side, and the seconds that pass for all of them."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.working: list[tuple[Training, Trainer]] = []
        self.begun: list[Training] = []

    def clock(self) -> float:
        return self.now

    def start(self, run: Run) -> Training | None:
        set_rate(run.workspace, "cpu", run.price_per_hour)
        one = attempts.training(self.clock).begin(run, [])
        if one is None:
            return None
        self.begun.append(one)
        self.working.append((one, Trainer(self.clock)))
        return one

    def pass_by(self, seconds: float) -> None:
        until = self.now + seconds
        while self.now < until:
            self.now += 0.25
            for one, trainer in list(self.working):
                one.attend(trainer)  # type: ignore[arg-type]
                if trainer.gone:
                    self.working.remove((one, trainer))
                    one.beat()
                    attempts.end(one, -signal.SIGKILL)


@pytest.fixture
def day() -> Iterator[Day]:
    made = Day()
    yield made
    for one in made.begun:
        if one.log:
            one.log.close()


def waiting(prototype: Prototype, number: int, **fields: Any) -> Run:
    state = {"status": "queued", "headline": None, "price_per_hour": HUNDRED, "progress": 0}
    return things.run(prototype, number=number, **(state | fields))


def spent(workspace: Workspace) -> Decimal:
    total = LedgerEntry.objects.total()
    assert gate.month(workspace).spent == total
    return total


def test_a_run_that_takes_longer_than_thought_goes_on(day: Day, workspace: Workspace, prototype: Prototype) -> None:
    """There is money enough: what was reserved for its last seconds was less than a heartbeat needs, and ended it."""
    set_budget(workspace, 1000)
    one = day.start(waiting(prototype, 1, limits={"seconds": 12}))
    assert one
    day.pass_by(60)
    assert one.stop_problem is None
    assert one.row.cost > gate.cost_of(50, HUNDRED)


@pytest.mark.parametrize("limits", [{}, {"cost": 0.16}])
def test_three_runs_started_together_cannot_pass_the_budget(
    day: Day, limits: dict[str, float], workspace: Workspace, prototype: Prototype
) -> None:
    set_budget(workspace, "0.50")
    runs = [waiting(prototype, number, limits=limits) for number in (1, 2, 3)]
    for run in runs:
        day.start(run)
    day.pass_by(60)
    for run in runs:
        run.refresh_from_db()
        if run.status == Status.QUEUED:
            day.start(run)
    day.pass_by(60)
    assert not day.working
    assert Decimal("0.25") < spent(workspace) <= Decimal("0.71")
    for run in runs:
        run.refresh_from_db()
        assert run.status == Status.FAILED
        assert run.error["code"] in ("budget_spent", "limit_reached")
        assert run.error["hint"]
    assert runs[0].cost == sum(line.amount for line in LedgerEntry.objects.filter(subject_id=runs[0].pk))
    assert not Reservation.objects.exists()


def test_a_budget_taken_away_stops_every_run_within_a_heartbeat(
    day: Day, workspace: Workspace, prototype: Prototype
) -> None:
    runs = [waiting(prototype, number) for number in (1, 2, 3)]
    assert all(day.start(run) for run in runs)
    day.pass_by(20)
    set_budget(workspace, "1.00")
    before = spent(workspace)
    day.pass_by(30)
    assert not day.working
    assert spent(workspace) - before <= 3 * gate.cost_of(5 + KILL_AFTER_SECONDS, HUNDRED)
    for run in runs:
        run.refresh_from_db()
        assert run.error["code"] == "budget_spent"
        assert run.error["message"] == "Stopped: this month's budget of $1.00 is spent."


def test_a_run_follows_the_budget_as_it_is_now(day: Day, workspace: Workspace, prototype: Prototype) -> None:
    """What was left at its start is no limit of its own."""
    set_budget(workspace, 10)
    one = day.start(waiting(prototype, 1))
    assert one
    one.row.folder.mkdir(parents=True)

    def seconds() -> float:
        day.pass_by(6)
        left = allowance.seconds_left(one.row.folder)
        assert left is not None
        return left

    assert one.money == 10
    price = float(HUNDRED) / 3600
    assert seconds() == pytest.approx(10 / price - 13, abs=12)
    set_budget(workspace, 100)
    assert seconds() == pytest.approx(100 / price - 18, abs=12)
    gate.reserve(workspace, "run:other", gate.Terms(HUNDRED, Decimal(2)), Decimal(0))
    set_budget(workspace, 5)
    assert seconds() == pytest.approx(3 / price - 25, abs=12)
    assert one.stop_problem is None


def test_the_trainer_is_given_the_limits_that_were_set(
    day: Day, workspace: Workspace, prototype: Prototype, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_budget(workspace, 10)
    told: list[Path] = []

    class Begun(Exception):  # noqa: N818  the command would be started now
        pass

    def begin(arguments: list[str], **_options: Any) -> None:
        told.append(Path(arguments[1]))
        raise Begun

    monkeypatch.setattr(work, "TrainerProcess", begin)
    for number, limits in enumerate(({}, {"cost": 4.0}), start=1):
        one = day.start(waiting(prototype, number, limits=limits))
        assert one
        one.row.folder.mkdir(parents=True)
        with pytest.raises(Begun):
            one.do()
        assert json.loads(told[-1].read_text())["limits"] == limits
        assert allowance.seconds_left(one.row.folder)
        gate.release(one.money_key)


def test_runs_share_a_budget_that_is_large_enough(day: Day, workspace: Workspace, prototype: Prototype) -> None:
    """A run without a limit of its own does not keep everything from the others."""
    set_rate(workspace, "cpu", "0.09")
    runs = [waiting(prototype, number, price_per_hour=Decimal("0.09")) for number in (1, 2, 3)]
    assert all(day.start(run) for run in runs)
    day.pass_by(1300)
    assert len(day.working) == 3
    assert Reservation.objects.count() == 3


def test_a_run_waits_for_what_others_have_reserved(day: Day, workspace: Workspace, prototype: Prototype) -> None:
    set_budget(workspace, 3)
    first, second = waiting(prototype, 1, limits={"cost": 2.9}), waiting(prototype, 2)
    holder = day.start(first)
    assert holder
    assert day.start(second) is None
    second.refresh_from_db()
    assert (second.status, second.attempts, second.error) == (Status.QUEUED, 0, None)
    assert gate.must_wait(workspace, terms_of(second, HUNDRED))
    gate.release(holder.money_key)
    assert day.start(second)


def test_a_run_that_waited_too_long_is_told_that_the_money_is_gone(
    day: Day, workspace: Workspace, prototype: Prototype
) -> None:
    run = waiting(prototype, 1)
    set_budget(workspace, 1)
    gate.charge(workspace, key="all", seconds=36, price=HUNDRED, kind="training", **LINE)
    assert day.start(run) is None
    run.refresh_from_db()
    assert run.status == Status.FAILED
    assert run.error["code"] == "budget_spent"
    assert run.error["message"] == "This month's budget of $1.00 is spent."
    assert run.events_path.exists()


def test_too_little_to_start_is_no_reason_to_wait_for_ever(
    day: Day, workspace: Workspace, prototype: Prototype
) -> None:
    run = waiting(prototype, 1)
    set_budget(workspace, "0.10")
    assert day.start(run) is None
    run.refresh_from_db()
    assert run.error["message"] == "Only $0.10 of this month's budget is left, too little to start this run."


def test_a_limit_is_kept_through_evaluation_and_packaging(day: Day, workspace: Workspace, prototype: Prototype) -> None:
    """The trainer ends by itself under the limit; one that does not is stopped soon after."""
    run = waiting(prototype, 1, limits={"cost": 4.0})
    day.start(run)
    day.pass_by(300)
    run.refresh_from_db()
    assert run.error["code"] == "limit_reached"
    assert run.error["message"] == "Stopped: this run reached its limit of $4.00."
    assert Decimal("5.4") < run.cost <= 4 + gate.cost_of(60 + 5 + KILL_AFTER_SECONDS, HUNDRED)


def test_a_dead_worker_keeps_nothing_reserved(workspace: Workspace) -> None:
    set_budget(workspace, 1)
    gate.reserve(workspace, "run:a", OPEN, Decimal(0))
    with pytest.raises(gate.Waits):
        gate.reserve(workspace, "run:b", OPEN, Decimal(0))
    Reservation.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    assert gate.reserve(workspace, "run:b", OPEN, Decimal(0)) == 1


def test_reserving_again_replaces(workspace: Workspace) -> None:
    set_budget(workspace, 1)
    assert [gate.reserve(workspace, "run:a", OPEN, Decimal(0)) for _ in range(2)] == [1, 1]
    assert Reservation.objects.get().amount == 1


def test_one_line_a_run_and_hour(workspace: Workspace, django_assert_max_num_queries: Any) -> None:
    def beat(number: int) -> gate.Beat:
        return gate.beat(workspace, "run:r", OPEN, Decimal(0), seconds=5, charge_id=f"1:{number}", line=LINE)

    for number in range(20):
        beat(number)
    with django_assert_max_num_queries(10):
        beat(20)
    again = beat(20)
    assert again.amount == 0
    line = LedgerEntry.objects.get()
    assert (line.seconds, line.amount) == (105, 21 * gate.cost_of(5, HUNDRED))
    assert spent(workspace) == line.amount


def test_another_price_is_another_line(workspace: Workspace) -> None:
    for price in ("1", "2", "1"):
        terms = gate.Terms(Decimal(price))
        gate.beat(workspace, "run:r", terms, Decimal(0), seconds=5, charge_id=timezone.now().isoformat(), line=LINE)
    assert sorted(LedgerEntry.objects.values_list("price_per_hour", "seconds")) == [(1, 10), (2, 5)]


def test_a_new_month_begins_at_nothing(workspace: Workspace) -> None:
    set_budget(workspace, 1)
    gate.charge(workspace, key="all", seconds=3600, price=HUNDRED, kind="training", **LINE)
    with pytest.raises(BudgetSpent):
        gate.check_budget(workspace)
    Budget.objects.update(month=timezone.now().date().replace(day=1) - timedelta(days=1))
    assert gate.check_budget(workspace).spent == 0
    gate.charge(workspace, key="new", seconds=18, price=HUNDRED, kind="training", **LINE)
    assert gate.month(workspace).spent == Decimal("0.5")


def test_the_month_is_one_row(workspace: Workspace, django_assert_num_queries: Any) -> None:
    for number in range(3):
        gate.charge(workspace, key=str(number), seconds=36, price=HUNDRED, kind="training", **LINE)
    with django_assert_num_queries(1):
        assert gate.month(workspace).spent == 3


@pytest.fixture
def demo(prototype: Prototype) -> Endpoint:
    return things.endpoint(things.run(prototype))


def later(demo: Endpoint, seconds: float) -> None:
    """So much time has passed since its last charge."""
    Endpoint.objects.filter(pk=demo.pk).update(charged_until=timezone.now() - timedelta(seconds=seconds))


def test_a_demo_paused_by_the_budget_costs_nothing(workspace: Workspace, demo: Endpoint) -> None:
    set_rate(workspace, "endpoint", 3600)
    set_budget(workspace, 10)
    later(demo, 20)
    hosting.charge_hosting()
    before = spent(workspace)
    assert before >= 10
    for _minute in range(3):
        later(demo, 50)
        hosting.charge_hosting()
    assert spent(workspace) == before
    later(demo, 55)  # the budget is raised long after the last charge, and before the next
    set_budget(workspace, 1000)
    hosting.charge_hosting()
    assert spent(workspace) < before + 5, "what it was paused for is not charged after"


def test_demos_do_not_pass_the_budget(workspace: Workspace, demo: Endpoint) -> None:
    """A minute that is paid for in part is charged in part, to the last digit; the demo is paused then."""
    set_rate(workspace, "endpoint", "7777.77777")
    set_budget(workspace, "10.01")
    later(demo, 20)
    hosting.charge_hosting()
    assert spent(workspace) == Decimal("10.01")
    assert gate.month(workspace).is_spent
    line = LedgerEntry.objects.get()
    assert gate.cost_of(line.seconds, line.price_per_hour) == pytest.approx(Decimal("10.01"), abs=Decimal("0.002"))


def test_posting_live_again_does_not_make_it_free(workspace: Workspace, demo: Endpoint) -> None:
    set_rate(workspace, "endpoint", 3600)
    set_budget(workspace, 100_000)
    later(demo, 150)
    for _again in range(5):
        endpoints.switch(demo, None, "live")
    hosting.charge_hosting()
    assert Decimal(150) <= spent(workspace) < Decimal(155)


def test_a_nap_before_every_charge_does_not_make_it_free(workspace: Workspace, demo: Endpoint) -> None:
    set_rate(workspace, "endpoint", 3600)
    set_budget(workspace, 100_000)
    for _again in range(5):
        later(demo, 30)
        endpoints.switch(demo, None, "off")
        endpoints.switch(demo, None, "live")
    assert Decimal(150) <= spent(workspace) < Decimal(155)
    assert LedgerEntry.objects.count() <= 2


def test_promoting_and_deleting_do_not_make_it_free(workspace: Workspace, demo: Endpoint) -> None:
    set_rate(workspace, "endpoint", 3600)
    set_budget(workspace, 100_000)
    later(demo, 30)
    package = demo.current.run.artifact / "onnx" / "export.json"
    package.parent.mkdir(parents=True)
    package.write_text('{"engine": "onnx-fp32"}')
    demo.current.engine = "onnx-fp32"
    endpoints.promote(demo.current, None)
    hosting.charge_hosting()
    assert spent(workspace) >= 30
    later(demo, 30)
    endpoints.delete(Endpoint.objects.get(), None)
    assert spent(workspace) >= 60
