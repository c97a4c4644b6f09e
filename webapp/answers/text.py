"""A text."""

from django.utils.translation import gettext as _

from webapp.answers.base import Output, Presentation

KEPT_TEXT = 2_000


class Text(Presentation):
    key = "text"

    def said(self, output: Output) -> str:
        return str(output["text"]).strip() or _("no words recognized")

    def shortened(self, output: Output) -> Output:
        return output | {"text": str(output["text"])[:KEPT_TEXT]}


PRESENTATION = Text()
