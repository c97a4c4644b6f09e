"""Average precision of found objects. The figures of the random case are pycocotools' own."""

import numpy as np
import pytest

from trainer.average_precision import Objects, average_precision, iou_matrix
from trainer.comparison import interval


def objects(boxes: list[list[float]], labels: list[int], scores: list[float] | None = None) -> Objects:
    return Objects(
        np.array(boxes, dtype=float).reshape(-1, 4), np.array(labels), np.array(scores or [1.0] * len(labels))
    )


def test_overlap() -> None:
    found = iou_matrix(np.array([[0, 0, 10, 10], [20, 20, 30, 30]]), np.array([[0, 0, 10, 5], [5, 5, 15, 15]]))
    assert found == pytest.approx(np.array([[0.5, 25 / 175], [0, 0]]))


def test_everything_found_exactly() -> None:
    truth = [objects([[0, 0, 10, 10], [20, 20, 40, 40]], [0, 1]), objects([], [])]
    found = average_precision(truth, truth, 2)
    assert (found.map, found.map_50) == (1.0, 1.0)
    assert found.counts.tolist() == [1, 1]


def test_a_second_answer_for_one_object_is_a_mistake() -> None:
    truth = [objects([[0, 0, 10, 10], [50, 50, 60, 60]], [0, 0])]
    twice = [objects([[0, 0, 10, 10], [0, 0, 10, 10]], [0, 0], [0.9, 0.8])]
    assert average_precision(truth, twice, 1).map_50 == pytest.approx(51 / 101)


def test_labels_that_do_not_occur_do_not_count() -> None:
    truth = [objects([[0, 0, 10, 10]], [0])]
    answers = [objects([[0, 0, 10, 10], [0, 0, 10, 10]], [0, 1], [0.9, 0.8])]
    found = average_precision(truth, answers, 2)
    assert found.map == 1.0
    assert found.of_label(1) == (0.0, 0.0)


def test_nothing_found() -> None:
    found = average_precision([objects([[0, 0, 10, 10]], [0])], [objects([], [])], 1)
    assert (found.map, found.map_50) == (0.0, 0.0)


def test_random_boxes_like_pycocotools() -> None:
    generator = np.random.default_rng(0)
    truth, answers = [], []
    for _picture in range(12):
        count = generator.integers(0, 8)
        corner, size = generator.random((count, 2)) * 80, generator.random((count, 2)) * 30 + 5
        boxes, labels = np.concatenate([corner, corner + size], 1), generator.integers(0, 3, count)
        truth.append(Objects(boxes, labels, np.ones(count)))
        kept = generator.random(count) < 0.8
        near = boxes[kept] + generator.normal(size=(kept.sum(), 4))
        answers.append(Objects(near, labels[kept], generator.random(kept.sum())))
    found = average_precision(truth, answers, 3)
    assert (found.map, found.map_50) == pytest.approx(RANDOM_CASE, abs=1e-9)
    around = interval("map_50", truth, answers, labels=range(3), resamples=100)
    assert around.low < around.value == found.map_50 < around.high


RANDOM_CASE = (0.5004473524275505, 0.7824139556812825)
