"""A model as GGUF from a run's page: offered where llama.cpp knows it, written by a worker, downloaded as it is."""

import importlib.util
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import redis
from django.test import Client
from django.urls import reverse

from tests import things
from tests.trainer import tiny_writer
from webapp.accounts.models import User, Workspace
from webapp.catalog import hardware
from webapp.core.downloads import Download
from webapp.host.redis_server import EmbeddedRedis
from webapp.runs import worker
from webapp.runs.examining import Examining
from webapp.runs.models import Examination, Run

ClientOf = Callable[[User], Client]


@pytest.fixture
def run(workspace: Workspace, tmp_path: Path, settings: Any) -> Run:
    settings.MAQUETTE_DATA = tmp_path / "data"
    made = things.run(things.prototype(workspace), task="text-generation")
    made.artifact.mkdir(parents=True)
    tiny_writer.build(tmp_path).rename(made.artifact / "model")
    manifest = {"task": "text-generation", "licence": "cc-by-nc-4.0"}
    for name, content in (("manifest", manifest), ("report", {})):
        (made.artifact / f"{name}.json").write_text(json.dumps(content))
    return made


@pytest.fixture
def announced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A worker of this process has said of itself in Redis what it can."""
    server = EmbeddedRedis(tmp_path / "redis")
    server.start()
    monkeypatch.setattr(hardware, "client", lambda: redis.Redis.from_url(server.url, decode_responses=True))
    monkeypatch.setitem(worker._state, "queues", ["default"])
    worker.busy(None)
    yield
    server.stop()


def page(client: Client, run: Run) -> str:
    return " ".join(client.get(reverse("run", args=[run.pk])).content.decode().split())


def write(run: Run) -> Examination:
    row = Examination.objects.get()
    Examining.handle(row.pk)
    row.refresh_from_db()
    return row


def test_without_the_library_the_page_says_how_to_get_it(run: Run, user: User, client_of: ClientOf) -> None:
    text = page(client_of(user), run)
    assert "pip install gguf" in text
    assert "Create file" not in text
    assert "Its licence forbids commercial use" in text
    assert ("gguf" in worker.record()["can"]) == bool(importlib.util.find_spec("gguf"))


def test_other_models_have_no_such_file(run: Run, user: User, client_of: ClientOf, api_of: ClientOf) -> None:
    (run.artifact / "model/config.json").write_text('{"model_type": "gpt2"}')
    assert 'id="gguf"' not in page(client_of(user), run)
    api, address = api_of(user), f"/api/v1/runs/{run.pk}/gguf"
    assert api.get(address).json()["can_be_written"] is False
    refused = api.post(address, {}, content_type="application/json")
    assert (refused.status_code, refused.json()["code"]) == (409, "no_gguf_form")
    assert api.get(f"{address}/gguf-q4").json()["code"] == "no_file"
    assert api.get(f"{address}/gguf-f16").json()["code"] == "not_written"


@pytest.mark.skipif(importlib.util.find_spec("gguf") is not None, reason="the library gguf is installed")
@pytest.mark.usefixtures("announced")
def test_a_worker_without_the_library_says_so(run: Run, user: User, client_of: ClientOf) -> None:
    browser = client_of(user)
    assert browser.post(reverse("gguf", args=[run.pk]), {"kind": "gguf-f16"}).status_code == 302
    assert "creating…" in page(browser, run)
    assert write(run).error["code"] == "no_gguf"
    assert "which writes this file, is not installed" in page(browser, run)


@pytest.mark.skipif(importlib.util.find_spec("gguf") is None, reason="the library gguf is not installed")
@pytest.mark.usefixtures("announced")
def test_a_worker_writes_it_and_it_is_downloaded(run: Run, user: User, client_of: ClientOf, api_of: ClientOf) -> None:
    browser, address = client_of(user), f"/api/v1/runs/{run.pk}/gguf"
    assert "Create file" in page(browser, run)
    assert api_of(user).post(address, {}, content_type="application/json").status_code == 202
    row = write(run)
    assert row.error is None
    path = run.artifact / "gguf/model-q8_0.gguf"
    assert row.result == {"bytes": path.stat().st_size}
    ready = api_of(user).get(address).json()["files"][0]
    assert (ready["kind"], ready["state"], ready["bytes"]) == ("gguf-q8_0", "ready", path.stat().st_size)
    file = reverse("gguf_file", args=[run.pk, "gguf-q8_0"])
    assert file in page(browser, run)
    answer = browser.get(file)
    answer.close()
    assert isinstance(answer, Download)
    assert answer["Content-Disposition"].endswith('-run-1-q8_0.gguf"')
    assert path.read_bytes()[:4] == b"GGUF"
    assert "gguf/model-q8_0.gguf" in json.loads((run.artifact / "manifest.json").read_text())["files"]
    run.refresh_from_db()
    assert run.bytes is None, "it is measured again"
