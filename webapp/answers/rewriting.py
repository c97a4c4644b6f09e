"""A text written from another one."""

from typing import Any

from django.utils.translation import gettext as _

from webapp.answers import answer_checks
from webapp.answers.base import Output, Presentation, Report

KEPT_TEXT = 2_000


class Rewriting(Presentation):
    key = "rewriting"
    says_itself = writes_texts = True
    is_explained = False
    longest_correction = 4_000

    @property
    def hint(self) -> str:
        return _("Reads your text and writes another.")

    @property
    def answer_title(self) -> str:
        return _("Written")

    @property
    def mistakes_title(self) -> str:
        return _("Farthest from the actual texts")

    def answer_text(self, output: Output) -> str:
        return str(output["generated_text"]).strip() or _("an empty text")

    def shortened(self, output: Output) -> Output:
        return output | {"generated_text": str(output["generated_text"])[:KEPT_TEXT]}

    def context(self, report: Report) -> dict[str, Any]:
        return answer_checks.context(report)


PRESENTATION = Rewriting()
