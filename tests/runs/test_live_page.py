"""What a live page says is so: what a score rests on, no charts without lines, a remaining time that does not jump."""

import html
import itertools
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from tests import things
from trainer.remaining import Remaining
from webapp.accounts.models import User, Workspace
from webapp.runs.models import Run
from webapp.runs.templatetags import training

PROBE = [
    {"type": "stage", "name": "train", "state": "start"},
    {"type": "progress", "stage": "train", "fraction": 0.4, "stage_fraction": 0.9, "done": 0, "total": 1},
    {"type": "metric", "name": "accuracy", "split": "validation", "step": 1, "epoch": None, "value": 0.736, "rows": 288, "folds": 3},
    {"type": "metric", "name": "loss", "split": "validation", "step": 1, "epoch": None, "value": 0.9, "rows": 288, "folds": 3},
]  # fmt: skip


def tuned(epochs: int) -> list[dict[str, Any]]:
    values = {"loss": 1.0, "accuracy": 0.5, "macro_f1": 0.4}
    return [
        {"type": "metric", "name": name, "split": "validation", "step": epoch, "epoch": epoch, "value": first + epoch / 100}
        for epoch in range(1, epochs + 1)
        for name, first in values.items()
    ]  # fmt: skip


@pytest.fixture
def browser(user: User, client_of: Callable[[User], Client]) -> Client:
    return client_of(user)


def running(workspace: Workspace, events: list[dict[str, Any]], **fields: Any) -> Run:
    run = things.run(things.prototype(workspace), **({"status": "running", "headline": None} | fields))
    things.write_events(run, *events)
    return run


def page(browser: Client, run: Run) -> str:
    answer = browser.get(reverse("run", args=[run.pk]))
    assert answer.status_code == 200
    return html.unescape(answer.content.decode()).replace("\xa0", " ")


def test_a_download_is_told_in_bytes(workspace: Workspace, browser: Client) -> None:
    at = {"type": "progress", "stage": "prepare", "fraction": 0.1, "stage_fraction": 0.5, "unit": "bytes"}
    shown = page(browser, running(workspace, [at | {"done": 45_000_000, "total": 90_000_000}]))
    assert '<dt>Model download</dt>\n<dd><b class="big">45 MB</b> of 90 MB</dd>' in shown


def test_a_cross_validated_score_says_so_and_has_no_empty_charts(workspace: Workspace, browser: Client) -> None:
    shown = page(browser, running(workspace, PROBE))
    assert "Best validation accuracy" in shown
    assert "3-fold over 288 rows" in shown
    assert "73.6 %" in shown
    assert "<figure" not in shown
    assert "Rows/s" not in shown
    assert "epoch" not in shown


def test_what_is_tried_without_epochs_is_no_curve(workspace: Workspace, browser: Client) -> None:
    """Candidates for a table, one after another: their scores are not passes over the data."""
    tried = [
        {"type": "metric", "name": name, "split": "validation", "step": at, "epoch": None, "value": 0.5 + at / 100}
        for at in (1, 2, 3)
        for name in ("score", "accuracy", "loss")
    ]
    shown = page(browser, running(workspace, tried))
    assert "Best validation" in shown
    assert "epoch" not in shown
    assert "<figure" not in shown
    assert training.report_charts(tried) == []
    assert len(training.report_charts(tuned(3))) == 2


def test_two_charts_at_most_and_the_epoch_of_the_best(workspace: Workspace, browser: Client) -> None:
    shown = page(browser, running(workspace, tuned(3)))
    assert shown.count("<figure") == 2
    assert "Loss (lower is better)" in shown
    assert "1 row, epoch 3" in shown
    assert "<figure" not in page(browser, running(workspace, tuned(1)))


def test_the_stage_says_its_own_share_not_the_time_of_the_whole_run(workspace: Workspace, browser: Client) -> None:
    events = [
        {"type": "stage", "name": "load", "state": "start"},
        {"type": "progress", "stage": "load", "fraction": 0.0, "stage_fraction": 0.2, "eta_seconds": 180.0},
    ]
    shown = page(browser, running(workspace, events, eta_seconds=180.0))
    assert "Training, about 3 minutes left" in shown
    assert "about 3 min<" not in shown


def test_remaining_time_does_not_jump() -> None:
    now = [0.0]
    left = Remaining(40.0, clock=lambda: now[0])
    shown = []
    for now[0], forecast in ((0.0, 180.0), (1.0, 170.0), (4.0, 30.0), (10.0, 25.0), (30.0, 8.0), (37.0, 1.0)):
        shown.append(left.update(forecast))
    assert shown[0] == 40.0
    assert max(later - earlier for earlier, later in itertools.pairwise(shown)) < 15
    assert max(shown) < 60
    assert shown[-1] < 6


def test_remaining_time_without_an_estimate_begins_with_the_forecast() -> None:
    now = [5.0]
    left = Remaining(None, clock=lambda: now[0])
    assert left.update(None) is None
    assert left.update(90.0) == 90.0


def test_a_failed_run_offers_what_there_is(workspace: Workspace, browser: Client) -> None:
    error = {"code": "x", "message": "No such model.", "hint": "Use bundled:all-MiniLM-L6-v2 instead."}
    run = running(workspace, [], status="failed", error=error)
    shown = page(browser, run)
    assert "Use all-MiniLM-L6-v2 instead." in shown
    assert "Try again" in shown
    assert "checkpoint" not in shown
    (run.folder / "checkpoints" / "1").mkdir(parents=True)
    assert "Resume from checkpoint" in page(browser, run)
