"""Every page of a member opens for the member, sends a stranger to the door, and hides others' things."""

from collections.abc import Callable

import pytest
from django.test import Client
from django.urls import reverse

from webapp.accounts.models import User, Workspace
from webapp.datasets.models import Dataset, DatasetVersion
from webapp.prototypes.models import Prototype
from webapp.runs.models import Run

Browser = Callable[[User], Client]

PLAIN = ("home", "new_prototype", "models", "docs", "workers", "costs", "settings")
OF_PROTOTYPE = ("data", "train", "estimate", "runs", "share")
OF_RUN = ("run", "run_live", "run_spec")
LABELS = [{"label": "late", "count": 40}, {"label": "broken", "count": 20}]
PROFILE = {
    "rows": 60,
    "columns": [],
    "labels": LABELS,
    "split": {"train": 42, "validation": 9, "test": 9},
    "suggestion": {"task": "text-classification", "columns": {"text": "message", "label": "topic"}, "sentence": ""},
}


@pytest.fixture
def run(workspace: Workspace) -> Run:
    """A run that waits."""
    dataset = Dataset.objects.create(workspace=workspace, name="messages")
    common = {"workspace": workspace, "dataset": dataset, "sources": ["messages.csv"]}
    version = DatasetVersion.objects.create(number=1, status="ready", rows=60, profile=PROFILE, **common)
    prototype = Prototype.objects.create(workspace=workspace, dataset=dataset, name="Triage")
    settings = {"task": "text-classification", "model": "bundled:all-MiniLM-L6-v2", "method": "probe"}
    return Run.objects.create(workspace=workspace, prototype=prototype, version=version, number=1, **settings)


def addresses(run: Run) -> list[str]:
    paths = [reverse(name) for name in PLAIN]
    paths += [reverse(name, args=[run.prototype_id]) for name in OF_PROTOTYPE if name != "data"]
    return paths + [reverse(name, args=[run.pk]) for name in OF_RUN]


def test_a_member_sees_every_page(run: Run, user: User, client_of: Browser) -> None:
    browser = client_of(user)
    answers = {path: browser.get(path).status_code for path in addresses(run)}
    assert set(answers.values()) == {200}, answers


def test_a_stranger_is_sent_to_the_door(run: Run, client: Client) -> None:
    for path in addresses(run):
        answer = client.get(path)
        assert answer.status_code == 302, path
        assert answer["Location"].startswith("/accounts/login/"), path


def test_an_outsider_finds_nothing(run: Run, outsider: User, client_of: Browser) -> None:
    browser = client_of(outsider)
    for name in OF_PROTOTYPE:
        assert browser.get(reverse(name, args=[run.prototype_id])).status_code == 404, name
    for name in OF_RUN:
        assert browser.get(reverse(name, args=[run.pk])).status_code == 404, name


def test_the_train_page_keeps_its_button_while_nothing_is_measured(run: Run, user: User, client_of: Browser) -> None:
    page = client_of(user).get(reverse("estimate", args=[run.prototype_id]), {"part": "commit", "method": "probe"})
    assert '<button class="btn primary">' in page.content.decode()


def test_the_train_form_starts_a_run_without_script(run: Run, user: User, client_of: Browser) -> None:
    fields = {"method": "probe", "model": "bundled:all-MiniLM-L6-v2", "hardware": "cpu", "cap": "0.10", "minutes": "5"}
    answer = client_of(user).post(reverse("train", args=[run.prototype_id]), fields)
    started = Run.objects.get(number=2)
    assert answer["Location"] == reverse("run", args=[started.pk])
    assert (started.limits["cost"], started.limits["seconds"]) == (0.1, 300)


def test_an_upload_by_script_is_told_where_to_go(user: User, client_of: Browser) -> None:
    answer = client_of(user).post(reverse("new_prototype"), {"sample": "1"}, headers={"Accept": "application/json"})
    assert answer.status_code == 201
    assert answer.json()["location"] == reverse("data", args=[Prototype.objects.get().pk])


def test_home_without_a_prototype_asks_for_data(user: User, client_of: Browser) -> None:
    assert client_of(user).get("/")["Location"] == reverse("new_prototype")
