"""Objects as points: blobs, losses and answers beside slow loops and beside transformers' own overlap; pictures and boxes that
are zoomed alike."""

import math

import numpy as np
import pytest
import torch
from torch import Tensor
from transformers.loss.loss_for_object_detection import generalized_box_iou

from trainer import boxes
from trainer.average_precision import Objects
from trainer.families.image import detection, points
from trainer.families.image.points import (
    NEAR,
    QUERIES,
    SPREAD,
    PointDetector,
    SmallBackbone,
    build_targets,
    focal,
    giou_loss,
)
from trainer.pictures import Preprocess
from trainer.point_net import STRIDE

CPU = torch.device("cpu")
SHAPE = (3, 8, 10)


def target(*objects: tuple[int, float, float, float, float]) -> dict[str, Tensor]:
    return {
        "class_labels": torch.tensor([kind for kind, *_box in objects], dtype=torch.long),
        "boxes": torch.tensor([box for _kind, *box in objects], dtype=torch.float32).view(-1, 4),
    }


SCENE = target((0, 0.3, 0.4, 0.6, 0.8), (0, 0.8, 0.8, 0.2, 0.2), (2, 0.42, 0.42, 0.1, 0.1))
"""The third lies in the first, a cell beside its middle."""


def blob(row: int, column: int, box: tuple[float, float, float, float]) -> float:
    """How much a cell is the middle of a box (centre and size as shares), one after the other."""
    _labels, rows, columns = SHAPE
    x, y, wide, tall = box[0] * columns, box[1] * rows, box[2] * columns, box[3] * rows
    at_x, at_y = min(math.floor(x), columns - 1), min(math.floor(y), rows - 1)
    spread_x, spread_y = max(SPREAD * wide, 0.3), max(SPREAD * tall, 0.3)
    return math.exp(-((column - at_x) ** 2) / (2 * spread_x**2) - (row - at_y) ** 2 / (2 * spread_y**2))


def test_a_blob_is_the_greatest_of_its_label_s_objects() -> None:
    blobs, *_rest = build_targets(SCENE, SHAPE, CPU)
    for label in range(SHAPE[0]):
        own = [
            box
            for kind, box in zip(SCENE["class_labels"].tolist(), SCENE["boxes"].tolist(), strict=True)
            if kind == label
        ]
        for row in range(SHAPE[1]):
            for column in range(SHAPE[2]):
                wanted = max((blob(row, column, tuple(box)) for box in own), default=0)
                assert blobs[label, row, column].item() == pytest.approx(wanted, abs=1e-6)
    assert blobs.eq(1).sum() == 3


def test_a_cell_belongs_to_the_smallest_object_that_covers_it() -> None:
    _blobs, cells, distances, weights = build_targets(SCENE, SHAPE, CPU)
    _labels, rows, columns = SHAPE
    listed = SCENE["boxes"].tolist()
    total = [0.0] * len(listed)
    for cell, far, weight in zip(cells.tolist(), distances.tolist(), weights.tolist(), strict=True):
        row, column = divmod(cell, columns)
        covering = [number for number, box in enumerate(listed) if blob(row, column, tuple(box)) > NEAR]
        owner = min(covering, key=lambda number: listed[number][2] * listed[number][3])
        x, y, wide, tall = listed[owner]
        left, top = (x - wide / 2) * columns, (y - tall / 2) * rows
        right, bottom = (x + wide / 2) * columns, (y + tall / 2) * rows
        wanted = [column + 0.5 - left, row + 0.5 - top, right - column - 0.5, bottom - row - 0.5]
        assert far == pytest.approx(wanted, abs=1e-5)
        total[owner] += weight
    for number, (_x, _y, wide, tall) in enumerate(listed):
        assert total[number] == pytest.approx(1 + math.log(max(wide * columns * tall * rows, 1)), rel=1e-5)


@pytest.mark.parametrize(
    "box", [(0, 0.0, 0.0, 0.1, 0.1), (1, 1.0, 1.0, 0.2, 0.2), (2, 0.5, 0.5, 0.0, 0.0), (0, 0.5, 0.5, 1, 1)]
)
def test_an_object_at_the_edge_or_of_no_size_is_learned_too(box: tuple[int, float, float, float, float]) -> None:
    blobs, cells, distances, weights = build_targets(target(box), SHAPE, CPU)
    assert blobs[box[0]].eq(1).sum() == 1
    assert len(cells) == len(distances) == len(weights) > 0
    assert torch.isfinite(distances).all()
    assert torch.isfinite(weights).all()


def test_the_focal_loss_is_a_sum_over_cells() -> None:
    generator = torch.Generator().manual_seed(0)
    heat = torch.randn(2, *SHAPE, generator=generator)
    blobs = torch.stack(
        [build_targets(SCENE, SHAPE, CPU)[0], build_targets(target((1, 0.5, 0.5, 0.2, 0.2)), SHAPE, CPU)[0]]
    )
    total, middles = 0.0, 0
    for logit, wanted in zip(heat.flatten().tolist(), blobs.flatten().tolist(), strict=True):
        probability = 1 / (1 + math.exp(-logit))
        if wanted == 1:
            total -= (1 - probability) ** 2 * math.log(probability)
            middles += 1
        else:
            total -= (1 - wanted) ** 4 * probability**2 * math.log(1 - probability)
    assert middles == 4
    assert focal(heat, blobs).item() == pytest.approx(total / middles, rel=1e-4)
    nothing = torch.zeros_like(blobs)
    assert torch.isfinite(focal(heat, nothing)), "a batch without an object is learned from"


def test_the_loss_of_sides_is_one_minus_the_generalised_overlap_of_transformers() -> None:
    generator = torch.Generator().manual_seed(0)
    sides = torch.rand(1, 4, *SHAPE[1:], generator=generator) * 3 + 0.1
    wanted = build_targets(SCENE, SHAPE, CPU)
    _blobs, cells, distances, weights = wanted
    middle_x, middle_y = cells % SHAPE[2] + 0.5, cells // SHAPE[2] + 0.5

    def placed(away: Tensor) -> Tensor:
        return torch.stack(
            [middle_x - away[:, 0], middle_y - away[:, 1], middle_x + away[:, 2], middle_y + away[:, 3]], dim=1
        )

    predicted = sides[0].flatten(1)[:, cells].T
    overlap = generalized_box_iou(placed(predicted), placed(distances.clamp(min=0.01))).diag()
    assert giou_loss(sides, [wanted]).item() == pytest.approx(
        (((1 - overlap) * weights).sum() / weights.sum()).item(), rel=1e-4
    )


def test_sides_that_are_right_cost_nothing_and_a_picture_without_objects_too() -> None:
    wanted = build_targets(target((1, 0.55, 0.5625, 0.4, 0.5)), SHAPE, CPU)
    sides = torch.ones(1, 4, *SHAPE[1:])
    sides[0].flatten(1)[:, wanted[1]] = wanted[2].clamp(min=0.01).T
    assert giou_loss(sides, [wanted]).item() == pytest.approx(0, abs=1e-5)
    empty = build_targets(target(), SHAPE, CPU)
    loss = giou_loss(sides.requires_grad_(), [empty])
    loss.backward()
    assert loss.item() == 0


def test_an_answer_lists_the_peaks_with_their_boxes() -> None:
    """What the net says is set by hand: two peaks, one of them on a plateau's edge."""
    model = PointDetector(SmallBackbone(), ["a", "b"], Preprocess(64, 64)).eval()
    cells = 64 // STRIDE
    heat = torch.full((1, 2, cells, cells), -9.0)
    heat[0, 0, 2, 3], heat[0, 0, 2, 4], heat[0, 1, 5, 1] = 2.0, 1.0, 0.5
    sides = torch.ones(1, 4, cells, cells)
    sides[0, :, 2, 3] = torch.tensor([0.5, 1.0, 1.5, 2.0])
    model.maps = lambda _pixels: (heat, sides)  # type: ignore[method-assign]
    (answers,) = model(model.example(1))
    assert answers.shape == (min(QUERIES, cells**2), 6)
    likely = answers[(answers[:, :2] > 0.2).any(1)]
    assert len(likely) == 2, "the neighbour of a peak is none"
    first, second = likely
    assert first[:2].tolist() == pytest.approx([1 / (1 + math.exp(-2)), 0], abs=1e-3)
    x, y = (3.5 + (1.5 - 0.5) / 2) / cells, (2.5 + (2.0 - 1.0) / 2) / cells
    assert first[2:].tolist() == pytest.approx([x, y, 2 / cells, 3 / cells], abs=1e-5)
    assert second[2:].tolist() == pytest.approx([1.5 / cells, 5.5 / cells, 2 / cells, 2 / cells], abs=1e-5)


# Boxes


@pytest.mark.parametrize(
    ("box", "size", "share"),
    [
        ([10, 20, 30, 40], (100, 200), [0.25, 0.2, 0.3, 0.2]),
        ([0, 0, 100, 200], (100, 200), [0.5, 0.5, 1, 1]),
        ([99, 199, 1, 1], (100, 200), [0.995, 0.9975, 0.01, 0.005]),
    ],
)
def test_pixels_become_shares_and_pixels_again(box: list[float], size: tuple[int, int], share: list[float]) -> None:
    shares = detection.shares([{"label": "a", "box": box}], size)
    assert shares[0].tolist() == pytest.approx(share)
    objects = Objects(boxes.corners(shares), np.array([0]), np.array([1.0]))
    assert boxes.listed(objects, ["a"], size)[0]["box"] == pytest.approx(box)
    assert detection.shares([], size).shape == (0, 4)


def test_listed_objects_are_read_back() -> None:
    listed = [{"label": "b", "score": 0.5, "box": [10.0, 20.0, 30.0, 40.0]}, {"label": "z", "box": [0, 0, 1, 1]}]
    objects = boxes.of_list(listed, {"a": 0, "b": 1}, (100, 200))
    assert objects.boxes.tolist() == [pytest.approx([0.1, 0.1, 0.4, 0.3]), pytest.approx([0, 0, 0.01, 0.005])]
    assert (objects.labels.tolist(), objects.scores.tolist()) == ([1, -1], [0.5, 1.0])
    assert boxes.listed(objects, ["a", "b"], (100, 200))[0] == listed[0]
    assert boxes.listed(objects, ["a", "b"], (100, 200))[1]["label"] is None


@pytest.mark.parametrize(("overlap", "stays"), [(0.69, True), (0.71, False)])
def test_the_same_object_is_what_overlaps_by_seven_tenths(overlap: float, stays: bool) -> None:
    """Two boxes of one size, the second moved: their overlap is (1 − shift) / (1 + shift)."""
    shift = (1 - overlap) / (1 + overlap)
    placed = np.array([[0.0, 0, 1, 1], [shift, 0, 1 + shift, 1]])
    for labels, count in (([0, 0], 2 if stays else 1), ([0, 1], 2)):
        kept = boxes.suppress_overlaps(Objects(placed, np.array(labels), np.array([0.9, 0.8])))
        assert len(kept.scores) == count


def test_nothing_found_is_nothing_shown() -> None:
    objects = boxes.objects_of(np.zeros((5, 2 + 4)))
    assert len(objects.scores) == 0
    assert boxes.listed(objects, ["a", "b"], (10, 10)) == []


def test_every_window_lies_about_its_picture_and_zooms_either_way() -> None:
    zooms = detection.zoomed(2_000, 0.4, np.random.default_rng(0))
    seen, x, y = zooms.T
    assert 0.6 <= seen.min() < 0.63
    assert 1.37 < seen.max() <= 1.4
    for middle in (x, y):
        assert (np.abs(middle - 0.5) <= np.abs(1 - seen) / 2 + 1e-9).all()
    assert np.allclose(detection.zoomed(3, 0.0, np.random.default_rng(0)), [1, 0.5, 0.5])


@pytest.mark.parametrize(("seen", "wanted"), [(1.0, "same"), (2.0, "framed"), (0.5, "middle")])
def test_a_window_shows_its_part_and_grey_around(seen: float, wanted: str) -> None:
    pixels = torch.full((1, 16, 16, 3), 200.0)
    pixels[0, 4:12, 4:12] = 50
    shown = detection.warp(pixels, np.array([[seen, 0.5, 0.5]]))[0, :, :, 0]
    if wanted == "same":
        assert torch.allclose(shown, pixels[0, :, :, 0], atol=1e-3)
    if wanted == "framed":
        assert shown[0].tolist() == pytest.approx([detection.GREY] * 16)
        assert shown[8, 8].item() == pytest.approx(50)
    if wanted == "middle":
        assert shown[1:-1, 1:-1].numpy() == pytest.approx(50)


def test_scores_are_compared_without_their_places() -> None:
    outputs = np.array([[[0.2, 0.9, 1, 2, 3, 4], [0.8, 0.1, 5, 6, 7, 8]]])
    assert detection.scores_in_order(outputs).tolist() == [[[0.2, 0.1], [0.8, 0.9]]]
    assert points.QUERIES >= boxes.MAX_OBJECTS
