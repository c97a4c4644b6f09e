"""Data whose task cannot be trained here yet: its pages say so in the task's own words, and nothing lists slugs."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from tests import things
from tests.conftest import ONLY_READ
from tests.pages.form_page import Page
from trainer import tasks
from webapp.accounts.models import User, Workspace
from webapp.catalog.titles import task_title
from webapp.datasets import actions, reading
from webapp.prototypes.models import Prototype
from webapp.runs.models import Run

pytestmark = pytest.mark.usefixtures("only_read")
STORY = "A long story about a town by the sea. It was told by those who left it. "
FILES = {
    "summaries.jsonl": "".join(
        json.dumps({"document": STORY * 9 + str(number), "summary": f"Story {number}."}) + "\n" for number in range(40)
    ),
    "pairs.jsonl": "".join(
        json.dumps({"en": f"{STORY} Part {number}.", "de": f"Eine Geschichte, die am Meer spielt. Teil {number}."})
        + "\n"
        for number in range(40)
    ),
}


@pytest.fixture
def browser(user: User, client_of: Callable[[User], Client]) -> Client:
    return client_of(user)


def suggesting(workspace: Workspace, slug: str) -> Prototype:
    """A prototype whose data suggest this task."""
    prototype = things.prototype(workspace)
    version: Any = prototype.dataset.current
    version.profile |= {"suggestion": {"task": slug, "columns": {"text": "text"}, "sentence": ""}}
    version.save()
    return prototype


def notes(page: str) -> str:
    return Page(page).texts["notes"]


@pytest.mark.parametrize("method", ["get", "post"])
@pytest.mark.parametrize("slug", ONLY_READ)
def test_the_train_page_leads_to_the_data(slug: str, method: str, workspace: Workspace, browser: Client) -> None:
    prototype = suggesting(workspace, slug)
    answer = getattr(browser, method)(reverse("train", args=[prototype.pk]), follow=True)
    assert answer.redirect_chain == [(reverse("data", args=[prototype.pk]), 302)]
    page = answer.content.decode()
    assert f"“{task_title(slug)}”" in notes(page)
    assert "cannot be trained yet" in notes(page)
    assert not any(known in notes(page) for known in tasks.shapes() if "-" in known)
    assert not Run.objects.exists()


@pytest.mark.parametrize(
    ("name", "method"), [("estimate", "get"), ("estimate", "post"), ("net", "get"), ("augmented", "post")]
)
def test_its_parts_say_so_too(name: str, method: str, workspace: Workspace, browser: Client) -> None:
    prototype = suggesting(workspace, ONLY_READ[0])
    answer = getattr(browser, method)(reverse(name, args=[prototype.pk]))
    assert answer.status_code == 200
    assert "cannot be trained yet" in answer.content.decode()
    assert "tabular-regression" not in answer.content.decode()


@pytest.mark.parametrize("name", FILES)
def test_files_as_they_come(name: str, user: User, workspace: Workspace, browser: Client) -> None:
    file = SimpleUploadedFile(name, FILES[name].encode())
    dataset = actions.create_dataset(workspace, user, [file])
    reading.read(dataset.versions.get().pk)
    version = dataset.current
    assert version is not None
    assert version.suggestion.get("task") in ONLY_READ
    prototype = Prototype.objects.create(workspace=workspace, dataset=dataset, name="stories")
    for method in ("get", "post"):
        answer = getattr(browser, method)(reverse("train", args=[prototype.pk]), follow=True)
        assert "cannot be trained yet" in notes(answer.content.decode())
        assert "audio-classification" not in answer.content.decode()


def test_a_program_is_told_what_can_be_trained(
    workspace: Workspace, user: User, api_of: Callable[[User], Client]
) -> None:
    prototype = suggesting(workspace, "summarization")
    answer = api_of(user).post("/api/v1/runs", {"dataset": prototype.dataset_id}, content_type="application/json")
    assert answer.json()["code"] == "task_not_trainable"
    assert "text-classification" in answer.json()["hint"]
