"""Page and API start no run for a column that cannot be learned: the refusal comes at once, with the reason that the data page gives."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from webapp.accounts.models import User, Workspace
from webapp.datasets import actions, reading
from webapp.datasets.models import DatasetVersion
from webapp.prototypes.models import Prototype
from webapp.runs.models import Run

ClientOf = Callable[[User], Client]
ROWS = "text,label,remark,ticket,same,nothing\n" + "".join(
    f"what was said in case {n},{'good' if n % 2 else 'bad'},a remark about case {max(n, 1)},T-{9_000 + n},yes,\n"
    for n in range(60)
)
REFUSED = {"remark": "few_rows_a_label", "ticket": "all_unique_label", "same": "one_class", "nothing": "no_rows"}


@pytest.fixture
def version(user: User, workspace: Workspace, settings: Any, tmp_path: Path) -> DatasetVersion:
    settings.MAQUETTE_DATA = tmp_path
    dataset = actions.create_dataset(workspace, user, [SimpleUploadedFile("cases.csv", ROWS.encode())])
    reading.read(dataset.latest.pk)
    dataset.refresh_from_db()
    Prototype.objects.create(workspace=workspace, dataset=dataset, name="cases")
    assert dataset.current.trainable
    return dataset.current


@pytest.mark.parametrize(("column", "code"), REFUSED.items())
def test_no_run_is_started(
    column: str, code: str, version: DatasetVersion, user: User, client_of: ClientOf, api_of: ClientOf
) -> None:
    api, columns = api_of(user), {"text": "text", "label": column}
    path = f"/api/v1/datasets/{version.dataset_id}/versions"
    assert api.post(path, {"columns": columns}, content_type="application/json").status_code == 201
    reading.read(version.dataset.latest.pk)
    told = api.get(f"/api/v1/datasets/{version.dataset_id}").json()
    assert told["trainable"] is False

    body = {"dataset": version.dataset_id, "method": "words", "model": "scratch:words"}
    answer = api.post("/api/v1/runs", body, content_type="application/json")
    assert (answer.status_code, answer.json()["code"]) == (422, code)

    page = reverse("train", args=[version.dataset.prototypes.get().pk])
    browser = client_of(user)
    assert b'id="train"' not in browser.get(page).content, "the page has no button to start it"
    assert browser.post(page, {"method": "words", "model": "scratch:words"}).status_code == 422
    assert not Run.objects.exists()


@pytest.mark.parametrize(("column", "code"), REFUSED.items())
def test_no_run_under_other_columns_is_started(
    column: str, code: str, version: DatasetVersion, user: User, api_of: ClientOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run under other columns waits until they are read, here by this very process; refused, it leaves no version."""
    monkeypatch.setattr(DatasetVersion, "send", lambda queued: reading.read(queued.pk))
    columns = {"text": "text", "label": column}
    body = {"dataset": version.dataset_id, "columns": columns, "method": "words", "model": "scratch:words"}
    answer = api_of(user).post("/api/v1/runs", body, content_type="application/json")
    assert (answer.status_code, answer.json()["code"]) == (422, code)
    assert version.dataset.versions.count() == 1
    assert not Run.objects.exists()
