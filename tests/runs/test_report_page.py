"""The page of a finished run with everything that a report can hold."""

import html
import json
from collections.abc import Callable

import pytest
from django.test import Client
from django.urls import reverse

from tests import things
from tests.runs.test_verdicts import BASELINES, heading, judged, page
from webapp.accounts.models import User, Workspace


@pytest.fixture
def browser(user: User, client_of: Callable[[User], Client]) -> Client:
    return client_of(user)


REPORT = {
    "test_rows": 100,
    "labels": ["late", "broken"],
    "metrics": {"accuracy": 0.9, "macro_f1": 0.88, "log_loss": -0.0},
    "baselines": BASELINES,
    "confusion": {"labels": ["late", "broken"], "matrix": [[60, 4], [6, 30]]},
    "per_class": [{"label": "late", "rows": 64, "precision": 0.9, "recall": 0.94, "f1": 0.92}],
    "mistakes": [{"row": 3, "text": "Where is it?", "truth": "late", "predicted": "broken", "score": 0.98}],
    "thresholds": [
        {"threshold": 0.0, "answered": 100, "right": 90, "low": 0.836, "validation": None},
        {"threshold": 0.7, "answered": 80, "right": 79, "low": 0.9398, "validation": None},
    ],
    "threshold_choice": [{"target": 0.95, "threshold": 0.7, "validation": {}, "test": {}}],
    "threshold_source": {"kind": "validation", "rows": 50},
    "importance": [
        {"column": "age", "permutation": 0.2, "gain": 1.0},
        {"column": "plan", "permutation": -6.4e-4, "gain": 0.0},
    ],
    "history": [{"name": "loss", "split": "train", "step": at, "epoch": at, "value": 1 / at} for at in (1, 2, 3)],
    "export": {"engine": "onnx-int8", "agreement": 0.99, "accuracy_int8": 0.9},
    "explanations": {
        "method": "occlusion",
        "rows": 80,
        "unit": "probability",
        "random": 0.1,
        "methods": [{"method": "occlusion", "area": 0.3, "gain": 0.2, "low": 0.15, "high": 0.25}],
    },
}


@pytest.mark.parametrize("code", ["en", "zh-hans"])
def test_a_page_with_a_whole_report(code: str, workspace: Workspace, browser: Client) -> None:
    run = judged(workspace, "better")
    run.artifact.mkdir(parents=True)
    (run.artifact / "report.json").write_text(json.dumps(REPORT), "utf-8")
    answer = browser.get(reverse("run", args=[run.pk]), headers={"Accept-Language": code})
    shown = html.unescape(answer.content.decode()).replace("\xa0", " ")
    assert answer.status_code == 200
    if code != "en":
        return
    assert "6 of 36 “broken” predicted as “late”" in shown
    assert "At 70 %: answers 80 % of rows; at least 93 % right (95 % confidence)." in shown
    assert "Chosen on 50 validation rows" in shown
    assert "<dt>Log loss (lower is better)</dt><dd>0</dd>" in shown
    assert "-6.4e-04" not in shown
    assert "On 80 test rows, leaving out first what they name makes the answer fall +20 % further" in shown
    assert "at random (95 % interval +15 % to +25 %)." in shown
    assert shown.count("95 % confidence interval") == 1
    assert 'class="level' not in shown


def test_no_mistakes_are_said_as_none(workspace: Workspace, browser: Client) -> None:
    run = judged(workspace, "better")
    run.artifact.mkdir(parents=True)
    (run.artifact / "report.json").write_text(json.dumps(REPORT | {"mistakes": []}), "utf-8")
    shown = page(browser, run)
    assert "No mistakes on the test set." in shown
    assert "0 of 0" not in shown


def test_a_number_says_of_what_it_is_off(workspace: Workspace, browser: Client) -> None:
    simple = {"ridge": {"r2": 0.44, "seconds": 0.01}, "mean": {"r2": -0.01}}
    verdict = {"against": "ridge", "outcome": "better", "difference": {"value": 0.08, "low": 0.01, "high": 0.15}}
    prototype = things.prototype(workspace)
    version = prototype.dataset.current
    version.profile |= {"suggestion": {"task": "tabular-regression", "columns": {"target": "price"}, "sentence": ""}}
    version.save()
    head = {"name": "r2", "value": 0.52, "low": 0.4, "high": 0.6}
    recipe = {"task": "tabular-regression", "model": "scratch:auto", "method": "auto"}
    run = things.run(prototype, headline=head, baselines=simple, verdict=verdict, **recipe)
    run.artifact.mkdir(parents=True)
    report = {"test_rows": 89, "metrics": {"r2": 0.52, "mae": 41.0}, "baselines": simple, "pairs": [[1, 2], [3, 4]]}
    (run.artifact / "report.json").write_text(json.dumps(report), "utf-8")
    shown = page(browser, run)
    assert heading(shown) == "R² 0.52: better than ridge regression (0.44)"
    assert "price off by 41 on average on 89 held-out rows." in shown
    assert "in units of price" in shown
    assert "Run 1 · Best of all models ·" in shown
    assert "auto, auto" not in shown
    assert "Baseline model, 0" not in shown
