"""The steps of a run of the method “Best”: while it is at work, and in its report."""

import html
import json
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from tests import things
from webapp.accounts.models import User, Workspace
from webapp.runs.models import Run, Status

STEPS: list[dict[str, Any]] = [
    {"method": "baseline", "seconds": 0.2, "score": 0.5, "rows": 80, "cost": 0.0001},
    {
        "method": "probe",
        "seconds": 12.0,
        "score": 0.91,
        "rows": 80,
        "cost": 0.02,
        "against": "baseline",
        "difference": {"value": 0.41, "low": 0.29, "high": 0.51},
        "outcome": "better",
    },
]
STOPPED = "So few mistakes are left that even a model without any could not be shown to be better."


@pytest.fixture
def browser(user: User, client_of: Callable[[User], Client]) -> Client:
    return client_of(user)


def page(browser: Client, run: Run) -> str:
    answer = browser.get(reverse("run", args=[run.pk]))
    assert answer.status_code == 200
    return " ".join(html.unescape(answer.content.decode()).replace("\xa0", " ").split())


def test_the_report_keeps_the_steps_and_why_it_stopped(workspace: Workspace, browser: Client) -> None:
    run = things.run(things.prototype(workspace), method="best")
    run.artifact.mkdir(parents=True, exist_ok=True)
    told = {"steps": STEPS, "stopped": STOPPED, "winner": "probe"}
    (run.artifact / "report.json").write_text(json.dumps({"ladder": told, "test_rows": 10}), "utf-8")
    shown = page(browser, run)
    table = shown[shown.index("One answer for all rows") :]
    assert "50.0 %" in table
    assert "+29.0 to +51.0 points" in table
    assert 'Instant <span class="tag">kept</span>' in table
    assert STOPPED in table
    search = things.run(run.prototype, 2, task="sentence-similarity", method="best")
    search.artifact.mkdir(parents=True, exist_ok=True)
    (search.artifact / "report.json").write_text(
        json.dumps({"ladder": told | {"metric": "ndcg_10"}, "test_rows": 10}), "utf-8"
    )
    assert "nDCG@10</th>" in page(browser, search), "what its steps were compared by, not what most of its task are"
    assert "Shared words, or one score for all pairs" in page(browser, search)
    (run.artifact / "report.json").write_text(json.dumps({"test_rows": 10}), "utf-8")
    assert "One answer for all rows" not in page(browser, run), "a report of before has no steps"


def test_a_run_at_work_shows_the_steps_so_far(workspace: Workspace, browser: Client) -> None:
    run = things.run(things.prototype(workspace), method="best", status=Status.RUNNING)
    events = [
        {"type": "step", "method": "baseline", "state": "start"},
        {"type": "step", "state": "done", **STEPS[0]},
        {"type": "step", "method": "probe", "state": "start"},
    ]
    run.events_path.parent.mkdir(parents=True, exist_ok=True)
    run.events_path.write_text(
        "".join(json.dumps({"t": "2026-11-28T22:00:00Z"} | event) + "\n" for event in events), "utf-8"
    )
    shown = page(browser, run)
    table = shown[shown.index("One answer for all rows") :]
    assert "50.0 %" in table
    assert 'Instant <span class="tag">now</span>' in table
