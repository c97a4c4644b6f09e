"""A column that decides alone is told on the run's page, and a press takes it out and trains again as before."""

import importlib
import json
import re
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from django.apps import apps
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from tests import things
from trainer import errors
from webapp.accounts.models import AuditEvent, User, Workspace
from webapp.datasets import actions as dataset_actions
from webapp.datasets import reading
from webapp.prototypes.models import Prototype
from webapp.runs import artifacts, leaks, retraining, verdicts
from webapp.runs.models import Run, Status
from webapp.runs.training import Training

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
        has_leak=True,
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
    reading.read(made.pk)
    retraining.start_waiting()
    again = run.prototype.runs.get(number=2)
    assert (again.version, again.method, again.seed) == (made, "linear", 7)
    assert again.limits == run.limits
    made.refresh_from_db()
    assert made.roles["refund"] == "ignore"
    # What the first run learned from does not change by that: its warning stays, and only the button is gone.
    page = web.get(reverse("run", args=[run.pk])).content.decode()
    assert ASKED in page
    assert reverse("train_without", args=[run.pk]) not in page
    assert is_plain(page)


def is_plain(page: str) -> bool:
    """Whether sharing is not the button that a run's page puts forward."""
    return re.findall(r'<button\s+class="([^"]*)"', page.partition("Share a demo")[0])[-1] == "btn"


def finish(prototype: Prototype, number: int, value: float, leaks_found: list[dict[str, Any]], **fields: Any) -> Run:
    """A run whose trainer is done, as its supervisor ends it."""
    recipe = {"task": "tabular-classification", "model": "scratch:auto", "method": "linear"}
    queued = {"status": Status.QUEUED, "headline": None}
    run = things.run(prototype, number, **(recipe | queued | fields))
    headline = {"name": "accuracy", "value": value, "low": value, "high": value}
    run.artifact.mkdir(parents=True)
    report = {"headline": headline, "labels": ["no", "yes"], "leaks": leaks_found, "test_rows": 24}
    (run.artifact / "report.json").write_text(json.dumps(report))
    (run.artifact / "manifest.json").write_text("{}")
    lease = run.claim(worker="a worker", price_per_hour=Decimal(0))
    assert lease
    attempt = Training(run, lease, [], Decimal(1))
    attempt.final = {"type": "result", "headline": headline, "metrics": {"accuracy": value}}
    attempt.conclude(errors.EXIT_DONE)
    run.refresh_from_db()
    return run


def test_a_score_that_leaks_is_the_best_nowhere(run: Run, user: User, client_of: ClientOf) -> None:
    """Not on home, not on the train page, not on the share page, and nobody is told of it by a demo."""
    web, owner = client_of(user), run.prototype
    Run.objects.all().delete()
    leaking, honest = finish(owner, 1, 1.0, [LEAK]), finish(owner, 2, 0.8, [])
    assert (leaking.has_leak, honest.has_leak) == (True, False)
    assert honest.against_best_run is None, "a score that may not hold is nothing to be compared with"
    assert web.get(reverse("home")).context["page"][0].best_run == honest
    assert web.get(reverse("train", args=[owner.pk])).context["best"] == honest
    assert web.get(reverse("share", args=[owner.pk])).context["chosen"] == honest
    assert "100" not in verdicts.for_strangers(leaking)
    assert "80" in verdicts.for_strangers(honest)
    page = web.get(reverse("run", args=[leaking.pk])).content.decode()
    assert is_plain(page)
    assert "accuracy, but one column decides alone</h1>" in page
    assert 'data-outcome="better"' not in page
    honest.delete()
    assert web.get(reverse("train", args=[owner.pk])).context["best"] is None
    assert "may not hold" in web.get(reverse("share", args=[owner.pk])).content.decode()
    assert "may not hold" in web.get(reverse("home")).content.decode()


def test_columns_that_were_known_at_the_time_are_kept(
    run: Run, user: User, outsider: User, client_of: ClientOf, api_of: ClientOf
) -> None:
    web, owner = client_of(user), run.prototype
    Run.objects.all().delete()
    leaking = finish(owner, 1, 1.0, [LEAK])
    address = reverse("accept_leaks", args=[leaking.pk])
    assert client_of(outsider).post(address).status_code == 404
    assert web.get(address).status_code == 405
    assert api_of(user).get(f"/api/v1/runs/{leaking.pk}").json()["has_leak"] is True
    assert web.post(address).status_code == 302
    leaking.refresh_from_db()
    assert not leaking.has_leak
    event = AuditEvent.objects.filter(verb="confirmed").get()
    assert (event.user, event.subject_id) == (user, leaking.pk)
    assert "refund" in event.text
    page = web.get(reverse("run", args=[leaking.pk])).content.decode()
    assert ASKED not in page
    assert "was known at the time" in page
    assert "100" in verdicts.for_strangers(leaking)
    assert web.get(reverse("train", args=[owner.pk])).context["best"] == leaking
    # It is asked once: a later run with the same column is not warned of, one with another is.
    assert not finish(owner, 2, 1.0, [LEAK]).has_leak
    assert finish(owner, 3, 1.0, [LEAK, {"column": "age", "score": 1.0, "rule": None}]).has_leak
    assert web.post(address).status_code == 302
    assert AuditEvent.objects.filter(verb="confirmed").count() == 1
    leaking.delete()
    assert not finish(owner, 4, 1.0, [LEAK]).has_leak, "what was said stays said"
    other = Prototype.objects.create(workspace=owner.workspace, dataset=owner.dataset, name="another")
    assert finish(other, 1, 1.0, [LEAK]).has_leak


def test_a_program_confirms_too(run: Run, user: User, outsider: User, api_of: ClientOf) -> None:
    address = f"/api/v1/runs/{run.pk}/known-columns"
    assert api_of(outsider).post(address).status_code == 404
    for _time in range(2):
        answer = api_of(user).post(address)
        assert (answer.status_code, answer.json()["has_leak"]) == (200, False)
    (run.artifact / "report.json").write_text("{}")
    assert api_of(user).post(address).json()["code"] == "no_leak"


def test_a_page_reads_the_report_once(
    run: Run, user: User, client_of: ClientOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    read, report = list[str](), artifacts.report
    Run.objects.update(has_leak=False)
    (run.artifact / "report.json").write_text(json.dumps({"headline": run.headline}))
    monkeypatch.setattr(artifacts, "report", lambda one: read.append(one.pk) or report(one))
    monkeypatch.setattr(leaks, "report", artifacts.report)
    assert client_of(user).get(reverse("run", args=[run.pk])).status_code == 200
    assert read == [run.pk]


def test_a_run_without_leaks_has_nothing_to_confirm(run: Run, user: User, client_of: ClientOf) -> None:
    (run.artifact / "report.json").write_text(json.dumps({"headline": run.headline}))
    assert client_of(user).post(reverse("accept_leaks", args=[run.pk])).status_code == 409


def test_runs_from_before_say_what_their_reports_say(run: Run, user: User, client_of: ClientOf) -> None:
    migration = importlib.import_module("webapp.runs.migrations.0010_leaks_and_retraining")
    other = things.run(run.prototype, 2, task="tabular-classification")  # its artifact is gone
    Run.objects.update(answer="")
    # Of two more the version was forgotten; one's specification is kept, and a later version asks as the other did.
    profile = run.version.profile
    emptied = run.version.dataset.versions.create(workspace=run.workspace, number=5, status="failed", profile={})
    run.version.dataset.versions.create(workspace=run.workspace, number=6, status="ready", profile=profile)
    kept, later = (things.run(run.prototype, number, task="tabular-classification") for number in (3, 4))
    Run.objects.filter(pk__in=[kept.pk, later.pk]).update(version=emptied, answer="")
    kept.folder.mkdir(parents=True)
    (kept.folder / "spec.json").write_text(json.dumps({"dataset": {"columns": {"target": "refund"}}}))
    migration.fill_answers(apps, None)
    assert set(Run.objects.filter(pk__in=[kept.pk, later.pk]).values_list("pk", "answer")) == {
        (kept.pk, "refund"),
        (later.pk, "returned"),
    }
    migration.fill_leaks(apps, None)
    run.refresh_from_db()
    other.refresh_from_db()
    assert (run.answer, run.has_leak, other.answer, other.has_leak) == ("returned", True, "returned", False)
    # What was in the bucket alone while the database moved is seen once its page is opened.
    Run.objects.update(has_leak=False)
    (run.artifact / "manifest.json").write_text("{}")
    assert ASKED in client_of(user).get(reverse("run", args=[run.pk])).content.decode()
    run.refresh_from_db()
    assert run.has_leak


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
