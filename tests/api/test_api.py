"""The REST contract: what each call answers, to whom, and how it refuses. What needs a worker is in tests/runs."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.http import HttpResponse
from django.test import Client

from tests import things
from webapp.accounts.models import AuditEvent, User, Workspace
from webapp.costs.actions import set_budget
from webapp.datasets.models import Dataset, DatasetVersion
from webapp.endpoints.models import Endpoint
from webapp.runs.models import Run

API = "/api/v1"
ApiOf = Callable[[User], Client]


@pytest.fixture
def api(user: User, api_of: ApiOf) -> Client:
    return api_of(user)


@pytest.fixture
def finished(workspace: Workspace) -> Run:
    return things.run(things.prototype(workspace))


@pytest.fixture
def endpoint(finished: Run) -> Endpoint:
    return things.endpoint(finished)


def send(client: Client, method: str, path: str, body: Any = None, **headers: str) -> HttpResponse:
    content = {} if body is None else {"data": json.dumps(body), "content_type": "application/json"}
    return client.generic(method, API + path, headers=headers, **content)


def refused(answer: HttpResponse, status: int, code: str = "") -> dict[str, Any]:
    """The problem of a refusal, whose form is checked."""
    assert answer.status_code == status, answer.content
    assert answer["Content-Type"].startswith("application/problem+json")
    problem = json.loads(answer.content)
    assert problem["status"] == status
    assert problem["title"]
    assert problem["detail"]
    assert problem["hint"]
    assert not code or problem["code"] == code
    return problem


def upload(client: Client, content: bytes = b"text,label\none,a\ntwo,b\n", **headers: str) -> HttpResponse:
    files = {"file": SimpleUploadedFile("rows.csv", content), "name": "rows"}
    return client.post(f"{API}/datasets", files, headers=headers)


def object_routes(run: Run, endpoint: Endpoint) -> list[tuple[str, str, Any]]:
    """Every call that names an object."""
    data, one, demo = f"/datasets/{run.version.dataset_id}", f"/runs/{run.pk}", f"/endpoints/{endpoint.slug}"
    body = {"dataset": run.version.dataset_id}
    reads = [data, one, *(f"{one}/{name}" for name in ("events", "logs", "report", "artifact"))]
    reads += [demo, *(f"{demo}/{name}" for name in ("usage", "feedback", "keys", "links"))]
    return [("GET", path, None) for path in reads] + [
        ("POST", f"{data}/versions", {"columns": {"text": "note", "label": "label"}}),
        ("POST", "/estimates", body),
        ("POST", "/runs", body),
        ("POST", f"{one}/cancel", {}),
        ("POST", f"{one}/resume", {}),
        ("POST", "/endpoints", {"run": run.pk}),
        ("PATCH", demo, {"name": "mine"}),
        ("POST", f"{demo}/feedback", {"input": "x", "verdict": "up"}),
        ("POST", f"{demo}/keys", {}),
        ("POST", f"{demo}/links", {}),
        ("DELETE", f"{demo}/keys/{endpoint.keys.get().pk}", None),
        ("DELETE", f"{demo}/links/{endpoint.links.get().pk}", None),
        ("DELETE", demo, None),
        ("DELETE", data, None),
    ]


# Who


def test_outsiders_find_nothing(outsider: User, api_of: ApiOf, finished: Run, endpoint: Endpoint) -> None:
    client = api_of(outsider)
    for method, path, body in object_routes(finished, endpoint):
        refused(send(client, method, path, body), 404, "not_found")
    assert Endpoint.objects.count() == Dataset.objects.count() == 1


def test_without_a_token_nothing_is_answered(finished: Run, endpoint: Endpoint) -> None:
    lists = [
        "datasets",
        "runs",
        "endpoints",
        "prototypes",
        "costs",
        "budget",
        "rates",
        "models",
        "tasks",
        "hardware",
        "me",
    ]
    calls = object_routes(finished, endpoint) + [("GET", f"/{name}", None) for name in lists]
    for method, path, body in calls:
        for headers in ({}, {"Authorization": "Bearer mq_wrong"}):
            answer = send(Client(), method, path, body, **headers)
            refused(answer, 401, "bad_token")
            assert answer["WWW-Authenticate"] == "Bearer"


def test_a_viewer_reads_and_changes_nothing(
    workspace: Workspace, api_of: ApiOf, finished: Run, endpoint: Endpoint
) -> None:
    from webapp.accounts.models import Membership, Role

    viewer = User.objects.create_user("vic@example.org")
    Membership.objects.create(workspace=workspace, user=viewer, role=Role.VIEWER)
    client = api_of(viewer)
    assert send(client, "GET", f"/runs/{finished.pk}").status_code == 200
    for method, path, body in object_routes(finished, endpoint):
        if method != "GET":
            refused(send(client, method, path, body), 403, "forbidden")


def test_a_revoked_token_is_no_token(user: User, workspace: Workspace) -> None:
    from webapp.accounts.actions import create_token

    token, secret = create_token(user, workspace, "gone")
    token.revoke()
    refused(send(Client(), "GET", "/me", Authorization=f"Bearer {secret}"), 401)


# What each call answers


@pytest.mark.parametrize(
    "path", ["/datasets", "/runs", "/endpoints", "/prototypes", "/rates", "/models", "/tasks", "/hardware"]
)
def test_lists(api: Client, endpoint: Endpoint, path: str) -> None:
    answer = send(api, "GET", path)
    assert answer.status_code == 200
    found = answer.json()
    assert found["items"]
    assert found["next"] is None


def test_me(api: Client, workspace: Workspace) -> None:
    found = send(api, "GET", "/me").json()
    assert found["email"] == "ada@example.org"
    assert found["role"] == "owner"
    assert found["workspace"]["id"] == workspace.pk


def test_a_dataset(api: Client, finished: Run) -> None:
    found = send(api, "GET", f"/datasets/{finished.version.dataset_id}").json()
    assert found["status"] == "ready"
    assert found["rows"] == 3
    assert [column["name"] for column in found["columns"]] == ["text", "label", "note"]
    assert found["suggestion"]["columns"] == {"text": "text", "label": "label"}
    assert found["created_at"].endswith("Z")
    assert {"problems", "versions", "error"} <= set(found)


def test_a_run(api: Client, finished: Run) -> None:
    found = send(api, "GET", f"/runs/{finished.pk}").json()
    names = "status stage progress eta_seconds metrics headline baselines cost seconds error prototype artifact"
    assert set(names.split()) <= set(found)
    assert found["status"] == "succeeded"
    assert found["headline"] == things.HEADLINE
    assert isinstance(found["cost"], str)
    assert found["artifact"].endswith(f"/runs/{finished.pk}/artifact")


def test_events_after_one(api: Client, finished: Run) -> None:
    things.write_events(finished, *({"type": "log", "message": f"line {n}", "t": "t"} for n in range(1, 1201)))
    first = send(api, "GET", f"/runs/{finished.pk}/events").json()
    assert [event["id"] for event in first["items"]] == list(range(1, 1001))
    rest = send(api, "GET", f"/runs/{finished.pk}/events?after={first['next']}").json()
    assert [event["id"] for event in rest["items"]] == list(range(1001, 1201))
    assert rest["next"] is None
    assert "line 1200" in send(api, "GET", f"/runs/{finished.pk}/logs").content.decode()


def test_an_upload_is_taken_though_the_queue_is_away(api: Client) -> None:
    answer = upload(api)
    assert answer.status_code == 201
    made = answer.json()
    assert made["status"] == "processing"
    assert DatasetVersion.objects.get(dataset=made["id"]).sources
    refused(send(api, "POST", "/runs", {"dataset": made["id"]}), 409, "not_ready")


def test_an_estimate_says_that_the_workers_are_away(api: Client, finished: Run) -> None:
    answer = send(api, "POST", "/estimates", {"dataset": finished.version.dataset_id})
    refused(answer, 503, "queue_away")
    assert int(answer["Retry-After"]) > 0


def test_a_run_waits_though_the_queue_is_away(api: Client, finished: Run) -> None:
    answer = send(api, "POST", "/runs", {"dataset": finished.version.dataset_id, "seed": 3, "name": "third"})
    assert answer.status_code == 201
    run = answer.json()
    assert (run["status"], run["seed"], run["name"], run["number"]) == ("queued", 3, "third", 2)
    assert run["prototype"] == finished.prototype_id
    cancelled = send(api, "POST", f"/runs/{run['id']}/cancel").json()
    assert cancelled["status"] == "cancelled"
    refused(send(api, "POST", f"/runs/{run['id']}/cancel"), 409, "ended")
    assert send(api, "POST", f"/runs/{run['id']}/resume").json()["status"] == "queued"


def test_other_columns_make_a_new_version(api: Client, finished: Run) -> None:
    path = f"/datasets/{finished.version.dataset_id}/versions"
    answer = send(api, "POST", path, {"columns": {"text": "note", "label": "label"}})
    assert answer.status_code == 201
    assert [one["number"] for one in answer.json()["versions"]] == [2, 1]
    refused(send(api, "POST", path, {"columns": {"text": "nowhere"}}), 422, "no_column")
    refused(send(api, "POST", path, {"fix": "magic"}), 422, "no_such_fix")


def test_an_endpoint_through_its_life(api: Client, finished: Run) -> None:
    onnx = finished.artifact / "onnx"
    onnx.mkdir(parents=True)
    (onnx / "export.json").write_text(json.dumps({"engine": "onnx-int8", "agreement": 1.0}))
    answer = send(api, "POST", "/endpoints", {"run": finished.pk, "slug": "my-demo", "visibility": "link"})
    assert answer.status_code == 201
    made = answer.json()
    assert made["slug"] == "my-demo"
    assert made["key"].startswith("mqe_")
    assert made["predict_url"].endswith("/e/my-demo/predict")
    path = "/endpoints/my-demo"
    shown = send(api, "GET", path).json()
    assert "key" not in shown
    assert "?link=" in shown["demo_url"]
    assert send(api, "PATCH", path, {"status": "off"}).json()["status"] == "off"
    refused(send(api, "PATCH", path, {"visibility": "sometimes"}), 422, "bad_visibility")
    key = send(api, "POST", f"{path}/keys", {"name": "phone"}).json()
    assert key["key"].startswith("mqe_")
    assert send(api, "DELETE", f"{path}/keys/{key['id']}").status_code == 204
    assert send(api, "POST", f"{path}/links", {"name": "Kim", "days": 7}).json()["expires_at"]
    given = send(api, "POST", f"{path}/feedback", {"input": "x", "verdict": "down", "should_have_been": "b"})
    assert given.status_code == 201
    assert send(api, "GET", f"{path}/feedback").json()["items"][0]["should_have_been"] == "b"
    assert send(api, "GET", f"{path}/usage").json()["total"]["requests"] == 0
    assert send(api, "DELETE", path).status_code == 204
    refused(send(api, "GET", path), 404)


def test_money(api: Client) -> None:
    assert send(api, "PUT", "/budget", {"amount": "12.50"}).json()["amount"] == "12.50"
    budget = send(api, "GET", "/budget").json()
    assert (budget["left"], budget["currency"]) == ("12.50", "USD")
    for groups in ("day", "prototype", "kind", "day,kind", "subject_id"):
        assert send(api, "GET", f"/costs?group_by={groups}").json()["items"] == []
    refused(send(api, "GET", "/costs?group_by=colour"), 422, "bad_group")
    refused(send(api, "PUT", "/budget", {"amount": "-1"}), 422)
    assert send(api, "PUT", "/rates/cpu", {"price_per_hour": "0.5"}).json()["price_per_hour"] == "0.5"
    assert AuditEvent.objects.filter(verb="set", subject="price", user__isnull=False).count() == 1
    refused(send(api, "PUT", "/rates/steam", {"price_per_hour": "1"}), 404, "bad_hardware")


# How it refuses


def test_402_when_the_budget_is_spent(api: Client, workspace: Workspace, finished: Run) -> None:
    set_budget(workspace, 0)
    refused(send(api, "POST", "/runs", {"dataset": finished.version.dataset_id}), 402, "budget_spent")
    refused(send(api, "POST", "/endpoints", {"run": finished.pk}), 402, "budget_spent")
    Run.objects.update(status="failed")
    refused(send(api, "POST", f"/runs/{finished.pk}/resume"), 402, "budget_spent")


def test_409_where_the_state_does_not_fit(api: Client, workspace: Workspace, finished: Run) -> None:
    waiting = things.run(finished.prototype, number=2, status="queued", headline=None)
    unread = things.dataset(workspace, ready=False)
    for method, path, body, code in (
        ("POST", "/endpoints", {"run": waiting.pk}, "not_finished"),
        ("GET", f"/runs/{waiting.pk}/report", None, "no_report"),
        ("GET", f"/runs/{waiting.pk}/artifact", None, "no_artifact"),
        ("POST", f"/runs/{finished.pk}/cancel", None, "ended"),
        ("POST", f"/runs/{finished.pk}/resume", None, "not_resumable"),
        ("POST", "/runs", {"dataset": unread.pk}, "not_ready"),
        ("POST", f"/datasets/{unread.pk}/versions", {"fix": "x"}, "not_ready"),
        ("DELETE", f"/datasets/{finished.version.dataset_id}", None, "in_use"),
    ):
        refused(send(api, method, path, body), 409, code)
    things.endpoint(finished, "taken")
    other = things.run(things.prototype(workspace))
    refused(send(api, "POST", "/endpoints", {"run": other.pk, "slug": "taken"}), 409, "slug_taken")


def test_413_for_what_is_too_much(api: Client, settings: Any) -> None:
    files = {"file": [SimpleUploadedFile(f"{n}.csv", b"a,b\n1,2\n") for n in range(21)]}
    refused(api.post(f"{API}/datasets", files), 413, "too_many_files")
    settings.MAX_UPLOAD_BYTES = 10
    refused(upload(api), 413)


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"task": "fortune-telling"}, "bad_task"),
        ({"model": "gpt"}, "bad_model"),
        ({"model": "artifact:/etc"}, "bad_model"),
        ({"model": "local:../secret"}, "bad_model"),
        ({"method": "magic"}, "bad_method"),
        ({"hardware": "tpu"}, "bad_hardware"),
        ({"params": {"epochs": 0}}, "bad_params"),
        ({"params": {"colour": "red"}}, "bad_params"),
        ({"limits": {"patience": 1}}, "bad_limits"),
        ({"limits": {"seconds": 0}}, "bad_limits"),
        ({"limits": {"seconds": "soon"}}, "invalid"),
        ({"seed": "x"}, "invalid"),
        ({"seed": 10**30}, "invalid"),
        ({"dataset": None}, "invalid"),
    ],
)
def test_422_names_the_field(api: Client, finished: Run, fields: dict[str, Any], code: str) -> None:
    body = {"dataset": finished.version.dataset_id} | fields
    problem = refused(send(api, "POST", "/runs", body), 422)
    assert problem["code"] == code
    assert Run.objects.count() == 1


@pytest.mark.parametrize("method", ["probe", "words", "fewshot", "zero-shot"])
def test_a_method_alone_brings_a_model_that_it_can_train(api: Client, finished: Run, method: str) -> None:
    body = {"dataset": finished.version.dataset_id, "method": method}
    answered = send(api, "POST", "/runs", body)
    assert answered.status_code == 201, answered.content
    told = answered.json()
    assert (told["method"], told["model"].startswith("scratch:words")) == (method, method == "words")


@pytest.mark.parametrize("content", [b"{", b"[]", b'"x"', b"\xff"])
def test_a_body_that_is_no_object(api: Client, content: bytes) -> None:
    answer = api.post(f"{API}/runs", content, content_type="application/json")
    assert answer.status_code in (400, 422)
    refused(answer, answer.status_code)


def test_an_upload_without_a_file(api: Client) -> None:
    refused(api.post(f"{API}/datasets", {"name": "nothing"}), 422)


# Idempotency and pages


def test_a_post_sent_twice_happens_once(api: Client, finished: Run) -> None:
    body = {"dataset": finished.version.dataset_id}
    key = {"Idempotency-Key": "same"}
    first, second = (send(api, "POST", "/runs", body, **key) for _ in range(2))
    assert first.json() == second.json()
    assert second["Idempotent-Replayed"] == "true"
    assert Run.objects.count() == 2
    refused(send(api, "POST", "/runs", body | {"seed": 9}, **key), 409, "key_reused")
    uploads = [upload(api, **{"Idempotency-Key": "file"}).json()["id"] for _ in range(2)]
    assert uploads[0] == uploads[1]


def test_a_refused_post_may_be_sent_again_with_its_key(api: Client, workspace: Workspace, finished: Run) -> None:
    body = {"dataset": finished.version.dataset_id}
    set_budget(workspace, 0)
    refused(send(api, "POST", "/runs", body, **{"Idempotency-Key": "again"}), 402)
    set_budget(workspace, 10)
    assert send(api, "POST", "/runs", body, **{"Idempotency-Key": "again"}).status_code == 201


def test_pages_hold_each_object_once(api: Client, finished: Run) -> None:
    for number in range(2, 131):
        things.run(finished.prototype, number=number)
    seen: list[str] = []
    cursor = None
    while True:
        page = send(api, "GET", "/runs" + (f"?cursor={cursor}" if cursor else "")).json()
        seen += [item["id"] for item in page["items"]]
        cursor = page["next"]
        if cursor is None:
            break
    assert len(seen) == len(set(seen)) == 130
    assert send(api, "GET", "/runs?cursor=nonsense").status_code == 422


def test_openapi_names_every_call_of_the_contract(db: None) -> None:
    document = Client().get(f"{API}/openapi.json").json()
    assert document["openapi"].startswith("3.")
    calls = {(method.upper(), path.removeprefix(API)) for path, item in document["paths"].items() for method in item}
    wanted = """POST /datasets | GET /datasets/{pk} | POST /estimates | POST /runs | GET /runs/{pk}
        | GET /runs/{pk}/events | GET /runs/{pk}/logs | GET /runs/{pk}/report | GET /runs/{pk}/artifact
        | POST /runs/{pk}/cancel | POST /runs/{pk}/resume | POST /searches
        | GET /searches | GET /searches/{pk} | DELETE /searches/{pk} | POST /searches/{pk}/stop
        | POST /searches/{pk}/cancel | POST /searches/{pk}/resume | POST /endpoints | GET /endpoints/{slug}
        | PATCH /endpoints/{slug} | DELETE /endpoints/{slug} | GET /endpoints/{slug}/usage
        | GET /endpoints/{slug}/feedback | POST /endpoints/{slug}/keys | POST /endpoints/{slug}/links | GET /costs
        | GET /budget | PUT /budget | GET /models | GET /tasks | GET /hardware | GET /me"""
    assert {tuple(call.split()) for call in wanted.split("|")} <= calls
    ids = [operation["operationId"] for item in document["paths"].values() for operation in item.values()]
    assert len(ids) == len(set(ids))
