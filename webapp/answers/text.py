"""A text."""

import re
from typing import Any

from django.http import QueryDict
from django.utils.translation import gettext as _

from trainer.columns import is_missing
from webapp.answers.base import Output, Presentation
from webapp.answers.labelled import SHOWN, Labelling, Row, bad_label

KEPT_TEXT = 2_000
LONGEST_TEXT = 8_000
"""Characters: twice as many as are said in five minutes."""


JOINERS = re.compile("[\u200c\u200d]")
"""Not seen, but a part of words in Persian and scripts of India."""


class Transcript(Labelling):
    """What is said in a recording: one line of words."""

    scripts = ("js/label-field.js",)
    is_chosen = False

    def typed(self, fields: QueryDict) -> str:
        return fields.get("value", "")

    def in_words(self, value: Any) -> str:
        return str(value)

    def fields(self, value: Any) -> list[str]:
        return [str(value)]

    def cell(self, given: object, row: Row) -> str:
        text = " ".join(given.split()) if isinstance(given, str) else ""
        if len(text) > LONGEST_TEXT:
            raise bad_label(
                _("A text has at most %(limit)d characters.") % {"limit": LONGEST_TEXT},
                _("Cut the recording into parts, each with its own text."),
            )
        if is_missing(text) or not any(map(str.isalnum, text)):
            raise bad_label(_("No words were typed."), _("Type what is said, or skip the row."))
        if not JOINERS.sub("", text).isprintable():
            raise bad_label(
                _("“%(text)s” has characters that cannot be seen.")
                % {"text": "".join(filter(str.isprintable, text))[:SHOWN]},
                _("Type it again without them."),
            )
        return text


class Text(Presentation):
    key = "text"
    labelling = Transcript()

    def answer_text(self, output: Output) -> str:
        return str(output["text"]).strip() or _("no words recognized")

    def shortened(self, output: Output) -> Output:
        return output | {"text": str(output["text"])[:KEPT_TEXT]}


PRESENTATION = Text()
