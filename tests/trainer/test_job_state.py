"""What a run keeps and goes through: its folder, checkpoints, batches and the folds it goes round; what that is estimated to take."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from tests.trainer.small_learning import Net, Points, job_of, points
from trainer.errors import SpecError
from trainer.learning import checkpoint, memory
from trainer.learning.baselines import Baseline
from trainer.learning.estimate import baseline_seconds, of_probe, package_seconds
from trainer.learning.folds import VALIDATION_OF_TWO, Round, Rounds, outputs_of, usual_epochs
from trainer.learning.passes import read_part
from trainer.learning.rows import POOL_BATCHES, Lazily
from trainer.learning.run import claim, clear_away, identity, place
from trainer.spec import Spec
from trainer.thresholds import Certainty

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
    assert (read.epoch, read.source, read.threshold, read.validated) == (epoch, "validation", 0.3, validated)
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
