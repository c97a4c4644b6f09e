"""What the four numbers of a box are where no name says it: a corner and a size, two corners, or the middle and a size. Told by which
of them the pictures have room for, and by the areas that stand beside the boxes."""

import math
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from trainer.data.annotations import Size
from trainer.data.readings import Choice, Reading
from trainer.messages import Message, _, ngettext

WHAT = "boxes"
SIDES, CORNERS, CENTRE = "sides", "corners", "centre"
SLACK = 1.5
"""Pixels that tools round by."""
MAX_IMPOSSIBLE, MIN_OUTSIDE, MIN_AREAS = 0.02, 0.05, 0.5
"""Shares of the boxes: that may be impossible as two corners; that must leave their picture as a corner and a size; whose areas
must be those of two corners."""
LABELS = {
    SIDES: _("left, top, width, height"),
    CORNERS: _("left, top, right, bottom"),
    CENTRE: _("middle across, middle down, width, height"),
}


class Sample(NamedTuple):
    """Four numbers, the size of their picture and the area that is written beside them, in the same unit; None where not known."""

    box: Sequence[float]
    size: Size | None = None
    area: float | None = None


def told_form(samples: Iterable[Sample]) -> str:
    """SIDES or CORNERS, whichever the boxes can only be; "" where they may be both."""
    count = outside = impossible = 0
    areas = {SIDES: 0, CORNERS: 0}
    for (a, b, c, d), size, area in samples:
        count += 1
        width, height = size or (math.inf, math.inf)
        slack = min(SLACK, 0.02 * width)
        outside += a + c > width + slack or b + d > height + slack
        impossible += c <= a or d <= b or c > width + slack or d > height + slack
        if area and area > 0:
            areas[SIDES] += math.isclose(area, c * d, rel_tol=0.03)
            areas[CORNERS] += math.isclose(area, (c - a) * (d - b), rel_tol=0.03)
    if impossible > MAX_IMPOSSIBLE * count:
        return SIDES
    if max(areas.values()) > MIN_AREAS * count and areas[SIDES] != areas[CORNERS]:
        return max(areas, key=lambda form: areas[form])
    return CORNERS if outside >= max(2, MIN_OUTSIDE * count) else ""


def form_reading(chosen: str, offered: Sequence[str], source: str, confidence: float, file: str, is_asked: bool) -> Reading:  # fmt: skip
    """What the numbers of the boxes in `source` are, with the other forms that can be asked for."""
    sentence = _("Boxes in “%(column)s” are %(form)s.", column=source, form=LABELS[chosen])
    others = [Choice(form, LABELS[form]) for form in offered if form != chosen]
    return Reading(WHAT, chosen, sentence, others, 1.0 if is_asked else confidence, file, is_asked=is_asked)


def ordered(corners: Sequence[float]) -> tuple[list[float], bool]:
    """(left, top, right, bottom of two corners in any order; whether they were in another)."""
    a, b, c, d = corners
    return [min(a, c), min(b, d), max(a, c), max(b, d)], c < a or d < b


def swapped_reading(places: Sequence[str], file: str) -> Reading:
    sentence: Message = ngettext(
        "%(count)s box had its corners the other way round and was put right: %(examples)s",
        "%(count)s boxes had their corners the other way round and were put right: %(examples)s",
        len(places),
        examples=", ".join(places[:3]),
    )
    return Reading("swapped_corners", "put_right", sentence, (), 0.95, file)
