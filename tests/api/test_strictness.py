"""What a newcomer mistypes is told, and a refused run leaves nothing behind."""

from collections.abc import Callable

import pytest
from django.core.management import CommandError, call_command
from django.db import OperationalError
from django.test import Client

from tests import things
from webapp.accounts.models import User, Workspace
from webapp.prototypes.models import Prototype

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
