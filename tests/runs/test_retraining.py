"""A run that is asked for while its version is read: it starts once, or it is said why it does not."""

import os
import shutil
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from tests import things
from webapp.accounts.models import User, Workspace
from webapp.api import runs as api_runs
from webapp.costs.models import Budget
from webapp.datasets import actions as dataset_actions
from webapp.datasets import reading
from webapp.datasets.models import DatasetVersion
from webapp.prototypes.models import Prototype
from webapp.runs import retraining, tasks
from webapp.runs.models import Retraining, Run

ClientOf = Callable[[User], Client]
ROWS = "age,refund,returned\n" + "".join(f"{n * 37 % 90},{n % 50},{'no' if n % 3 else 'yes'}\n" for n in range(120))


@pytest.fixture
def made(user: User, workspace: Workspace, settings: Any, tmp_path: Path) -> DatasetVersion:
    """The version without the column, not read yet; its prototype has run 1."""
    settings.MAQUETTE_DATA = tmp_path
    dataset = dataset_actions.create_dataset(workspace, user, [SimpleUploadedFile("orders.csv", ROWS.encode())])
    reading.read(dataset.latest.pk)
    prototype = Prototype.objects.create(workspace=workspace, dataset=dataset, name="returns")
    recipe = {"task": "tabular-classification", "model": "scratch:auto", "method": "linear"}
    return retraining.train_without(things.run(prototype, **recipe), user, "refund")


def read(version: DatasetVersion) -> None:
    """As if it had been read well; what it heard is left to the test."""
    before = version.parent
    shutil.copytree(before.folder, version.folder)
    fields = {"status": "ready", "profile": before.profile, "problems": [], "rows": before.rows}
    DatasetVersion.objects.filter(pk=version.pk).update(**fields)


def wish_of(version: DatasetVersion) -> Retraining:
    return Retraining.objects.get(version=version)


def data_page(version: DatasetVersion, web: Client) -> str:
    prototype = Prototype.objects.get(dataset=version.dataset)
    return web.get(reverse("data", args=[prototype.pk])).content.decode()


def test_it_waits_while_the_version_is_read(made: DatasetVersion, user: User, client_of: ClientOf) -> None:
    retraining.start_waiting()
    retraining.start_waiting(made)
    assert wish_of(made).status == "waiting"
    assert Run.objects.count() == 1
    assert "Training starts as soon as version 2 is ready." in data_page(made, client_of(user))


def test_it_starts_when_the_version_was_read(made: DatasetVersion, django_capture_on_commit_callbacks: Any) -> None:
    """At once: the worker that read it says so."""
    with django_capture_on_commit_callbacks(execute=True):
        reading.read(made.pk)
    run = Run.objects.get(number=2)
    assert (run.version, run.status, wish_of(made).run) == (made, "queued", run)


def test_the_sweeper_starts_what_nobody_said(made: DatasetVersion, user: User, client_of: ClientOf) -> None:
    read(made)
    tasks.sweep()
    run = Run.objects.get(number=2)
    assert run.version == made
    shown = data_page(made, client_of(user))
    assert reverse("run", args=[run.pk]) in shown
    assert "Run 2 was started on version 2." in shown
    Run.objects.filter(pk=run.pk).update(status="succeeded")
    assert 'id="retraining"' not in data_page(made, client_of(user)), "it is no news any more"
    Run.objects.filter(pk=run.pk).update(status="running")
    assert 'id="retraining"' in data_page(made, client_of(user))
    run.delete()
    assert 'id="retraining"' not in data_page(made, client_of(user))


def test_it_starts_once(made: DatasetVersion) -> None:
    read(made)
    early = wish_of(made)  # two workers look at the same time
    retraining.start_waiting()
    retraining.start_or_refuse(early)
    retraining.start_waiting(made)
    retraining.start_waiting()
    assert Run.objects.count() == 2


def test_what_comes_late_spends_nothing(made: DatasetVersion, user: User, client_of: ClientOf) -> None:
    Retraining.objects.update(created_at=timezone.now() - timedelta(hours=1, minutes=1))
    read(made)
    retraining.start_waiting()
    told_why(made, client_of(user), "It was asked for more than an hour ago.")


def test_a_version_that_is_read_for_ever_is_given_up(made: DatasetVersion) -> None:
    Retraining.objects.update(created_at=timezone.now() - timedelta(hours=2))
    retraining.start_waiting()
    assert wish_of(made).error["code"] == "too_old"


def test_a_spent_budget_is_said(made: DatasetVersion, user: User, client_of: ClientOf, workspace: Workspace) -> None:
    read(made)
    Budget.objects.filter(workspace=workspace).update(amount=Decimal("0"))
    retraining.start_waiting()
    told_why(made, client_of(user), "budget")


def test_a_version_that_failed_is_said(made: DatasetVersion, user: User, client_of: ClientOf) -> None:
    error = {"code": "bug", "message": "The rows are spoiled.", "hint": ""}
    DatasetVersion.objects.filter(pk=made.pk).update(status="failed", error=error)
    retraining.start_waiting()
    told_why(made, client_of(user), "The rows are spoiled.")


def test_data_that_cannot_be_trained_on_are_said(made: DatasetVersion, user: User, client_of: ClientOf) -> None:
    read(made)
    problem = {"code": "one_value", "severity": "error", "message": "All rows have one answer.", "count": 1, "rows": []}
    DatasetVersion.objects.filter(pk=made.pk).update(problems=[problem | {"examples": [], "fix": None}])
    retraining.start_waiting()
    told_why(made, client_of(user), "All rows have one answer.")


def test_a_base_model_that_is_gone_is_said(made: DatasetVersion, user: User, client_of: ClientOf) -> None:
    read(made)
    wish = wish_of(made)
    wish.settings |= {"model": "artifact:gone"}
    wish.save()
    retraining.start_waiting()
    told_why(made, client_of(user), "There is no finished run “gone”")


def test_the_run_before_may_be_deleted(made: DatasetVersion) -> None:
    read(made)
    Run.objects.all().delete()
    retraining.start_waiting()
    assert Run.objects.get().method == "linear"


def test_one_that_breaks_keeps_no_other_waiting(made: DatasetVersion) -> None:
    """A fault of ours, here settings that nobody could have asked for: the others start, and it is tried again."""
    read(made)
    broken = wish_of(made)
    other = Retraining.objects.create(
        workspace=broken.workspace,
        prototype=broken.prototype,
        version=made,
        asked_by=broken.asked_by,
        settings=broken.settings,
    )
    Retraining.objects.filter(pk=broken.pk).update(settings=["no", "settings"])
    retraining.start_waiting()
    other.refresh_from_db()
    broken.refresh_from_db()
    assert (broken.status, other.status) == ("waiting", "started")


def told_why(made: DatasetVersion, web: Client, sentence: str) -> None:
    """Nothing was started, and the data page and home's activity say why, with the way to Train."""
    assert Run.objects.filter(number=2).count() == 0
    wish = wish_of(made)
    assert wish.status == "refused"
    address = reverse("train", args=[wish.prototype_id])
    shown = data_page(made, web)
    note = shown.partition('id="retraining"')[2].partition("</div>")[0]
    assert "Training on version 2 did not start." in note
    assert sentence in note
    assert address in note
    activity = web.get(reverse("home")).content.decode().partition('id="late"')[2].partition("</section>")[0]
    assert "did not train again" in activity
    assert sentence in activity
    assert address in activity


def test_the_prototype_is_held_before_the_wish(made: DatasetVersion) -> None:
    """As by who deletes it: two that hold them in another order would wait for each other for ever."""
    read(made)
    made.refresh_from_db()
    with CaptureQueriesContext(connection) as seen:
        retraining.start_waiting(made)
    asked = [one["sql"] for one in seen]
    prototype = next(n for n, sql in enumerate(asked) if 'FROM "prototypes_prototype"' in sql and "JOIN" not in sql)
    assert prototype < next(n for n, sql in enumerate(asked) if sql.startswith('UPDATE "runs_retraining"'))
    assert Run.objects.count() == 2


def test_no_disk_is_walked_while_others_wait(
    made: DatasetVersion, user: User, api_of: ClientOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    """How much the workspace keeps is in its rows."""

    def walked(*_arguments: object) -> None:
        raise AssertionError("walked under the lock")

    run, first = Run.objects.get(), made.parent
    made.delete()
    monkeypatch.setattr(os, "walk", walked)
    monkeypatch.setattr(api_runs, "READ_SECONDS", 0)
    assert retraining.train_without(run, user, "refund").parent == first
    DatasetVersion.objects.filter(parent=first).delete()
    asked = {"dataset": first.dataset_id, "roles": {"age": "ignore"}}
    assert api_of(user).post("/api/v1/runs", asked, content_type="application/json").status_code == 409
    assert first.dataset.latest.request["roles"] == {"age": "ignore"}


@pytest.mark.parametrize("left", ["removed", "viewer"])
def test_who_may_no_longer_start_runs_starts_none(left: str, made: DatasetVersion, user: User) -> None:
    membership = made.workspace.memberships.filter(user=user)
    membership.delete() if left == "removed" else membership.update(role="viewer")
    read(made)
    retraining.start_waiting()
    wish = wish_of(made)
    assert (wish.status, Run.objects.count()) == ("refused", 1)
    assert wish.error["code"] == "no_member"
