"""Prototypes through the API: read, renamed, described."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from tests import things
from webapp.accounts.models import AuditEvent, Membership, Role, User, Workspace
from webapp.prototypes.models import Prototype

ApiOf = Callable[[User], Client]


@pytest.fixture
def path(workspace: Workspace) -> str:
    return f"/api/v1/prototypes/{things.prototype(workspace, summary='Sorts mails').pk}"


def patch(client: Client, path: str, body: dict[str, Any]) -> Any:
    return client.patch(path, body, content_type="application/json")


@pytest.mark.parametrize(
    ("sent", "name", "summary"),
    [
        ({"name": " Triage "}, "Triage", "Sorts mails"),
        ({"summary": "Sorts tickets"}, "idea", "Sorts tickets"),
        ({"summary": ""}, "idea", ""),
        ({"name": "Triage", "summary": None}, "Triage", "Sorts mails"),
    ],
)
def test_what_is_sent_changes(
    sent: dict[str, Any], name: str, summary: str, path: str, user: User, api_of: ApiOf
) -> None:
    client = api_of(user)
    told = patch(client, path, sent).json()
    assert (told["name"], told["summary"]) == (name, summary)
    assert client.get(path).json() == told
    prototype = Prototype.objects.get()
    assert (prototype.name, prototype.summary) == (name, summary)
    assert AuditEvent.objects.filter(verb="renamed", subject_id=prototype.pk, user=user).exists()


@pytest.mark.parametrize(
    "sent", [{"name": ""}, {"name": "  "}, {"name": "x" * 121}, {"summary": "x" * 201}, {"title": "x"}]
)
def test_what_cannot_be_is_refused(sent: dict[str, str], path: str, user: User, api_of: ApiOf) -> None:
    answer = patch(api_of(user), path, sent)
    assert answer.status_code == 422
    assert next(iter(sent)) in answer.json()["detail"]
    assert Prototype.objects.get().name == "idea"


def test_only_editors_of_its_workspace_may(path: str, user: User, outsider: User, api_of: ApiOf) -> None:
    assert patch(api_of(outsider), path, {"name": "Mine"}).status_code == 404
    client = api_of(user)
    Membership.objects.filter(user=user).update(role=Role.VIEWER)
    assert patch(client, path, {"name": "Mine"}).status_code == 403
    assert client.get(path).status_code == 200
