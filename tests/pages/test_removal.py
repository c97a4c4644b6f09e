"""What is deleted goes with its files and nothing else: a run, a prototype, and its data where that is asked for."""

import threading
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.urls import reverse

from tests import things
from webapp.accounts.models import AuditEvent, User, Workspace
from webapp.core.problems import Conflict
from webapp.costs.actions import price_per_hour
from webapp.costs.gate import charge
from webapp.costs.models import LedgerEntry
from webapp.datasets.actions import delete_dataset
from webapp.datasets.models import Dataset
from webapp.endpoints import actions
from webapp.endpoints.models import Endpoint, EndpointVersion
from webapp.pages import removal
from webapp.prototypes.actions import create_prototype
from webapp.prototypes.models import Prototype
from webapp.runs.actions import resume
from webapp.runs.models import Run
from webapp.runs.trials import cache_access

ClientOf = Callable[[User], Client]


@pytest.fixture
def run(workspace: Workspace) -> Run:
    made = things.run(things.prototype(workspace))
    (made.artifact / "model").mkdir(parents=True)
    (made.folder / "checkpoints").mkdir()
    (made.folder / "checkpoints" / "1").write_bytes(b"x" * 1000)
    price = price_per_hour(workspace, "cpu")
    line = {"kind": "training", "hardware": "cpu", "subject": "run", "subject_id": made.pk}
    charge(workspace, key="k", seconds=9, price=price, **line)
    return made


def test_a_run_is_deleted_with_its_files(run: Run, user: User, outsider: User, api_of: ClientOf) -> None:
    assert api_of(outsider).delete(f"/api/v1/runs/{run.pk}").status_code == 404
    assert api_of(user).delete(f"/api/v1/runs/{run.pk}").status_code == 204
    assert not Run.objects.exists()
    assert not run.folder.exists()
    assert LedgerEntry.objects.exists(), "what was spent was spent"
    assert Dataset.objects.get().current.folder.exists()
    assert AuditEvent.objects.filter(verb="deleted", subject="run", subject_id=run.pk).exists()


def test_what_was_computed_from_a_dataset_goes_with_it(run: Run, user: User, outsider: User, api_of: ClientOf) -> None:
    """Decoded pictures, vectors and previews lie below one folder of each dataset, which every command over it is given."""
    kept = things.prototype(outsider.workspaces.get()).dataset
    for dataset in (run.prototype.dataset, kept):
        (dataset.cache_folder / "pictures").mkdir(parents=True)
        (dataset.cache_folder / "pictures" / "a.decoded").write_bytes(b"pixels")
    assert cache_access(run.version) == {"MAQUETTE_CACHE": str(run.prototype.dataset.cache_folder)}
    assert api_of(user).delete(f"/api/v1/prototypes/{run.prototype_id}?data=true").status_code == 204
    assert not any(folder.exists() for folder in run.prototype.dataset.folders)
    assert (kept.cache_folder / "pictures" / "a.decoded").exists()


@pytest.mark.parametrize("status", ["queued", "starting", "running", "interrupted"])
def test_a_run_at_work_is_not_deleted(status: str, run: Run, user: User, client_of: ClientOf) -> None:
    Run.objects.update(status=status)
    answer = client_of(user).post(reverse("delete_run", args=[run.pk]))
    assert answer.status_code == 409
    assert "still running" in answer.content.decode()
    assert run.folder.exists()


def test_the_run_of_a_demo_is_not_deleted(run: Run, user: User, api_of: ClientOf) -> None:
    endpoint = things.endpoint(run)
    answer = api_of(user).delete(f"/api/v1/runs/{run.pk}")
    assert (answer.status_code, answer.json()["code"]) == (409, "deployed")
    assert answer.json()["hint"]
    later = things.run(run.prototype, 2)
    version = EndpointVersion.objects.create(workspace=run.workspace, endpoint=endpoint, run=later, number=2)
    Endpoint.objects.update(current=version)
    assert api_of(user).delete(f"/api/v1/runs/{run.pk}").status_code == 204, "an older version of the demo is no reason"
    assert [one.run for one in EndpointVersion.objects.all()] == [later]


@pytest.mark.parametrize("where", ["model", "initial_weights", "text_model"])
def test_what_a_waiting_run_builds_on_is_not_deleted(where: str, run: Run, user: User, api_of: ClientOf) -> None:
    ref = f"artifact:{run.pk}"
    fields = {"model": ref} if where == "model" else {"params": {where: ref}}
    later = things.run(things.prototype(run.workspace), status="queued", **fields)
    for path in (f"/runs/{run.pk}", f"/prototypes/{run.prototype_id}"):
        answer = api_of(user).delete(f"/api/v1{path}")
        assert (answer.status_code, answer.json()["code"]) == (409, "built_on")
    assert run.folder.exists()
    Run.objects.filter(pk=later.pk).update(status="succeeded")
    assert api_of(user).delete(f"/api/v1/runs/{run.pk}").status_code == 204


def test_what_was_deleted_meanwhile_is_told(run: Run, user: User) -> None:
    """The other request was between reading its row and its transaction."""
    prototype, endpoint = run.prototype, things.endpoint(run)
    version = EndpointVersion.objects.select_related("endpoint", "run__workspace", "workspace").get()
    version.engine = "onnx-fp32"
    stale = Run.objects.get(pk=run.pk)
    Endpoint.objects.filter(pk=endpoint.pk).update(current=None)
    removal.delete_run(run, user)
    verbs: list[Callable[[], object]] = [
        lambda: removal.delete_run(stale, user),
        lambda: actions.deploy(stale, user),
        lambda: actions.promote(version, user),
    ]
    for verb in verbs:
        (stale.artifact / "onnx").mkdir(parents=True, exist_ok=True)
        (stale.artifact / "onnx" / "export.json").write_text('{"engine": "onnx-fp32"}')
        with pytest.raises(Conflict, match="deleted meanwhile"):
            verb()
    dataset = Dataset.objects.get()
    gone = Prototype.objects.get(pk=prototype.pk)
    removal.delete_prototype(prototype, user, with_data=True)
    with pytest.raises(Conflict, match="deleted meanwhile"):
        removal.delete_prototype(gone, user, with_data=True)
    with pytest.raises(Conflict, match="deleted meanwhile"):
        create_prototype(dataset, user)


@pytest.mark.django_db(transaction=True)
def test_a_run_resumed_while_its_prototype_is_deleted(run: Run, user: User) -> None:
    """Between looking for runs at work and holding them; it would train on for a prototype that is gone."""
    Run.objects.update(status="failed")
    told: list[str] = []
    threads: list[threading.Thread] = []

    def resume_it() -> None:
        try:
            resume(Run.objects.select_related("workspace", "prototype").get(), user)
        except Conflict as conflict:
            told.append(str(conflict.code))
        finally:
            connection.close()

    def overtake(execute: Callable, sql: str, *rest: Any) -> Any:
        if sql.startswith("SELECT") and 'FROM "endpoints_endpoint"' in sql and not threads:
            threads.append(threading.Thread(target=resume_it))
            threads[0].start()
            threads[0].join(1)
        return execute(sql, *rest)

    with connection.execute_wrapper(overtake):
        removal.delete_prototype(run.prototype, user)
    threads[0].join()
    assert told == ["deleted"]
    assert not Run.objects.exists()


def test_data_that_a_prototype_took_this_moment_stays(run: Run, user: User) -> None:
    dataset = run.prototype.dataset
    with pytest.raises(Conflict, match="uses this dataset"):
        delete_dataset(dataset, user)
    assert dataset.current.folder.exists()
    assert not AuditEvent.objects.filter(verb="deleted", subject="dataset").exists()


def test_the_browser_asks_first(run: Run, user: User, client_of: ClientOf) -> None:
    browser, path = client_of(user), reverse("delete_run", args=[run.pk])
    page = browser.get(reverse("run", args=[run.pk])).content.decode()
    assert path in page
    assert "Delete Run 1?" in browser.get(path).content.decode()
    assert Run.objects.exists()
    assert browser.post(path)["Location"] == reverse("runs", args=[run.prototype_id])
    assert not Run.objects.exists()


def test_a_prototype_with_its_data(run: Run, user: User, client_of: ClientOf) -> None:
    folder = run.version.folder
    path = reverse("delete_prototype", args=[run.prototype_id])
    assert "Also delete the data" in client_of(user).get(path).content.decode()
    client_of(user).post(path, {"data": "on"})
    assert not Prototype.objects.exists()
    assert not Dataset.objects.exists()
    assert not folder.exists()


def test_data_of_two_prototypes_stays(run: Run, user: User, client_of: ClientOf, api_of: ClientOf) -> None:
    dataset = Dataset.objects.get()
    Prototype.objects.create(workspace=run.workspace, dataset=dataset, name="other")
    path = reverse("delete_prototype", args=[run.prototype_id])
    assert "another prototype uses it" in client_of(user).get(path).content.decode()
    answer = api_of(user).delete(f"/api/v1/prototypes/{run.prototype_id}?data=true")
    assert (answer.status_code, answer.json()["code"]) == (409, "in_use")
    assert api_of(user).delete(f"/api/v1/prototypes/{run.prototype_id}").status_code == 204
    assert Dataset.objects.exists()


def test_a_prototype_is_renamed_and_described(run: Run, user: User, client_of: ClientOf) -> None:
    browser, path = client_of(user), reverse("prototype_settings", args=[run.prototype_id])
    assert path in browser.get(reverse("data", args=[run.prototype_id])).content.decode()
    browser.post(reverse("rename", args=[run.prototype_id]), {"name": " Topics ", "summary": "Sorts messages by topic"})
    prototype = Prototype.objects.get()
    assert (prototype.name, prototype.summary) == ("Topics", "Sorts messages by topic")
    home = browser.get(reverse("home")).content.decode()
    assert "Sorts messages by topic" in home
    refused = browser.post(reverse("rename", args=[run.prototype_id]), {"name": "", "summary": "kept as typed"})
    assert refused.status_code == 422
    assert "kept as typed" in refused.content.decode()
    assert Prototype.objects.get().name == "Topics"
