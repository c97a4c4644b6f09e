"""What every task of the registry must hold, tried through the real command line. A new task needs no test of its own."""

import itertools
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from tests import run_pages
from tests.trainer import command
from trainer import tasks
from trainer.engines import explanations, open_engine
from trainer.errors import SpecError
from trainer.events import STAGES
from trainer.files import sha256
from trainer.tasks.base import Task
from webapp.accounts.models import User, Workspace

ON_GPUS = ("qlora",)
CASES = [(task, method.slug) for task in tasks.all() for method in task.methods if method.slug not in ON_GPUS]
PARAMS = {method: {"epochs": 2} for method in ("full", "lora", "scratch", "net", "auto")}
PRETRAINED = {
    "text": "local:tiny",
    "image": "local:tiny-vit",
    "object-detection": "local:tiny-detector",
    "audio": "local:tiny-wav2vec2",
    "text-generation": "local:tiny-llama",
    "summarization": "local:tiny-llama",
    "translation": "local:tiny-llama",
}
"""A tiny real model for each task, or else its modality, that has pretrained ones."""
BESIDE = {"text_model": "local:tiny"}
"""Further models that a task names in its settings."""


def model_of(task: type[Task], method: str) -> str:
    """The declared model where none is pretrained; otherwise the tiny one."""
    if method in ("words", "extractive"):
        return task.default_model(method)
    scratch = next((card.ref for card in task.models if card.ref.startswith("scratch:")), None)
    pretrained = PRETRAINED.get(task.slug) or PRETRAINED.get(task.modality)
    chosen = scratch if scratch and (method == "scratch" or not pretrained) else pretrained
    assert chosen is not None
    return chosen


def params_of(task: type[Task], wanted: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in (wanted | BESIDE).items() if name in task.params.model_fields}


@pytest.fixture(scope="module", params=CASES, ids=[f"{task.slug}-{method}" for task, method in CASES])
def finished(request: pytest.FixtureRequest, models: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """One trained run of a task and method on the task's own sample."""
    task, method = request.param
    folder = tmp_path_factory.mktemp("run")
    params = params_of(task, PARAMS.get(method, {}))
    fields = {"task": task.slug, "method": method, "model": model_of(task, method), "params": params}
    spec = command.write_spec(folder, task.sample(), **fields)
    code, events = command.call(models, "run", spec, "--out", folder / "out")
    assert code == 0, events[-1]
    return {"task": task, "method": method, "spec": spec, "out": folder / "out", "events": events}


@pytest.mark.parametrize("task", tasks.all(), ids=lambda task: task.slug)
def test_the_declaration_is_whole(task: type[Task]) -> None:
    told = json.loads(json.dumps(task.declaration()))
    assert told["slug"] == task.slug == task.slug.lower()
    assert told["headline"] in told["metrics"]
    assert told["methods"]
    assert told["models"]
    assert len(task.sample()) >= 20
    assert {role.name for role in task.roles} <= set(task.sample()[0])
    for field in told["params"]["properties"].values():
        assert field["title"]
        assert field["description"].endswith(".")


def test_an_unknown_task() -> None:
    with pytest.raises(SpecError, match="no task") as raised:
        tasks.get("fortune-telling")
    assert "text-classification" in raised.value.hint


def test_stages_and_progress(finished: dict[str, Any]) -> None:
    stages = [(event["name"], event["state"]) for event in command.of(finished["events"], "stage")]
    assert stages == [(name, state) for name in STAGES for state in ("start", "done")]
    fractions = [event["fraction"] for event in command.of(finished["events"], "progress")]
    assert fractions == sorted(fractions)
    assert fractions[0] >= 0
    assert fractions[-1] <= 1
    assert all(event["eta_seconds"] >= 0 for event in command.of(finished["events"], "progress"))
    assert all(event["forecast_seconds"] >= 0 for event in command.of(finished["events"], "progress"))
    for before, event in itertools.pairwise(command.of(finished["events"], "progress")):
        assert event["eta_seconds"] <= max(before["eta_seconds"], event["forecast_seconds"]) + 0.2, "no jumps"
    assert command.of(finished["events"], "resource")[0]["memory_bytes"] > 2**20
    assert all("t" in event for event in finished["events"])


def test_only_what_learns_in_epochs_tells_points_of_curves(finished: dict[str, Any]) -> None:
    points = command.of(finished["events"], "metric")
    task, method = finished["task"], finished["method"]
    at_once = method in ("probe", "words", "zero-shot") and task.slug != "question-answering"
    in_epochs = not (at_once or task.modality == "table")
    assert {point["epoch"] is not None for point in points} <= {in_epochs}


def test_the_result(finished: dict[str, Any]) -> None:
    last = finished["events"][-1]
    assert last["type"] == "result"
    assert last["headline"]["name"] == finished["task"].headline
    assert last["headline"]["low"] <= last["headline"]["value"] <= last["headline"]["high"]
    assert set(finished["task"].metrics) <= set(last["metrics"])
    for name, one in last["baselines"].items():
        assert set(last["metrics"]) <= set(one) | {"loss"}, f"{name} is scored as the model is"
        assert one["low"] <= one[last["headline"]["name"]] <= one["high"]
    verdict = last["verdict"]
    assert verdict["against"] in last["baselines"]
    assert verdict["outcome"] in ("better", "not shown", "worse")
    apart = verdict["difference"]
    assert apart["low"] <= apart["value"] <= apart["high"]
    assert (verdict["outcome"] == "not shown") == (apart["low"] <= 0 <= apart["high"])
    assert verdict["sentence"].endswith(".")
    assert last["seconds"] > 0
    assert Path(last["artifact"]) == finished["out"] / "artifact"


def test_the_artifact(finished: dict[str, Any]) -> None:
    folder = finished["out"] / "artifact"
    manifest = json.loads((folder / "manifest.json").read_text("utf-8"))
    there = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()} - {"manifest.json"}
    assert set(manifest["files"]) == there
    assert all(sha256(folder / name) == digest for name, digest in manifest["files"].items())
    assert {"report.json", "predictions.parquet", "examples.json", "README.md"} <= there
    examples = json.loads((folder / "examples.json").read_text("utf-8"))
    looks = "image" in {role.kind for role in finished["task"].roles}
    assert all(("thumb" in one) == looks for one in examples)
    assert all(len(one.get("thumb", "")) < 6_000 for one in examples)
    report = json.loads((folder / "report.json").read_text("utf-8"))
    assert report["metrics"] == finished["events"][-1]["metrics"]
    assert report["export"]["engine"]
    assert report["interval"]["method"] in ("wilson", "bootstrap")
    assert report["learned"]["rows"] > 0
    assert report["verdict"] == finished["events"][-1]["verdict"]
    assert report["verdict"]["sentence"] in (folder / "README.md").read_text("utf-8")
    if report.get("thresholds"):
        assert [one["target"] for one in report["threshold_choice"]] == [0.9, 0.95, 0.99]
        assert report["threshold_source"]["kind"] in ("validation", "out-of-fold")
    assert "-0.0," not in (folder / "report.json").read_text("utf-8")
    assert set(report["timings"]) >= {"prepare", "load", "train", "evaluate"}


def test_a_finished_run_tells_its_result_again(finished: dict[str, Any], models: Path) -> None:
    code, events = command.call(models, "run", finished["spec"], "--out", finished["out"])
    assert code == 0
    assert {**events[-1], "t": 0} == {**finished["events"][-1], "t": 0}
    assert len(events) == 1


def test_its_pages_open_in_every_language(
    finished: dict[str, Any],
    serving: None,
    user: User,
    workspace: Workspace,
    client_of: Callable[[User], Client],
) -> None:
    """What this task and method report is shown, and so is an answer of it; of one method of the task also while the run is at
    work and when it has failed, on every page."""
    prototype = run_pages.prototype_of(workspace, finished["task"])
    run = run_pages.finished_run(
        prototype, finished["task"], finished["method"], finished["out"] / "artifact", finished["events"]
    )
    browser = client_of(user)
    if finished["method"] == finished["task"].methods[0].slug:
        ends = enumerate(run_pages.ENDS, start=2)
        others = [run_pages.unfinished_run(run, status, number) for number, status in ends]
        others.append(run_pages.run_without_model(run, len(others) + 2))
        run_pages.open_in_every_language(browser, [run, *others])
    else:
        run_pages.open_those_of_a_run(browser, run)
    run_pages.opens(browser, reverse("try_run", args=[run.pk]), sent={"example": "0"})


def test_asking_it(finished: dict[str, Any], models: Path, tmp_path: Path) -> None:
    """predict, explain and evaluate on the task's own sample."""
    artifact, sample = finished["out"] / "artifact", finished["task"].sample()
    inputs = command.write_inputs(tmp_path, finished["task"], sample[:4])
    code, answers = command.call(models, "predict", artifact, "--input", inputs)
    assert (code, len(answers)) == (0, 4)
    code, reasons = command.call(models, "explain", artifact, "--input", inputs)
    assert (code, len(reasons)) == (0, 4)
    for answer, reason in zip(answers, reasons, strict=True):
        explanation = reason.pop("explanation")
        assert set(reason) == set(answer)
        assert explanation["method"] in explanations.METHODS
        assert explanation["parts"]
        assert {part["kind"] for part in explanation["parts"]} <= {"word", "column", "region", "span"}
    engine = open_engine(artifact)
    assert (engine.shared, engine.bytes > 0) == (None, True), "as the model server asks whatever it opens"
    code, events = command.call(
        models, "evaluate", artifact, json.loads(finished["spec"].read_text())["dataset"]["path"]
    )
    assert code == 0
    assert events[-1]["rows"] == len(sample)
    assert set(finished["task"].metrics) <= set(events[-1]["metrics"])


@pytest.mark.parametrize("task", tasks.all(), ids=lambda task: task.slug)
def test_estimates(task: type[Task], models: Path, tmp_path: Path) -> None:
    for method in (each for each in task.methods if each.slug not in ON_GPUS):
        fields: dict[str, Any] = {"task": task.slug, "method": method.slug, "model": model_of(task, method.slug)}
        fields |= {"params": params_of(task, {})}
        spec = command.write_spec(tmp_path / method.slug, task.sample(), **fields)
        code, events = command.call(models, "estimate", spec)
        assert code == 0, events[-1]
        seconds = events[-1]["seconds"]
        assert 0 < seconds["low"] <= seconds["likely"] <= seconds["high"]
        assert events[-1]["memory_bytes"] > 2**20
        assert events[-1]["basis"].endswith(".")


@pytest.mark.parametrize("task", tasks.all(), ids=lambda task: task.slug)
def test_every_method_has_a_model_where_none_is_named(task: Any) -> None:
    for method in task.methods:
        assert task.refusal(method.slug, task.default_model(method.slug)) == "", method.slug
