"""Boxes of objects in a picture."""

import json
import math
from collections import Counter
from collections.abc import Callable
from typing import Any

from django.http import QueryDict
from django.utils.translation import gettext as _

from webapp.answers.base import Output, Presentation, Report, Size
from webapp.answers.classes import ranked_classes
from webapp.answers.labelled import Labelling, Row, as_cell, bad_label, label_of, listed

KEPT_OBJECTS = 20
MOST_BOXES = 500
"""Of one picture."""
SLACK = 0.05
"""Pixels by which rounding may put a side outside of its picture."""


class Boxes(Labelling):
    """Boxes around the objects of a picture, or none: a cell is `[{label, box [x, y, width, height]}]` in pixels."""

    scripts = ("js/label-boxes.js",)
    needs_row = True

    def typed(self, fields: QueryDict) -> str:
        return fields.get("value") or "[]"

    def cell(self, given: object, row: Row) -> str:
        boxes = [box_of(box, row.size()) for box in listed(given, form_of_boxes())]
        if len(boxes) > MOST_BOXES:
            raise bad_label(_("A picture has at most %(limit)d boxes.") % {"limit": MOST_BOXES}, _("Draw fewer boxes."))
        return as_cell(boxes)

    def value(self, cell: str) -> list[dict[str, Any]]:
        return boxes_in(cell)

    def label_text(self, cell: str) -> str:
        return counted_words(self.labels(cell)) or _("no object")

    def labels(self, cell: str) -> list[str]:
        return [str(box["label"]) for box in boxes_in(cell)]


def form_of_boxes() -> str:
    return _('Boxes look like [{"label": "cat", "box": [x, y, width, height]}], in pixels from the upper left corner.')


def boxes_in(cell: str) -> list[dict[str, Any]]:
    """None of a cell that cannot be read."""
    try:
        boxes = json.loads(cell)
    except (ValueError, RecursionError):
        return []
    if not isinstance(boxes, list):
        return []
    return [
        {"label": box["label"], "box": box["box"]}
        for box in boxes
        if isinstance(box, dict) and {"label", "box"} <= set(box)
    ]


def box_of(given: object, size: Size | None) -> dict[str, Any]:
    """`Problem` for what is not a box of a picture of this size (width, height)."""
    sides = given.get("box") if isinstance(given, dict) else None
    if (
        not isinstance(given, dict)
        or set(given) != {"label", "box"}
        or not isinstance(sides, list)
        or not are_sides(sides)
    ):
        raise bad_label(form_of_boxes(), _("Send it again in this form."))
    label, (x, y, width, height) = label_of(given["label"]), sides
    most = size or (math.inf, math.inf)
    if min(width, height) <= 0:
        raise bad_label(_("The box “%(label)s” has no area.") % {"label": label}, _("Draw it larger, or remove it."))
    if min(x, y) < -SLACK or x + width > most[0] + SLACK or y + height > most[1] + SLACK:
        raise bad_label(
            _("The box “%(label)s” reaches out of its picture.") % {"label": label},
            _("This picture has %(width)d × %(height)d pixels. Move the box, or make it smaller.")
            % {"width": size[0], "height": size[1]}
            if size
            else _("Move the box, or make it smaller."),
        )
    x, y = (round(max(side, 0), 2) for side in (x, y))
    return {"label": label, "box": [x, y, round(min(width, most[0] - x), 2), round(min(height, most[1] - y), 2)]}


def are_sides(sides: list[Any]) -> bool:
    """Whether these are four numbers that are finite."""
    return len(sides) == 4 and all(type(side) in (int, float) and abs(side) < 1e9 for side in sides)


def counted_words(labels: list[str]) -> str:
    """“2 × cat, 1 × dog”."""
    return ", ".join(f"{count} × {label}" for label, count in Counter(labels).items())


class Objects(Presentation):
    key = "objects"
    labelling = Boxes()
    draws_input = True

    def answer_text(self, output: Output) -> str:
        """“2 × cat, 1 × dog”, in the order of their scores."""
        return counted_words([box["label"] for box in output["objects"]]) or _("nothing recognized")

    def shortened(self, output: Output) -> Output:
        return output | {"objects": output["objects"][:KEPT_OBJECTS]}

    def context(self, report: Report) -> dict[str, Any]:
        return ranked_classes(report.get("per_class", []), "map_50")

    def mistake(self, mistake: dict[str, Any], picture_size: Callable[[], Size | None]) -> dict[str, Any]:
        return {"size": picture_size()}


PRESENTATION = Objects()
