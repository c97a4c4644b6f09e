"""Where this machine keeps its data, its code and its models is the operator's: nothing that people read names it."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from tests import things
from webapp.accounts.models import User, Workspace
from webapp.core import trainer_process
from webapp.runs.models import Run
from webapp.runs.stream import EventLog

PATHS = ("/runs/{run}", "/runs/{run}/events", "/runs/{run}/logs", "/searches/{search}", "/datasets/{dataset}")
PAGES = ("run", "run_live", "run_log", "run_spec")


@pytest.fixture
def places(settings: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Of data, code and models."""
    settings.MAQUETTE_DATA = tmp_path / "data"
    models = tmp_path / "models"
    models.mkdir()
    monkeypatch.setenv("MAQUETTE_MODELS_DIR", str(models))
    trainer_process.folders.cache_clear()
    return [str(settings.MAQUETTE_DATA), str(settings.BASE_DIR), str(models)]


@pytest.fixture
def run(workspace: Workspace, places: list[str]) -> Run:
    """As a worker writes it, of a trainer that names places in all that it says."""
    made = things.run(things.prototype(workspace), status="failed")
    message = f"{places[0]}/datasets/x/v1, {places[1]}/trainer/tasks and {places[2]}/tiny/config.json cannot be read"
    log = EventLog(made.pk, made.events_path)
    for event in (
        {"type": "log", "t": "2026-01-01T00:00:00Z", "message": message},
        {"type": "warning", "t": "2026-01-01T00:00:01Z", "code": "x", "message": message, "hint": message},
        {"type": "result", "t": "2026-01-01T00:00:02Z", "artifact": f"{places[0]}/runs/{made.pk}/artifact"},
    ):
        parsed = trainer_process.parse(json.dumps(event))
        assert parsed
        log.append(parsed)
    log.close()
    return made


def named(places: list[str], content: str) -> list[str]:
    return [place for place in places if place in content]


@pytest.mark.parametrize("path", PATHS)
def test_no_answer_of_the_api_names_one(
    path: str, run: Run, places: list[str], user: User, api_of: Callable[[User], Client]
) -> None:
    ids = {"run": run.pk, "dataset": run.version.dataset_id, "search": things.search(run.prototype).pk}
    answer = api_of(user).get("/api/v1" + path.format(**ids))
    assert answer.status_code == 200
    assert named(places, answer.content.decode()) == []


def test_what_is_left_of_a_place_still_tells_which_file(run: Run, user: User, api_of: Callable[[User], Client]) -> None:
    events = api_of(user).get(f"/api/v1/runs/{run.pk}/events").json()["items"]
    assert events[-1]["artifact"] == f"data/runs/{run.pk}/artifact"
    assert events[0]["message"].startswith("data/datasets/x/v1, maquette/trainer/tasks and models/tiny/config.json")


@pytest.mark.parametrize("page", PAGES)
def test_no_page_names_one(
    page: str, run: Run, places: list[str], user: User, client_of: Callable[[User], Client]
) -> None:
    answer = client_of(user).get(reverse(page, args=[run.pk]))
    assert answer.status_code == 200
    assert named(places, answer.content.decode()) == []


def test_the_end_of_standard_error_names_none(places: list[str], tmp_path: Path) -> None:
    path = tmp_path / "stderr.log"
    path.write_text("".join(f'  File "{place}/x.py", line 1\n' for place in places), "utf-8")
    words = trainer_process.last_words(path)
    assert named(places, words) == []
    assert words.count("File") == len(places)
