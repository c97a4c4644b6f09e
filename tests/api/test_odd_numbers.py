"""Every call that takes JSON refuses what JSON does not have, and what no database holds, with a problem and never with a fault."""

import re
from collections.abc import Callable

import pytest
from django.test import Client

from tests import things
from webapp.accounts.models import User, Workspace
from webapp.api.urls import api as site_api

WRONG = {
    "NaN": '{"amount": NaN}',
    "Infinity": '{"amount": Infinity}',
    "minus Infinity": '{"amount": [{"deep": -Infinity}]}',
    "too large": '{"amount": 1e999}',
    "a whole number that is too large": '{"amount": 1%s}' % ("0" * 400),
    "a zero byte": '{"name": "a\\u0000b"}',
    "half a character": '{"name": "\\ud800"}',
    "deep": "[" * 100_000,
    "not JSON": "{",
    "not UTF-8": b"\xff\xfe",
}
CALLS = [
    (method, path)
    for path, operations in site_api.get_openapi_schema()["paths"].items()
    for method, operation in operations.items()
    if "application/json" in operation.get("requestBody", {}).get("content", {})
]


def test_the_table_has_the_calls() -> None:
    assert len(CALLS) > 10
    assert ("post", "/api/v1/runs") in CALLS


@pytest.mark.parametrize(("method", "path"), CALLS)
def test_a_body_that_is_no_json_is_a_problem(
    method: str, path: str, user: User, workspace: Workspace, api_of: Callable[[User], Client]
) -> None:
    run = things.run(things.prototype(workspace))
    things.endpoint(run)
    names = {"{slug}": "the-demo", "{number}": "1", "{hardware}": "cpu"}
    pk = run.pk if "/runs/" in path else run.prototype_id if "/prototypes/" in path else run.version.dataset_id
    address = re.sub(r"\{\w+\}", lambda match: names.get(match[0], pk), path)
    client = api_of(user)
    for what, body in WRONG.items():
        answer = client.generic(method.upper(), address, body, content_type="application/json")
        assert answer.status_code in (400, 422), (what, answer.content)
        assert answer["Content-Type"] == "application/problem+json", what
        assert answer.json()["detail"], what
