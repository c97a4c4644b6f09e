"""What a workspace keeps can be found and removed: data that no prototype uses, checkpoints, and a disk that is nearly full."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from tests import things
from webapp.accounts.models import AuditEvent, User, Workspace
from webapp.datasets.models import Dataset, DatasetVersion
from webapp.pages import removal
from webapp.prototypes.models import Prototype
from webapp.runs.models import Run, Status

ClientOf = Callable[[User], Client]
MIB = 2**20


@pytest.fixture
def browser(user: User, client_of: ClientOf) -> Client:
    return client_of(user)


def test_data_kept_after_its_prototype_can_be_found_and_deleted(
    workspace: Workspace, user: User, browser: Client
) -> None:
    prototype = things.prototype(workspace)
    dataset = prototype.dataset
    DatasetVersion.objects.update(bytes=3 * MIB)
    deleted = browser.post(reverse("delete_prototype", args=[prototype.pk]), follow=True)
    assert "Its data is kept" in deleted.content.decode()
    assert reverse("storage") in browser.get(reverse("settings")).content.decode()
    page = browser.get(reverse("storage"))
    assert [one.users for one in page.context["page"]] == [0]
    assert page.context["used"]["versions"] == page.context["total"] == 3 * MIB, "the quota counts it"
    path = reverse("delete_unused_dataset", args=[dataset.pk])
    assert path in page.content.decode()
    assert "3.1 MB" in browser.get(path).content.decode().replace("\xa0", " ")
    browser.post(path)
    assert not Dataset.objects.exists()
    assert not dataset.versions.model.objects.exists()
    assert browser.get(reverse("storage")).context["total"] == 0


def test_a_new_prototype_on_data_that_is_kept(workspace: Workspace, browser: Client) -> None:
    dataset = things.dataset(workspace, files=True)
    answer = browser.post(reverse("start_prototype", args=[dataset.pk]))
    made = Prototype.objects.get()
    assert (made.dataset, answer.headers["Location"]) == (dataset, reverse("data", args=[made.pk]))


def test_data_that_could_not_be_read_are_no_prototype(workspace: Workspace, browser: Client) -> None:
    dataset = things.dataset(workspace, ready=False)
    error = {"code": "empty_file", "message": "a.csv is empty.", "hint": "Export it again."}
    dataset.versions.update(status="failed", error=error)
    answer = browser.post(reverse("start_prototype", args=[dataset.pk]))
    assert answer.status_code == 409
    assert "<b>a.csv is empty.</b> Export it again." in answer.content.decode()
    assert not Prototype.objects.exists()


def test_data_in_use_is_listed_and_stays(workspace: Workspace, browser: Client) -> None:
    prototype = things.prototype(workspace)
    unused = things.dataset(workspace, name="left over")
    page = browser.get(reverse("storage"))
    assert list(page.context["page"]) == [unused, prototype.dataset], "what nobody uses comes first"
    path = reverse("delete_unused_dataset", args=[prototype.dataset_id])
    assert browser.post(path).status_code == 409
    assert Dataset.objects.count() == 2


def test_of_another_workspace(workspace: Workspace, outsider: User, client_of: ClientOf) -> None:
    dataset, run = things.dataset(workspace), things.run(things.prototype(workspace))
    stranger = client_of(outsider)
    assert not list(stranger.get(reverse("storage"), follow=True).context["page"])
    for name, pk in (
        ("delete_unused_dataset", dataset.pk),
        ("start_prototype", dataset.pk),
        ("remove_checkpoints", run.prototype_id),
    ):
        assert stranger.post(reverse(name, args=[pk])).status_code == 404


def test_the_list_asks_the_database_a_few_times(
    workspace: Workspace, browser: Client, django_assert_max_num_queries: Any
) -> None:
    for _number in range(8):
        things.prototype(workspace)
    with django_assert_max_num_queries(24):
        browser.get(reverse("storage"))


def checkpoint(run: Run) -> None:
    folder = run.folder / removal.CHECKPOINTS
    folder.mkdir(parents=True)
    (folder / "state.safetensors").write_bytes(b"\0" * MIB)


def test_checkpoints_are_told_and_can_be_removed_now(workspace: Workspace, browser: Client) -> None:
    prototype = things.prototype(workspace)
    states = (Status.CANCELLED, Status.FAILED, Status.RUNNING)
    runs = [things.run(prototype, number, status=state, bytes=MIB) for number, state in enumerate(states, start=1)]
    for run in runs:
        checkpoint(run)
    settings = reverse("prototype_settings", args=[prototype.pk])
    page = " ".join(browser.get(settings).content.decode().replace("\xa0", " ").split())
    assert "2.1 MB" in page.partition("Of these, checkpoints")[2].partition("</dd>")[0]
    assert "kept for 7 days" in page
    browser.post(reverse("remove_checkpoints", args=[prototype.pk]))
    assert [(run.folder / removal.CHECKPOINTS).exists() for run in runs] == [False, False, True], "one is at work"
    assert list(Run.objects.order_by("number").values_list("bytes", flat=True)) == [0, 0, MIB]
    assert "Of these, checkpoints" not in browser.get(settings).content.decode()
    assert AuditEvent.objects.filter(verb="removed checkpoints").count() == 1


def test_everything_is_told_by_its_kind(workspace: Workspace, browser: Client) -> None:
    """The quota counts all of it; what all workspaces share is told apart."""
    prototype = things.prototype(workspace)
    Dataset.objects.update(upload_bytes=MIB, cache_bytes=2 * MIB)
    DatasetVersion.objects.update(bytes=3 * MIB)
    things.run(prototype, bytes=4 * MIB)
    things.run(prototype, 2, status=Status.QUEUED, expected_bytes=5 * MIB)
    page = browser.get(reverse("storage"))
    kinds = {"uploads": 1, "caches": 2, "versions": 3, "runs": 9}
    assert page.context["used"] == {name: count * MIB for name, count in kinds.items()}
    assert page.context["total"] == 15 * MIB
    text = " ".join(page.content.decode().replace("\xa0", " ").split())
    assert "<dt>In all</dt> <dd>16 MB of 21 GB</dd>" in text
    assert re.search(r"<dt>Base models from the Hugging Face hub</dt> <dd>[^<]* of 54 GB</dd>", text)
