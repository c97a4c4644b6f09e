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
from webapp.endpoints import licensing
from webapp.endpoints.models import Endpoint, EndpointVersion
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


def test_sharing_what_is_forbidden_is_confirmed_first_on_the_page(workspace: Workspace, browser: Client) -> None:
    run = trained(workspace, licence="cc-by-nc-4.0")
    form = {"name": "demo", "visibility": "link", "slug": ""}
    refused = browser.post(reverse("deploy", args=[run.pk]), form)
    page = refused.content.decode()
    assert (refused.status_code, Endpoint.objects.exists()) == (409, False)
    assert "Confirm that you keep to it" in page
    assert 'name="licence_confirmed" required' in page
    prototype, address = run.prototype, f"{reverse('share', args=[run.prototype_id])}?run={run.pk}"
    free = things.run(prototype, number=2)
    free.artifact.mkdir(parents=True)
    (free.artifact / "manifest.json").write_text(json.dumps({"inputs": [], "licence": "mit"}), "utf-8")
    endpoint = things.endpoint(free)
    assert 'name="licence_confirmed" required' in browser.get(address).content.decode(), "beside the question"
    asked = {"instead_of": endpoint.current.pk}
    assert browser.post(reverse("deploy", args=[run.pk]), asked).status_code == 409
    assert browser.post(reverse("deploy", args=[run.pk]), asked | {"licence_confirmed": "on"}).status_code == 302
    Endpoint.objects.update(current=None, wanted=None)
    assert 'name="licence_confirmed" required' in browser.get(address).content.decode(), "of one that was never live"
    version = EndpointVersion.objects.get(endpoint=endpoint, run=run)
    Endpoint.objects.update(current=version)
    again = Endpoint.objects.get()
    assert licensing.asked(again, run) == [], "it was confirmed for the run that is live"


def test_sharing_what_is_forbidden_by_rest(workspace: Workspace, user: User, api_of: Callable[[User], Client]) -> None:
    run, api = trained(workspace, licence="cc-by-nc-nd-4.0"), api_of(user)
    sent: dict[str, Any] = {"run": run.pk}
    refused = api.post("/api/v1/endpoints", sent, content_type="application/json")
    assert (refused.status_code, refused.json()["code"]) == (409, "licence_forbids")
    assert FORBIDS in refused.json()["detail"]
    assert "passing on changed versions" in refused.json()["detail"]
    assert "licence_confirmed" in refused.json()["hint"]
    made = api.post("/api/v1/endpoints", sent | {"licence_confirmed": True}, content_type="application/json")
    assert made.status_code == 201, made.json()
    endpoint = Endpoint.objects.get()
    assert endpoint.wanted is not None
    Endpoint.objects.update(current=endpoint.wanted)
    assert api.get(f"/api/v1/endpoints/{endpoint.slug}").json()["licence_notes"][0].startswith(FORBIDS)
    assert api.patch(f"/api/v1/endpoints/{endpoint.slug}", sent, content_type="application/json").status_code == 200


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
    assert found["local:silent"]["licence_notes"][0].startswith("Its licence is unknown")
    assert found["scratch:gpt"]["licence_notes"] == []
