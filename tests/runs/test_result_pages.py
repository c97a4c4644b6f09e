"""What a run's results and the pages beside them say: classes, metrics, the models that were compared."""

import html
import json
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from tests import things
from webapp.accounts.models import User, Workspace
from webapp.runs import reports
from webapp.runs.models import Run


@pytest.fixture
def browser(user: User, client_of: Callable[[User], Client]) -> Client:
    return client_of(user)


def page(browser: Client, name: str, pk: str) -> str:
    answer = browser.get(reverse(name, args=[pk]))
    assert answer.status_code == 200
    return " ".join(html.unescape(answer.content.decode()).replace("\xa0", " ").split())


def write_report(run: Run, **report: Any) -> None:
    run.artifact.mkdir(parents=True, exist_ok=True)
    (run.artifact / "report.json").write_text(json.dumps(report), "utf-8")


def of_class(label: str, rows: int, score: float) -> dict[str, Any]:
    return {"label": label, "rows": rows, "precision": score, "recall": score, "f1": score}


def test_the_class_with_the_fewest_test_rows_is_named(workspace: Workspace, browser: Client) -> None:
    run = things.run(things.prototype(workspace))
    per_class = [of_class("???", 0, 0.0), of_class("no", 10, 0.6), of_class("yes", 2, 1.0), of_class("Other", 0, 0.0)]
    write_report(run, per_class=per_class, test_rows=12)
    shown = page(browser, "run", run.pk)
    assert "“yes” has only 2 test rows: treat its scores as approximate." in shown
    assert "“no” has only" not in shown
    assert "“???” has only" not in shown
    assert "2 classes have no test rows." in shown
    row = shown[shown.index('breakall">???') :].partition("</tr>")[0]
    assert row.count('<td class="num">–</td>') == 3
    assert "care" not in row
    assert [one["label"] for one in reports.classes(per_class)["weakest"]] == ["no", "yes", "???", "Other"]


def test_classes_that_all_have_rows_enough_need_no_note(workspace: Workspace, browser: Client) -> None:
    run = things.run(things.prototype(workspace))
    write_report(run, per_class=[of_class("no", 30, 0.6), of_class("yes", 20, 1.0)], test_rows=50)
    shown = page(browser, "run", run.pk)
    assert "Per class" in shown
    assert "treat its scores" not in shown
    assert "no test rows" not in shown


def with_metric(prototype: Any, number: int, metric: str) -> Run:
    return things.run(prototype, number, headline={"name": metric, "value": 0.95, "low": 0.9, "high": 0.99})


def test_a_column_of_scores_is_named_by_their_metric(workspace: Workspace, browser: Client) -> None:
    prototype = things.prototype(workspace)
    with_metric(prototype, 1, "roc_auc")
    shown = page(browser, "runs", prototype.pk)
    assert '<th scope="col" class="num">ROC AUC</th>' in shown
    assert "<b>95.0 %</b>" in shown
    with_metric(prototype, 2, "accuracy")
    shown = page(browser, "runs", prototype.pk)
    assert '<th scope="col" class="num">Score</th>' in shown
    assert "<b>ROC AUC 95.0 %</b>" in shown
    assert "<b>95.0 % accuracy</b>" in shown


@pytest.mark.parametrize(
    ("metric", "told"),
    [
        ("accuracy", "Your best run so far: 95.0 % accuracy. Always guessing “a” gets 66.7 %."),
        ("roc_auc", "Your best run so far: ROC AUC 95.0 %. Guessing gets ROC AUC 50.0 %."),
        ("macro_f1", "Your best run so far: Macro F1 95.0 %. </p>"),
    ],
)
def test_guessing_is_told_in_the_metric_of_the_best_run(
    metric: str, told: str, workspace: Workspace, browser: Client
) -> None:
    prototype = things.prototype(workspace)
    with_metric(prototype, 1, metric)
    assert told in page(browser, "train", prototype.pk)


def test_guessing_is_told_before_the_first_run(workspace: Workspace, browser: Client) -> None:
    assert '<p class="muted">Always guessing “a” gets 66.7 %.</p>' in page(
        browser, "train", things.prototype(workspace).pk
    )
