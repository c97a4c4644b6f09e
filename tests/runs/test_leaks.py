"""A column that decides alone is told on the run's page, and a press takes it out and trains again as before."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from tests import things
from webapp.accounts.models import User, Workspace
from webapp.datasets import actions as dataset_actions
from webapp.datasets import reading
from webapp.prototypes.models import Prototype
from webapp.runs import leaks
from webapp.runs.models import Run

ClientOf = Callable[[User], Client]
ROWS = "age,refund,returned\n" + "".join(
    f"{n * 37 % 90},{n % 50 + 1 if n % 3 == 0 else 0},{'no' if n % 3 else 'yes'}\n" for n in range(120)
)
LEAK = {"column": "refund", "score": 1.0, "rule": "refund > 0.5: yes"}
ASKED = "One column decides alone. Was it known at the time?"


@pytest.fixture
def run(user: User, workspace: Workspace, settings: Any, tmp_path: Path) -> Run:
    settings.MAQUETTE_DATA = tmp_path
    file = SimpleUploadedFile("orders.csv", ROWS.encode())
    made = dataset_actions.create_dataset(workspace, user, [file])
    reading.read(made.latest.pk)
    prototype = Prototype.objects.create(workspace=workspace, dataset=made, name="returns")
    done = things.run(
        prototype,
        task="tabular-classification",
        model="scratch:auto",
        method="linear",
        seed=7,
        limits={"seconds": 600.0, "cost": 1.5},
    )
    done.artifact.mkdir(parents=True)
    report = {"headline": done.headline, "labels": ["no", "yes"], "leaks": [LEAK], "test_rows": 24}
    (done.artifact / "report.json").write_text(json.dumps(report))
    return done


def test_the_reader_asks_too(run: Run) -> None:
    assert "leakage" in {one["code"] for one in run.version.problems}


def test_the_column_is_taken_out_and_trained_again(run: Run, user: User, client_of: ClientOf) -> None:
    web = client_of(user)
    page = web.get(reverse("run", args=[run.pk])).content.decode()
    assert ASKED in page
    assert "refund &gt; 0.5: yes" in page
    answer = web.post(reverse("train_without", args=[run.pk]), {"column": "refund"})
    assert answer["Location"] == reverse("data", args=[run.prototype_id])
    made = run.prototype.dataset.latest
    assert (made.number, made.request["roles"]) == (2, {"refund": "ignore"})
    assert leaks.train_when_read(made.pk, run.pk, user.pk, 0) is None
    reading.read(made.pk)
    again = leaks.train_when_read(made.pk, run.pk, user.pk, 1)
    assert again is not None
    assert (again.version, again.number, again.method, again.seed) == (made, 2, "linear", 7)
    assert again.limits == run.limits
    made.refresh_from_db()
    assert made.roles["refund"] == "ignore"
    assert ASKED not in web.get(reverse("run", args=[run.pk])).content.decode()


def test_a_press_twice_makes_one_version(run: Run, user: User, client_of: ClientOf) -> None:
    web, path = client_of(user), reverse("train_without", args=[run.pk])
    assert web.post(path, {"column": "refund"}).status_code == 302
    again = web.post(path, {"column": "refund"})
    assert again.status_code == 409
    assert "A new version of the data is being read already." in again.content.decode()
    assert run.prototype.dataset.versions.count() == 2


def test_only_an_input_can_be_taken_out(run: Run, user: User, client_of: ClientOf) -> None:
    for column in ("returned", "nowhere", ""):
        answer = client_of(user).post(reverse("train_without", args=[run.pk]), {"column": column})
        assert answer.status_code == 422, column
    assert run.prototype.dataset.versions.count() == 1


def test_an_outsider_takes_nothing_out(run: Run, outsider: User, client_of: ClientOf) -> None:
    answer = client_of(outsider).post(reverse("train_without", args=[run.pk]), {"column": "refund"})
    assert answer.status_code == 404
    assert run.prototype.dataset.versions.count() == 1


def test_a_report_without_leaks_asks_nothing(run: Run, user: User, client_of: ClientOf) -> None:
    (run.artifact / "report.json").write_text(json.dumps({"headline": run.headline}))
    assert ASKED not in client_of(user).get(reverse("run", args=[run.pk])).content.decode()
