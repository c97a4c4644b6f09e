"""Data and model from above: places on the map, typical and odd rows, neighbours, the imitating tree and partial dependence."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from tests.trainer import small_tables
from trainer.insight.dependence import dependences
from trainer.insight.imitation import imitate
from trainer.insight.maps import MOST_ROWS, MOST_TESTED, Points, choose, classes_of, nearest, to_plane


def rows_of(count: int) -> Any:
    numbers = np.arange(count)
    return SimpleNamespace(numbers=numbers)


def circle(degrees: list[float]) -> np.ndarray:
    angles = np.deg2rad(degrees)
    return np.stack([np.cos(angles), np.sin(angles)], axis=1)


def test_the_plane_is_that_of_the_two_main_directions() -> None:
    generator = np.random.default_rng(0)
    plane = generator.normal(size=(60, 2)) * (5, 2)
    turned = np.linalg.qr(generator.normal(size=(10, 10)))[0][:2]
    placed, variance = to_plane(plane @ turned + 3)
    assert sum(variance) == pytest.approx(1)
    assert placed.min(axis=0).tolist() == [0, 0]
    assert placed.max(axis=0).tolist() == [1, 1]
    assert abs(np.corrcoef(placed[:, 0], plane[:, 0])[0, 1]) > 0.99
    assert np.array_equal(placed, to_plane(plane @ turned + 3)[0]), "the same every time"
    assert to_plane(np.ones((3, 1)))[0].shape == (3, 2)


def test_typical_rows_lie_in_the_middle_of_their_class_and_odd_ones_far_out() -> None:
    points = Points(rows_of(8), circle([0, 1, 2, 3, 60, 180, 181, 182]), "words")
    first, second = classes_of(points, np.array([0, 0, 0, 0, 0, 1, 1, 1]), ["a", "b"])
    assert (first["label"], first["rows"], first["odd"][0]) == ("a", 5, 5)
    assert 5 not in first["typical"]
    assert second["typical"][0] == 7
    assert second["odd"] == [], "all three are shown already"


def test_neighbours_are_rows_that_were_learned_from() -> None:
    points = Points(rows_of(5), circle([0, 10, 90, 95, 91]), "words")
    parts = np.array(["train", "validation", "train", "test", "pool"])
    near = nearest(points, parts)
    assert list(near) == ["4"]
    assert [one["row"] for one in near["4"]] == [3, 2, 1]
    assert near["4"][0]["similarity"] == pytest.approx(np.cos(np.deg2rad(5)), abs=1e-3)


def test_the_map_has_room_for_test_rows() -> None:
    split = np.array((["train"] * 4 + ["test"]) * 1_000)
    kept: list[np.ndarray] = []
    rows = SimpleNamespace(numbers=np.arange(5_000), dataset=SimpleNamespace(split=split), keep=kept.append)
    choose(rows)  # type: ignore[arg-type]
    assert len(kept[0]) == MOST_ROWS
    assert (split[kept[0]] == "test").sum() == MOST_TESTED
    assert np.array_equal(kept[0], np.sort(kept[0]))


def leaves(node: dict[str, Any]) -> list[dict[str, Any]]:
    return [node] if "answer" in node else leaves(node["yes"]) + leaves(node["no"])


@pytest.mark.parametrize("outputs", [2, 1])
def test_a_tree_imitates_the_model(tmp_path: Path, outputs: int) -> None:
    engine = small_tables.build(tmp_path, "lightgbm", outputs)
    rows = small_tables.rows()
    told = imitate(engine, rows[:160], rows[160:])
    assert told is not None
    ends = leaves(told["tree"])
    assert 2 <= len(ends) <= 8
    assert sum(end["rows"] for end in ends) == 160
    assert told["fidelity"]["value"] > 0.7
    assert told["tree"]["column"] in ("plan", "age")
    if outputs == 2:
        assert told["fidelity"]["low"] < told["fidelity"]["value"]
        assert {end["answer"] for end in ends} == {"leaves", "stays"}
    else:
        assert told["fidelity"]["low"] is None
    assert imitate(engine, rows[:5], rows[:5]) is None


def test_partial_dependence_of_a_sum_is_its_own_slope(tmp_path: Path) -> None:
    engine = small_tables.build(tmp_path, "linear", 1)
    told = dependences(engine, small_tables.rows())
    assert told["labels"] == []
    by_name = {column["column"]: column for column in told["columns"]}
    assert set(by_name) == {"plan", "age", "calls"}, "dates have no curve"
    assert told["columns"][0]["column"] in ("plan", "age")
    assert [value for value in by_name["plan"]["values"] if value == "monthly"]
    curve = [each[0] for each in by_name["calls"]["answers"]]
    assert np.all(np.diff(curve) > 0)
    assert np.polyfit(by_name["calls"]["values"], curve, 1)[0] == pytest.approx(0.2, abs=0.08)


def test_of_two_classes_one_is_told(tmp_path: Path) -> None:
    told = dependences(small_tables.build(tmp_path, "linear", 2), small_tables.rows())
    assert told["labels"] == ["stays"]
    assert all(0 <= value <= 1 for column in told["columns"] for each in column["answers"] for value in each)
