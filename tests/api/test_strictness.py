"""What a newcomer mistypes is told, and a refused run leaves nothing behind."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import OperationalError
from django.test import Client

from tests import things
from webapp.accounts.models import User, Workspace
from webapp.core.problems import Conflict, Problem
from webapp.costs.actions import set_budget
from webapp.prototypes.models import Prototype
from webapp.runs.actions import settings_of

ApiOf = Callable[[User], Client]


def post(client: Client, path: str, body: dict) -> tuple[int, dict]:
    answer = client.post(f"/api/v1/{path}", body, content_type="application/json")
    return answer.status_code, answer.json()


def test_a_misspelt_field_is_refused(user: User, workspace: Workspace, api_of: ApiOf) -> None:
    run = things.run(things.prototype(workspace))
    code, told = post(api_of(user), "endpoints", {"run": run.pk, "visibilty": "private"})
    assert code == 422
    assert "visibilty" in str(told)
    assert post(api_of(user), "runs", {"dataset": run.version.dataset_id, "modle": "x"})[0] == 422


@pytest.mark.parametrize("wrong", [{"model": "bundled:no"}, {"method": "no"}, {"task": "image-classification"}])
def test_a_refused_run_leaves_no_prototype(wrong: dict, user: User, workspace: Workspace, api_of: ApiOf) -> None:
    dataset = things.dataset(workspace, files=True)
    code, told = post(api_of(user), "runs", {"dataset": dataset.pk, **wrong})
    assert code == 422
    assert told["hint"]
    assert not Prototype.objects.exists()


@pytest.mark.parametrize("path", ["/api/v1/nothing", "/api/", "/api/v2/runs"])
def test_an_unknown_call_is_told_as_a_problem(path: str, user: User, api_of: ApiOf) -> None:
    answer = api_of(user).get(path)
    assert (answer.status_code, answer["Content-Type"]) in (
        (404, "application/problem+json"),
        (404, "text/html; charset=utf-8"),
    )
    if path != "/api/":
        assert answer.json()["code"] == "no_such_call"


def test_a_token_where_no_site_is(monkeypatch: pytest.MonkeyPatch) -> None:
    def absent(*_: object, **__: object) -> None:
        raise OperationalError("no such table: accounts_user")

    monkeypatch.setattr("webapp.accounts.management.commands.api_token.ensure_user", absent)
    monkeypatch.setattr("webapp.accounts.management.commands.api_token.User.objects.filter", absent)
    with pytest.raises(CommandError, match="MAQUETTE_DATA"):
        call_command("api_token", email="ada@example.org")


@pytest.mark.parametrize("path", ["/budget", "/rates/cpu"])
@pytest.mark.parametrize("amount", [True, False, None, [], {}])
def test_what_is_no_amount_is_none(path: str, amount: Any, user: User, api_of: ApiOf) -> None:
    field = "amount" if path == "/budget" else "price_per_hour"
    answer = api_of(user).put(f"/api/v1{path}", {field: amount}, content_type="application/json")
    assert answer.status_code == 422


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "utf-32"])
def test_a_zero_byte_is_refused_in_every_encoding(
    encoding: str, user: User, workspace: Workspace, api_of: ApiOf
) -> None:
    prototype = things.prototype(workspace)
    body = '{"name": "a\\u0000b"}'.encode(encoding)
    answer = api_of(user).generic("PATCH", f"/api/v1/prototypes/{prototype.pk}", body, content_type="application/json")
    assert answer.status_code in (400, 422)
    prototype.refresh_from_db()
    assert "\0" not in prototype.name


@pytest.mark.parametrize(
    ("wish", "status"),
    [
        ({"method": "zzz"}, 422),
        ({"limits": {"cost": -1}}, 422),
        ({"task": "image-classification"}, 422),
        ({"prototype": "0" * 16}, 404),
        ({"seed": -1}, 422),
        ({"params": {"epochs": 10**6}}, 422),
    ],
)
def test_a_refused_run_leaves_no_version(
    wish: dict[str, Any], status: int, user: User, workspace: Workspace, api_of: ApiOf
) -> None:
    """Under other columns a run makes a version, which everybody would find as the newest."""
    version = things.prototype(workspace).dataset.current
    body = {"dataset": version.dataset_id, "columns": {"text": "label", "label": "text"}, "method": "probe"} | wish
    answer = api_of(user).post("/api/v1/runs", body, content_type="application/json")
    assert answer.status_code == status, answer.content
    assert version.dataset.versions.count() == 1


def test_a_run_without_money_leaves_no_version(user: User, workspace: Workspace, api_of: ApiOf) -> None:
    version = things.prototype(workspace).dataset.current
    set_budget(workspace, 0)
    body = {"dataset": version.dataset_id, "columns": {"text": "label", "label": "text"}, "method": "probe"}
    assert api_of(user).post("/api/v1/runs", body, content_type="application/json").status_code == 402
    assert version.dataset.versions.count() == 1


@pytest.mark.parametrize(
    ("path", "known"),
    [
        ("runs", ["cursor", "prototype", "status"]),
        ("datasets", ["cursor"]),
        ("prototypes", ["cursor"]),
        ("endpoints", ["cursor"]),
        ("endpoints/the-demo/feedback", ["cursor", "new"]),
        ("endpoints/the-demo/keys", []),
        ("endpoints/the-demo/links", []),
        ("endpoints/the-demo/usage", []),
        ("costs", ["group_by", "since", "until"]),
        ("rates", []),
        ("tasks", []),
        ("models", ["task"]),
        ("hardware", []),
    ],
)
def test_an_unknown_parameter_of_a_list_is_refused(
    path: str, known: list[str], user: User, workspace: Workspace, api_of: ApiOf
) -> None:
    things.endpoint(things.run(things.prototype(workspace)))
    client = api_of(user)
    answer = client.get(f"/api/v1/{path}?limit=5")
    told = answer.json()
    assert (answer.status_code, told["code"], told["known"]) == (422, "unknown_parameter", known)
    assert all(name in told["hint"] for name in known)
    assert client.get(f"/api/v1/{path}").status_code == 200


def test_a_list_of_runs_tells_of_leaks(user: User, workspace: Workspace, api_of: ApiOf) -> None:
    things.run(things.prototype(workspace), has_leak=True)
    assert api_of(user).get("/api/v1/runs").json()["items"][0]["has_leak"] is True


TABLE = {"task": "tabular-classification", "columns": {"target": "label"}}
IMPOSSIBLE = [
    ({"task": "zzz"}, "bad_task"),
    ({"task": "object-detection"}, "bad_task"),
    ({"task": "speech-recognition"}, "bad_task"),
    ({"columns": {"zzz": "text"}}, "bad_role"),
    ({"columns": {"text": "zzz", "label": "label"}}, "no_column"),
    ({"roles": {"text": "answer", "label": "answer"}}, "bad_role"),
    ({"roles": {"label": "ignore"}}, "bad_role"),
    ({"roles": {"zzz": "ignore"}}, "no_column"),
    ({"split": {"test": 5}}, "bad_split"),
    ({"split": {"test": "a"}}, "bad_split"),
    ({"split": {"tset": 0.2}}, "bad_split"),
    ({"split": {"group": "zzz"}}, "no_column"),
    ({"changes": {"set": [{"row": 1}]}}, "bad_change"),
    ({"changes": {"set": [{"row": 1, "column": "zzz", "value": "a"}]}}, "no_column"),
    ({"changes": {"set": "abc"}}, "bad_change"),
    ({"changes": {"drop": [999_999]}}, "bad_change"),
    ({"changes": {"drop": ["1"]}}, "bad_change"),
    ({"changes": {"delete": [1]}}, "bad_change"),
]
"""What a version is asked for that no reader could make, and the code of its refusal."""


@pytest.mark.parametrize(("asked", "code"), IMPOSSIBLE)
def test_a_version_that_cannot_be_is_refused_before_it_is_made(
    asked: dict, code: str, user: User, workspace: Workspace, api_of: ApiOf
) -> None:
    dataset = things.dataset(workspace, files=True)
    status, told = post(api_of(user), f"datasets/{dataset.pk}/versions", asked)
    assert (status, told["code"]) == (422, code), told
    assert told["hint"]
    assert dataset.versions.count() == 1


UNTRAINABLE = [
    ({"roles": {"text": "answer", "label": "answer"}}, "bad_role"),
    ({"roles": {"label": "ignore"}}, "bad_role"),
    ({"columns": {"text": "text", "label": "label", "zzz": "text"}}, "bad_role"),
    ({**TABLE, "model": "bundled:all-MiniLM-L6-v2"}, "bad_model"),
    ({**TABLE, "model": "local:zzz"}, "bad_model"),
    ({"model": "bundled:zzz"}, "bad_model"),
    ({"model": "local:zzz"}, "bad_model"),
    ({"task": "tabular-regression", "columns": {"target": "label"}}, "bad_task"),
]


@pytest.mark.parametrize("call", ["runs", "estimates"])
@pytest.mark.parametrize(("asked", "code"), UNTRAINABLE)
def test_a_run_that_cannot_be_is_refused_at_once(
    call: str,
    asked: dict,
    code: str,
    user: User,
    workspace: Workspace,
    api_of: ApiOf,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (tmp_path / "bert").mkdir()
    (tmp_path / "bert" / "config.json").write_text('{"model_type": "bert"}')
    monkeypatch.setenv("MAQUETTE_MODELS_DIR", str(tmp_path))
    dataset = things.dataset(workspace, files=True)
    status, told = post(api_of(user), call, {"dataset": dataset.pk, **asked})
    assert (status, told["code"]) == (422, code), told
    assert told["hint"]
    assert dataset.versions.count() == 1


def test_columns_that_the_reader_refuses_are_told_in_its_words(user: User, workspace: Workspace, api_of: ApiOf) -> None:
    """Not as "not imported yet, wait"."""
    from webapp.api.runs import wait_until_read

    version = things.dataset(workspace).current
    version.status, version.error = "failed", {"code": "bad_split", "message": "No dates.", "hint": "Another column."}
    with pytest.raises(Conflict, match="No dates"):
        wait_until_read(version)


@pytest.mark.usefixtures("only_read")
def test_the_next_step_of_a_task_that_is_not_trained_is_one_that_the_columns_can_be(workspace: Workspace) -> None:
    chat = things.dataset(workspace).current
    chat.profile = chat.profile | {"suggestion": {"task": "summarization", "columns": {"document": "text"}}}
    with pytest.raises(Problem) as refused:
        settings_of(chat, {})
    assert refused.value.code == "task_not_trainable"
    assert "text-classification" in refused.value.hint
    assert "image" not in refused.value.hint
    chat.profile["columns"] = [{"name": "messages", "kind": "messages", "distinct": 9, "missing": 0, "there": 9}]
    with pytest.raises(Problem, match="cannot be trained") as refused:
        settings_of(chat, {})
    assert "image" not in refused.value.hint


@pytest.mark.parametrize(("method", "path"), [("put", "/datasets"), ("post", "/me"), ("delete", "/costs")])
def test_a_wrong_method_is_a_problem(method: str, path: str, user: User, api_of: ApiOf) -> None:
    answer = getattr(api_of(user), method)("/api/v1" + path)
    assert (answer.status_code, answer["Content-Type"]) == (405, "application/problem+json")
    assert answer.json()["code"] == "wrong_method"
    assert answer.json()["detail"]
    assert "GET" in answer.json()["hint"]
    assert "GET" in answer["Allow"]
