"""A text as the units that a model labels one by one, and tokens as a text. Light."""

import json
import re
from collections.abc import Callable, Sequence
from typing import NamedTuple

UNSPACED = r"\u0e00-\u0eff\u0f00-\u109f\u1780-\u17ff\u3005-\u3007\u3040-\u30ff\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaff\U00020000-\U0003ffff"
"""Scripts without blanks between words (Chinese, Japanese, Thai, Khmer …), and Korean, whose particles hang on their words."""
MARKS = r"\u0300-\u036f\u0591-\u05c7\u0610-\u061a\u064b-\u065f\u0670\u0900-\u0963\u0966-\u0dff"
"""Vowel signs and accents that `\\w` leaves out, with the letters of their blocks."""
UNIT = re.compile(rf"[{UNSPACED}]|(?:[^\W{UNSPACED}]|[{MARKS}])+|[^\w\s]")
IDEOGRAPH = re.compile(rf"[{UNSPACED}]")
NO_BLANK_BEFORE, NO_BLANK_AFTER = frozenset("，。！？；：、）》」』】"), frozenset("（《「『【")


class Passage(NamedTuple):
    """From the character `start` to before `end`, in code points."""

    start: int
    end: int
    label: str


def words_of(cell: str | None) -> list[str] | None:
    """A cell that is a list of words in JSON; None for any other."""
    try:
        values = json.loads(cell or "")
    except (ValueError, RecursionError):
        return None
    if not isinstance(values, list) or not values or any(isinstance(value, list | dict) for value in values):
        return None
    return ["" if value is None else str(value) for value in values]


def units_of(text: str) -> list[tuple[int, int]]:
    """(start, end) of each word, of each sign, and of each character of a script without blanks."""
    return [match.span() for match in UNIT.finditer(text)]


def text_of(tokens: Sequence[str]) -> tuple[str, list[tuple[int, int]]]:
    """(the text that tokens make, where each stands in it): with blanks, but not beside characters of scripts without them."""
    if len(tokens) > 1 and all(len(token) == 1 for token in tokens) and any(map(IDEOGRAPH.match, tokens)):
        return joined(tokens, lambda _before, _token: False)
    return joined(tokens, lambda before, token: needs_blank(before[-1], token[0]))


def joined(tokens: Sequence[str], has_blank: Callable[[str, str], bool]) -> tuple[str, list[tuple[int, int]]]:
    """(the text of tokens, where each stands in it), with a blank between two that are not empty where `has_blank` says so."""
    parts: list[str] = []
    places: list[tuple[int, int]] = []
    position, before = 0, ""
    for token in tokens:
        if before and token and has_blank(before, token):
            parts.append(" ")
            position += 1
        parts.append(token)
        places.append((position, position + len(token)))
        position += len(token)
        before = token or before
    return "".join(parts), places


def needs_blank(left: str, right: str) -> bool:
    if not left or not right or right in NO_BLANK_BEFORE or left in NO_BLANK_AFTER or left in NO_BLANK_BEFORE:
        return False
    return not (IDEOGRAPH.match(left) or IDEOGRAPH.match(right)) or ("\uac00" <= left <= "\ud7af" <= right)


def tags_of(units: Sequence[tuple[int, int]], passages: Sequence[Passage], labels: dict[str, int]) -> list[int]:
    """The tag of each unit: 0 outside, 1 + 2k where a passage of label k begins, 2 + 2k within one. Passages are in order and
    do not overlap; those of other labels are outside."""
    tags, index, begun = [], 0, -1
    for start, end in units:
        while index < len(passages) and passages[index].end <= start:
            index += 1
        here = index < len(passages) and passages[index].start < end and passages[index].label in labels
        if not here:
            tags.append(0)
            continue
        tags.append(2 * labels[passages[index].label] + (2 if begun == index else 1))
        begun = index
    return tags


def passages_of(units: Sequence[tuple[int, int]], tags: Sequence[int], labels: Sequence[str]) -> list[Passage]:
    """What tags as `tags_of` gives them say; a tag within a passage that none begins is one that begins."""
    passages: list[Passage] = []
    before = 0
    for (start, end), tag in zip(units, tags, strict=True):
        if tag and tag % 2 == 0 and before in (tag, tag - 1):
            passages[-1] = passages[-1]._replace(end=end)
        elif tag:
            passages.append(Passage(start, end, labels[(tag - 1) // 2]))
        before = tag
    return passages
