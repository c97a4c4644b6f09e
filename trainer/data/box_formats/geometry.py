"""Outlines, masks, rotated boxes and key points in pixels: the box around each, and how a picture's turning moves them."""

import math
from collections.abc import Callable, Iterable, Sequence

Point = tuple[float, float]
MAX_MASK_CHARACTERS = 4_000_000
MAX_POINTS = 20_000
RIGHT_ANGLE = 0.05
"""How far from zero the cosine of a right angle may be: tools round corners to whole pixels or six digits."""


def bounds_of(points: Iterable[Point]) -> list[float] | None:
    """Left, top, width and height around points; None for fewer than two."""
    points = list(points)
    if len(points) < 2:
        return None
    across, down = [point[0] for point in points], [point[1] for point in points]
    return [min(across), min(down), max(across) - min(across), max(down) - min(down)]


def pair_up(flat: Sequence[float]) -> list[Point]:
    """[x1, y1, x2, y2, …] → points."""
    return list(zip(flat[::2], flat[1::2], strict=False))


def flatten(points: Iterable[Point]) -> list[float]:
    return [round(value, 2) for point in points for value in point]


def rotate_corners(box: Sequence[float], degrees: float, pivot: Point) -> list[Point]:
    """The four corners of a box [x, y, width, height] turned clockwise (y points down) about a point."""
    x, y, width, height = box
    cosine, sine = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    corners = [(x, y), (x + width, y), (x + width, y + height), (x, y + height)]
    return [
        (
            pivot[0] + (left - pivot[0]) * cosine - (top - pivot[1]) * sine,
            pivot[1] + (left - pivot[0]) * sine + (top - pivot[1]) * cosine,
        )
        for left, top in corners
    ]


def is_rectangle(points: Sequence[Point]) -> bool:
    """Whether four corners, in pixels, make right angles."""
    if len(points) != 4:
        return False
    for index in range(4):
        (ax, ay), (bx, by), (cx, cy) = (points[(index + step) % 4] for step in range(3))
        first, second = (bx - ax, by - ay), (cx - bx, cy - by)
        lengths = math.hypot(*first) * math.hypot(*second)
        if not lengths or abs(first[0] * second[0] + first[1] * second[1]) > RIGHT_ANGLE * lengths:
            return False
    return True


def is_upright(points: Sequence[Point], slack: float = 1.0) -> bool:
    """Whether the corners of a rectangle are those of the box around it, in pixels."""
    around = bounds_of(points)
    if around is None:
        return False
    sides = [(around[0], around[0] + around[2]), (around[1], around[1] + around[3])]
    return all(min(abs(point[axis] - side) for side in sides[axis]) <= slack for point in points for axis in (0, 1))


# Masks of runs, as COCO keeps them: pixels column by column, background first.


def decode_counts(text: str) -> list[int] | None:
    """The runs of COCO's compressed masks, after `rleFrString` of pycocotools; None for text that is none."""
    if len(text) > MAX_MASK_CHARACTERS:
        return None
    counts: list[int] = []
    value = shift = 0
    for character in text:
        code = ord(character) - 48
        if not 0 <= code < 64 or shift > 30:
            return None
        value |= (code & 0x1F) << shift
        shift += 5
        if code & 0x20:
            continue
        if code & 0x10:
            value |= -1 << shift
        if len(counts) > 2:
            value += counts[-2]
        counts.append(value)
        value = shift = 0
    return None if shift or any(count < 0 for count in counts) else counts


def bounds_of_runs(counts: Sequence[int], height: int) -> list[float] | None:
    """Left, top, width and height of a mask in pixels; None for an empty one."""
    if height <= 0:
        return None
    left = top = math.inf
    right = bottom = -1
    position = 0
    for index, count in enumerate(counts):
        if index % 2 and count:
            first, last = position // height, (position + count - 1) // height
            left, right = min(left, first), max(right, last)
            is_one_column = first == last
            top = min(top, position % height if is_one_column else 0)
            bottom = max(bottom, (position + count - 1) % height if is_one_column else height - 1)
        position += count
    return None if right < 0 else [float(left), float(top), float(right - left + 1), float(bottom - top + 1)]


# EXIF: how the pixels of a file are turned to be seen upright.


def turn_point(orientation: int, width: float, height: float) -> Callable[[Point], Point]:
    """From the pixels as they lie in the file, `width` by `height`, to those that are seen, by EXIF's orientation."""
    turns: dict[int, Callable[[Point], Point]] = {
        2: lambda point: (width - point[0], point[1]),
        3: lambda point: (width - point[0], height - point[1]),
        4: lambda point: (point[0], height - point[1]),
        5: lambda point: (point[1], point[0]),
        6: lambda point: (height - point[1], point[0]),
        7: lambda point: (height - point[1], width - point[0]),
        8: lambda point: (point[1], width - point[0]),
    }
    return turns.get(orientation, lambda point: point)
