"""The clock of a run: limits, laps, stages, and how much is left; its checkpoints; and the folds it goes round."""

import json
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from tests.trainer.small_learning import Net, Points, job_of, points
from trainer import allowance
from trainer.errors import SpecError, Stopped
from trainer.learning import checkpoint, memory
from trainer.learning.baselines import Baseline
from trainer.learning.estimate import baseline_seconds, of_probe, only_downloads, package_seconds
from trainer.learning.folds import VALIDATION_OF_TWO, Round, Rounds, outputs_of, usual_epochs
from trainer.learning.job import ENOUGH_TO_FORESEE, FIRST_GUESS
from trainer.learning.passes import read_part
from trainer.learning.rows import POOL_BATCHES, Lazily
from trainer.learning.run import claim, clear_away, identity, place
from trainer.spec import Spec
from trainer.thresholds import Certainty


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
    with job.lap(lap, 4):
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
        with job.lap(number, 4):
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
        with job.lap(number, 3):
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


# A run's folder


def test_a_method_that_the_task_has_not_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SpecError) as refused:
        job_of(tmp_path, method="boosting")
    assert refused.value.code == "bad_method"


@pytest.mark.parametrize(
    ("value", "end"),
    [
        ("/data/old/media/set/v1", ("", "media", "set", "v1")),
        ("/other/media/set/v1", ("", "media", "set", "v1")),
        ("artifact:/data/runs/7/artifact", ("artifact", "runs", "7", "artifact")),
        ("bundled:all-MiniLM-L6-v2", "bundled:all-MiniLM-L6-v2"),
        ("hub:a/b", "hub:a/b"),
        ("name", "name"),
        (5, 5),
        (None, None),
    ],
)
def test_a_folder_of_data_may_be_moved_with_its_runs(value: object, end: object) -> None:
    assert place(value) == end


def test_only_another_specification_is_another_run(tmp_path: Path) -> None:
    def spec(**fields: Any) -> Spec:
        base = {"dataset": {"path": "/data/a/set/v1"}, "task": "text-classification", "model": "local:x"}
        return Spec.model_validate(base | fields)

    out = tmp_path / "out"
    claim(spec(), out)
    claim(spec(limits={"seconds": 5}, hardware={"threads": 3}), out)
    claim(spec(dataset={"path": "/moved/a/set/v1"}), out)
    for other in (
        spec(dataset={"path": "/data/a/set/v2"}),
        spec(model="local:y"),
        spec(seed=1),
        spec(params={"epochs": 3}),
    ):
        assert identity(other) != identity(spec())
        with pytest.raises(SpecError) as refused:
            claim(other, out)
        assert refused.value.code == "other_run"


def test_a_finished_run_keeps_what_it_made_alone(tmp_path: Path) -> None:
    for name in ("checkpoints", "cache", "artifact"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "a").write_text("x")
    clear_away(tmp_path)
    clear_away(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["artifact"]


# Checkpoints


def test_the_two_newest_checkpoints_stay(tmp_path: Path) -> None:
    for step in (1, 20, 3, 100):
        written = checkpoint.save(tmp_path, step, {"a": torch.full((2,), float(step))}, {"step": step})
        assert written > 8
    assert [path.name for path in checkpoint.complete(tmp_path)] == ["step-000000020", "step-000000100"]
    tensors, state = checkpoint.latest(tmp_path) or ({}, {})
    assert (tensors["a"].tolist(), state) == ([100, 100], {"step": 100})


@pytest.mark.parametrize("spoil", ["state.json", "tensors.safetensors"])
@pytest.mark.parametrize("content", [None, b"", b"{"])
def test_a_spoiled_checkpoint_is_passed_over_for_the_one_before(
    spoil: str, content: bytes | None, tmp_path: Path
) -> None:
    for step in (1, 2):
        checkpoint.save(tmp_path, step, {"a": torch.zeros(1)}, {"step": step})
    path = tmp_path / "step-000000002" / spoil
    path.unlink()
    if content is not None:
        path.write_bytes(content)
    _tensors, state = checkpoint.latest(tmp_path) or ({}, {})
    assert state == {"step": 1}


def test_no_checkpoint_is_none_and_a_half_written_one_is_none(tmp_path: Path) -> None:
    assert checkpoint.latest(tmp_path / "nowhere") is None
    (tmp_path / "writing").mkdir()
    assert checkpoint.latest(tmp_path) is None
    checkpoint.save(tmp_path, 1, {"a": torch.zeros(1)}, {})
    assert not (tmp_path / "writing").exists()


# Batches


@pytest.mark.parametrize(("rows", "size"), [(0, 4), (1, 4), (4, 4), (5, 4), (1_000, 8)])
def test_every_row_is_in_one_batch_however_they_are_read(rows: int, size: int) -> None:
    table = points(max(rows, 3))
    table.lengths = np.random.default_rng(0).integers(1, 50, max(rows, 3))
    chosen = np.arange(rows)
    for batches in (table.sorted_batches(chosen, size), table.training_batches(chosen, size, 0, 1)):
        assert sorted(row for batch in batches for row in batch.tolist()) == chosen.tolist()
        assert all(0 < len(batch) <= size for batch in batches)
    lengths = [table.lengths[batch].max() for batch in table.sorted_batches(chosen, size)]
    assert lengths == sorted(lengths, reverse=True)


def test_batches_to_learn_from_are_of_like_rows_and_new_each_epoch() -> None:
    table = points(2_000)
    table.lengths = np.random.default_rng(0).integers(1, 500, 2_000)
    first, again, later = (table.training_batches(np.arange(2_000), 8, 0, epoch) for epoch in (1, 1, 2))
    assert all(np.array_equal(one, other) for one, other in zip(first, again, strict=True))
    assert not all(np.array_equal(one, other) for one, other in zip(first, later, strict=True))
    spread = np.mean([np.ptp(table.lengths[batch]) for batch in first])
    assert spread < 2 * 500 / POOL_BATCHES, "pools of fifty batches, sorted"


def test_inputs_are_read_when_they_are_asked_for() -> None:
    asked: list[int] = []

    class Asked(Points):
        def input(self, row: int) -> object:
            asked.append(row)
            return row * 10

    table = points()
    table.__class__ = Asked
    inputs = Lazily(table, np.array([5, 7, 9]))
    assert (len(inputs), asked) == (3, [])
    assert inputs[1] == 70
    assert list(inputs[1:]) == [70, 90]
    assert asked == [7, 7, 9]


def test_a_pass_gives_the_outputs_in_the_order_asked(tmp_path: Path) -> None:
    table, net, job = points(), Net(), job_of(tmp_path)
    table.lengths = np.arange(table.count)[::-1] + 1
    chosen = np.array([7, 3, 50, 4])
    told: list[int] = []
    outputs = read_part(net, table, chosen, job.device, told.append)
    with torch.inference_mode():
        wanted = net(table.features[chosen]).numpy()
    assert np.asarray(outputs) == pytest.approx(wanted, abs=0.02 if job.device.bf16 else 1e-6)
    assert told == [4]


# Rounds of tests


def folded(folds: list[int]) -> Points:
    table = points(len(folds), 2)
    table.loaded.folds = np.array(folds)
    return table


@pytest.mark.parametrize("count", [2, 3, 5])
def test_each_row_is_tested_on_in_one_round_and_learned_from_in_others(count: int) -> None:
    table = folded([row % count for row in range(30)])
    rounds = Rounds(table)
    tested = []
    for fold in range(count):
        rounds.begin(fold)
        test, validation, train = (table.part(name) for name in ("test", "validation", "train"))
        assert set(table.loaded.folds[test]) == {fold}
        assert set(table.loaded.folds[validation]) == {(fold + 1) % count}
        assert len(test) + len(validation) + len(train) == 30
        assert len(train) > 0
        tested += test.tolist()
    assert sorted(tested) == list(range(30))
    if count == 2:
        assert len(validation) == 15 // VALIDATION_OF_TWO
    rounds.test_all()
    assert len(table.part("test")) == 30
    rounds.learn_all()
    assert len(table.part("train")) == 30


def test_rows_without_folds_have_no_rounds() -> None:
    with pytest.raises(ValueError, match="folds"):
        Rounds(points())


def test_baselines_of_all_rounds_are_put_together_by_row() -> None:
    table = folded([0, 1, 2, 0, 1, 2])
    rounds = Rounds(table)

    def compute() -> dict[str, Baseline]:
        test = table.part("test")
        return {
            "own": Baseline(test[:, None] * 10.0, "yes", 2.0),
            **({"sometimes": Baseline(test[:, None] * 1.0)} if 0 in test else {}),
        }

    pooled = rounds.baselines(compute)
    assert list(pooled) == ["own"], "one that some round lacks is none"
    assert pooled["own"].outputs.tolist() == [[0], [10], [20], [30], [40], [50]]
    assert (pooled["own"].label, pooled["own"].seconds) == ("yes", 2.0)
    assert set(table.loaded.split) == {"train"}


@pytest.mark.parametrize(
    ("outputs", "certainty", "epoch", "validated"),
    [
        (np.ones((2, 3), np.float32), None, None, None),
        (np.ones((2, 3), np.float32), Certainty(np.array([0.5, 0.7]), np.array([True, False])), 3, 0.25),
        ([np.array([1, 2]), np.array([], dtype=np.int64)], None, 0, None),
    ],
)
def test_a_round_is_read_as_it_was_written(
    outputs: Any, certainty: Certainty | None, epoch: int | None, validated: float | None, tmp_path: Path
) -> None:
    written = Round(np.array([4, 9]), outputs, epoch, certainty, "validation", 0.3, validated)
    written.save(tmp_path / "folds" / "0.npz")
    read = Round.load(tmp_path / "folds" / "0.npz")
    assert [path.name for path in (tmp_path / "folds").iterdir()] == ["0.npz"]
    assert read.rows.tolist() == [4, 9]
    assert [output.tolist() for output in read.outputs] == [output.tolist() for output in outputs]
    assert (read.epoch, read.source, read.shown_from, read.validated) == (epoch, "validation", 0.3, validated)
    assert (read.certainty is None) == (certainty is None)


@pytest.mark.parametrize(
    ("epochs", "usual"), [([3, 5, 9], 5), ([1, 2], 2), ([4], 4), ([None, None], None), ([], None), ([0, None, 6], 6)]
)
def test_the_kept_model_learns_for_the_middle_number_of_epochs(epochs: list[int | None], usual: int | None) -> None:
    rounds = [Round(np.array([0]), np.zeros((1, 1)), epoch, None, "validation", None) for epoch in epochs]
    assert usual_epochs(rounds) == usual


def test_outputs_of_all_rounds_are_in_the_order_of_the_rows() -> None:
    rounds = [
        Round(np.array(rows), np.array(rows)[:, None] * 1.0, None, None, "validation", None)
        for rows in ([3, 0], [1, 2])
    ]
    assert np.asarray(outputs_of(rounds)).tolist() == [[0], [1], [2], [3]]


# What a run is estimated to take


def test_estimates_grow_with_what_they_count() -> None:
    small, large = points(60, 2), points(600, 8)
    assert baseline_seconds(small) < baseline_seconds(large) < 1
    assert package_seconds(small, 0.01, 1_000, pretrained=False) < package_seconds(small, 0.01, 1_000)
    assert package_seconds(small, 0.01, 10**7) - package_seconds(small, 0.01, 0) == pytest.approx(3)
    probe = of_probe(large, 0.5)
    learned = len(large.part("train")) + len(large.part("validation"))
    assert probe["rows_per_second"] == 2
    assert probe["train"] == pytest.approx(learned * 0.5 + 1, rel=0.01)


def test_a_weight_takes_sixteen_bytes_to_learn() -> None:
    """Itself, its gradient and the two moments of AdamW."""
    parameter = torch.nn.Parameter(torch.zeros(1_000))
    optimizer = torch.optim.AdamW([parameter])
    parameter.sum().backward()
    optimizer.step()
    moments = sum(value.nbytes for value in optimizer.state[parameter].values() if value.ndim)
    assert parameter.grad is not None
    assert parameter.nbytes + parameter.grad.nbytes + moments == memory.fixed_bytes(1_000) == 16_000
