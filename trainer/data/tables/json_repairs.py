"""JSON documents that are not quite JSON: with comments, as programs' settings have them, or cut short, as a download that broke
off leaves them. The records that are whole are read, and what was lost is told."""

import json
import re
from collections.abc import Callable
from typing import NamedTuple

from trainer.data.readings import LeftOut, Reading
from trainer.json_types import Json, JsonObject
from trainer.messages import _, ngettext

COMMENT = re.compile(r'"(?:[^"\\]|\\.)*"|(//[^\r\n]*|/\*.*?\*/)', re.DOTALL)
"""Strings, which stay, and comments."""
LEADING_COMMENTS = re.compile(r"\s*(?:(?://[^\r\n]*|/\*.*?\*/)\s*)+(?=[\[{])", re.DOTALL)
BRACKET = re.compile(r'"(?:[^"\\]|\\.)*(?:"|\\?\Z)|[\[\]{}]', re.DOTALL)
CLOSING = {"[": "]", "{": "}"}


class DoubleKey(str):
    """The name of a field that its object has for a second time, with a number behind it."""

    __slots__ = ()


def whole_object(pairs: list[tuple[str, Json]]) -> JsonObject:
    """An object with all of its fields: of a name that comes twice with two values, the later ones are numbered."""
    value = dict(pairs)
    if len(value) == len(pairs):
        return value
    value = {}
    for name, cell in pairs:
        own, number = name, 2
        while own in value and value[own] != cell:
            own, number = DoubleKey(f"{name} ({number})"), number + 1
        value[own] = cell
    return value


DECODER = json.JSONDecoder(object_pairs_hook=whole_object)
TEXT_DECODER = json.JSONDecoder(object_pairs_hook=whole_object, parse_int=str)


def value_of(text: str) -> Json:
    """A JSON value; whole numbers of more digits than Python converts stay text. `ValueError`, `RecursionError`."""
    value: Json
    try:
        value = DECODER.decode(text)
    except json.JSONDecodeError:
        raise
    except ValueError:
        value = TEXT_DECODER.decode(text)
    return value


class Cut(NamedTuple):
    """A document that was cut short, closed behind its last whole record. `line`: from which on the rest, of so many
    characters, was lost."""

    text: str
    line: int
    lost: int


def without_comments(text: str) -> tuple[str, list[int]]:
    """The same text with blanks in the place of comments, and their lines."""
    places: list[int] = []

    def blank(match: re.Match[str]) -> str:
        if match[1] is None:
            return match[0]
        places.append(match.start())
        return re.sub(r"[^\r\n]", " ", match[1])

    bare = COMMENT.sub(blank, text)
    return bare, [text.count("\n", 0, place) + 1 for place in places[:20]] + [0] * (len(places) - 20)


def cut_of(text: str) -> Cut | None:
    """Of a document that ends inside its lists and objects, what comes before the end of the last whole object of the outermost
    list that has one, or of the last list where that is whole; None for what is broken elsewhere, or holds none."""
    opened: list[str] = []
    closed = 0  # where the last list ends
    ends: list[int] = []  # of each that is open, where its last whole object ends
    for match in BRACKET.finditer(text):
        mark = match[0]
        if mark in CLOSING:
            opened.append(mark)
            ends.append(0)
        elif mark in ("]", "}"):
            if not opened or CLOSING[opened.pop()] != mark:
                return None
            ends.pop()
            closed = match.end() if mark == "]" else closed
            if mark == "}" and opened and opened[-1] == "[":
                ends[-1] = match.end()
    depth = next((depth for depth, end in enumerate(ends) if opened[depth] == "[" and end), None)
    if depth is None and (not opened or "[" in opened or not closed):
        return None
    depth, end = (len(opened) - 1, closed) if depth is None else (depth, ends[depth])
    closing = "".join(CLOSING[mark] for mark in reversed(opened[: depth + 1]))
    return Cut(text[:end] + closing, text.count("\n", 0, end) + 1, len(text) - end)


def repaired(text: str, name: str, read: Callable[[str], Json]) -> tuple[Json, list[LeftOut]] | None:
    """The value of a document without its comments, or of the part of it that is whole, and what is told; None where neither
    helps. `read`: raises `ValueError` or `RecursionError` for what is not JSON."""
    bare, lines = without_comments(text)
    notes = [comments_told(lines, name)] if lines else []
    if lines and (value := value_or_none(bare, read)) is not None:
        return value, notes
    cut = cut_of(bare)
    value = value_or_none(cut.text, read) if cut else None
    return (value, [*notes, cut_told(cut, name)]) if cut and value is not None else None


def value_or_none(text: str, read: Callable[[str], Json]) -> Json:
    try:
        return read(text)
    except (ValueError, RecursionError):
        return None


BYTES = re.compile(r"(?<!\\)(?:\\u00[89a-fA-F][0-9a-fA-F])+")
"""Letters beyond ASCII as the bytes that they have in UTF-8, each with an escape of its own, as Facebook and Instagram export them."""
OTHER_ESCAPE = re.compile(r"(?<!\\)\\u(?!00)")


def with_letters(text: str) -> str:
    """A document whose escapes are bytes of UTF-8, with the letters that they are; the same text where one of them is none."""
    if "\\u00" not in text or not text.isascii() or OTHER_ESCAPE.search(text):
        return text

    def letters(match: re.Match[str]) -> str:
        return bytes.fromhex(match[0].replace("\\u00", "")).decode()

    try:
        return BYTES.sub(letters, text)
    except UnicodeDecodeError:
        return text


def letters_reading(name: str) -> list[Reading]:
    return [Reading("letters", "utf-8", _("Letters that are written as bytes are read as letters"), file=name)]


def comments_told(lines: list[int], name: str) -> LeftOut:
    sentence = ngettext("%(count)s comment in the JSON.", "%(count)s comments in the JSON.", len(lines))
    return LeftOut("comments", len(lines), sentence, name, examples=[f"line {line}" for line in lines if line])


def cut_told(cut: Cut, name: str) -> LeftOut:
    sentence = _(
        "The file ends inside a record: from line %(line)s on, %(characters)s characters could not be used. Send it again if it should hold more.",
        line=f"{cut.line:,}",
        characters=f"{cut.lost:,}",
    )
    return LeftOut("cut_short", 1, sentence, name, examples=[f"line {cut.line}"])
