"""Signing in and asking for a new password cost the same, whether there is such an account or not."""

import re
from typing import Any

import pytest
from django.contrib.auth import hashers
from django.core.cache import cache
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from webapp.accounts import security
from webapp.accounts.models import SecurityEvent, User, Workspace
from webapp.accounts.tasks import copy_event

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Any, ...]]:
    """What a worker is asked to do."""
    messages: list[tuple[Any, ...]] = []
    monkeypatch.setattr(security, "enqueue", lambda *message: not messages.append(message))
    return messages


def work(email: str, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What a wrong password for this address makes the site do: statements without their values, and hashes computed."""
    hashes: list[str] = []
    encode = hashers.MD5PasswordHasher.encode

    def counted(self: Any, password: str, salt: str) -> str:
        hashes.append(password)
        return str(encode(self, password, salt))

    cache.clear()
    with monkeypatch.context() as patch, CaptureQueriesContext(connection) as queries:
        patch.setattr(hashers.MD5PasswordHasher, "encode", counted)
        answer = Client().post(reverse("account_login"), {"login": email, "password": "a wrong one"})
    shapes = [re.sub(r"'[^']*'|\b\d+\b|NULL", "?", query["sql"]) for query in queries]
    words = answer.content.decode().replace(email, "").split("<main", 1)[1]
    words = re.sub(r'(value|nonce|name="csrfmiddlewaretoken")="[^"]*"', "", words)
    return {"status": answer.status_code, "queries": shapes, "hashes": len(hashes), "page": words}


@pytest.mark.parametrize("workspaces", [1, 4])
def test_an_address_with_an_account_costs_what_another_does(
    user: User, workspace: Workspace, workspaces: int, sent: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(1, workspaces):
        Workspace.objects.create(name=f"w{number}").memberships.create(user=user, role="editor")
    user.set_password("the right one")
    user.save()
    unknown = work("ida@example.org", monkeypatch)
    known = work(user.email, monkeypatch)
    assert known == unknown
    assert len(sent) == 2


def test_a_worker_tells_the_workspaces_once(user: User, workspace: Workspace, sent: list[Any]) -> None:
    Client().post(reverse("account_login"), {"login": user.email, "password": "wrong"})
    (message,) = sent
    assert not SecurityEvent.objects.filter(workspace=workspace, verb="sign_in_failed").exists()
    for _time in range(2):
        copy_event(message[1])
    copy = SecurityEvent.objects.get(workspace=workspace, verb="sign_in_failed")
    assert copy.created_at == SecurityEvent.objects.get(pk=message[1]).created_at


def test_a_broker_that_is_away_costs_no_event(
    user: User, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(security, "enqueue", lambda *_message: False)
    Client().post(reverse("account_login"), {"login": user.email, "password": "wrong"})
    assert SecurityEvent.objects.filter(workspace=workspace, verb="sign_in_failed").count() == 1
