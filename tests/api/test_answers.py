"""Answers hold to the schemas of openapi.json, unknown filters are told, and a prototype can be deleted."""

import json
from collections.abc import Callable
from typing import Any

import jsonschema
import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from tests import things
from webapp.accounts.models import Membership, Role, User, Workspace
from webapp.costs.actions import price_per_hour
from webapp.costs.gate import charge
from webapp.costs.models import LedgerEntry
from webapp.datasets.models import Dataset
from webapp.endpoints import visitors
from webapp.endpoints.models import Endpoint
from webapp.prototypes.models import Prototype
from webapp.runs.actions import settings_of
from webapp.runs.estimates import estimate_key
from webapp.runs.models import Estimate, Run

ApiOf = Callable[[User], Client]
READ = [
    ("/datasets", "/datasets"),
    ("/datasets/{pk}", "/datasets/{dataset}"),
    ("/runs", "/runs"),
    ("/runs/{pk}", "/runs/{run}"),
    ("/searches", "/searches"),
    ("/searches/{pk}", "/searches/{search}"),
    ("/prototypes", "/prototypes"),
    ("/endpoints", "/endpoints"),
    ("/endpoints/{slug}", "/endpoints/the-demo"),
    ("/endpoints/{slug}/usage", "/endpoints/the-demo/usage"),
    ("/endpoints/{slug}/feedback", "/endpoints/the-demo/feedback"),
    ("/endpoints/{slug}/keys", "/endpoints/the-demo/keys"),
    ("/endpoints/{slug}/links", "/endpoints/the-demo/links"),
    ("/costs", "/costs?group_by=day,kind"),
    ("/budget", "/budget"),
    ("/rates", "/rates"),
    ("/storage", "/storage"),
    ("/retention", "/retention"),
    ("/datasets/{pk}/retention", "/datasets/{dataset}/retention"),
    ("/me", "/me"),
]


@pytest.fixture
def run(user: User, workspace: Workspace) -> Run:
    made = things.run(things.prototype(workspace), hardware="gpu", device="cpu")
    things.search(made.prototype)
    endpoint = things.endpoint(made)
    visitors.take_feedback(endpoint, "a text", {"label": "a"}, "up")
    endpoint.usage.create(hour=timezone.now(), requests=2, rows=3, ms=4.5)
    charge(workspace, key="k", seconds=9, price=price_per_hour(workspace, "cpu"), kind="training", hardware="cpu")
    return made


def schema_of(client: Client, path: str, method: str = "get", status: str = "200") -> dict[str, Any]:
    document = client.get("/api/v1/openapi.json").json()
    found = document["paths"]["/api/v1" + path][method]["responses"][status]["content"]["application/json"]["schema"]
    return found | {"components": document["components"]}


def check(answer: Any, schema: dict[str, Any]) -> None:
    assert answer.status_code in (200, 201), answer.content
    assert set(schema) - {"components", "title", "type"}, "an answer of any form says nothing"
    jsonschema.validate(answer.json(), schema)


@pytest.mark.parametrize(("path", "address"), READ)
def test_what_is_read(path: str, address: str, run: Run, user: User, api_of: ApiOf) -> None:
    client = api_of(user)
    answer = client.get(
        "/api/v1" + address.format(run=run.pk, dataset=run.version.dataset_id, search=run.prototype.searches.get().pk)
    )
    check(answer, schema_of(client, path))
    if "items" in answer.json():
        assert answer.json()["items"], "an empty list proves nothing"


def test_what_is_made(run: Run, user: User, api_of: ApiOf) -> None:
    client = api_of(user)
    body = {"dataset": run.version.dataset_id, "method": "probe"}
    made = client.post("/api/v1/runs", body, content_type="application/json")
    check(made, schema_of(client, "/runs", "post", "201"))
    result = {
        "seconds": {"low": 1.0, "likely": 2.0, "high": 3.0},
        "memory_bytes": 5,
        "basis": "measured",
        "expected": None,
    }
    fields = settings_of(run.version, body)
    spec = {"method": "probe", "model": fields["model"]}
    Estimate.objects.create(
        workspace=run.workspace, version=run.version, key=estimate_key(fields), spec=spec, hardware="cpu", result=result
    )
    told = client.post("/api/v1/estimates", body, content_type="application/json")
    check(told, schema_of(client, "/estimates", "post"))
    key = client.post("/api/v1/endpoints/the-demo/keys", {"name": "x"}, content_type="application/json")
    check(key, schema_of(client, "/endpoints/{slug}/keys", "post", "201"))
    (run.artifact / "onnx").mkdir(parents=True)
    (run.artifact / "onnx" / "export.json").write_text(json.dumps({"engine": "onnx-int8", "agreement": 0.99}))
    shared = client.post("/api/v1/endpoints", {"run": run.pk}, content_type="application/json")
    check(shared, schema_of(client, "/endpoints", "post", "201"))
    assert shared.json()["key"].startswith("mqe_")


def test_a_run_says_what_it_asked_for_and_what_it_got(run: Run, user: User, api_of: ApiOf) -> None:
    for answer in (f"/api/v1/runs/{run.pk}", "/api/v1/runs"):
        told = api_of(user).get(answer).json()
        told = told["items"][0] if "items" in told else told
        assert (told["hardware"], told["device"]) == ("gpu", "cpu")


@pytest.mark.parametrize(
    ("address", "allowed"),
    [
        ("/runs?status=done", "succeeded"),
        ("/datasets/{dataset}/rows?split=dev", "validation"),
        ("/models?task=poetry", "text-classification"),
        ("/costs?group_by=moon", "prototype"),
    ],
)
def test_an_unknown_filter_is_told(address: str, allowed: str, run: Run, user: User, api_of: ApiOf) -> None:
    answer = api_of(user).get("/api/v1" + address.format(dataset=run.version.dataset_id))
    assert answer.status_code == 422
    assert allowed in answer.json()["allowed"]
    assert api_of(user).get("/api/v1/runs?prototype=nothing").status_code == 404


def test_a_prototype_is_deleted_with_what_it_made(run: Run, user: User, outsider: User, api_of: ApiOf) -> None:
    run.artifact.mkdir(parents=True)
    path = f"/api/v1/prototypes/{run.prototype_id}"
    assert api_of(outsider).delete(path).status_code == 404
    Run.objects.update(status="running")
    assert api_of(user).delete(path).json()["code"] == "at_work"
    Run.objects.update(status="succeeded")
    assert api_of(user).delete(path).status_code == 204
    assert not Prototype.objects.exists()
    assert not Run.objects.exists()
    assert not Endpoint.objects.exists()
    assert not run.folder.exists()
    assert Dataset.objects.exists()
    assert LedgerEntry.objects.exists()


def test_the_browser_asks_first(run: Run, user: User, client_of: Callable[[User], Client]) -> None:
    browser, path = client_of(user), reverse("delete_prototype", args=[run.prototype_id])
    page = browser.get(path).content.decode()
    assert "Delete “idea”?" in page
    assert "/d/the-demo" in page
    assert Prototype.objects.exists()
    viewer = User.objects.create_user("vic@example.org")
    Membership.objects.create(workspace=run.workspace, user=viewer, role=Role.VIEWER)
    assert client_of(viewer).post(path).status_code == 403
    assert browser.post(path)["Location"] == reverse("home")
    assert not Prototype.objects.exists()


def test_fields_that_a_schema_does_not_name_are_not_lost(run: Run, user: User, api_of: ApiOf) -> None:
    workspace = run.prototype.workspace
    charge(
        workspace,
        key="k",
        seconds=9,
        price=price_per_hour(workspace, "cpu"),
        kind="training",
        hardware="cpu",
        subject_id=run.pk,
    )
    rows = api_of(user).get("/api/v1/costs?group_by=day,kind,subject_id").json()["items"]
    assert rows
    assert all({"day", "kind", "subject_id", "amount", "seconds"} <= set(row) for row in rows)
