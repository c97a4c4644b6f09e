"""A search over settings by the command line: real small trainings, cut short and gone on with."""

import json
import os
import random
import signal
import time
from pathlib import Path
from typing import Any

import optuna
import pytest

from tests.trainer.command import call, of, start, write_spec
from trainer import tasks
from trainer.errors import SpecError
from trainer.hyperparameters import space, study
from trainer.tasks.base import Task

TEXT, TABLE = tasks.get("text-classification"), tasks.get("tabular-classification")


def rows(count: int = 60) -> list[dict[str, Any]]:
    words = {"friendly": ("lovely", "wonderful"), "unfriendly": ("dreadful", "rude")}
    every = [
        {"text": f"{word} staff in cafe {number}", "label": label}
        for number in range(count)
        for label, some in words.items()
        for word in some
    ]
    return every[:count]


def search_spec(folder: Path, trials: int = 6, **fields: Any) -> Path:
    params = {"epochs": 3, "max_length": 16}
    wanted = {
        "space": {
            "learning_rate": {"low": 1e-6, "high": 1e-2, "log": True},
            "batch_size": {"choices": [8, 16]},
        },
        "trials": trials,
    }
    given = {"task": TEXT.slug, "params": params, "search": wanted, "hardware": {"threads": 1}} | fields
    return write_spec(folder, rows(), **given)


@pytest.fixture(scope="module")
def searched(models: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[dict[str, Any]]]:
    folder = tmp_path_factory.mktemp("search")
    code, events = call(models, "search", search_spec(folder), "--out", folder / "out")
    assert code == 0, events[-1]
    return folder, events


@pytest.mark.slow
def test_the_best_trial_is_the_only_one_that_is_tested(searched: tuple[Path, list[dict[str, Any]]]) -> None:
    folder, events = searched
    result = of(events, "result")[0]
    scores = {each["number"]: each["value"] for each in result["trials"] if each["state"] == "done"}
    assert len(result["trials"]) == 6
    assert result["best"] == min(number for number, value in scores.items() if value == max(scores.values()))
    assert result["stopped"] == "All 6 trials were made."
    assert result["headline"]["name"] == TEXT.headline
    tested = [number for number in range(1, 7) if (folder / f"out/trials/{number:03d}/artifact").exists()]
    assert tested == [result["best"]]
    stages = [event["name"] for event in of(events, "stage") if event["state"] == "done"]
    assert stages.count("evaluate") == stages.count("package") == 1
    assert not (folder / f"out/trials/{tested[0]:03d}/checkpoints").exists()


@pytest.mark.slow
def test_the_first_trial_has_the_recommended_settings(searched: tuple[Path, list[dict[str, Any]]]) -> None:
    first = of(searched[1], "result")[0]["trials"][0]["params"]
    assert first["learning_rate"] == TEXT.params.model_fields["learning_rate"].default


@pytest.mark.slow
def test_the_best_is_not_learned_again_for_its_test(searched: tuple[Path, list[dict[str, Any]]]) -> None:
    """It goes on from the checkpoint of its last epoch, and its validation score is that of its trial."""
    folder, events = searched
    result = of(events, "result")[0]
    report = json.loads((folder / f"out/trials/{result['best']:03d}/artifact/report.json").read_text())
    own = next(each for each in result["trials"] if each["number"] == result["best"])
    assert report["validation"]["value"] == pytest.approx(own["value"])
    after = [event for event in events if event["type"] == "checkpoint"][-1]
    assert after["resumed"]


@pytest.mark.slow
def test_said_again_it_changes_nothing(models: Path, searched: tuple[Path, list[dict[str, Any]]]) -> None:
    folder, events = searched
    code, again = call(models, "search", folder / "spec.json", "--out", folder / "out")
    assert code == 0
    assert of(again, "result")[0]["trials"] == of(events, "result")[0]["trials"]
    assert not of(again, "stage")


@pytest.mark.slow
def test_killed_it_goes_on_where_it_stood(models: Path, tmp_path: Path) -> None:
    """Killed while a trial learns: the finished trials are not made again, and the search ends as one that was not killed."""
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    path = search_spec(tmp_path, trials=4)
    call(models, "search", path, "--out", whole)
    with start(models, "search", path, "--out", cut, MAQUETTE_CHECKPOINT_SECONDS="0") as process:
        assert process.stdout
        third = False
        for line in process.stdout:
            event = json.loads(line)
            third = third or (event["type"] == "trial" and event["number"] == 3)
            if third and event["type"] == "checkpoint":
                os.kill(process.pid, signal.SIGKILL)
                break
        process.wait()
    code, events = call(models, "search", path, "--out", cut)
    assert code == 0, events[-1]
    started = [event["number"] for event in of(events, "trial") if event.get("state") == "start"]
    assert started == [3, 4]
    results = [json.loads((out / "search.json").read_text()) for out in (whole, cut)]
    assert results[0]["trials"] == results[1]["trials"]
    assert results[0]["best"] == results[1]["best"]


@pytest.mark.slow
def test_the_time_limit_holds(models: Path, tmp_path: Path) -> None:
    path = search_spec(tmp_path, trials=200, limits={"seconds": 6})
    began = time.monotonic()
    code, events = call(models, "search", path, "--out", tmp_path / "out")
    assert code == 0, events[-1]
    result = of(events, "result")[0]
    assert 1 <= len(result["trials"]) < 200
    assert "The limit leaves" in result["stopped"]
    trained = sum(json.loads(file.read_text())["seconds"] for file in (tmp_path / "out").glob("trials/*/clock.json"))
    assert trained <= time.monotonic() - began


@pytest.mark.slow
def test_trees_are_searched(models: Path, tmp_path: Path) -> None:
    generator = random.Random(0)
    cells = [{"a": generator.random(), "b": generator.random()} for _row in range(200)]
    data = [row | {"target": "high" if row["a"] + row["b"] > 1 else "low"} for row in cells]
    fields = {"task": TABLE.slug, "model": "scratch:lightgbm", "method": "boosting", "search": {"trials": 6}}
    code, events = call(models, "search", write_spec(tmp_path, data, **fields), "--out", tmp_path / "out")
    assert code == 0, events[-1]
    result = of(events, "result")[0]
    assert set(result["params"]) == {"learning_rate", "num_leaves", "min_data_in_leaf", "lambda_l2"}
    assert result["importance"].keys() == result["params"].keys()
    assert result["headline"]["value"] > 0.8


@pytest.mark.slow
def test_a_trial_that_is_behind_is_pruned(models: Path, tmp_path: Path) -> None:
    """After four trials that were all right from the start, one that learns nothing ends before its last epoch."""
    earlier = [[[epoch, 1.0] for epoch in range(1, 9)]] * 4
    path = write_spec(
        tmp_path,
        rows(),
        task=TEXT.slug,
        params={"epochs": 8, "patience": 8, "learning_rate": 1e-9, "head_learning_rate": 1e-9, "max_length": 16},
        evaluate_on="validation",
        pruning={"metric": "accuracy", "earlier": earlier},
        hardware={"threads": 1},
    )
    code, events = call(models, "run", path, "--out", tmp_path / "out")
    assert code == 0, events[-1]
    result = of(events, "result")[0]
    assert result["pruned"]
    epochs = [event["epoch"] for event in of(events, "metric") if event["split"] == "validation"]
    assert max(epochs) == 2
    assert not (tmp_path / "out/artifact").exists()


@pytest.mark.parametrize(
    ("task", "method", "given", "fixed", "said"),
    [
        (TEXT, "full", {}, {}, "no setting to search"),
        (TEXT, "probe", None, {}, "no setting to search"),
        (TEXT, "full", {"colour": {"low": 1, "high": 2}}, {}, "search.space.colour: there is no setting"),
        (TEXT, "full", {"warmup": {"low": 0.5, "high": 0.1}}, {}, "low must be below high"),
        (TEXT, "full", {"warmup": {"low": 0.0, "high": 0.1, "log": True}}, {}, "low must be above 0"),
        (TEXT, "full", {"warmup": {"low": 0.1, "high": 7}}, {}, "params.warmup"),
        (TEXT, "full", {"epochs": {"low": 1.5, "high": 3}}, {}, "whole numbers"),
        (TEXT, "full", {"batch_size": {"choices": [8]}}, {}, "give 2 to 20 choices"),
        (TEXT, "full", {"batch_size": {"choices": [8, 8]}}, {}, "twice"),
        (TEXT, "full", {"optimizer": {"choices": ["adamw", "magic"]}}, {}, "params.optimizer"),
        (TEXT, "full", {"warmup": {"low": float("nan"), "high": 0.1}}, {}, "low and high, or choices"),
        (TEXT, "full", {"warmup": {"low": 0.0, "high": 0.1}}, {"warmup": 0.1}, "both given and searched"),
    ],
)
def test_a_space_that_cannot_be_searched(
    task: type[Task], method: str, given: Any, fixed: dict[str, Any], said: str
) -> None:
    with pytest.raises(SpecError, match=said) as error:
        space.dimensions(task, method, given, fixed)
    assert error.value.hint


@pytest.mark.parametrize("task", tasks.all(), ids=lambda task: task.slug)
def test_every_task_declares_a_space(task: type[Task]) -> None:
    """Each default lies within what the setting may be, and each task has a method that can be searched."""
    searched = [method.slug for method in task.methods if space.can_search(task, method.slug)]
    assert searched
    for method in searched:
        assert space.dimensions(task, method), method
        assert space.dimensions(task, method, space.offered(task, method))


def trials(count: int = 12) -> list[study.Trial]:
    """Of which the learning rate alone decides."""
    generator = random.Random(1)
    made = []
    for _number in range(count):
        rate, decay = 10 ** generator.uniform(-5, -3), 10 ** generator.uniform(-3, -0.6)
        made.append(study.Trial({"learning_rate": rate, "weight_decay": decay, "batch_size": 16}, "done", rate * 900))
    return made


def test_importance_is_optunas() -> None:
    dimensions, made = space.dimensions(TEXT, "full"), trials()
    own = study.importance(dimensions, made, "accuracy")
    reference = optuna.create_study(direction="maximize")
    for each in made:
        reference.add_trial(
            optuna.trial.create_trial(
                params=dict(each.params),
                distributions=study.distributions(dimensions),
                value=each.value,
            )
        )
    assert own == optuna.importance.get_param_importances(reference)
    assert next(iter(own)) == "learning_rate"
    assert study.importance(dimensions, made[:3], "accuracy") == {}


def test_a_proposal_is_the_same_after_a_restart() -> None:
    dimensions = space.dimensions(TEXT, "full")
    asked = [study.propose(dimensions, trials(8), "accuracy", 7, {}) for _time in range(2)]
    assert asked[0] == asked[1]
    low, high = asked[0]["learning_rate"], asked[0]["weight_decay"]
    assert 1e-5 <= low <= 1e-3
    assert 1e-3 <= high <= 0.3


def test_where_lower_is_better_the_lowest_leads() -> None:
    """With a loss, a curve above all others is the one that is pruned."""
    earlier = [[(1, 0.5), (2, 0.4), (3, 0.3)]] * 4
    assert study.should_prune("wer", earlier, [(1, 0.9), (2, 0.9)])
    assert not study.should_prune("wer", earlier, [(1, 0.2), (2, 0.1)])
    assert not study.should_prune("accuracy", earlier[:3], [(1, 0.1), (2, 0.1)])
