"""Outlines, rotations, masks and turned pictures: held against numpy, pycocotools and Pillow."""

import io
import math

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as some
from PIL import Image, ImageOps
from pycocotools import mask as coco

from trainer.data.box_formats.geometry import (
    bounds_of,
    bounds_of_runs,
    decode_counts,
    flatten,
    is_rectangle,
    is_upright,
    pair_up,
    rotate_corners,
    turn_point,
)

PLACE = some.integers(-500, 500).map(lambda value: value / 4)
POINTS = some.lists(some.tuples(PLACE, PLACE), max_size=12)
often = settings(max_examples=80, deadline=None, derandomize=True)


@often
@given(POINTS)
def test_the_box_around_points_is_that_of_numpy(points: list[tuple[float, float]]) -> None:
    box = bounds_of(points)
    if len(points) < 2:
        assert box is None
        return
    values = np.array(points)
    assert box == [*values.min(axis=0), *np.ptp(values, axis=0)]


@often
@given(POINTS)
def test_points_are_flattened_and_paired_again(points: list[tuple[float, float]]) -> None:
    assert pair_up(flatten(points)) == points
    assert pair_up([1.0, 2.0, 3.0]) == [(1.0, 2.0)], "half a point is none"


@often
@given(
    some.tuples(PLACE, PLACE, some.integers(1, 300), some.integers(1, 300)),
    some.integers(-720, 720),
    some.tuples(PLACE, PLACE),
)
def test_a_turned_box_keeps_its_sides_and_its_right_angles(
    box: tuple[float, ...], degrees: int, pivot: tuple[float, float]
) -> None:
    corners = rotate_corners(box, degrees, pivot)
    sides = [math.dist(corners[place], corners[(place + 1) % 4]) for place in range(4)]
    assert sides == pytest.approx([box[2], box[3], box[2], box[3]])
    assert is_rectangle(corners)
    back = [rotate_corners([*corner, 0, 0], -degrees, pivot)[0] for corner in corners]
    assert np.array(back) == pytest.approx(np.array(rotate_corners(box, 0, pivot)), abs=1e-6)


def test_turning_is_clockwise_where_down_is_more() -> None:
    assert rotate_corners([0, 0, 2, 1], 90, (0, 0))[1] == pytest.approx((0, 2))


@pytest.mark.parametrize(
    ("points", "says"),
    [
        ([(0, 0), (4, 0), (4, 2), (0, 2)], True),
        ([(0, 0), (4, 0), (4, 2)], False),
        ([(0, 0), (4, 0), (5, 2), (1, 2)], False),
        ([(0, 0), (0, 0), (4, 2), (0, 2)], False),
        ([(0, 0), (4, 0), (0, 2), (4, 2)], False),
        ([(0, 0), (100, 1), (99, 51), (-1, 50)], True),
        ([], False),
    ],
    ids=["upright", "triangle", "slanted", "a corner twice", "crossed", "rounded", "none"],
)
def test_four_right_angles_make_a_rectangle(points: list[tuple[float, float]], says: bool) -> None:
    assert is_rectangle(points) == says


@pytest.mark.parametrize(
    ("degrees", "upright"), [(0, True), (90, True), (180, True), (0.5, True), (30, False), (45, False)]
)
def test_a_rectangle_along_the_edges_is_upright(degrees: float, upright: bool) -> None:
    assert is_upright(rotate_corners([10, 10, 40, 20], degrees, (30, 20))) == upright


# Masks


@often
@given(some.integers(1, 9), some.integers(1, 9), some.randoms(use_true_random=False), some.floats(0, 1))
def test_the_box_of_runs_is_that_of_pycocotools(height: int, width: int, random: object, share: float) -> None:
    drawn = np.random.default_rng(height * 100 + width + int(share * 1_000)).random((height, width)) < share
    encoded = coco.encode(np.asfortranarray(drawn.astype(np.uint8)))
    counts = decode_counts(encoded["counts"].decode())
    assert counts is not None
    assert sum(counts) == height * width
    pixels = np.repeat(np.arange(len(counts)) % 2, counts).reshape((height, width), order="F")
    assert (pixels == drawn).all()
    box = bounds_of_runs(counts, height)
    assert box == (coco.toBbox(encoded).tolist() if drawn.any() else None)


@pytest.mark.parametrize("text", ["o", "\x7f", "中", " ", "P" * 20, "\n1"])
def test_what_is_no_mask_gives_none(text: str) -> None:
    assert decode_counts(text) is None


@pytest.mark.parametrize(
    ("counts", "height", "box"), [([], 5, None), ([9], 3, None), ([0, 4], 2, [0.0, 0.0, 2.0, 2.0]), ([1, 1], 0, None)]
)
def test_a_mask_without_pixels_has_no_box(counts: list[int], height: int, box: list[float] | None) -> None:
    assert bounds_of_runs(counts, height) == box


# EXIF


def turned(orientation: int, width: int, height: int, pixel: tuple[int, int]) -> tuple[int, int]:
    """Where Pillow shows a pixel of a file that EXIF turns."""
    image = Image.new("L", (width, height))
    image.putpixel(pixel, 255)
    exif = Image.Exif()
    exif[0x0112] = orientation
    buffer = io.BytesIO()
    image.save(buffer, "PNG", exif=exif)
    seen = np.asarray(ImageOps.exif_transpose(Image.open(buffer)))
    down, across = np.argwhere(seen == 255)[0]
    return int(across), int(down)


@pytest.mark.parametrize("orientation", range(1, 9))
@settings(max_examples=8, deadline=None, derandomize=True)
@given(some.integers(0, 6), some.integers(0, 3))
def test_points_turn_as_the_pixels_do(orientation: int, across: int, down: int) -> None:
    width, height = 7, 4
    assume(across < width and down < height)
    middle = turn_point(orientation, width, height)((across + 0.5, down + 0.5))
    assert (math.floor(middle[0]), math.floor(middle[1])) == turned(orientation, width, height, (across, down))


def test_an_orientation_that_there_is_not_turns_nothing() -> None:
    assert turn_point(0, 7, 4)((1, 2)) == turn_point(99, 7, 4)((1, 2)) == (1, 2)
