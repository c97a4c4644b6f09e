"""Rows nearest to a row, beside what all pairs say."""

from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from tests.trainer.test_order_of_asking import circle, partly
from trainer.labelling import alike
from trainer.labelling.alike import LEAST, MOST_EACH, looked_at, nearest, write_alike
from trainer.labelling.classifier import to_unit
from trainer.labelling.rows import UNLABELLED


def test_they_are_the_nearest_of_all_pairs_and_never_the_row_itself() -> None:
    unit = to_unit(np.random.default_rng(0).normal(size=(200, 3)))
    candidates = np.arange(0, 200, 2)
    for place, (near, cosines) in zip([3, 4], nearest(unit, np.array([3, 4]), candidates), strict=True):
        every = sorted(((float(unit[place] @ unit[one]), int(one)) for one in candidates if one != place), reverse=True)
        expected = [one for cosine, one in every[:MOST_EACH] if cosine >= LEAST]
        assert near.tolist() == expected
        assert cosines.tolist() == pytest.approx([cosine for cosine, _one in every[: len(expected)]], abs=1e-6)


def test_rows_that_are_not_alike_are_left_out_and_so_are_reserved_skipped_and_labelled_ones(tmp_path: Path) -> None:
    rows = partly([0] + [UNLABELLED] * 6, reserved=[2], skipped=[3])
    write_alike(tmp_path / "a.parquet", rows, circle(0, 1, 2, 3, 4, 5, 180), [2])
    found = {row["row"]: row["alike"] for row in pq.read_table(tmp_path / "a.parquet").to_pylist()}
    assert found == {2: [5, 6], 3: [2, 5, 6], 5: [6, 2], 6: [5, 2], 7: []}
    assert [path.name for path in tmp_path.iterdir()] == ["a.parquet"]


def test_of_many_rows_those_decided_last_and_asked_next_are_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = partly([0, 0, 0] + [UNLABELLED] * 10)
    rows.decided[:3] = [0, 2, 1]
    monkeypatch.setattr(alike, "RECENT", 2)
    assert looked_at(rows, [9, 5], 5).tolist() == [1, 2, 3, 5, 9]
    assert looked_at(rows, [9, 5], 100).tolist() == list(range(1, 13))
    assert looked_at(partly([UNLABELLED] * 3), [], 2).tolist() == [0, 1]


def test_no_row_to_look_at_is_an_empty_file(tmp_path: Path) -> None:
    write_alike(tmp_path / "a.parquet", partly([0, 1]), circle(0, 180), [])
    assert pq.read_table(tmp_path / "a.parquet").num_rows == 0
    write_alike(tmp_path / "a.parquet", partly([0, UNLABELLED], reserved=[1]), circle(0, 180), [1])
    assert pq.read_table(tmp_path / "a.parquet").to_pylist() == [{"row": 2, "alike": [], "similarity": []}]
