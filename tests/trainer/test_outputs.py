"""Outputs whose rows are of different lengths, kept and read like those of one shape."""

import io
from pathlib import Path

import numpy as np
import pytest
import torch

from trainer.learning import baselines
from trainer.learning.baselines import Baseline
from trainer.learning.folds import Round, outputs_of
from trainer.outputs import Outputs, gathered, joined, packed, unpacked
from trainer.writing.beams import greedy

EVEN = np.arange(6.0).reshape(3, 2)
RAGGED = [np.array([1, 2, 3]), np.array([], dtype=np.int64), np.array([4])]


def same(first: Outputs, second: Outputs) -> bool:
    return len(first) == len(second) and all(
        np.array_equal(one, other) for one, other in zip(first, second, strict=True)
    )


@pytest.mark.parametrize("outputs", [EVEN, RAGGED], ids=["even", "ragged"])
def test_they_are_kept_whole(outputs: Outputs, tmp_path: Path) -> None:
    file = io.BytesIO()
    np.savez(file, **packed(outputs))
    file.seek(0)
    assert same(unpacked(np.load(file)), outputs)
    assert same(joined([outputs[:1], outputs[1:]]), outputs)
    kept = baselines.cached(tmp_path / "baselines", lambda: {"one": Baseline(outputs, "a", 0.5)})
    assert same(kept["one"].outputs, outputs)
    assert same(baselines.cached(tmp_path / "baselines", dict)["one"].outputs, outputs)
    round_ = Round(np.arange(3), outputs, 2, None, "validation", None)
    round_.save(tmp_path / "folds" / "0.npz")
    assert same(Round.load(tmp_path / "folds" / "0.npz").outputs, outputs)


def test_only_rows_of_one_shape_are_stacked() -> None:
    assert isinstance(gathered(list(EVEN)), np.ndarray)
    assert isinstance(gathered(RAGGED), list)


def test_rounds_are_put_together_in_the_order_of_the_rows() -> None:
    first = Round(np.array([0, 2]), [RAGGED[0], RAGGED[2]], None, None, "validation", None)
    second = Round(np.array([1]), [RAGGED[1]], None, None, "validation", None)
    assert same(outputs_of([second, first]), RAGGED)


def test_baselines_of_a_run_begun_before_are_read(tmp_path: Path) -> None:
    np.save(tmp_path / "mean.npy", EVEN)
    (tmp_path / "index.json").write_text('{"mean": ["3", 0.1]}', "utf-8")
    assert same(baselines.cached(tmp_path, dict)["mean"].outputs, EVEN)


def test_each_text_is_as_long_as_it_is() -> None:
    """Token 9 ends a text; the second text ends at once, the third never."""
    told = torch.tensor([[5, 9, 5], [6, 9, 5], [9, 9, 5]])

    rows = np.arange(3)

    def step(tokens: np.ndarray, before: np.ndarray) -> np.ndarray:
        nonlocal rows
        rows = rows[before]
        return np.eye(10)[told[tokens.shape[1] - 1].numpy()[rows]]

    written = greedy(step, 3, [0], 9, 3)
    assert [ids.tolist() for ids in written] == [[5, 6], [], [5, 5, 5]]
