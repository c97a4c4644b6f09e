"""Stopping a run and keeping its best, which is no cancelling: the model is tested, packaged and kept."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from tests import things
from tests.site import rows_of
from tests.tiny_model import build
from webapp.accounts.models import User, Workspace
from webapp.datasets import actions as dataset_actions
from webapp.datasets import reading
from webapp.prototypes.models import Prototype
from webapp.runs import actions
from webapp.runs.models import Run, Status
from webapp.runs.training import Training

ClientOf = Callable[[User], Client]


@pytest.fixture
def training(workspace: Workspace) -> Run:
    state = {"status": Status.RUNNING, "stage": "train", "headline": None, "progress": 0.3}
    return things.run(things.prototype(workspace), **state)


@pytest.mark.slow
def test_the_best_is_tested_and_kept(
    user: User, workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    """Asked for before training begins; without it these epochs would take an hour."""
    monkeypatch.setenv("MAQUETTE_MODELS_DIR", str(build(tmp_path / "models")))
    settings.MAQUETTE_DATA = tmp_path
    dataset = dataset_actions.create_dataset(workspace, user, [SimpleUploadedFile("rows.csv", rows_of(60))])
    reading.read(dataset.latest.pk)
    prototype = Prototype.objects.create(workspace=workspace, dataset=dataset, name="idea")
    params = {"epochs": 100, "patience": 100, "max_length": 16}
    run = actions.create_run(prototype, user, {"model": "local:tiny", "method": "full", "params": params})
    Run.objects.filter(pk=run.pk).update(stop_requested_at=run.created_at)
    Training.handle(run.pk)
    run.refresh_from_db()
    assert run.status == Status.SUCCEEDED, run.error
    assert run.stopped_early
    assert run.headline
    assert (run.artifact / "manifest.json").exists()
    assert '"stopped_early"' in run.events_path.read_text()


def test_on_the_page(training: Run, user: User, client_of: ClientOf) -> None:
    browser, path = client_of(user), reverse("stop_run", args=[training.pk])
    assert path in browser.get(reverse("run", args=[training.pk])).content.decode()
    page = browser.get(path).content.decode()
    assert "Stop and keep the best so far" in page
    assert reverse("cancel_run", args=[training.pk]) in page
    browser.post(path)
    training.refresh_from_db()
    assert training.stop_requested_at
    assert training.cancel_requested_at is None
    assert "keeping the best" in browser.get(reverse("run", args=[training.pk])).content.decode()


def test_a_waiting_run_has_nothing_to_keep(training: Run, user: User, client_of: ClientOf, api_of: ClientOf) -> None:
    Run.objects.update(status=Status.QUEUED, stage="")
    path = reverse("stop_run", args=[training.pk])
    page = client_of(user).get(path).content.decode()
    assert "Stop and keep" not in page
    assert "Cancel run" in page
    assert client_of(user).post(path).status_code == 409
    assert api_of(user).post(f"/api/v1/runs/{training.pk}/stop").json()["code"] == "not_stoppable"


def test_over_the_api(training: Run, user: User, outsider: User, api_of: ClientOf) -> None:
    assert api_of(outsider).post(f"/api/v1/runs/{training.pk}/stop").status_code == 404
    answer = api_of(user).post(f"/api/v1/runs/{training.pk}/stop")
    assert (answer.status_code, answer.json()["stopped_early"]) == (200, False)
    Run.objects.update(status=Status.SUCCEEDED)
    assert api_of(user).get(f"/api/v1/runs/{training.pk}").json()["stopped_early"] is True


def test_cross_validation_is_not_cut_short(training: Run, user: User, api_of: ClientOf) -> None:
    training.version.profile["split"]["folds"] = 5
    training.version.save()
    assert api_of(user).post(f"/api/v1/runs/{training.pk}/stop").status_code == 409
