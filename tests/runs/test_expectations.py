"""How good a run is expected to be, on the cards of the train page."""

import html
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from tests import things
from webapp.accounts.models import User, Workspace
from webapp.runs import actions
from webapp.runs.expectations import expectation
from webapp.runs.models import Estimate

SECONDS = {"low": 20.0, "likely": 30.0, "high": 50.0}


@pytest.fixture
def browser(user: User, client_of: Callable[[User], Client]) -> Client:
    return client_of(user)


def card(browser: Client, workspace: Workspace, expected: dict[str, Any] | None, part: str = "") -> str:
    prototype = things.prototype(workspace)
    version = prototype.dataset.current
    asked = {"method": "probe", "model": "bundled:all-MiniLM-L6-v2"}
    fields = actions.settings_of(version, asked)
    Estimate.objects.create(
        workspace=workspace,
        version=version,
        key=actions.estimate_key(fields),
        hardware="cpu",
        spec=fields,
        result={"seconds": SECONDS, "memory_bytes": 2**30, "expected": expected},
    )
    answer = browser.get(reverse("estimate", args=[prototype.pk]), asked | ({"part": part} if part else {}))
    assert answer.status_code == 200
    return html.unescape(answer.content.decode()).replace("\xa0", " ")


def test_a_card_draws_what_is_expected(browser: Client, workspace: Workspace) -> None:
    shown = card(browser, workspace, {"metric": "accuracy", "low": 0.9, "high": 0.93})
    assert "90–93 % accuracy" in shown
    assert '<svg class="strip' in shown
    assert "20 s – 50 s" in shown


def test_a_card_without_an_expectation_draws_none(browser: Client, workspace: Workspace) -> None:
    shown = card(browser, workspace, None)
    assert '<svg class="strip' not in shown
    assert "20 s – 50 s" in shown


def test_the_button_says_it_too(browser: Client, workspace: Workspace) -> None:
    shown = card(browser, workspace, {"metric": "accuracy", "low": 0.9, "high": 0.93}, part="commit")
    assert "Expected: 90–93 % accuracy." in shown


@pytest.mark.parametrize(
    ("expected", "words", "ends"),
    [
        ({"metric": "r2", "low": 0.8, "high": 0.86}, "R² 0.80–0.86", (0.0, 1.0)),
        ({"metric": "wer", "low": 0.1, "high": 0.2}, "10–20 % WER", (0.0, 1.0)),
        ({"metric": "accuracy", "low": 0.991, "high": 0.994}, "99 % accuracy", (0.6, 1.0)),
        ({"metric": "mae", "low": 3.0, "high": 4.5}, "MAE 3–4.50", None),
        (None, "", None),
        ({"metric": "accuracy", "low": None, "high": None}, "", None),
    ],
)
def test_words_and_scale(expected: Any, words: str, ends: Any, workspace: Workspace) -> None:
    prototype = things.prototype(workspace)
    found = expectation(expected, prototype.dataset.current, prototype)
    assert (found is None) == (not words)
    if found:
        assert found["range"].replace("\xa0", " ") == words
        assert found["ends"] == ends


def test_the_tick_is_the_best_run_so_far(workspace: Workspace) -> None:
    prototype = things.prototype(workspace)
    for number, value in enumerate((0.7, 0.85, 0.8), start=1):
        things.run(prototype, number, headline={"name": "accuracy", "value": value})
    found = expectation({"metric": "accuracy", "low": 0.9, "high": 0.93}, prototype.dataset.current, prototype)
    assert found["tick"] == 0.85
