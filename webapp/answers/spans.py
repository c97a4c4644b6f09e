"""Passages of a text, each with a label."""

from collections import Counter
from collections.abc import Callable
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from webapp.answers.base import Output, Presentation, Report, Size
from webapp.answers.classes import ranked_classes

KEPT_ENTITIES = 50
SAID_ENTITIES = 6
MOST_CONFUSED = 10


class Spans(Presentation):
    key = "spans"

    @property
    def hint(self) -> str:
        return _("Marks passages in your text.")

    @property
    def mistakes_title(self) -> str:
        return _("Texts with the most errors")

    def said(self, output: Output) -> str:
        """“Anna (person), Paris (place)”."""
        entities = output["entities"]
        named = [f"{entity['text']} ({entity['label']})" for entity in entities[:SAID_ENTITIES]]
        more = len(entities) - len(named)
        return ", ".join([*named, *(["…"] if more else [])]) or _("nothing marked")

    def shortened(self, output: Output) -> Output:
        return output | {"entities": output["entities"][:KEPT_ENTITIES]}

    def context(self, report: Report) -> dict[str, Any]:
        """weakest, scarcest, untested (`ranked_classes`), errors [{title, count}], confused [{truth, predicted, count}]."""
        errors = report.get("errors") or {}
        return {
            "errors": [
                {"title": title, "count": errors[kind]} for kind, title in error_titles().items() if errors.get(kind)
            ],
            "confused": [pair for pair in report.get("confusion") or [] if pair["truth"] and pair["predicted"]][
                :MOST_CONFUSED
            ],
            **ranked_classes(report.get("per_class", []), "f1"),
        }

    def mistake(self, mistake: dict[str, Any], picture_size: Callable[[], Size | None]) -> dict[str, Any]:
        counts = Counter(mistake.get("kinds", []))
        return {"errors": [words(kind, counts[kind]) for kind in error_titles() if counts[kind]]}


def error_titles() -> dict[str, str]:
    return {
        "missed": _("Missed"),
        "type": _("Wrong type"),
        "bounds": _("Wrong bounds"),
        "invented": _("Marked where nothing is"),
    }


def words(kind: str, number: int) -> str:
    shown = {"n": number}
    if kind == "missed":
        return ngettext("%(n)s missed", "%(n)s missed", number) % shown
    if kind == "type":
        return ngettext("%(n)s of the wrong type", "%(n)s of the wrong type", number) % shown
    if kind == "bounds":
        return ngettext("%(n)s with wrong bounds", "%(n)s with wrong bounds", number) % shown
    return ngettext("%(n)s marked where nothing is", "%(n)s marked where nothing is", number) % shown


PRESENTATION = Spans()
