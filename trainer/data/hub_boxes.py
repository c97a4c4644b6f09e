"""Boxes in a cell beside their picture, as data sets of the hub keep them: lists of four numbers, and of the classes."""

import io
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from trainer.data.annotations import Boxes, parse_numbers
from trainer.data.media import DAMAGED

BOX_NAMES = ("bbox", "bboxes", "box", "boxes")
LABEL_NAMES = ("category", "categories", "label", "labels", "class", "classes", "name", "category_name", "category_id")
SIDES, CORNERS, SHARES = "sides", "corners", "share_sides"
FORMS = (SIDES, CORNERS, SHARES)
"""What the four numbers are: left, top, width, height; left, top, right, bottom; the first as shares of the picture."""


def boxes_of(value: object) -> list[tuple[str, list[float] | None]] | None:
    """(label, four numbers or None where they are none) of each object in a cell; None for a cell of another kind."""
    if isinstance(value, Mapping):
        boxes = next((value[name] for name in BOX_NAMES if isinstance(value.get(name), list)), None)
        if boxes is None:
            return None
        labels: list[object] = next((value[name] for name in LABEL_NAMES if isinstance(value.get(name), list)), [])
        named = [*labels, *[None] * len(boxes)]
        return [(label_of(label), parse_numbers(box, 4)) for box, label in zip(boxes, named, strict=False)]
    if isinstance(value, list) and all(isinstance(entry, Mapping) for entry in value):
        boxes = [next((entry[name] for name in BOX_NAMES if name in entry), None) for entry in value]
        if value and all(box is None for box in boxes):
            return None
        labels = [next((entry[name] for name in LABEL_NAMES if name in entry), None) for entry in value]
        return [(label_of(label), parse_numbers(box, 4)) for box, label in zip(boxes, labels, strict=True)]
    return None


def label_of(label: object) -> str:
    return "object" if label is None else str(label)


def image_size(data: bytes) -> tuple[int, int] | None:
    """Width and height that a picture's head declares."""
    from PIL import Image

    try:
        with Image.open(io.BytesIO(data)) as image:
            return image.size
    except DAMAGED:
        return None


def form_of_boxes(samples: Iterable[tuple[Sequence[float], tuple[int, int]]]) -> tuple[str, float]:
    """(which of FORMS, how sure) of boxes with their pictures' sizes: the form under which fewest boxes are impossible."""
    bad: Counter[str] = Counter()
    count = shares = 0
    for (a, b, c, d), (width, height) in samples:
        count += 1
        shares += max(a, b, c, d) <= 1.0
        bad[SIDES] += a + c > width + 1.5 or b + d > height + 1.5
        bad[CORNERS] += c <= a or d <= b or c > width + 1.5 or d > height + 1.5
    if count and shares > 0.95 * count:
        return SHARES, 0.9
    if not count or bad[SIDES] == bad[CORNERS]:
        return SIDES, 0.7
    return (SIDES if bad[SIDES] < bad[CORNERS] else CORNERS), 0.95


def add_boxes(boxes: Boxes, name: str, value: object, form: str, size: tuple[int, int] | None) -> None:
    """The objects of one picture, `name`, whose head says `size`."""
    boxes.objects[name] += []
    for number, (label, box) in enumerate(boxes_of(value) or [], 1):
        where = f"box {number} of {name}"
        if box is None:
            boxes.refuse(f"{where} has no four numbers")
            continue
        if form == CORNERS:
            box = [box[0], box[1], box[2] - box[0], box[3] - box[1]]
        elif form == SHARES and size:
            box = [box[0] * size[0], box[1] * size[1], box[2] * size[0], box[3] * size[1]]
        boxes.add(name, label, box, (float(size[0]), float(size[1])) if size else None, where)
