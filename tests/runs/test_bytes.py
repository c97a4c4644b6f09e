"""What runs take on the disk: measured once after they end, and shown without looking into their folders."""

from collections.abc import Callable

import pytest
from django.test import Client
from django.urls import reverse

from tests import things
from webapp.accounts.models import User, Workspace
from webapp.prototypes.models import Prototype
from webapp.runs import storage
from webapp.runs.models import Run
from webapp.runs.tasks import store


@pytest.fixture
def prototype(workspace: Workspace) -> Prototype:
    return things.prototype(workspace)


def filled(run: Run, size: int) -> Run:
    run.artifact.mkdir(parents=True, exist_ok=True)
    (run.artifact / "weights.bin").write_bytes(bytes(size))
    return run


def test_ended_runs_are_measured_once(prototype: Prototype) -> None:
    ended, working = (
        filled(things.run(prototype), 1000),
        filled(things.run(prototype, number=2, status="running"), 1000),
    )
    store()
    for run in (ended, working):
        run.refresh_from_db()
    assert (ended.bytes, working.bytes) == (1000, None)
    filled(ended, 5000)
    store()
    ended.refresh_from_db()
    assert ended.bytes == 1000
    storage.changed(ended)
    store()
    ended.refresh_from_db()
    assert ended.bytes == 5000


def test_a_run_without_a_folder_holds_nothing(prototype: Prototype) -> None:
    run = things.run(prototype)
    store()
    run.refresh_from_db()
    assert run.bytes == 0


def test_a_resumed_run_counts_what_it_holds_and_what_it_will(prototype: Prototype) -> None:
    run = things.run(prototype, status="failed", headline=None, bytes=7)
    assert run.requeue(expected_bytes=5)
    assert Run.objects.all().total_bytes() == 7
    Run.objects.update(expected_bytes=9)
    assert Run.objects.all().total_bytes() == 9
    Run.objects.update(status="succeeded")
    assert Run.objects.all().total_bytes() == 7


def test_the_page_adds_up_what_was_measured(
    user: User, prototype: Prototype, client_of: Callable[[User], Client]
) -> None:
    filled(things.run(prototype, bytes=2_000_000), 10)
    things.run(prototype, number=2, bytes=1_000_000)
    things.run(prototype, number=3)
    page = client_of(user).get(reverse("runs", args=[prototype.pk])).content.decode()
    assert "the runs 3.0\u00a0MB" in page
