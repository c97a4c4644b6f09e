"""Where counted words do as well as a trained model, the report of the run says so and what to deploy."""

import html
import json
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from tests import things
from webapp.accounts.models import User, Workspace
from webapp.prototypes.models import Prototype
from webapp.runs import word_counts
from webapp.runs.models import Run

BASELINES = {
    "majority": {"accuracy": 0.4, "low": 0.3, "high": 0.5, "label": "late"},
    "tfidf_logistic": {"accuracy": 0.88, "low": 0.8, "high": 0.93, "seconds": 1.2},
}
COUNTED = {"model": "scratch:words", "method": "words"}


@pytest.fixture
def prototype(workspace: Workspace) -> Prototype:
    return things.prototype(workspace)


@pytest.fixture
def browser(user: User, client_of: Callable[[User], Client]) -> Client:
    return client_of(user)


def run_of(prototype: Prototype, outcome: str = "not shown", number: int = 1, **fields: Any) -> Run:
    difference = {"value": 0.0, "low": -0.03, "high": 0.03}
    verdict = {"against": "tfidf_logistic", "outcome": outcome, "difference": difference, "sentence": "As tested."}
    return things.run(prototype, number, **({"verdict": verdict, "baselines": BASELINES} | fields))


def page(browser: Client, run: Run) -> str:
    answer = browser.get(reverse("run", args=[run.pk]))
    assert answer.status_code == 200
    return " ".join(html.unescape(answer.content.decode()).replace("\xa0", " ").split())


@pytest.mark.parametrize(("outcome", "is_advised"), [("better", False), ("not shown", True), ("worse", True)])
def test_a_trained_model_that_counting_equals(
    outcome: str, is_advised: bool, prototype: Prototype, browser: Client
) -> None:
    shown = page(browser, run_of(prototype, outcome))
    assert ("Counted words are not measurably worse here." in shown) == is_advised
    assert ("?model=scratch%3Awords&method=words" in shown) == is_advised


def test_once_words_were_counted_that_run_is_the_one_to_share(prototype: Prototype, browser: Client) -> None:
    run = run_of(prototype)
    counted = run_of(prototype, number=2, **COUNTED)
    shown = page(browser, run)
    assert "Run 2 only counts words and is not measurably worse" in shown
    assert f"?run={counted.pk}" in shown
    assert "method=words" not in shown, "it was trained already"


@pytest.mark.parametrize(
    ("own", "other", "is_advised"),
    [("better", "", False), ("not shown", "", True), ("", "worse", False), ("", "not shown", True)],
)
def test_the_two_are_compared_with_each_other_where_they_were(
    own: str, other: str, is_advised: bool, prototype: Prototype
) -> None:
    """By the run that came later; the baseline, which is not quite the same, says less."""
    run, counted = run_of(prototype, number=1), run_of(prototype, number=2, **COUNTED)
    if own:
        run.against_best_run = {"run": counted.pk, "number": 2, "outcome": own, "metric": "accuracy"}
        run.save()
    if other:
        counted.against_best_run = {"run": run.pk, "number": 1, "outcome": other, "metric": "accuracy"}
        counted.save()
    assert (word_counts.advice(run, {}) is not None) == is_advised


def test_a_run_of_counted_words_that_is_as_good_is_deployed(prototype: Prototype, browser: Client) -> None:
    run = run_of(prototype)
    against = {"run": run.pk, "number": 1, "metric": "accuracy", "difference": None}
    counted = run_of(prototype, number=2, against_best_run=against | {"outcome": "not shown"}, **COUNTED)
    assert "Not measurably worse than Run 1, and far lighter: deploy this one." in page(browser, counted)
    counted.against_best_run = against | {"outcome": "worse"}
    counted.save()
    assert "deploy this one" not in page(browser, counted)


def test_a_ladder_that_words_won_says_what_to_deploy(prototype: Prototype, browser: Client) -> None:
    run = run_of(prototype, method="best")
    run.artifact.mkdir(parents=True, exist_ok=True)
    steps = [{"method": "words", "seconds": 2.0, "score": 0.9, "rows": 80}]
    told = {"steps": steps, "stopped": "There is no further step for this task.", "winner": "words"}
    (run.artifact / "report.json").write_text(json.dumps({"ladder": told, "test_rows": 10}), "utf-8")
    assert "Word counts were kept" in page(browser, run)
    run.headline = {"name": "accuracy", "value": 0.4}
    run.save()
    assert "Word counts were kept" not in page(browser, run), "one answer for all rows is as good"


def test_no_word_of_it_where_words_are_not_counted(prototype: Prototype) -> None:
    assert word_counts.advice(run_of(prototype, task="image-classification"), {}) is None
    assert word_counts.advice(run_of(prototype, number=2, has_leak=True), {}) is None
