"""The page of a finished run with everything that a report can hold."""

import html
import json
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from tests import things
from tests.runs.test_verdicts import BASELINES, heading, judged, page
from webapp.accounts.models import User, Workspace
from webapp.runs.models import Run


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
    assert version is not None
    version.profile |= {"suggestion": {"task": "tabular-regression", "columns": {"target": "price"}, "sentence": ""}}
    version.save()
    head = {"name": "r2", "value": 0.52, "low": 0.4, "high": 0.6}
    recipe: dict[str, Any] = {"task": "tabular-regression", "model": "scratch:auto", "method": "auto"}
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


WRITTEN: dict[str, Any] = {
    "headline": {"name": "nats_per_character", "value": 0.7, "low": 0.6, "high": 0.8},
    "metrics": {"nats_per_character": 0.7, "perplexity": 2.0},
    "test_rows": 24,
    "labels": [],
    "writing": {"asked": 24, "exact": 1, "repeating": 0, "nats_per_token": 0.7, "tokens": 9, "characters": 9},
    "answers": {
        "rows": 24,
        "base": True,
        "checks": [
            {"name": "length", "truth": 27.0, "model": 29.0, "base": 1200.0},
            {"name": "copied", "truth": None, "model": 0.125, "base": 0.0},
            {"name": "of later", "truth": 1.0, "model": 1.0, "base": 1.0},
        ],
        "languages": {},
        "schema": {"type": "object", "required": ["name"]},
    },
    "mistakes": [{"row": 5, "prompt": "Who?", "truth": "Ben.", "predicted": "Ann.", "base": "Once <b>upon</b>"}],
}


def writer(workspace: Workspace, report: dict[str, Any]) -> Run:
    fields = {"task": "text-generation", "headline": report["headline"], "verdict": None, "baselines": {}}
    run = things.run(things.prototype(workspace), **fields)
    run.artifact.mkdir(parents=True)
    (run.artifact / "report.json").write_text(json.dumps(report), "utf-8")
    return run


def test_answers_of_the_base_model_stand_beside_those_of_the_trained_one(workspace: Workspace, browser: Client) -> None:
    shown = page(browser, writer(workspace, WRITTEN))
    assert '<th scope="row">Characters (median)</th><td class="num">29</td>' in shown
    assert '<td class="num">1,200</td>' in shown
    assert '<td class="num">12.5 %</td>' in shown
    assert "of later" not in shown
    assert "Schema of the training answers" in shown
    assert "Once &lt;b&gt;upon" in browser.get(reverse("run", args=[Run.objects.get().pk])).content.decode()
    assert "no base model" not in shown


def test_from_scratch_the_page_says_that_there_is_no_base_model(workspace: Workspace, browser: Client) -> None:
    answers = WRITTEN["answers"] | {"base": False, "schema": None}
    mistakes = [{"row": 5, "prompt": "Who?", "truth": "Ben.", "predicted": "Ann."}]
    shown = page(browser, writer(workspace, WRITTEN | {"answers": answers, "mistakes": mistakes}))
    assert "There is no base model to compare with" in shown
    assert '<th scope="col">Base model</th>' not in shown
