"""The golden set: rows that a model must never get wrong, asked before it is put in front of people; and what asks once."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from tests import things
from tests.labelling.rows import made_from
from webapp.accounts.models import User, Workspace
from webapp.core.problems import Conflict, Problem
from webapp.endpoints import actions, golden
from webapp.endpoints.models import Endpoint, EndpointVersion, GoldenRow
from webapp.prototypes.actions import create_prototype
from webapp.prototypes.models import Prototype
from webapp.runs.models import Run

ROWS = "text,label\n" + "".join(f"row {n},{'ab'[n % 2]}\n" for n in range(60)) + "row 60,\n"


@pytest.fixture(autouse=True)
def own_folder(settings: Any, tmp_path: Path) -> None:
    settings.MAQUETTE_DATA = tmp_path


@pytest.fixture(autouse=True)
def server(monkeypatch: pytest.MonkeyPatch) -> list[list[Any]]:
    """What stands at the boundary to the serving process: it answers “a” to all; a list of what it was asked."""
    asked: list[list[Any]] = []

    def answer(_of: object, values: list[Any], _visitor: str, **_options: object) -> dict[str, Any]:
        asked.append(values)
        return {"outputs": [{"label": "a", "score": 0.9} for _value in values], "timing_ms": {"total": 1}}

    monkeypatch.setattr("webapp.endpoints.serving_client.predict_artifact", answer)
    return asked


@pytest.fixture
def prototype(user: User, workspace: Workspace, tmp_path: Path) -> Prototype:
    return create_prototype(made_from(ROWS.encode(), user, workspace, tmp_path), user)


@pytest.fixture
def run(prototype: Prototype) -> Run:
    made = things.run(prototype)
    (made.artifact / "onnx").mkdir(parents=True)
    (made.artifact / "onnx" / "export.json").write_text(json.dumps({"engine": "onnx-fp32"}))
    return made


def send(api: Client, method: str, path: str, body: Any) -> Any:
    return api.generic(method, f"/api/v1{path}", json.dumps(body), content_type="application/json")


def test_a_run_that_fails_it_is_not_deployed(run: Run, prototype: Prototype, user: User, server: list[Any]) -> None:
    golden.replace(prototype, [golden.Entry("row 0", "a"), golden.Entry("row 1", "b")])
    with pytest.raises(Conflict) as refused:
        actions.deploy(run, user)
    assert refused.value.code == "golden_failed"
    assert "fails 1 of 2 golden rows: “row 1” should be b, and is a." in str(refused.value)
    assert not Endpoint.objects.exists()
    golden.replace(prototype, [golden.Entry("row 0", "a")])
    assert actions.deploy(run, user)[0].current is not None
    assert server == [["row 0", "row 1"], ["row 0"]]


def test_going_back_asks_nothing_of_the_model_that_was_live(run: Run, prototype: Prototype, user: User) -> None:
    endpoint, _key = actions.deploy(run, user)
    golden.replace(prototype, [golden.Entry("row 1", "b")])
    version = EndpointVersion.objects.get(endpoint=endpoint)
    with pytest.raises(Conflict):
        actions.promote(version, user)
    actions.promote(version, user, is_undone=True)


def test_by_rest_it_is_set_read_and_tried(run: Run, prototype: Prototype, api_of: Any, user: User) -> None:
    api, path = api_of(user), f"/prototypes/{prototype.pk}/golden"
    items: list[dict[str, Any]] = [{"input": "row 0", "answer": "a"}, {"input": {"text": "row 1"}, "answer": "b"}]
    assert send(api, "PUT", path, {"items": items}).json() == {"items": items, "next": None}
    assert api.get(f"/api/v1{path}").json()["items"] == items
    told = api.get(f"/api/v1/runs/{run.pk}/golden").json()
    assert told == {"rows": 2, "failed": [{**items[1], "got": "a"}]}
    refused = send(api, "POST", "/endpoints", {"run": run.pk})
    assert (refused.status_code, refused.json()["code"]) == (409, "golden_failed")
    assert send(api, "PUT", path, {"items": [{"input": " ", "answer": "a"}]}).json()["code"] == "bad_golden_row"
    assert send(api, "PUT", path, {"items": [items[0]] * 101}).status_code == 422
    assert GoldenRow.objects.count() == 2


def test_on_its_page_rows_are_added_by_number_tried_and_taken_out(
    run: Run, prototype: Prototype, user: User, client_of: Callable[[User], Client]
) -> None:
    browser, address = client_of(user), reverse("golden_set", args=[prototype.pk])
    assert "2 rows added." in browser.post(address, {"rows": "1, 2"}, follow=True).content.decode()
    assert [(row.input, row.answer) for row in golden.rows_of(prototype)] == [("row 0", "a"), ("row 1", "b")]
    page = browser.get(f"{address}?run={run.pk}").content.decode()
    assert "fails 1 of" in page
    assert "0 rows added." in browser.post(address, {"rows": "2"}, follow=True).content.decode()
    gone = GoldenRow.objects.get(answer="b")
    browser.post(address, {"remove": gone.pk})
    assert "gets the row right" in browser.get(f"{address}?run={run.pk}").content.decode()


@pytest.mark.parametrize("rows", ["", "x", "0", "62", "61", "9" * 30])
def test_what_is_no_row_is_told(rows: str, prototype: Prototype, user: User, client_of: Any) -> None:
    answer = client_of(user).post(reverse("golden_set", args=[prototype.pk]), {"rows": rows})
    assert answer.status_code == 422
    assert not GoldenRow.objects.exists()


def test_more_than_a_hundred_are_refused(prototype: Prototype) -> None:
    with pytest.raises(Problem):
        golden.replace(prototype, [golden.Entry(f"row {n}", "a") for n in range(101)])


def test_a_program_that_puts_a_worse_run_live_is_asked_once(
    run: Run, prototype: Prototype, user: User, api_of: Callable[[User], Client]
) -> None:
    api = api_of(user)
    endpoint, _key = actions.deploy(run, user)
    worse = things.run(prototype, 2, headline=things.HEADLINE | {"value": 0.5}, rank=0.5)
    Run.objects.filter(pk=run.pk).update(rank=0.9)
    (worse.artifact / "onnx").mkdir(parents=True)
    (worse.artifact / "onnx" / "export.json").write_text(json.dumps({"engine": "onnx-fp32"}))
    path = f"/endpoints/{endpoint.slug}"
    refused = send(api, "PATCH", path, {"run": worse.pk})
    assert (refused.status_code, refused.json()["code"]) == (409, "not_better")
    refused = send(api, "POST", "/endpoints", {"run": worse.pk})
    assert (refused.status_code, refused.json()["code"]) == (409, "not_better")
    assert send(api, "PATCH", path, {"run": worse.pk, "anyway": True}).status_code == 200
    endpoint.refresh_from_db()
    assert endpoint.current is not None
    assert endpoint.current.run == worse
