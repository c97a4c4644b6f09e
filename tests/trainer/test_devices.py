"""One run on several devices, here processes on the processor: the same as on one, whoever stops, dies or goes on."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.trainer import command
from tests.trainer.small_learning import job_of
from trainer import ranks, team
from trainer.errors import SpecError
from trainer.hardware import OwnTimes
from trainer.spec import Spec
from trainer.tasks.text_classification import TextClassification

SAMPLE = TextClassification.sample()
ROWS = [{"text": f"{row['text']} {turn}", "label": row["label"]} for turn in range(3) for row in SAMPLE]
PARAMS = {"epochs": 3, "batch_size": 10, "patience": 100, "dropout": 0.0}
Events = list[dict[str, Any]]


def losses(events: Events) -> list[float]:
    return [event["value"] for event in command.of(events, "metric") if event["split"] == "train"]


def probabilities(out: Path) -> list[float]:
    import pyarrow.parquet as pq

    rows = pq.read_table(out / "artifact" / "predictions.parquet").column("probabilities").to_pylist()
    return [value for row in rows for value in row]


def run(models: Path, spec: Path, out: Path, devices: int) -> Events:
    code, events = command.call_process(models, "run", spec, "--out", out, "--devices", devices)
    assert code == 0, events[-1]
    return events


def interrupted(models: Path, spec: Path, out: Path, devices: int, number: int, rank: int | None = None) -> Events:
    """The events of a run that a signal reaches after some steps: its launcher, or one of its ranks."""
    process = command.start(
        models, "run", spec, "--out", out, "--devices", str(devices), MAQUETTE_CHECKPOINT_SECONDS="0"
    )
    assert process.stdout is not None
    events = []
    with process:
        for line in process.stdout:
            events.append(json.loads(line))
            if events[-1]["type"] == "checkpoint" and events[-1]["step"] == 4:
                started = psutil.Process(process.pid).children()
                target = process.pid if rank is None else rank_process(started, rank)
                os.kill(target, number)
        process.communicate(timeout=60)
    assert_no_orphans(started)
    return [*events, {"type": "exit", "code": process.returncode}]


def rank_process(started: list[psutil.Process], rank: int) -> int:
    return next(one.pid for one in started if one.environ().get(team.RANK) == str(rank))


def assert_no_orphans(started: list[psutil.Process]) -> None:
    _gone, alive = psutil.wait_procs(started, timeout=30)
    assert not alive


@pytest.fixture(scope="module")
def spec(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return command.write_spec(tmp_path_factory.mktemp("spec"), ROWS, params=PARAMS)


@pytest.fixture(scope="module")
def alone(models: Path, spec: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Events, Path]:
    out = tmp_path_factory.mktemp("alone") / "out"
    return run(models, spec, out, 1), out


@pytest.mark.slow
def test_two_learn_as_one_does(models: Path, spec: Path, alone: tuple[Events, Path], tmp_path: Path) -> None:
    events = run(models, spec, tmp_path / "two", 2)
    assert losses(events) == pytest.approx(losses(alone[0]), abs=1e-5)
    assert probabilities(tmp_path / "two") == pytest.approx(probabilities(alone[1]), abs=1e-5)
    kinds = [event["type"] for event in events]
    assert kinds.count("result") == 1
    assert kinds.count("stage") == [event["type"] for event in alone[0]].count("stage")
    assert any(" × 2" in event["device"] for event in command.of(events, "resource"))


@pytest.mark.slow
@pytest.mark.parametrize(("first", "then"), [(2, 1), (1, 2)])
def test_a_stopped_run_goes_on_with_another_number_of_devices(
    models: Path, spec: Path, alone: tuple[Events, Path], tmp_path: Path, first: int, then: int
) -> None:
    out = tmp_path / "out"
    events = interrupted(models, spec, out, first, signal.SIGTERM)
    assert events[-1]["code"] == 3
    events = run(models, spec, out, then)
    resumed = command.of(events, "checkpoint")[0]
    assert resumed["resumed"]
    assert resumed["step"] >= 4
    assert probabilities(out) == pytest.approx(probabilities(alone[1]), abs=1e-5)


@pytest.mark.slow
def test_a_lost_process_ends_the_run_which_then_goes_on(
    models: Path, spec: Path, alone: tuple[Events, Path], tmp_path: Path
) -> None:
    out = tmp_path / "out"
    events = interrupted(models, spec, out, 2, signal.SIGKILL, rank=1)
    assert events[-1]["code"] == 2
    (error,) = command.of(events, "error")
    assert error["code"] == "rank_lost"
    assert error["message"].startswith("Process 2 of the 2 of this run was ended from outside (signal 9)")
    assert "start the run again" in error["hint"]
    run(models, spec, out, 2)
    assert probabilities(out) == pytest.approx(probabilities(alone[1]), abs=1e-5)


@pytest.mark.slow
def test_no_process_outlives_the_one_that_started_it(models: Path, spec: Path, tmp_path: Path) -> None:
    events = interrupted(models, spec, tmp_path / "out", 2, signal.SIGKILL)
    assert events[-1]["code"] == -signal.SIGKILL


@pytest.fixture(scope="module")
def sharding(tmp_path_factory: pytest.TempPathFactory) -> Path:
    hardware = {"device": "cpu:2", "strategy": "fsdp"}
    return command.write_spec(tmp_path_factory.mktemp("sharding"), ROWS, params=PARAMS, hardware=hardware)


@pytest.mark.slow
def test_two_who_share_the_weights_learn_as_one_does(
    models: Path, sharding: Path, alone: tuple[Events, Path], tmp_path: Path
) -> None:
    events = run(models, sharding, tmp_path / "whole", 2)
    assert losses(events) == pytest.approx(losses(alone[0]), abs=1e-5)
    assert probabilities(tmp_path / "whole") == pytest.approx(probabilities(alone[1]), abs=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize(("first", "then"), [(2, 1), (1, 2)])
def test_who_has_all_of_the_weights_goes_on_for_two_who_share_them(
    models: Path, sharding: Path, alone: tuple[Events, Path], tmp_path: Path, first: int, then: int
) -> None:
    assert interrupted(models, sharding, tmp_path / "out", first, signal.SIGTERM)[-1]["code"] == 3
    resumed = command.of(run(models, sharding, tmp_path / "out", then), "checkpoint")[0]
    assert (resumed["resumed"], resumed["step"] >= 4) == (True, True)
    assert probabilities(tmp_path / "out") == pytest.approx(probabilities(alone[1]), abs=1e-5)


@pytest.mark.slow
def test_an_error_is_told_once(models: Path, tmp_path: Path) -> None:
    spec = command.write_spec(tmp_path, ROWS, params=PARAMS | {"freeze_layers": 50})
    code, events = command.call_process(models, "run", spec, "--out", tmp_path / "out", "--devices", "2")
    assert code == 2
    (error,) = command.of(events, "error")
    assert error["code"] == "bad_params"


# Without processes


def spec_of(device: str, method: str = "full") -> Spec:
    return Spec.model_validate({"dataset": {"path": "x.csv"}, "method": method, "hardware": {"device": device}})


@pytest.mark.parametrize(
    ("device", "method", "count"),
    [("cpu", "full", 1), ("cpu:3", "full", 3), ("cpu:3", "", 3), ("cpu:3", "probe", 1), ("gpu:1", "full", 1)],
)
def test_as_many_processes_as_devices_where_they_can_share(device: str, method: str, count: int) -> None:
    assert ranks.devices_of(spec_of(device, method)) == count


@pytest.mark.parametrize(("asked", "here", "count"), [("gpu", 4, 4), ("gpu:2", 4, 2), ("gpu:8", 4, 4), ("gpu", 0, 1)])
def test_all_gpus_unless_fewer_are_named(monkeypatch: pytest.MonkeyPatch, asked: str, here: int, count: int) -> None:
    import torch

    monkeypatch.setattr(torch.cuda, "device_count", lambda: here)
    assert ranks.devices_of(spec_of(asked)) == count


def test_the_command_line_says_how_many() -> None:
    assert spec_of("gpu").on(2).hardware.device == "gpu:2"
    assert spec_of("cpu:4").on(None).hardware.device == "cpu:4"
    with pytest.raises(SpecError):
        spec_of("cpu").on(0)


def test_the_loopback_is_there() -> None:
    assert ranks.why_alone() == ""


def ended(*codes: int) -> ranks.Ranks:
    some = ranks.Ranks()
    some.processes = [subprocess.Popen(["sh", "-c", f"exit {code}"], text=True) for code in codes]
    for process in some.processes:
        process.wait()
    return some


def test_the_error_of_who_failed_first_is_told() -> None:
    some = ended(1, 2)
    some.errors = {0: {"type": "error", "code": "bug"}, 1: {"type": "error", "t": "", "code": "bad_params"}}
    assert some.outcome() == (2, {"code": "bad_params"})
    some.dead = (1, 9)
    status, error = some.outcome()
    assert (status, (error or {})["code"]) == (2, "rank_lost")
    assert ended(3, 0).outcome() == (3, None)
    status, error = ended(1, 1).outcome()
    assert (status, (error or {})["code"]) == (1, "bug")


def test_a_team_of_one_shares_nothing(tmp_path: Path) -> None:
    alone = job_of(tmp_path).device.team
    assert (alone.rank, alone.size, alone.present()) == (0, 1, team.ALONE)
    assert alone.flag(True)
    assert alone.mean(2.5) == 2.5
    assert alone.merged({1: "a"}) == {1: "a"}


def test_a_rank_whose_launcher_is_gone_ends() -> None:
    words = "from trainer import ranks; ranks.end_with_launcher(); print('went on')"
    environment = os.environ | {ranks.LAUNCHER: "1"}
    done = subprocess.run(
        [sys.executable, "-c", words], env=environment, cwd=command.ROOT, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (1, "")


def test_a_process_that_may_not_look_at_itself_still_says_what_it_uses() -> None:
    usage = OwnTimes()
    assert usage.memory_info().rss > 1_000_000
    sum(range(300_000))
    assert usage.cpu_percent() > 0
