"""The robustness card of a run: asked for once, measured by a worker, the same on page and API."""

import html
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from tests import things
from tests.labelling.rows import made_from
from trainer.events import silent
from trainer.learning.run import run as train
from trainer.spec import Spec
from webapp.accounts import limits
from webapp.accounts.models import User, Workspace
from webapp.core.problems import Problem
from webapp.prototypes.actions import create_prototype
from webapp.runs import examining, robustness
from webapp.runs.examining import Examining
from webapp.runs.models import Examination, Run

ClientOf = Callable[[User], Client]
FALLS = [{"value": value, "low": value - 0.05, "high": value + 0.05} for value in (0.0, 0.04, 0.16, 0.35, 0.5)]
CARD: dict[str, Any] = {
    "metric": "accuracy",
    "rows": 200,
    "of": "test",
    "score": 0.875,
    "without_effect": ["accents"],
    "changes": [
        {
            "name": "slips",
            "unit": "share",
            "strengths": [0.005, 0.02, 0.05, 0.1, 0.2],
            "scores": [0.875, 0.835, 0.715, 0.525, 0.375],
            "falls": FALLS,
        },
        {
            "name": "turn",
            "unit": "degrees",
            "strengths": [5, 10, 20, 45, 90],
            "scores": [0.875] * 5,
            "falls": [{"value": 0.0, "low": -0.02, "high": 0.02}] * 5,
        },
    ],
}


@pytest.fixture
def run(workspace: Workspace) -> Run:
    made = things.run(things.prototype(workspace))
    made.artifact.mkdir(parents=True)
    for name in ("report", "manifest"):
        (made.artifact / f"{name}.json").write_text("{}")
    return made


def examined(run: Run, **fields: Any) -> Examination:
    return Examination.objects.create(workspace=run.workspace, run=run, kind="robustness", **fields)


def page(client: Client, run: Run) -> str:
    text = client.get(reverse("run", args=[run.pk])).content.decode()
    return html.unescape(text).replace("\xa0", " ")


def test_sentences() -> None:
    slips, turn = robustness.described(CARD)["changes"]
    assert slips["sentence"].replace("\xa0", " ") == (
        "With 5 % of the letters wrong: accuracy 71.5 % in place of 87.5 %, 16.0 points worse (95 % CI 11.0 to 21.0)."
    )
    assert turn["sentence"] == "Even with rotation by 90°: no loss that can be shown."
    assert "0.5" in slips["chart"]


def test_page_and_api(run: Run, user: User, client_of: ClientOf, api_of: ClientOf) -> None:
    browser, api, address = client_of(user), api_of(user), f"/api/v1/runs/{run.pk}/robustness"
    assert "Measure robustness" in page(browser, run)
    answer = api.get(address)
    assert (answer.status_code, answer.json()["code"]) == (404, "not_examined")
    assert browser.post(reverse("examination", args=[run.pk, "robustness"])).status_code == 302
    assert "made worse and asked again" in page(browser, run)
    answer = api.post(address)
    assert (answer.status_code, answer["Retry-After"]) == (202, "5")
    Examination.objects.update(result=CARD)
    told = api.get(address).json()
    assert told["changes"][0]["sentence"] in page(browser, run).replace(" %", "\xa0%") or "16.0 points" in page(
        browser, run
    )
    assert told["score"] == 0.875
    assert "Missing accents: nothing in these rows to change." in page(browser, run)
    assert browser.get(reverse("examination", args=[run.pk, "robustness"])).status_code == 200
    assert browser.get(reverse("examination", args=[run.pk, "other"])).status_code == 404


def test_what_went_wrong_is_told_and_tried_again(run: Run, user: User, client_of: ClientOf, api_of: ClientOf) -> None:
    examined(run, error={"code": "no_robustness", "message": "Cannot be told.", "hint": ""})
    assert "Cannot be told." in page(client_of(user), run)
    address = f"/api/v1/runs/{run.pk}/robustness"
    assert api_of(user).post(address).json()["code"] == "no_robustness", "once"
    assert api_of(user).post(address).status_code == 202, "then it is measured again"


def test_only_so_many_a_minute_and_none_without_a_model(run: Run) -> None:
    limits.set_limit(run.workspace, "examinations_minute", 0)
    with pytest.raises(Problem, match="at most 0 runs examined a minute"):
        examining.ask(run, "robustness")
    assert not Examination.objects.exists()
    run.status = "running"
    with pytest.raises(Problem, match="has no model to examine"):
        examining.ask(run, "robustness")


def test_a_worker_measures_it(
    user: User, workspace: Workspace, tmp_path: Path, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.MAQUETTE_DATA = tmp_path
    monkeypatch.setenv("MAQUETTE_CACHE", str(tmp_path / "cache"))
    lines = [f"{'lovely wonderful' if row % 2 else 'dreadful rude'} staff {row},{row % 2}" for row in range(80)]
    dataset = made_from("\n".join(["text,label", *lines]).encode(), user, workspace, tmp_path)
    run = things.run(create_prototype(dataset, user, "idea"), method="words", model="scratch:words")
    path = run.version.folder
    spec = {"task": "text-classification", "dataset": {"path": str(path)}, "model": run.model, "method": run.method}
    train(Spec.model_validate(spec | {"params": {"slips": 0.05}}), tmp_path / "out", silent)
    shutil.copytree(tmp_path / "out" / "artifact", run.artifact)
    row = examining.ask(run, "robustness")
    Examining.handle(row.pk)
    row.refresh_from_db()
    assert row.error is None, row.error
    assert row.result["metric"] == "accuracy"
    assert row.result["without_effect"] == ["accents"]
    slips = next(change for change in row.result["changes"] if change["name"] == "slips")
    assert slips["scores"][-1] <= row.result["score"] == 1
    assert robustness.shown(run)["state"] == "ready"
    assert json.loads((run.artifact / "manifest.json").read_text())["params"]["slips"] == 0.05
