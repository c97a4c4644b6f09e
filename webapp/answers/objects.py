"""Boxes of objects in a picture."""

from collections import Counter
from collections.abc import Callable
from typing import Any

from django.utils.translation import gettext as _

from webapp.answers.base import Output, Presentation, Report, Size
from webapp.answers.classes import ranked_classes

KEPT_OBJECTS = 20


class Objects(Presentation):
    key = "objects"
    draws_input = True

    def said(self, output: Output) -> str:
        """“2 × cat, 1 × dog”, in the order of their scores."""
        counts = Counter(box["label"] for box in output["objects"])
        return ", ".join(f"{count} × {label}" for label, count in counts.items()) or _("nothing recognized")

    def shortened(self, output: Output) -> Output:
        return output | {"objects": output["objects"][:KEPT_OBJECTS]}

    def context(self, report: Report) -> dict[str, Any]:
        return ranked_classes(report.get("per_class", []), "map_50")

    def mistake(self, mistake: dict[str, Any], picture_size: Callable[[], Size | None]) -> dict[str, Any]:
        return {"size": picture_size()}


PRESENTATION = Objects()
