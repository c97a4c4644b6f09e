"""What readers of boxes in JSON share: points, and the picture that a document means."""

from trainer.data.annotations import Boxes, parse_numbers
from trainer.data.box_formats.geometry import Point
from trainer.data.box_formats.source import Finder
from trainer.json_types import Json

NO_BOX = "is a point or a line, which has no box"


def parse_point(value: Json) -> Point | None:
    point = parse_numbers(value, 2)
    return (point[0], point[1]) if point else None


def parse_points(values: Json) -> list[Point]:
    return [point for value in (values if isinstance(values, list) else []) if (point := parse_point(value))]


def picture_or_refuse(names: list[str], find: Finder, boxes: Boxes, file: str) -> str | None:
    """The first of the names that is a picture's; it counts even without objects."""
    path = next((path for name in names if name and (path := find(name))), None)
    if path is None:
        boxes.refuse(f"the picture “{next(filter(None, names), '')[:80]}” of {file} is not in the archive")
    else:
        boxes.objects[path]
    return path
