"""A passage of a text that answers a question, or none."""

from collections.abc import Callable
from typing import Any

from django.utils.translation import gettext as _

from webapp.answers.base import Output, Presentation, Report, Size
from webapp.core.formats import percent


class Passage(Presentation):
    key = "passage"

    @property
    def hint(self) -> str:
        return _("Marks the answer in your text.")

    @property
    def mistakes_title(self) -> str:
        return _("Questions answered worst")

    def answer_text(self, output: Output) -> str:
        return str(output["answer"]) if output["answer"] is not None else _("no answer in the text")

    def context(self, report: Report) -> dict[str, Any]:
        """kinds [{title, count, share}]: how the questions of the test were answered."""
        counts = report.get("kinds_of_answers") or {}
        whole = max(sum(counts.values()), 1)
        return {
            "kinds": [
                {"title": title, "count": counts[kind], "share": counts[kind] / whole}
                for kind, title in kind_titles().items()
                if counts.get(kind)
            ]
        }

    def mistake(self, mistake: dict[str, Any], picture_size: Callable[[], Size | None]) -> dict[str, Any]:
        return {"score": percent(mistake.get("f1", 0), 0)}


def kind_titles() -> dict[str, str]:
    return {
        "exact": _("Exactly the answer"),
        "partly": _("Words in common with the answer"),
        "other": _("Other words"),
        "not_answered": _("Not answered, though the text has an answer"),
        "rightly_not": _("Rightly not answered"),
        "invented": _("Answered, though the text has no answer"),
    }


PRESENTATION = Passage()
