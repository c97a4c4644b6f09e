"""The clock of a run: its limits, laps and stages, and how much is left."""

import json
import time
from pathlib import Path
from typing import Any

import pytest

from tests.trainer.small_learning import job_of
from trainer import allowance
from trainer.errors import Stopped
from trainer.learning.estimate import only_downloads
from trainer.learning.job import ENOUGH_TO_FORESEE, FIRST_GUESS


class Heard(list[dict[str, Any]]):
    """The events of a job."""

    def __call__(self, kind: str, /, **fields: Any) -> None:
        self.append({"type": kind, **fields})

    def of(self, kind: str) -> list[dict[str, Any]]:
        return [event for event in self if event["type"] == kind]


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Monotonic seconds that the test sets: `clock[0]`."""
    now = [1_000.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    return now


# Limits


@pytest.mark.parametrize(
    ("limits", "price", "allowed"),
    [
        ({}, None, None),
        ({"seconds": 60}, None, 60),
        ({"cost": 2.0}, 4.0, 1_800),
        ({"cost": 2.0, "seconds": 60}, 4.0, 60),
        ({"cost": 0.01, "seconds": 60}, 3.6, 10),
        ({"cost": 2.0}, None, None),
        ({"cost": 2.0}, 0.0, None),
    ],
)
def test_the_time_allowed_is_the_least_of_what_limits_it(
    limits: dict[str, float], price: float | None, allowed: float | None, tmp_path: Path
) -> None:
    job = job_of(tmp_path, limits=limits, hardware={"threads": 1, "price_per_hour": price})
    assert job.time_limit() == (None if allowed is None else pytest.approx(allowed))


def test_a_cost_limit_without_a_price_is_said_to_hold_nothing(tmp_path: Path) -> None:
    events = Heard()
    job_of(tmp_path, emit=events, limits={"cost": 1.0})
    assert [event["code"] for event in events.of("warning")] == ["no_price"]


def test_what_is_paid_for_is_asked_once_a_second(
    tmp_path: Path, clock: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[float] = []
    monkeypatch.setattr(allowance, "seconds_left", lambda _out: asked.append(clock[0]) or 30.0)
    job = job_of(tmp_path, limits={"seconds": 1_000})
    assert job.time_limit() == 30
    clock[0] += 0.5
    assert job.time_limit() == 30, "not asked again"
    clock[0] += 0.5
    assert job.time_limit() == 31, "a second spent, and thirty left"
    assert asked == [1_000.0, 1_001.0]


@pytest.mark.parametrize(("spent", "is_out"), [(59.9, False), (60.1, True)])
def test_training_ends_while_evaluation_and_packaging_still_fit(
    spent: float, is_out: bool, tmp_path: Path, clock: list[float]
) -> None:
    job = job_of(tmp_path, limits={"seconds": 100})
    job.expect("evaluate", 15)
    job.expect("package", 25)
    clock[0] += spent
    assert job.out_of_time() is is_out


@pytest.mark.parametrize(("lap", "spent", "is_out"), [(0, 19, False), (0, 21, True), (1, 21, False), (3, 79, False), (3, 81, True)])  # fmt: skip
def test_each_lap_has_its_share_of_the_time(
    lap: int, spent: float, is_out: bool, tmp_path: Path, clock: list[float]
) -> None:
    job = job_of(tmp_path, limits={"seconds": 80})
    job.plan |= {"evaluate": 0.0, "package": 0.0}
    clock[0] += spent
    with job.substage(lap, 4):
        assert job.out_of_time() is is_out
        assert job.checkpoints.name == f"lap-{lap}"
    assert job.checkpoints.name == "checkpoints"


def test_an_early_end_is_as_a_limit_and_says_so(tmp_path: Path) -> None:
    events = Heard()
    job = job_of(tmp_path, emit=events)
    assert not job.out_of_time()
    job.tell_limit()
    job.end_early()
    assert job.out_of_time()
    job.tell_limit()
    assert [event["code"] for event in events.of("warning")] == ["limit", "stopped_early"]


def test_a_stop_keeps_the_clock_and_the_next_start_goes_on_from_it(tmp_path: Path, clock: list[float]) -> None:
    job = job_of(tmp_path)
    clock[0] += 12
    job.request_stop()
    (tmp_path / "out").mkdir(exist_ok=True)
    with pytest.raises(Stopped):
        job.check_stop()
    again = job_of(tmp_path)
    clock[0] += 3
    assert again.seconds() == 15
    assert not again.stop_requested


@pytest.mark.parametrize("clock_file", ["", "{", '{"other": 1}', '{"seconds": "x"}'])
def test_a_spoiled_clock_begins_at_nothing(clock_file: str, tmp_path: Path, clock: list[float]) -> None:
    (tmp_path / "out").mkdir(parents=True)
    (tmp_path / "out" / "clock.json").write_text(clock_file)
    assert job_of(tmp_path).seconds() == 0


# How much is left


def test_what_is_left_is_the_plan_until_enough_is_done(tmp_path: Path, clock: list[float]) -> None:
    job = job_of(tmp_path)
    job.begin("train")
    after = FIRST_GUESS["evaluate"] + FIRST_GUESS["package"]
    clock[0] += 10
    assert job.remaining() == pytest.approx(FIRST_GUESS["train"] - 10 + after)
    job.progress(ENOUGH_TO_FORESEE, 1, force=True)
    assert job.remaining() == pytest.approx(FIRST_GUESS["train"] - 10 + after), "just enough is not yet enough"
    job.progress(25, 100, force=True)
    assert job.remaining() == pytest.approx(10 * 3 + after), "a quarter took ten seconds"
    clock[0] += FIRST_GUESS["train"]
    assert job.remaining() > after


def test_after_a_resume_only_what_was_made_since_foretells_the_rest(tmp_path: Path, clock: list[float]) -> None:
    job = job_of(tmp_path)
    job.begin("train")
    job.go_on_from(0.5)
    clock[0] += 10
    job.progress(75, 100, force=True)
    assert job.remaining() == pytest.approx(10 + FIRST_GUESS["evaluate"] + FIRST_GUESS["package"])


def test_laps_are_equal_parts_of_their_stage(tmp_path: Path, clock: list[float]) -> None:
    events = Heard()
    job = job_of(tmp_path, emit=events)
    job.begin("train")
    for number in range(4):
        with job.substage(number, 4):
            job.expect("train", 10)
            assert job.plan["train"] == 40
            clock[0] += 10
            job.progress(1, 2, force=True)
    assert [event["stage_fraction"] for event in events.of("progress")][1:] == [0.125, 0.375, 0.625, 0.875]


def test_the_fraction_of_a_run_never_falls_nor_reaches_the_end(tmp_path: Path, clock: list[float]) -> None:
    events = Heard()
    job = job_of(tmp_path, emit=events)
    job.begin("train")
    for done in (50, 60, 10, 100, 90):
        clock[0] += 20
        job.progress(done, 100)
    fractions = [event["fraction"] for event in events.of("progress")]
    assert fractions == sorted(fractions)
    assert fractions[-1] < 1


def test_progress_is_told_at_most_once_a_second(tmp_path: Path, clock: list[float]) -> None:
    events = Heard()
    job = job_of(tmp_path, emit=events)
    job.begin("train")
    for _step in range(10):
        clock[0] += 0.3
        job.progress(1, 100)
    assert len(events.of("progress")) == 1 + 2


def test_a_stage_tells_its_beginning_its_end_and_what_it_took(tmp_path: Path, clock: list[float]) -> None:
    events = Heard()
    job = job_of(tmp_path, emit=events)
    job.out.mkdir()
    with job.stage("evaluate"):
        clock[0] += 7
    assert [(event["state"], event.get("seconds")) for event in events.of("stage")] == [("start", None), ("done", 7)]
    assert job.timings == {"evaluate": 7}
    assert json.loads((job.out / "clock.json").read_text()) == {"seconds": 7}


def test_figures_of_earlier_laps_are_not_drawn(tmp_path: Path) -> None:
    events = Heard()
    job = job_of(tmp_path, emit=events)
    for number in range(3):
        with job.substage(number, 3):
            job.metric("loss", "train", number + 1 / 3, step=1, epoch=1 / 3)
    assert job.history == [{"name": "loss", "split": "train", "step": 1, "epoch": 0.333, "value": 2.333333}]
    assert len(events.of("metric")) == 1


def test_a_trial_is_silent_but_for_its_download() -> None:
    events = Heard()
    emit = only_downloads(events)
    emit("log", message="x")
    emit("progress", unit="rows")
    emit("progress", unit="bytes", done=1)
    assert events == [{"type": "progress", "unit": "bytes", "done": 1}]
