"""A cell of answers in any of the forms that are about, and where each answer stands in its context."""

from __future__ import annotations

import ast
import bisect
import json
import re
from collections.abc import Iterator
from itertools import accumulate
from typing import Any, Literal, NamedTuple

NONE_WORDS = frozenset({"no answer", "unanswerable", "not answerable", "无答案", "无法回答"})
"""What people write for a question that its context does not answer."""
TEXT_KEYS = ("text", "answer", "answer_text", "value")
START_KEYS = ("answer_start", "start", "answer_starts", "start_index", "offset")
ARRAY = re.compile(r"\barray\((\[.*?\])(?:,\s*dtype=\w+)?\)", re.DOTALL)
LONGEST_LITERAL = 100_000
"""Characters of a cell that are read as what Python prints."""
Placed = Literal["given", "utf16", "bytes", "moved", "searched", "lost"]
"""How an answer's place was found: as given; where it is counted in UTF-16 units or in bytes; elsewhere than given; by the
text alone; not at all."""


class Given(NamedTuple):
    """An answer as a cell gives it; `start` in characters of the context, None where it does not say."""

    text: str
    start: int | None


class Answer(NamedTuple):
    """An answer that stands in its context from `start` on, counted in characters."""

    text: str
    start: int

    @property
    def end(self) -> int:
        return self.start + len(self.text)


def read_cell(cell: str | None) -> list[Given] | None:
    """The answers of a cell, none of them where the question has no answer; None where the cell cannot be read."""
    text = (cell or "").strip()
    if not text:
        return None
    if text.lower() in NONE_WORDS:
        return []
    value = parse(text)
    if isinstance(value, str):
        return [Given(cell if cell is not None and value == text else value, None)]
    return list(given_in(value)) if is_readable(value) else None


def parse(text: str) -> object:
    """JSON, or what Python and numpy print, or the text itself."""
    if text[0] in '[{"':
        try:
            return json.loads(text)
        except (ValueError, RecursionError):
            pass
    if text[0] in "[{" and len(text) <= LONGEST_LITERAL:
        try:
            return ast.literal_eval(ARRAY.sub(r"\1", text))
        except (ValueError, SyntaxError, TypeError, RecursionError, MemoryError):
            return text
    return text


def is_readable(value: object) -> bool:
    if isinstance(value, list | tuple):
        return all(isinstance(part, str) or (isinstance(part, dict) and text_in(part) is not None) for part in value)
    return isinstance(value, dict) and text_in(value) is not None


def text_in(value: dict[str, object]) -> object:
    """What stands under the first of the names for the text; None for none of a fitting form."""
    text = next((value[key] for key in TEXT_KEYS if key in value), None)
    is_list = isinstance(text, list | tuple) and all(isinstance(part, str) for part in text)
    return text if isinstance(text, str) or is_list else None


def given_in(value: object) -> Iterator[Given]:
    """Of SQuAD's [{text, answer_start}], the hub's {text: [], answer_start: []}, and texts alone."""
    if isinstance(value, str):
        if value.strip():
            yield Given(value, None)
    elif isinstance(value, list | tuple):
        for part in value:
            yield from given_in(part)
    elif isinstance(value, dict):
        text, start = text_in(value), next((value[key] for key in START_KEYS if key in value), None)
        texts: list[Any] = [text] if isinstance(text, str) else list(text) if isinstance(text, list | tuple) else []
        starts: list[Any] = [start] if isinstance(text, str) else list(start) if isinstance(start, list | tuple) else []
        starts = starts if len(starts) == len(texts) else [None] * len(texts)
        yield from (Given(text, start_of(each)) for text, each in zip(texts, starts, strict=True) if text.strip())


def start_of(value: object) -> int | None:
    """-1 is what some write for a place that they do not know."""
    try:
        start = int(value)  # type: ignore[call-overload]
    except (TypeError, ValueError, OverflowError):
        return None
    return start if start >= 0 else None


# Where an answer stands


class Context:
    """A text that answers are looked for in; what takes long is done once, when it is needed."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.offsets: dict[str, list[int]] = {}

    def place(self, answer: Given) -> tuple[Answer | None, Placed]:
        """Where a given answer stands, and how that was found."""
        text = answer.text
        if answer.start is not None:
            if self.text.startswith(text, answer.start):
                return Answer(text, answer.start), "given"
            if not self.text.isascii():
                for unit in ("utf16", "bytes"):
                    start = self.of_units(answer.start, unit)
                    if start is not None and self.text.startswith(text, start):
                        return Answer(text, start), "utf16" if unit == "utf16" else "bytes"
        first_start = self.find(text, answer.start)
        if first_start is None:
            return None, "lost"
        return first_start, "searched" if answer.start is None else "moved"

    def of_units(self, start: int, unit: str) -> int | None:
        """The character at so many units of UTF-16, or bytes of UTF-8; None where none begins there."""
        if unit not in self.offsets:
            size = (lambda char: 1 + (ord(char) > 0xFFFF)) if unit == "utf16" else (lambda char: len(char.encode("utf-8", "surrogatepass")))  # fmt: skip
            self.offsets[unit] = [0, *accumulate(map(size, self.text))]
        places = self.offsets[unit]
        index = bisect.bisect_left(places, start)
        return index if index < len(places) and places[index] == start else None

    def find(self, text: str, near: int | None) -> Answer | None:
        """The same words, at best whole, else capitals and blanks apart; where they stand several times the place nearest to
        `near`, or the first."""
        exact = re.escape(text)
        patterns = [(rf"(?<!\w){exact}(?!\w)", 0), (exact, 0)] if text in self.text else [(loose(text), re.IGNORECASE)]
        for pattern, flags in patterns:
            starts = [match.span() for match in re.finditer(pattern, self.text, flags)]
            if starts:
                start, end = min(starts, key=lambda span: abs(span[0] - (near or 0)))
                return Answer(self.text[start:end], start) if end > start else None
        return None


def loose(text: str) -> str:
    """A pattern of the text's words with any blanks between them."""
    return r"\s+".join(map(re.escape, text.split()))
