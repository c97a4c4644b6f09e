"""What the licence of a base model forbids is shown before training and before sharing."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from tests import things
from webapp.accounts.models import User, Workspace
from webapp.runs import base_models, licences
from webapp.runs.models import Run

FORBIDS = "Its licence forbids commercial use"


@pytest.fixture
def browser(user: User, client_of: Callable[[User], Client]) -> Client:
    return client_of(user)


def trained(workspace: Workspace, **manifest: Any) -> Run:
    run = things.run(things.prototype(workspace))
    run.artifact.mkdir(parents=True)
    (run.artifact / "manifest.json").write_text(json.dumps({"inputs": [], **manifest}), "utf-8")
    return run


def test_the_share_page_tells_before_a_link_is_created_and_after(workspace: Workspace, browser: Client) -> None:
    run = trained(workspace, licence="cc-by-nc-4.0")
    address = reverse("share", args=[run.prototype.pk])
    page = browser.get(address).content.decode()
    assert page.index(FORBIDS) < page.index("Create link")
    things.endpoint(run)
    assert FORBIDS in browser.get(address).content.decode()


def test_a_licence_without_conditions_is_not_mentioned(workspace: Workspace, browser: Client) -> None:
    run = trained(workspace, licence="Apache 2.0")
    assert "Its licence" not in browser.get(reverse("share", args=[run.prototype.pk])).content.decode()


def test_a_run_of_before_goes_by_the_list_of_models(workspace: Workspace) -> None:
    assert licences.of_run(trained(workspace)) == []


def test_models_to_choose_from_say_what_their_licence_forbids(
    workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cards = {"free": "apache-2.0", "bound": "cc-by-nc-4.0", "silent": ""}
    for name, licence in cards.items():
        (tmp_path / name).mkdir()
        (tmp_path / name / "config.json").write_text('{"model_type": "llama"}')
        (tmp_path / name / "README.md").write_text(f"---\nlicense: {licence}\n---\n")
    monkeypatch.setenv("MAQUETTE_MODELS_DIR", str(tmp_path))
    found = {card["ref"]: card for card in base_models.choices("text-generation", workspace)}
    assert found["local:free"]["licence_notes"] == []
    assert found["local:free"]["licence"] == "apache-2.0"
    assert found["local:bound"]["licence_notes"][0].startswith(FORBIDS)
    assert found["local:silent"]["licence_notes"][0].startswith("Its licence is not known")
    assert found["scratch:gpt"]["licence_notes"] == []
