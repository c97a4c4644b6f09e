"""Boxes of Label Studio's JSON, JSON-MIN and CSV: shares of the picture in per cent, turned about the upper left corner."""

from collections.abc import Iterator
from typing import Any

from trainer.data.annotations import Boxes, Size, parse_numbers, parse_size
from trainer.data.archives import Entry
from trainer.data.box_formats.geometry import rotate_corners
from trainer.data.box_formats.json_base import NO_BOX, parse_points, picture_or_refuse
from trainer.data.box_formats.source import Annotated, Finder
from trainer.json_types import Json, JsonObject


def is_label_studio(document: Json) -> bool:
    """Whether first tasks have shapes; strokes and points alone, which have no box, only where no choice says what a whole picture
    is of."""
    tasks = [task for task in (document[:50] if isinstance(document, list) else []) if isinstance(task, dict)]
    shapes = {kind for task in tasks for kind, _value, _size in label_studio_shapes(task)}
    return bool(shapes - BOXLESS) or (bool(shapes) and not any(map(has_choice, tasks)))


def has_choice(task: JsonObject) -> bool:
    """Whether the first answer chooses something for the whole picture."""
    answers = label_studio_answers(task)
    regions = [region for region in answers[0]["result"] if isinstance(region, dict)] if answers else []
    drawn = {region.get("id") for region in regions if region.get("type") != "choices"}
    return any(region.get("type") == "choices" and region.get("id") not in drawn for region in regions)


def label_studio_answers(task: JsonObject) -> list[JsonObject]:
    """The answers that were given to a task and not skipped; those that are called the truth first."""
    listed = task.get("annotations", task.get("completions"))
    answers = [answer for answer in (listed if isinstance(listed, list) else []) if isinstance(answer, dict)]
    answers = [
        answer for answer in answers if not answer.get("was_cancelled") and isinstance(answer.get("result"), list)
    ]
    return sorted(answers, key=lambda answer: not answer.get("ground_truth"))


def label_studio_shapes(task: JsonObject) -> Iterator[tuple[str, JsonObject, Size | None]]:
    """(kind, its value, the picture's size) of each region of the first answer, in the long and in the short form (JSON-MIN)."""
    answers = label_studio_answers(task)
    regions = join_halves(answers[0]["result"]) if answers else []
    for region in regions:
        value = region.get("value") if isinstance(region, dict) else None
        kind = str(region.get("type") or "") if isinstance(region, dict) else ""
        if isinstance(value, dict) and kind in LABEL_STUDIO_KINDS:
            yield kind, value, parse_size(region.get("original_width"), region.get("original_height"))
    if "annotations" in task or "data" in task:
        return
    for listed in task.values():
        for value in listed if isinstance(listed, list) else []:
            kind_held = next((name for name in LABEL_STUDIO_KINDS if isinstance(value, dict) and name in value), None)
            if kind_held:
                yield kind_held, value, parse_size(value.get("original_width"), value.get("original_height"))


def join_halves(regions: list[Any]) -> list[Any]:
    """A region whose shape and whose labels are two controls (Rectangle and Labels, or Choices of each region) as one."""
    joined: list[Any] = []
    by_id: dict[str, JsonObject] = {}
    for region in regions:
        kind = str(region.get("type")) if isinstance(region, dict) else ""
        if kind in ("rectangle", "polygon", "ellipse", "keypoint", "brush") and isinstance(region.get("value"), dict):
            by_id[str(region.get("id"))] = region
    for region in regions:
        half = by_id.get(str(region.get("id"))) if isinstance(region, dict) else None
        value = region.get("value") if isinstance(region, dict) else None
        named = next((value[key] for key in ("labels", "choices") if isinstance(value, dict) and value.get(key)), None)
        if half is not None and named:
            kind = f"{half['type']}labels"
            joined.append(half | {"type": kind, "value": half["value"] | {kind: named}})
        elif half is None:
            joined.append(region)
    return joined


BOXLESS = frozenset({"keypointlabels", "brushlabels"})
LABEL_STUDIO_KINDS = ("rectanglelabels", "polygonlabels", "ellipselabels", "keypointlabels", "brushlabels")


def read_label_studio(document: list[Json], entry: Entry, find: Finder, into: Annotated) -> None:
    for number, task in enumerate(document, 1):
        if not isinstance(task, dict):
            into.boxes.refuse(f"task {number} of {entry.name} is not an object")
            continue
        held = task.get("data")
        data: JsonObject = held if isinstance(held, dict) else task
        names = [value for value in data.values() if isinstance(value, str)]
        answers = label_studio_answers(task)
        shapes = list(label_studio_shapes(task))
        if ("annotations" in task or "completions" in task) and not answers:
            continue  # skipped, or not labelled yet
        path = picture_or_refuse(names, find, into.boxes, entry.name)
        into.several_answers += len(answers) > 1
        for index, (kind, value, size) in enumerate(shapes if path else [], 1):
            where = f"region {index} of task {number} of {entry.name}"
            labels = value.get(kind)
            label = str(labels[0]) if isinstance(labels, list) and labels else ""
            if path and label and size:
                add_label_studio_region(path, label, value, size, where, into.boxes)
            else:
                into.boxes.refuse(f"{where} has no label, or does not say how large its picture is")


def add_label_studio_region(path: str, label: str, value: JsonObject, size: Size, where: str, boxes: Boxes) -> None:
    across, down = size[0] / 100, size[1] / 100
    points = [(x * across, y * down) for x, y in parse_points(value.get("points"))]
    rect = parse_numbers([value.get(key) for key in ("x", "y", "width", "height")], 4)
    ellipse = parse_numbers([value.get(key) for key in ("x", "y", "radiusX", "radiusY")], 4)
    turn = parse_numbers([value.get("rotation") or 0], 1) or [0.0]
    if len(points) > 2:
        boxes.add_points(path, label, points, size, where)
    elif rect and "brushlabels" not in value and "keypointlabels" not in value:
        box = [rect[0] * across, rect[1] * down, rect[2] * across, rect[3] * down]
        if turn[0] % 360:
            boxes.add_points(path, label, rotate_corners(box, turn[0], (box[0], box[1])), size, where)
        else:
            boxes.add(path, label, box, size, where)
    elif ellipse:
        x, y, wide, high = ellipse[0] * across, ellipse[1] * down, ellipse[2] * across, ellipse[3] * down
        boxes.add(path, label, [x - wide, y - high, 2 * wide, 2 * high], size, where)
    else:
        boxes.refuse(f"{where} {NO_BOX if 'brushlabels' not in value else 'is a brush stroke, which is not read'}")
