"""The task of CONTRIBUTING.md, copied as it stands into the file that it names, goes the whole way; no other file knows it."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from tests.serving.conftest import REPO, TOKEN, Serving
from tests.trainer import documented_files, test_tasks
from trainer import tasks
from webapp.accounts.models import User, Workspace
from webapp.labelling.queue import tasks_that_read

FIRST_LINE = re.compile(r"```python\n# (trainer/tasks/(\w+)\.py)\n(.*?)```", re.DOTALL)


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    block = FIRST_LINE.search((REPO / "CONTRIBUTING.md").read_text("utf-8"))
    assert block is not None
    return documented_files.copy_with(tmp_path_factory.mktemp("tree"), {block[1]: f"# {block[1]}\n{block[3]}"})


@pytest.fixture(scope="module")
def task(tree: Path) -> Iterator[Any]:
    with documented_files.task_of(tree, {"trainer/tasks": tasks}) as task:
        yield task


@pytest.fixture(scope="module")
def finished(task: Any, models: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return documented_files.train(task, models, tmp_path_factory.mktemp("run"), "probe")


def test_the_declaration_is_whole(task: Any) -> None:
    test_tasks.test_the_declaration_is_whole(task)
    assert task.slug not in {path.stem.replace("_", "-") for path in (REPO / "trainer" / "tasks").glob("*.py")}


def test_it_is_trained_and_reported(finished: dict[str, Any]) -> None:
    test_tasks.test_stages_and_progress(finished)
    test_tasks.test_the_result(finished)
    test_tasks.test_the_artifact(finished)


def test_it_predicts_explains_and_is_evaluated(finished: dict[str, Any], models: Path, tmp_path: Path) -> None:
    test_tasks.test_asking_it(finished, models, tmp_path)


def test_its_pages_open_in_every_language(
    finished: dict[str, Any],
    serving_it: None,
    user: User,
    workspace: Workspace,
    client_of: Callable[[User], Client],
) -> None:
    test_tasks.test_its_pages_open_in_every_language(finished, serving_it, user, workspace, client_of)
    listed = client_of(user).get("/api/v1/tasks")
    assert finished["task"].slug in listed.content.decode()
    assert finished["task"].slug in tasks_that_read("text"), "texts without labels can be labelled for it"


@pytest.fixture(scope="module")
def server(tree: Path) -> Iterator[Serving]:
    with documented_files.served_from(tree) as server:
        yield server


@pytest.fixture
def serving_it(server: Serving, settings: Any) -> None:
    settings.SERVING_URL, settings.MAQUETTE_INTERNAL_TOKEN = server.url, TOKEN


def test_it_is_served(finished: dict[str, Any], server: Serving) -> None:
    labels = {row["label"] for row in finished["task"].sample()}
    outputs = documented_files.predict(server, finished, ["lovely staff", "rude staff"])
    assert {output["label"] for output in outputs} <= labels
