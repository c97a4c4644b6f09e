"""Pages in states that no plain run has, in every language: verdicts, leaks, a spent budget, data at work."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from tests import run_pages, things
from webapp.accounts.models import User, Workspace
from webapp.costs.actions import set_budget
from webapp.endpoints.models import Endpoint
from webapp.pages.removal import delete_run
from webapp.prototypes.models import Prototype
from webapp.runs.models import Run

BASELINES = {"tfidf_logistic": {"accuracy": 0.88, "low": 0.8, "high": 0.93, "seconds": 1.2}}
DIFFERENCE = {"value": -0.08, "low": -0.12, "high": -0.02}
LEAK = {"column": "note", "score": 1.0, "rule": "note > 0.5: yes"}
EARLIER = {"run": "gone", "number": 1, "metric": "accuracy", "rows": 200, "sentence": ""}


@pytest.fixture
def browser(user: User, client_of: Callable[[User], Client]) -> Client:
    return client_of(user)


def run_with(workspace: Workspace, report: dict[str, Any], **fields: Any) -> Run:
    run = things.run(things.prototype(workspace), baselines=BASELINES, **fields)
    run.artifact.mkdir(parents=True)
    (run.artifact / "report.json").write_text(json.dumps({"test_rows": 100, "labels": ["a", "b"]} | report))
    return run


@pytest.mark.parametrize("outcome", ["better", "not shown", "worse"])
def test_verdicts(outcome: str, workspace: Workspace, browser: Client) -> None:
    verdict = {"against": "tfidf_logistic", "outcome": outcome, "difference": DIFFERENCE, "sentence": ""}
    run = run_with(workspace, {"baselines": BASELINES}, verdict=verdict)
    run_pages.open_in_every_language(browser, [run])


@pytest.mark.parametrize("outcome", ["better", "not shown", "worse", "not comparable"])
def test_beside_the_best_earlier_run(outcome: str, workspace: Workspace, browser: Client) -> None:
    difference = None if outcome == "not comparable" else DIFFERENCE
    beside = EARLIER | {"outcome": outcome, "difference": difference}
    run_pages.opens(browser, reverse("run", args=[run_with(workspace, {}, against_best_run=beside).pk]))


@pytest.mark.parametrize("task", ["tabular-classification", "tabular-regression"])
def test_a_column_that_decides_alone(task: str, workspace: Workspace, browser: Client) -> None:
    run_pages.opens(browser, reverse("run", args=[run_with(workspace, {"leaks": [LEAK]}, task=task).pk]))


def test_a_spent_budget(workspace: Workspace, browser: Client) -> None:
    run = run_with(workspace, {})
    endpoint = things.endpoint(run)
    set_budget(workspace, 0)
    for path in run_pages.pages_of([run]):
        run_pages.opens(browser, path)
    run_pages.opens(Client(), reverse("demo", args=[endpoint.slug]), 503)


def test_a_run_that_cannot_be_deleted_or_replaced(workspace: Workspace, browser: Client) -> None:
    run = run_with(workspace, {})
    endpoint = things.endpoint(run)
    run_pages.opens(browser, reverse("delete_run", args=[run.pk]), 409, sent={})
    other = things.run(run.prototype, 2)
    run_pages.opens(browser, f"{reverse('share', args=[run.prototype_id])}?run={other.pk}")
    run_pages.opens(browser, reverse("deploy", args=[other.pk]), 409, sent={"instead_of": "another"})
    Endpoint.objects.filter(pk=endpoint.pk).update(current=None)
    delete_run(other, None)
    run_pages.opens(browser, reverse("runs", args=[run.prototype_id]))


@pytest.mark.parametrize("state", ["processing", "failed"])
def test_data_at_work_or_refused(state: str, workspace: Workspace, browser: Client) -> None:
    error = {"code": "no_rows", "message": "There are no rows.", "hint": "Send another."} if state == "failed" else None
    dataset = things.dataset(workspace, ready=False, status=state, error=error)
    prototype = Prototype.objects.create(workspace=workspace, dataset=dataset, name="idea")
    run_pages.opens(browser, reverse("data", args=[prototype.pk]))


def test_pages_that_are_not_there_or_not_open(outsider: User, workspace: Workspace, client_of: Any) -> None:
    prototype = things.prototype(workspace)
    run_pages.opens(client_of(outsider), reverse("data", args=[prototype.pk]), 404)
    run_pages.opens(Client(), "/nowhere", 404)
