"""How often a run may die: three times in one place, but as often as it likes while it comes further each time."""

from decimal import Decimal
from typing import Any

import pytest

from tests import things
from webapp.accounts.models import Workspace
from webapp.runs.actions import resume
from webapp.runs.models import Run, Status
from webapp.runs.training import Training, event


def interrupted(workspace: Workspace, **fields: Any) -> Run:
    return things.run(things.prototype(workspace), status=Status.INTERRUPTED, headline=None, progress=0.4, **fields)


@pytest.mark.parametrize(
    ("attempts", "earlier", "status"),
    [(2, 0, "queued"), (3, 0, "failed"), (3, 1, "queued"), (9, 8, "queued"), (9, 6, "failed")],
)
def test_deaths_count_from_the_last_progress(workspace: Workspace, attempts: int, earlier: int, status: str) -> None:
    run = interrupted(workspace, attempts=attempts, earlier_attempts=earlier)
    Training.recover(run)
    run.refresh_from_db()
    assert run.status == status
    if status == "failed":
        assert run.error["message"] == "Training crashed 3 times."


def test_a_checkpoint_further_on_is_progress_and_the_one_it_began_from_is_not(workspace: Workspace) -> None:
    run = things.run(things.prototype(workspace), status=Status.QUEUED, attempts=2, headline=None)
    lease = run.claim(worker="a worker", price_per_hour=Decimal(0))
    assert lease
    attempt = Training(run, lease, [], Decimal(1))
    for step, resumed in ((40, True), (40, False)):
        attempt.take(event("checkpoint", step=step, resumed=resumed))
        assert "earlier_attempts" not in attempt.pending
    attempt.take(event("checkpoint", step=60, resumed=False))
    attempt.beat()
    run.refresh_from_db()
    assert (run.attempts, run.earlier_attempts, run.deaths) == (3, 2, 1)


def test_resuming_counts_anew(workspace: Workspace) -> None:
    run = things.run(things.prototype(workspace), status=Status.FAILED, attempts=5, earlier_attempts=2)
    resume(run, None)
    assert (run.attempts, run.earlier_attempts) == (0, 0)
