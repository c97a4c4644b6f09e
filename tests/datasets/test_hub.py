"""A dataset of the hub by its name, through the API."""

from collections.abc import Callable

import pytest
from django.test import Client

from tests.trainer.test_hub import hub
from webapp.accounts.models import User, Workspace
from webapp.datasets.models import Dataset, Status
from webapp.datasets.reading import read

__all__ = ["hub"]
pytestmark = pytest.mark.django_db


def made(api: Client, name: str) -> Dataset:
    answer = api.post("/api/v1/datasets", {"hub": name}, content_type="application/json")
    assert answer.status_code == 201, answer.content
    dataset = Dataset.objects.get(pk=answer.json()["id"])
    read(dataset.versions.get().pk)
    return dataset


def test_it_is_fetched_and_read(
    hub: str, user: User, workspace: Workspace, api_of: Callable[[User], Client], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_ENDPOINT", hub)
    monkeypatch.setenv("HF_HUB_OFFLINE", "0")
    dataset = made(api_of(user), "acme/words")
    version = dataset.versions.get()
    assert version.status == Status.READY, version.error
    assert (dataset.name, version.rows) == ("words", 122)
    assert version.split["test"] == 2
    assert version.suggestion["task"] == "text-classification"


def test_what_is_not_there_is_said(
    hub: str, user: User, workspace: Workspace, api_of: Callable[[User], Client], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_ENDPOINT", hub)
    monkeypatch.setenv("HF_HUB_OFFLINE", "0")
    version = made(api_of(user), "acme/nothing").versions.get()
    assert version.status == Status.FAILED
    assert version.error["code"] == "hub_not_found"
    answer = api_of(user).post("/api/v1/datasets", {"hub": "../etc/passwd"}, content_type="application/json")
    assert (answer.status_code, answer.json()["code"]) == (422, "bad_hub_name")


def test_the_form_asks_for_it(user: User, workspace: Workspace, client_of: Callable[[User], Client]) -> None:
    client = client_of(user)
    assert b'name="hub"' in client.get("/new").content
    answer = client.post("/new", {"hub": "acme/words"})
    assert answer.status_code == 302
    assert Dataset.objects.get().versions.get().request == {"hub": "acme/words"}
