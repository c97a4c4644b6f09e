"""Files that the documentation writes out, added to a copy of the code: what a test of a new task or kind of answer needs."""

import json
import shutil
import signal
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

import httpx

from tests.serving.conftest import REPO, TOKEN, Serving
from tests.trainer import command
from trainer import answers, tasks
from trainer.answers import metrics
from webapp import answers as presentations
from webapp.catalog import titles

CACHED = (
    answers.kinds,
    metrics.by_name,
    metrics.owners,
    presentations.presentations,
    tasks.declared,
    tasks.all,
    tasks.shapes,
    titles.role_words,
)
"""What remembers the registries."""


def copy_with(folder: Path, files: Mapping[str, str]) -> Path:
    """A copy of the trainer and the server of models, with these files added."""
    for name in ("trainer", "serving"):
        shutil.copytree(REPO / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(content, "utf-8")
    return folder


@contextmanager
def task_of(tree: Path, packages: Mapping[str, ModuleType]) -> Iterator[Any]:
    """The one new task as this process knows it: folders of the copy are searched beside the repository's own `packages`."""
    before = {task.slug for task in tasks.declared()}
    own = {name: list(package.__path__) for name, package in packages.items()}
    for name, package in packages.items():
        package.__path__.append(str(tree / name))
    forget()
    (added,) = [task for task in tasks.all() if task.slug not in before]
    yield added
    for name, package in packages.items():
        package.__path__[:] = own[name]
    forget()


def forget() -> None:
    for cached in CACHED:
        cached.cache_clear()


def train(task: Any, models: Path, folder: Path, method: str, **params: Any) -> dict[str, Any]:
    """Its sample read into a version, then trained from it: as the fixtures of `test_tasks` give a finished run."""
    data = command.write_lines(folder / "rows.jsonl", task.sample())
    code, events = command.call(models, "inspect", data, "--out", folder / "v1", "--task", task.slug)
    assert code == 0, events[-1]
    suggestion = json.loads((folder / "v1" / "profile.json").read_text("utf-8"))["suggestion"]
    assert (suggestion["task"], suggestion["trainable"]) == (task.slug, True)
    assert "%(" not in suggestion["sentence"]
    spec = folder / "spec.json"
    fields = {"task": task.slug, "dataset": {"path": str(folder / "v1")}, "model": "local:tiny", "method": method}
    spec.write_text(json.dumps(fields | {"params": params}), "utf-8")
    code, events = command.call(models, "run", spec, "--out", folder / "out")
    assert code == 0, events[-1]
    return {"task": task, "method": method, "spec": spec, "out": folder / "out", "events": events}


@contextmanager
def served_from(tree: Path) -> Iterator[Serving]:
    """The server of models in a process of its own, started in the copy."""
    running = Serving("redis://127.0.0.1:1/0", home=tree)
    running.start()
    yield running
    running.kill(signal.SIGTERM)


def predict(server: Serving, finished: dict[str, Any], inputs: list[str]) -> list[dict[str, Any]]:
    """Its answers; on a busy machine the server says for a while that the model is being loaded."""
    deadline = time.monotonic() + 60
    while (answer := asked(server, finished, inputs)).status_code == 503 and time.monotonic() < deadline:
        assert answer.json()["code"] == "waking"
        time.sleep(0.5)
    assert answer.status_code == 200, answer.text
    outputs: list[dict[str, Any]] = answer.json()["outputs"]
    assert len(outputs) == len(inputs)
    return outputs


def asked(server: Serving, finished: dict[str, Any], inputs: list[str]) -> httpx.Response:
    return httpx.post(
        f"{server.url}/internal/predict",
        json={"artifact": str(finished["out"] / "artifact"), "inputs": inputs},
        headers={"Authorization": f"Bearer {TOKEN}"},
        timeout=30,
    )
