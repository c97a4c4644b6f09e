"""The task of CONTRIBUTING.md, copied as it stands into the file that it names, goes the whole way; no other file knows it."""

import json
import re
import shutil
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from django.test import Client

from tests.serving.conftest import REPO, TOKEN, Serving
from tests.trainer import command, test_tasks
from trainer import tasks
from webapp.accounts.models import User, Workspace
from webapp.catalog import titles

FIRST_LINE = re.compile(r"```python\n# (trainer/tasks/(\w+)\.py)\n(.*?)```", re.DOTALL)


def forget() -> None:
    for cached in (tasks.declared, tasks.all, tasks.shapes, titles.role_words):
        cached.cache_clear()


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the trainer and the server of models, with the file added."""
    folder = tmp_path_factory.mktemp("tree")
    for name in ("trainer", "serving"):
        shutil.copytree(REPO / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    found = FIRST_LINE.search((REPO / "CONTRIBUTING.md").read_text("utf-8"))
    assert found is not None
    (folder / found[1]).write_text(f"# {found[1]}\n{found[3]}", "utf-8")
    return folder


@pytest.fixture(scope="module")
def task(tree: Path) -> Iterator[Any]:
    """The task as this process knows it: its folder is searched beside the repository's own."""
    before = {one.slug for one in tasks.declared()}
    own = list(tasks.__path__)
    tasks.__path__.append(str(tree / "trainer" / "tasks"))
    forget()
    (found,) = [one for one in tasks.all() if one.slug not in before]
    yield found
    tasks.__path__[:] = own
    forget()


@pytest.fixture(scope="module")
def finished(task: Any, models: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Read into a version, then trained from it."""
    folder = tmp_path_factory.mktemp("run")
    data = command.write_lines(folder / "rows.jsonl", task.sample())
    code, events = command.call(models, "inspect", data, "--out", folder / "v1", "--task", task.slug)
    assert code == 0, events[-1]
    suggestion = json.loads((folder / "v1" / "profile.json").read_text("utf-8"))["suggestion"]
    assert (suggestion["task"], suggestion["trainable"]) == (task.slug, True)
    assert "%(" not in suggestion["sentence"]
    spec = folder / "spec.json"
    dataset = {"path": str(folder / "v1")}
    spec.write_text(
        json.dumps({"task": task.slug, "dataset": dataset, "model": "local:tiny", "method": "probe"}), "utf-8"
    )
    code, events = command.call(models, "run", spec, "--out", folder / "out")
    assert code == 0, events[-1]
    return {"task": task, "method": "probe", "spec": spec, "out": folder / "out", "events": events}


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


@pytest.fixture(scope="module")
def server(tree: Path) -> Iterator[Serving]:
    """The server of models in a process of its own, started in the copy."""
    running = Serving("redis://127.0.0.1:1/0", home=tree)
    running.start()
    yield running
    running.kill(signal.SIGTERM)


@pytest.fixture
def serving_it(server: Serving, settings: Any) -> None:
    settings.SERVING_URL, settings.MAQUETTE_INTERNAL_TOKEN = server.url, TOKEN


def test_it_is_served(finished: dict[str, Any], server: Serving) -> None:
    asked = {"artifact": str(finished["out"] / "artifact"), "inputs": ["lovely staff", "rude staff"]}
    answer = httpx.post(
        f"{server.url}/internal/predict", json=asked, headers={"Authorization": f"Bearer {TOKEN}"}, timeout=30
    )
    assert answer.status_code == 200, answer.text
    labels = {row["label"] for row in finished["task"].sample()}
    assert {output["label"] for output in answer.json()["outputs"]} <= labels
