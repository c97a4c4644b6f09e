"""What a run tells and keeps while it is at work: curves, limits and checkpoints of both methods, and whose folder it is."""

import json
import signal
from pathlib import Path
from typing import Any

import pytest

from tests.trainer import command
from trainer import allowance
from trainer.learning.job import ENOUGH_TO_FORESEE, Job
from trainer.spec import Spec
from trainer.tasks.text_classification import TextClassification

SAMPLE = TextClassification.sample()
MANY = [{"text": f"{row['text']} {turn}", "label": row["label"]} for turn in range(12) for row in SAMPLE]


def predictions(out: Path) -> list[Any]:
    import pyarrow.parquet as pq

    return pq.read_table(out / "artifact" / "predictions.parquet").column("probabilities").to_pylist()


def test_the_loss_does_not_dip_where_an_epoch_begins(models: Path, tmp_path: Path) -> None:
    """Epochs of 13 steps, told every ten: the mean is over as many steps as were made since."""
    spec = command.write_spec(
        tmp_path, MANY[:147], params={"epochs": 4, "batch_size": 8, "patience": 100, "learning_rate": 1e-9}
    )
    code, events = command.call(models, "run", spec, "--out", tmp_path / "out")
    assert code == 0
    losses = [
        event["value"] for event in command.of(events, "metric") if (event["name"], event["split"]) == ("loss", "train")
    ]
    assert len(losses) > 3
    assert min(losses[1:3]) > 0.5 * losses[0]


def test_a_killed_probe_reads_on_where_it_was(models: Path, tmp_path: Path) -> None:
    spec = command.write_spec(tmp_path, MANY, method="probe")
    process = command.start(models, "run", spec, "--out", tmp_path / "ended", MAQUETTE_CHECKPOINT_SECONDS="0")
    assert process.stdout is not None
    with process:
        for line in process.stdout:
            if json.loads(line)["type"] == "checkpoint":
                process.send_signal(signal.SIGKILL)
                break
        process.communicate(timeout=60)
    code, events = command.call(models, "run", spec, "--out", tmp_path / "ended")
    assert code == 0, events[-1]
    resumed = command.of(events, "checkpoint")[0]
    assert resumed["resumed"]
    assert 0 < resumed["epoch"] < 1
    code, _events = command.call(models, "run", spec, "--out", tmp_path / "alone")
    assert code == 0
    assert predictions(tmp_path / "ended") == predictions(tmp_path / "alone")


def test_working_files_stay_while_a_run_can_go_on_and_go_when_it_is_done(models: Path, tmp_path: Path) -> None:
    spec, out = command.write_spec(tmp_path, MANY, method="probe"), tmp_path / "out"
    kept = out / "cache" / "pictures" / "kept"
    kept.parent.mkdir(parents=True)
    kept.write_bytes(b"of an earlier start")
    process = command.start(models, "run", spec, "--out", out, MAQUETTE_CHECKPOINT_SECONDS="0")
    assert process.stdout is not None
    with process:
        for line in process.stdout:
            if json.loads(line)["type"] == "checkpoint":
                process.send_signal(signal.SIGTERM)
                break
        process.communicate(timeout=60)
    assert process.returncode == 3
    assert list((out / "checkpoints").iterdir())
    assert kept.exists()
    code, events = command.call(models, "run", spec, "--out", out)
    assert code == 0, events[-1]
    assert command.of(events, "checkpoint")[0]["resumed"]
    assert [(out / name).exists() for name in ("checkpoints", "cache", "artifact")] == [False, False, True]


def test_a_limit_ends_the_reading_of_a_probe(models: Path, tmp_path: Path) -> None:
    spec = command.write_spec(tmp_path, MANY, method="probe", limits={"seconds": 1})
    code, events = command.call(models, "run", spec, "--out", tmp_path / "out")
    assert code == 0, events[-1]
    assert "limit" in {event["code"] for event in command.of(events, "warning")}
    assert not list((tmp_path / "out" / "cache").rglob("*.npy"))


def test_vectors_are_kept_for_the_next_run(models: Path, tmp_path: Path) -> None:
    spec = command.write_spec(tmp_path, SAMPLE, method="probe")
    cache = {"MAQUETTE_CACHE": str(tmp_path / "cache")}
    for out in ("first", "second"):
        code, events = command.call(models, "run", spec, "--out", tmp_path / out, **cache)
        assert code == 0
    assert any("used again" in event["message"] for event in command.of(events, "log"))
    assert predictions(tmp_path / "first") == predictions(tmp_path / "second")


def test_a_stop_before_anything_was_made(models: Path, tmp_path: Path) -> None:
    spec = command.write_spec(tmp_path, SAMPLE)
    with command.start(models, "run", spec, "--out", tmp_path / "out") as process:
        assert process.stdout is not None
        process.stdout.readline()
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=60)
    assert process.returncode == 3


def test_another_specification_in_the_same_folder(models: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    first = command.write_spec(tmp_path / "a", SAMPLE, method="probe")
    assert command.call(models, "run", first, "--out", out)[0] == 0
    other = command.write_spec(tmp_path / "a", SAMPLE, method="probe", seed=1)
    code, events = command.call(models, "run", other, "--out", out)
    assert (code, events[-1]["code"]) == (2, "other_run")


def test_a_folder_that_cannot_be_made(models: Path, tmp_path: Path) -> None:
    spec = command.write_spec(tmp_path, SAMPLE)
    code, events = command.call(models, "run", spec, "--out", spec / "out")
    assert (code, events[-1]["code"]) == (2, "bad_out")


def test_a_cost_limit_without_a_price(models: Path, tmp_path: Path) -> None:
    spec = command.write_spec(tmp_path, SAMPLE, method="probe", limits={"cost": 1})
    code, events = command.call(models, "run", spec, "--out", tmp_path / "out")
    assert code == 0
    assert "no_price" in {event["code"] for event in command.of(events, "warning")}


def test_a_resumed_stage_foresees_by_what_it_made_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Half was made before: 1 s for the next tenth leaves 4 s, though the stage is young."""
    clock = [100.0]
    monkeypatch.setattr("trainer.learning.job.time.monotonic", lambda: clock[0])
    job = Job(
        Spec.model_validate({"task": "text-classification", "dataset": {"path": "x.csv"}}),
        tmp_path,
        lambda *_args, **_fields: None,
    )
    with job.stage("package"):
        job.go_on_from(0.5)
        clock[0] += 1.0
        job.progress(6, 10, force=True)
        assert job.remaining() == pytest.approx(4.0)
        job.go_on_from(0.5)
        job.progress(0.5 + ENOUGH_TO_FORESEE / 2, 1, force=True)
        assert job.remaining() == pytest.approx(job.plan["package"] / 2)


def test_what_is_paid_for_is_a_limit_that_moves(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [100.0]
    monkeypatch.setattr("trainer.learning.job.time.monotonic", lambda: clock[0])
    spec = {"task": "text-classification", "dataset": {"path": "x.csv"}, "limits": {"seconds": 900}}
    job = Job(Spec.model_validate(spec), tmp_path, lambda *_args, **_fields: None)
    assert job.time_limit() == 900
    after = job.plan["evaluate"] + job.plan["package"]
    for seconds, limit in ((200, 200), (50, 60), (5000, 900), (after / 2, after / 2 + 30)):
        (tmp_path / allowance.FILE).write_text(allowance.described(seconds))
        clock[0] = 100.0 + (limit - seconds if limit < 900 else 20)
        job._asked_at = float("-inf")
        assert job.time_limit() == pytest.approx(limit, abs=0.5)
        assert job.out_of_time() == (seconds < after)
    (tmp_path / allowance.FILE).write_text("half of a f")
    clock[0] += 2
    assert job.time_limit() == 900
