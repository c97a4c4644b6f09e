"""A new kind of answer, as docs/answers.md writes it out, goes the whole way with a task of it; no other file knows it."""

import html
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as configured
from django.test import Client
from django.urls import reverse

from tests import run_pages, things
from tests.serving.conftest import REPO, TOKEN, Serving
from tests.trainer import documented_files, test_tasks
from trainer import answers, tasks
from webapp import answers as presentations
from webapp.accounts.models import User, Workspace
from webapp.endpoints import addresses, snippets

BLOCK = re.compile(r"^```(?:python|html)\n(?:# |\{# )(\S+?)(?: #\})?\n(.*?)^```", re.DOTALL | re.MULTILINE)
PACKAGES = {"trainer/answers": answers, "trainer/tasks": tasks, "webapp/answers": presentations}
WANTED = {
    "trainer/answers/ratings.py",
    "trainer/answers/ratings_scoring.py",
    "trainer/tasks/impressions.py",
    "webapp/answers/ratings.py",
    "templates/answers/ratings/answer.html",
    "templates/answers/ratings/report.html",
}
INPUTS = ["cafe rude shop worked staff rude 1", "shop worked cafe lovely 2"]


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """With the site's files beside the others."""
    blocks = dict(BLOCK.findall((REPO / "docs" / "answers.md").read_text("utf-8")))
    assert set(blocks) == WANTED
    return documented_files.copy_with(tmp_path_factory.mktemp("tree"), blocks)


@pytest.fixture(scope="module")
def task(tree: Path) -> Iterator[Any]:
    with documented_files.task_of(tree, PACKAGES) as task:
        yield task


@pytest.fixture
def with_templates(tree: Path, settings: Any) -> None:
    (engine,) = configured.TEMPLATES
    settings.TEMPLATES = [engine | {"DIRS": [*engine["DIRS"], tree / "templates"]}]


@pytest.fixture(scope="module")
def finished(task: Any, models: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return documented_files.train(task, models, tmp_path_factory.mktemp("run"), "full", epochs=2)


def test_no_file_of_the_repository_knows_it() -> None:
    assert not [name for name in WANTED if (REPO / name).exists()]


def test_it_is_trained_and_reported(finished: dict[str, Any]) -> None:
    test_tasks.test_stages_and_progress(finished)
    test_tasks.test_the_result(finished)
    test_tasks.test_the_artifact(finished)
    assert finished["task"].declaration()["widget_out"] == "ratings"


def test_it_predicts_explains_and_is_evaluated(finished: dict[str, Any], models: Path, tmp_path: Path) -> None:
    test_tasks.test_asking_it(finished, models, tmp_path)


@pytest.fixture(scope="module")
def server(tree: Path) -> Iterator[Serving]:
    with documented_files.served_from(tree) as server:
        yield server


@pytest.fixture
def serving(server: Serving, settings: Any) -> None:
    settings.SERVING_URL, settings.MAQUETTE_INTERNAL_TOKEN = server.url, TOKEN


def test_it_is_served(finished: dict[str, Any], server: Serving) -> None:
    for output in documented_files.predict(server, finished, INPUTS):
        assert set(output) == set(answers.get("ratings").output)
        assert set(output["ratings"]) == {"cafe", "shop", "staff"}


def test_its_pages_open_in_every_language(
    finished: dict[str, Any],
    serving: None,
    with_templates: None,
    user: User,
    workspace: Workspace,
    client_of: Callable[[User], Client],
) -> None:
    test_tasks.test_its_pages_open_in_every_language(finished, serving, user, workspace, client_of)


def test_its_answer_is_drawn_and_its_mistakes_are_listed(
    finished: dict[str, Any],
    serving: None,
    with_templates: None,
    user: User,
    workspace: Workspace,
    client_of: Callable[[User], Client],
) -> None:
    prototype = run_pages.prototype_of(workspace, finished["task"])
    run = run_pages.finished_run(prototype, finished["task"], "full", finished["out"] / "artifact", finished["events"])
    browser = client_of(user)
    for code, _name in configured.LANGUAGES:
        headers = {"Accept-Language": code}
        page = html.unescape(browser.get(reverse("run", args=[run.pk]), headers=headers).content.decode())
        assert 'id="each"' in page, "the table of ratings in its report.html"
        drawn = browser.post(reverse("try_run", args=[run.pk]), {"text": INPUTS[0]}, headers=headers).content.decode()
        assert '<ul class="answers"' in drawn
        assert "cafe" in drawn
    endpoint = things.endpoint(run, visibility="public")
    assert snippets.pick_of(run) == "ratings"
    assert "cafe" in str(presentations.of_task(run.task).answer_text({"ratings": {"cafe": 4}}))
    assert Client().get(addresses.demo_path(endpoint, endpoint.links.get())).status_code == 200
