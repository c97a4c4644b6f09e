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
from webapp.answers.classes import ranked_classes
from webapp.core import scores
from webapp.runs import candidates
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
    assert [one["label"] for one in ranked_classes(per_class, "f1")["weakest"]] == ["no", "yes", "???", "Other"]


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


CANDIDATES = [
    {"family": "boosting", "name": "medium trees", "score": 0.95, "seconds": 1.5},
    {"family": "boosting", "name": "small trees", "score": 0.945, "seconds": 1.0},
    {"family": "linear", "name": "linear, strength 0.3", "score": 0.93, "seconds": 0.2},
    {"family": "net", "name": "small net", "score": 0.9, "seconds": 3.0},
]


def test_the_models_compared_and_the_one_chosen(workspace: Workspace, browser: Client) -> None:
    run = things.run(things.prototype(workspace), task="tabular-classification", model="scratch:auto", method="auto")
    write_report(run, candidates=CANDIDATES[::-1], labels=["no", "yes"], chosen=CANDIDATES[0], test_rows=10)
    shown = page(browser, "run", run.pk)
    won = "Chosen by cross-validation: Gradient-boosted trees (medium), ahead of Linear model (strength 0.3) by 2.0 points"
    assert f"{won} (ROC AUC)" in shown
    assert shown.index("Gradient-boosted trees (small)</th>") < shown.index("Small neural net</th>")
    write_report(run, candidates=CANDIDATES[:1], labels=["no", "yes"], chosen=CANDIDATES[0], test_rows=10)
    assert "Chosen by cross-validation" not in page(browser, "run", run.pk), "nothing was compared"


def test_models_are_compared_in_the_metric_of_the_search() -> None:
    losses = [one | {"score": one["score"] - 1} for one in CANDIDATES]
    found = candidates.compared({"candidates": losses, "labels": ["a", "b", "c"]}, "tabular-classification")
    assert found is not None
    assert (found["metric"], found["rows"][0]["score"], found["rows"][3]["score"]) == ("log loss", "0.050", "0.100")
    assert found["sentence"].endswith("by 0.020 (log loss)")
    equal = [one | {"score": 0.93} for one in CANDIDATES]
    found = candidates.compared({"candidates": equal, "labels": ["a", "b"]}, "tabular-classification")
    assert found is not None
    assert " level with " in found["sentence"]
    assert "0.0" not in found["sentence"]
    found = candidates.compared({"candidates": CANDIDATES[:2]}, "tabular-regression")
    assert found is not None
    assert found["sentence"] == "Chosen by cross-validation: Gradient-boosted trees (medium)"
    assert found["rows"][0]["score"] == "0.95"


def not_better(workspace: Workspace, value: float, against: str = "logistic") -> Run:
    difference = {"value": 0.0, "low": -0.02, "high": 0.02}
    verdict = {"against": against, "outcome": "not shown", "difference": difference, "sentence": ""}
    headline = {"name": "accuracy", "value": value, "low": 0.8, "high": 1.0}
    baselines = {against: {"accuracy": value}}
    return things.run(things.prototype(workspace), headline=headline, verdict=verdict, baselines=baselines)


def test_nothing_is_proposed_where_no_model_can_score_higher(workspace: Workspace, browser: Client) -> None:
    shown = page(browser, "run", not_better(workspace, 1.0).pk)
    assert "100.0 % accuracy: not shown to be better than logistic regression" in shown
    assert "No model can score higher here. More or harder test rows would show a difference." in shown
    assert "Try all-MiniLM" not in shown
    assert "Try all-MiniLM" in page(browser, "run", not_better(workspace, 0.9).pk)


@pytest.mark.parametrize(
    ("name", "value", "ceiling"),
    [("accuracy", 1.0, True), ("accuracy", 0.99, False), ("wer", 0.0, True), ("wer", 1.0, False), ("loss", 0.2, False)],
)
def test_where_the_ceiling_is(name: str, value: float, ceiling: bool) -> None:
    assert scores.is_at_ceiling({"name": name, "value": value}) == ceiling


@pytest.mark.parametrize(("family", "told"), [("linear", True), ("boosting", False)])
def test_a_linear_model_beside_a_linear_baseline(
    family: str, told: bool, workspace: Workspace, browser: Client
) -> None:
    run = not_better(workspace, 0.9)
    write_report(run, chosen={"family": family}, test_rows=10)
    assert ("The model chosen is itself linear" in page(browser, "run", run.pk)) == told
