"""Boxes of objects in a picture."""

import json
import math
from collections import Counter
from collections.abc import Callable
from functools import lru_cache
from typing import Any

from django.http import QueryDict
from django.utils.translation import gettext as _

from webapp.answers.base import Output, Presentation, Report, Size
from webapp.answers.classes import ranked_classes
from webapp.answers.labelled import Labelling, Row, as_cell, bad_label, label_of, listed
from webapp.answers.likeness import pairs_by_overlap, sum_of_distances

KEPT_OBJECTS = 20
MOST_BOXES = 500
"""Of one picture."""
SLACK = 0.05
"""Pixels by which rounding may put a side outside of its picture."""


HALF = 0.5
"""Overlap from which two boxes are about the same thing."""
Drawn = tuple[tuple[str, tuple[float, ...]], ...]
"""(label, sides) of each box."""


class Boxes(Labelling):
    """Boxes around the objects of a picture, or none: a cell is `[{label, box [x, y, width, height]}]` in pixels."""

    scripts = ("js/label-boxes.js",)
    needs_row = True
    likeness = "f1_50"
    is_compared_slowly = True

    def typed(self, fields: QueryDict) -> str:
        return fields.get("value") or "[]"

    def cell(self, value: object, row: Row) -> str:
        boxes = [box_of(box, row.size()) for box in listed(value, form_of_boxes())]
        if len(boxes) > MOST_BOXES:
            raise bad_label(_("A picture has at most %(limit)d boxes.") % {"limit": MOST_BOXES}, _("Draw fewer boxes."))
        return as_cell(boxes)

    def value(self, cell: str) -> list[dict[str, Any]]:
        return boxes_in(cell)

    def label_text(self, cell: str) -> str:
        return counted_words(self.labels(cell)) or _("no object")

    def labels(self, cell: str) -> list[str]:
        return [str(box["label"]) for box in boxes_in(cell)]

    def compared(self, cell: str) -> Drawn:
        return tuple(sorted((str(box["label"]), tuple(map(float, box["box"]))) for box in boxes_in(cell)))

    def apart(self, counts: Counter[Drawn]) -> float:
        return sum_of_distances(counts, distance_of_boxes, self.effort)

    def alike(self, first: Drawn, second: Drawn) -> tuple[float, float]:
        return 2.0 * sum(share >= HALF for share in shares_of_boxes(first, second)), float(len(first) + len(second))

    def effort(self, first: Drawn, second: Drawn) -> int:
        return len(first) * len(second) + 50

    @property
    def likeness_title(self) -> str:
        return _("F1 of boxes with the same label that overlap by half (IoU 0.5)")

    def against(self, first: Drawn, second: Drawn) -> list[tuple[str, str]]:
        """Labels of boxes that are in the same place; a label beside its being somewhere else, or nowhere."""
        pairs = pairs_by_overlap([sides for _label, sides in first], [sides for _label, sides in second])
        against = [(first[left][0], second[right][0], share) for share, left, right in pairs]
        differing = [
            (label, other if other != label else _("%(label)s with other bounds") % {"label": label})
            for label, other, share in against
            if other != label or share < HALF
        ]
        alone = without(first, {left for _share, left, _right in pairs})
        alone += without(second, {right for _share, _left, right in pairs})
        return [*differing, *((label, _("not %(label)s") % {"label": label}) for label in alone)]


def without(boxes: Drawn, places: set[int]) -> list[str]:
    """Labels of the boxes that are not at these places."""
    return [label for place, (label, _sides) in enumerate(boxes) if place not in places]


@lru_cache(maxsize=20_000)
def distance_of_boxes(first: Drawn, second: Drawn) -> float:
    """1 less the mean overlap of boxes with the same label, one that stands alone overlapping with nothing."""
    count = len(first) + len(second)
    return 1 - 2 * sum(shares_of_boxes(first, second)) / count if count else 0.0


@lru_cache(maxsize=2_000)
def shares_of_boxes(first: Drawn, second: Drawn) -> tuple[float, ...]:
    """Overlaps of the pairs of boxes with the same label."""
    ours, theirs = by_label(first), by_label(second)
    pairs = (pairs_by_overlap(ours[label], theirs[label]) for label in ours if label in theirs)
    return tuple(share for some in pairs for share, _left, _right in some)


def by_label(boxes: Drawn) -> dict[str, list[tuple[float, ...]]]:
    sides: dict[str, list[tuple[float, ...]]] = {}
    for label, box in boxes:
        sides.setdefault(label, []).append(box)
    return sides


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


def box_of(value: object, size: Size | None) -> dict[str, Any]:
    """`Problem` for what is not a box of a picture of this size (width, height)."""
    sides = value.get("box") if isinstance(value, dict) else None
    if (
        not isinstance(value, dict)
        or set(value) != {"label", "box"}
        or not isinstance(sides, list)
        or not are_sides(sides)
    ):
        raise bad_label(form_of_boxes(), _("Send it again in this form."))
    label, (x, y, width, height) = label_of(value["label"]), sides
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
