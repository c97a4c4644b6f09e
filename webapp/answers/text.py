"""A text."""

import re
from collections import Counter
from difflib import SequenceMatcher
from functools import lru_cache
from typing import Any

from django.http import QueryDict
from django.utils.translation import gettext as _

from trainer.columns import is_missing
from trainer.tagging.units import units_of
from webapp.answers.base import Output, Presentation
from webapp.answers.labelled import SHOWN, Labelling, Row, bad_label
from webapp.answers.likeness import edit_distance, sum_of_distances

KEPT_TEXT = 2_000
LONGEST_TEXT = 8_000
"""Characters: twice as many as are said in five minutes."""
MOST_AGAINST = 100
"""Words, from the first that differs, of which it is said which stand against each other: it takes a time that grows with their cube."""
WORDS_AT_ONCE = 300
"""Pairs of words that are counted in the time of a pair of boxes."""


JOINERS = re.compile("[\u200c\u200d]")
"""Not seen, but a part of words in Persian and scripts of India."""


class Transcript(Labelling):
    """What is said in a recording: one line of words."""

    scripts = ("js/label-field.js",)
    is_chosen = False
    likeness = "wer"
    is_compared_slowly = True

    def typed(self, fields: QueryDict) -> str:
        return fields.get("value", "")

    def in_words(self, value: Any) -> str:
        return str(value)

    def fields(self, value: Any) -> list[str]:
        return [str(value)]

    def cell(self, value: object, row: Row) -> str:
        text = " ".join(value.split()) if isinstance(value, str) else ""
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

    def compared(self, cell: str) -> tuple[str, ...]:
        """Its words without signs and capitals; characters of scripts without blanks."""
        text = cell.casefold()
        words = (text[start:end] for start, end in units_of(text))
        return tuple(word for word in words if any(map(str.isalnum, word)))

    def apart(self, counts: Counter[tuple[str, ...]]) -> float:
        return sum_of_distances(counts, distance_of_words, effort_of_words)

    def alike(self, first: tuple[str, ...], second: tuple[str, ...]) -> tuple[float, float]:
        return float(edit_distance(first, second)), (len(first) + len(second)) / 2

    def effort(self, first: tuple[str, ...], second: tuple[str, ...]) -> int:
        return effort_of_words(first, second) + min(len(first), MOST_AGAINST) * min(len(second), MOST_AGAINST)

    @property
    def likeness_title(self) -> str:
        return _("Words that differ (word error rate)")

    def against(self, first: tuple[str, ...], second: tuple[str, ...]) -> list[tuple[str, str]]:
        """Words of the one that stand where others of the other do, among the first MOST_AGAINST from where they differ."""
        same = next(
            (n for n, (a, b) in enumerate(zip(first, second, strict=False)) if a != b), min(map(len, (first, second)))
        )
        first, second = first[same:], second[same:]
        is_cut = max(len(first), len(second)) > MOST_AGAINST
        first, second = first[:MOST_AGAINST], second[:MOST_AGAINST]
        steps = SequenceMatcher(None, first, second, autojunk=False).get_opcodes()
        if is_cut and len(steps) > 1:  # where the last ends is not seen
            steps.pop()
        return [(in_a_line(first[a:b]), in_a_line(second[c:d])) for step, a, b, c, d in steps if step != "equal"]


def in_a_line(words: tuple[str, ...]) -> str:
    return " ".join(words)[:SHOWN] or _("no word")


def effort_of_words(first: tuple[str, ...], second: tuple[str, ...]) -> int:
    return len(first) * len(second) // WORDS_AT_ONCE


@lru_cache(maxsize=20_000)
def distance_of_words(first: tuple[str, ...], second: tuple[str, ...]) -> float:
    return edit_distance(first, second) / max(len(first), len(second), 1)


class Text(Presentation):
    key = "text"
    labelling = Transcript()

    def answer_text(self, output: Output) -> str:
        return str(output["text"]).strip() or _("no words recognized")

    def shortened(self, output: Output) -> Output:
        return output | {"text": str(output["text"])[:KEPT_TEXT]}


PRESENTATION = Text()
