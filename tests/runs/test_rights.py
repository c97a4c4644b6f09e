"""Who may have something measured, and whose token the hub sees."""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from tests import things
from webapp.accounts.models import Membership, Role, User, Workspace
from webapp.core import leased
from webapp.core.confinement import Access
from webapp.core.trainer_process import TrainerProcess, hub_access
from webapp.runs.models import Estimate

ClientOf = Callable[[User], Client]
RESULT = {"seconds": {"low": 1, "likely": 2, "high": 3}, "memory_bytes": 1, "basis": "measured"}


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """Ids of the estimates that went to a worker."""
    sent: list[str] = []
    monkeypatch.setattr(leased, "enqueue", lambda _task, pk, **_queue: sent.append(pk) or True)
    return sent


def test_a_get_measures_nothing(asked: list[str], user: User, workspace: Workspace, client_of: ClientOf) -> None:
    path = reverse("estimate", args=[things.prototype(workspace).pk]) + "?method=full"
    browser = client_of(user)
    assert "Not measured yet" in browser.get(path).content.decode()
    assert not Estimate.objects.exists()
    assert "Estimating" in browser.post(path, {"method": "probe"}).content.decode()
    estimate = Estimate.objects.get()
    assert asked == [estimate.pk]
    assert estimate.spec["method"] == "full", "the address says which choice"
    Estimate.objects.update(result=RESULT)
    assert "Not measured" not in browser.get(path).content.decode()
    assert len(asked) == 1


def test_a_viewer_has_nothing_measured(asked: list[str], workspace: Workspace, client_of: ClientOf) -> None:
    viewer = User.objects.create_user("vic@example.org")
    Membership.objects.create(workspace=workspace, user=viewer, role=Role.VIEWER)
    owner = things.prototype(workspace)
    browser, path = client_of(viewer), reverse("estimate", args=[owner.pk])
    assert browser.get(path).status_code == 200
    assert browser.post(path).status_code == 403
    assert not asked
    page = browser.get(reverse("train", args=[owner.pk])).content.decode()
    assert "hx-get" in page
    assert "hx-post" not in page


def test_the_operator_s_token_is_for_named_models(settings: Any) -> None:
    settings.HF_TOKEN, settings.HF_TOKEN_MODELS = "hf_secret", ["org/gated"]
    for model in ("hub:org/gated", "hub:org/gated@main"):
        assert hub_access(model)["HF_TOKEN"] == "hf_secret"
    for model in ("hub:org/private", "hub:org/gated-other", "local:org/gated", "bundled:x"):
        assert hub_access(model) == {}


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_a_trainer_is_given_no_credentials(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HF_TOKEN", "AWS_SECRET_ACCESS_KEY", "STORAGE_URL", "SECRET_KEY"):
        monkeypatch.setenv(name, "sesame")
    process = TrainerProcess(["tasks"], stderr=tmp_path / "stderr.log", access=Access())
    environment = Path(f"/proc/{process.process.pid}/environ")
    try:
        told = b""
        while (
            not told and process.process.poll() is None
        ):  # nothing is told in the moment in which a program takes another's place
            told = environment.read_bytes()
    finally:
        process.end()
    assert b"sesame" not in told
    assert b"HF_HUB_DISABLE_IMPLICIT_TOKEN=1" in told
