"""A text that goes on from a prompt."""

from typing import Any

from django.utils.translation import gettext as _

from webapp.answers import answer_checks
from webapp.answers.base import Output, Presentation, Report

KEPT_TEXT = 2_000


class Completion(Presentation):
    key = "completion"
    says_itself = writes_texts = True
    is_explained = False
    longest_correction = 4_000

    @property
    def hint(self) -> str:
        return _("Writes an answer to your text, or continues it.")

    @property
    def answer_title(self) -> str:
        return _("Answer")

    @property
    def mistakes_title(self) -> str:
        return _("Answers to test prompts")

    def answer_text(self, output: Output) -> str:
        return str(output["completion"]).strip() or _("an empty answer")

    def shortened(self, output: Output) -> Output:
        return output | {"completion": str(output["completion"])[:KEPT_TEXT]}

    def context(self, report: Report) -> dict[str, Any]:
        return answer_checks.context(report)


PRESENTATION = Completion()
