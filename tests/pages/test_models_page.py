"""The models page: every model once, with its tasks; a search; what lies on this machine."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from django.test import Client
from django.urls import reverse

from trainer import tasks
from webapp.accounts.models import User

Browser = Callable[[User], Client]


@pytest.fixture
def show(user: User, client_of: Browser, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], str]:
    (tmp_path / "stories").mkdir()
    (tmp_path / "stories" / "config.json").write_text(json.dumps({"model_type": "llama"}))
    monkeypatch.setenv("MAQUETTE_MODELS_DIR", str(tmp_path))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    client = client_of(user)
    return lambda search: client.get(reverse("models"), {"search": search} if search else {}).content.decode()


def test_every_model_is_listed_once(show: Callable[[str], str]) -> None:
    page = show("")
    for ref in {(task.modality, card.ref) for task in tasks.all() for card in task.models}:
        assert page.count(f">{ref[1]}</code>") == 1, ref
    assert ">0</td>" not in page
    assert ">own</td>" not in page


def test_local_models_are_listed_with_what_they_can_do(show: Callable[[str], str]) -> None:
    page = show("")
    assert "local:stories" in page
    assert "On this machine" in page


def test_what_downloaded_models_take_is_said(
    show: Callable[[str], str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Files count once, however many snapshots link to them; their names, another workspace's choice, are not told."""
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    assert "downloaded from the Hugging Face hub," not in show("")
    for name in ("models--a--secret", "models--b--other"):
        blob = tmp_path / "hub" / name / "blobs" / "0"
        for snapshot in ("1", "2"):
            link = tmp_path / "hub" / name / "snapshots" / snapshot / "model.safetensors"
            link.parent.mkdir(parents=True)
            link.symlink_to(blob)
        blob.parent.mkdir()
        blob.write_bytes(bytes(3_000_000))
    page = " ".join(show("").replace("\xa0", " ").split())
    assert "2 models downloaded from the Hugging Face hub, 6.0 MB on this machine." in page
    assert "secret" not in page


def test_a_search_by_name_and_task(show: Callable[[str], str]) -> None:
    found = show("whisper")
    assert "hub:openai/whisper-tiny" in found
    assert "all-MiniLM" not in found
    assert "No model matches “&lt;b&gt;”" in show("<b>")
