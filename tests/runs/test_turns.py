"""The queue of runs between workspaces: each in turn, none kept waiting by another's forty, and no more at once than it may."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from tests import things
from tests.ops.test_at_once import AT_ONCE, at_once
from webapp.accounts import limits
from webapp.accounts.actions import ensure_user
from webapp.accounts.models import User, Workspace
from webapp.costs.actions import set_budget
from webapp.costs.gate import charge
from webapp.runs import estimates, turns
from webapp.runs.charging import compute_spent
from webapp.runs.models import Estimate, Run, Status
from webapp.runs.training import Training, check_at_once, something_waits

FORTY = 40


def tenant(name: str) -> Workspace:
    return ensure_user(f"{name}@example.org")[0].workspaces.get()


def queue_runs(workspace: Workspace, count: int, minutes_ago: float = 0, **fields: Any) -> list[Run]:
    """Runs that wait, the first queued so long ago and each a second after the one before."""
    prototype = things.prototype(workspace)
    first = timezone.now() - timedelta(minutes=minutes_ago)
    waiting = {"status": Status.QUEUED, "headline": None, "progress": 0} | fields
    return [
        things.run(prototype, number + 1, queued_at=first + timedelta(seconds=number), **waiting)
        for number in range(count)
    ]


def next_workspace() -> Workspace:
    """Whose run a free worker takes now."""
    run = Run.objects.get(pk=turns.order("cpu", startable=True)[0])
    assert run.claim(worker="test")
    return run.workspace


def end_all() -> None:
    Run.objects.filter(status=Status.STARTING).update(status=Status.SUCCEEDED, lease="", lease_until=None)


@pytest.mark.django_db
def test_forty_runs_of_one_workspace_keep_no_other_waiting() -> None:
    a, b = tenant("a"), tenant("b")
    queue_runs(a, FORTY, minutes_ago=10)
    (only,) = queue_runs(b, 1)
    assert turns.order("cpu")[0] == only.pk
    assert turns.place_of(only) == 1
    assert next_workspace() == b
    assert next_workspace() == a


@pytest.mark.django_db
def test_one_worker_serves_workspaces_in_turn() -> None:
    a, b, c = tenant("a"), tenant("b"), tenant("c")
    queue_runs(a, FORTY, minutes_ago=10)
    assert next_workspace() == a
    end_all()
    queue_runs(b, 3)
    queue_runs(c, 2)
    served = []
    for _ in range(8):
        served.append(next_workspace())
        end_all()
    assert served == [c, b, a, c, b, a, b, a]


@pytest.mark.django_db
def test_whoever_queues_one_after_another_does_not_always_come_first() -> None:
    a, b = tenant("a"), tenant("b")
    queue_runs(a, FORTY, minutes_ago=10)
    served = []
    for _ in range(4):
        queue_runs(b, 1)
        served.append(next_workspace())
        end_all()
    assert served == [b, a, b, a]


@pytest.mark.django_db
def test_a_turn_before_the_queue_began_counts_no_more() -> None:
    a, b = tenant("a"), tenant("b")
    for workspace, days in ((a, 30), (b, 1)):
        things.run(things.prototype(workspace), claimed_at=timezone.now() - timedelta(days=days))
    queue_runs(a, FORTY)
    queue_runs(b, 1)
    assert next_workspace() == b


@pytest.mark.django_db
def test_of_several_workers_each_workspace_gets_its_share() -> None:
    a, b = tenant("a"), tenant("b")
    queue_runs(a, FORTY, minutes_ago=10)
    for _ in range(3):
        assert next_workspace() == a
    queue_runs(b, 5)
    assert [next_workspace() for _ in range(5)] == [b, b, b, a, b]


@pytest.mark.django_db
def test_the_places_are_the_order_in_which_they_start() -> None:
    a, b = tenant("a"), tenant("b")
    of_a, of_b = queue_runs(a, 4, minutes_ago=10), queue_runs(b, 2)
    order = turns.order("cpu")
    assert order == [run.pk for run in (of_b[0], of_a[0], of_b[1], of_a[1], of_a[2], of_a[3])]
    assert turns.places(of_a) == [2, 4, 5, 6]
    started = [Run.objects.get(pk=pk) for pk in order]
    for run in started:
        assert turns.order("cpu", startable=True)[0] == run.pk
        assert run.claim(worker="test")
        end_all()
    assert turns.order("cpu") == []
    assert turns.place_of(of_a[0]) == 0


@pytest.mark.django_db
def test_other_hardware_is_another_queue() -> None:
    a, b = tenant("a"), tenant("b")
    queue_runs(a, 2, hardware="gpu")
    (run,) = queue_runs(b, 1)
    assert turns.order("cpu") == [run.pk]
    assert len(turns.order("gpu")) == 2
    assert turns.order("gpu:2") == []


@pytest.mark.django_db
def test_a_workspace_trains_no_more_at_once_than_it_may() -> None:
    a, b = tenant("a"), tenant("b")
    limits.set_limit(a, "runs_at_once", 2)
    of_a, of_b = queue_runs(a, FORTY, minutes_ago=10), queue_runs(b, 2)
    assert [next_workspace() for _ in range(4)] == [b, a, b, a]
    assert turns.order("cpu", startable=True) == []
    assert not Training.begin_next("cpu", [])
    of_a[5].refresh_from_db()
    assert turns.place_of(of_a[5]) == 4
    assert "at most 2 runs at once" in str(turns.limit_reached(a))
    assert turns.limit_reached(b) is None
    Run.objects.filter(pk=of_b[0].pk).update(status=Status.SUCCEEDED)
    assert turns.order("cpu", startable=True) == []
    Run.objects.filter(pk=of_a[0].pk).update(status=Status.SUCCEEDED)
    assert turns.order("cpu", startable=True)[0] == of_a[2].pk


@pytest.mark.django_db(transaction=True)
def test_workers_that_claim_at_once_do_not_pass_it() -> None:
    a = tenant("a")
    limits.set_limit(a, "runs_at_once", 3)
    queue_runs(a, AT_ONCE)
    begun = [work for work in at_once(lambda _: Training.begin_next("cpu", [])) if work]
    assert len(begun) == 3
    assert Run.objects.filter(status=Status.STARTING).count() == 3
    check_at_once(begun[0].row)


@pytest.mark.django_db(transaction=True)
def test_each_of_many_workers_gets_another_run() -> None:
    for name in "abcd":
        queue_runs(tenant(name), 5)
    begun = [work.row for work in at_once(lambda _: Training.begin_next("cpu", [])) if work]
    assert len({run.pk for run in begun}) == AT_ONCE
    assert not something_waits("cpu")


@pytest.mark.django_db
def test_a_run_without_money_is_no_obstacle_to_others() -> None:
    """Its workspace's turn comes first; it fails in words, and the worker goes on to the next."""
    a, b = tenant("a"), tenant("b")
    set_budget(a, 0)
    (poor,) = queue_runs(a, 1, minutes_ago=10)
    (rich,) = queue_runs(b, 1)
    work = Training.begin_next("cpu", [])
    assert work
    assert work.row == rich
    poor.refresh_from_db()
    assert (poor.status, poor.error["code"]) == (Status.FAILED, "budget_spent")


@pytest.mark.django_db
def test_compute_hours_end_a_run_and_hold_up_the_next() -> None:
    a = tenant("a")
    (run,) = queue_runs(a, 1)
    limits.set_limit(a, "compute_hours_month", 1)
    charge(a, key="one", seconds=3599, price=0, kind="training", hardware="cpu")
    assert compute_spent(a) is None
    charge(a, key="two", seconds=1, price=0, kind="training", hardware="cpu")
    problem = compute_spent(a)
    assert problem
    assert (problem["code"], "1 compute hours of this month" in problem["message"]) == ("workspace_limit", True)
    assert "checkpoint is kept" in problem["hint"]
    assert not Training.begin_next("cpu", [])
    run.refresh_from_db()
    assert (run.status, run.attempts) == (Status.QUEUED, 0), "it waits, and fails not"


@pytest.mark.django_db
def test_the_page_says_why_it_waits(client_of: Any) -> None:
    user = User.objects.get(pk=ensure_user("a@example.org")[0].pk)
    a = user.workspaces.get()
    limits.set_limit(a, "runs_at_once", 0)
    (run,) = queue_runs(a, 1)
    browser: Client = client_of(user)
    page = browser.get(reverse("run", args=[run.pk])).content.decode()
    assert "at most 0 runs at once" in page
    assert "number 1 in" in page
    assert browser.get(f"/api/v1/runs/{run.pk}").json()["place"] == 1
    assert "number 1 in the queue" in " ".join(browser.get(reverse("workers")).content.decode().split())


@pytest.mark.django_db
def test_a_message_of_a_run_that_has_started_starts_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    """Messages and runs are as many as each other, but a message need not start the run that it names."""
    a, b = tenant("a"), tenant("b")
    of_a, of_b = queue_runs(a, 2, minutes_ago=10), queue_runs(b, 1)
    trained: list[Run] = []

    def note(work: Training) -> None:
        trained.append(work.row)
        Run.objects.filter(pk=work.row.pk).update(status=Status.SUCCEEDED, lease="")

    monkeypatch.setattr(Training, "run", note)
    for run in (*of_a, *of_b):
        Training.handle(run.pk)
    assert trained == [of_b[0], of_a[0], of_a[1]]
    Training.handle(of_a[0].pk)
    Training.handle("gone")
    assert len(trained) == 3


def ask_for_estimates(workspace: Workspace, count: int, minutes_ago: float = 0) -> list[Estimate]:
    version = things.dataset(workspace).current
    first = timezone.now() - timedelta(minutes=minutes_ago)
    fields = {"workspace": workspace, "version": version, "spec": {}, "hardware": "cpu"}
    return [
        Estimate.objects.create(key=str(number), sent_at=first + timedelta(milliseconds=number), **fields)
        for number in range(count)
    ]


@pytest.mark.django_db
def test_estimates_take_turns_too() -> None:
    a, b = tenant("a"), tenant("b")
    of_a = ask_for_estimates(a, FORTY, minutes_ago=1)
    measured = []
    for number in range(4):
        if number == 1:
            of_b = ask_for_estimates(b, 2)
        turn = Estimate.objects.get(pk=estimates.next_in_turn())
        lease = turn.claim()
        assert lease
        assert turn.finish(lease, result={})
        measured.append(turn)
    assert measured == [of_a[0], of_b[0], of_a[1], of_b[1]]
    Estimate.objects.update(result={})
    assert estimates.next_in_turn() is None
