"""Marked passages of a text as tokens and tags (B-, I-, O).

Tools count characters in code points or, those that run in a browser, in UTF-16 units, which differ behind emoji. Tokens are
words, punctuation marks and single ideographs, cut wherever a passage begins or ends, so that no passage is moved.
"""

import re
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate
from typing import NamedTuple

TOKEN = re.compile(r"[\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff]|[^\W\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff]+|[^\w\s]")  # fmt: skip
LONG, PIECE = 300, 200
"""A text of more tokens is cut into pieces of about so many, at ends of lines and sentences that no passage crosses."""
SENTENCE_END = re.compile(r"\n+|(?<=[.!?。！？])\s+|(?<=[。！？])")
UNITS = ("characters", "utf16", "bytes")


class Span(NamedTuple):
    """A passage from `start` to before `end`; `words`: what the tool says stands there, where it does."""

    start: int
    end: int
    label: str
    words: str | None = None


class Tagged(NamedTuple):
    """A piece of a text."""

    text: str
    tokens: list[str]
    tags: list[str]


def utf16_places(text: str) -> list[int]:
    """The place of each character of a text in UTF-16 units, and of its end."""
    places, place = [], 0
    for character in text:
        places.append(place)
        place += 2 if ord(character) > 0xFFFF else 1
    return [*places, place]


def byte_places(text: str) -> list[int]:
    """The place of each character of a text in bytes of UTF-8, and of its end."""
    return list(accumulate((len(character.encode("utf-8", "surrogatepass")) for character in text), initial=0))


def to_characters(text: str, spans: Iterable[Span], unit: str) -> list[Span]:
    """Spans in code points."""
    spans = list(spans)
    if unit == "characters" or text.isascii():
        return spans
    places = utf16_places(text) if unit == "utf16" else byte_places(text)
    return [span._replace(start=bisect_left(places, span.start), end=bisect_left(places, span.end)) for span in spans]


def fit_of(text: str, spans: Iterable[Span]) -> int:
    """How many edges of passages are edges of words, or how many passages say what stands there; fewer where they are moved."""
    points = 0
    for span in spans:
        if not 0 <= span.start < span.end <= len(text):
            points -= 2
        elif span.words is not None:
            points += 2 if text[span.start : span.end] == span.words else -2
        else:
            points += is_edge(text, span.start) and not text[span.start].isspace()
            points += is_edge(text, span.end) and not text[span.end - 1].isspace()
    return points


def is_edge(text: str, place: int) -> bool:
    return place in (0, len(text)) or not (text[place - 1].isalnum() and text[place].isalnum())


def guess_unit(samples: Iterable[tuple[str, Sequence[Span]]]) -> tuple[str, int]:
    """(the unit, how many texts could tell): by the texts in which they differ. Bytes only where they fit better than both others."""
    fits = dict.fromkeys(UNITS, 0)
    telling = 0
    for text, spans in samples:
        if not spans or text.isascii():
            continue
        read = {unit: to_characters(text, spans, unit) for unit in UNITS}
        telling += read["characters"] != read["utf16"] or fit_of(text, spans) < fit_of(text, read["bytes"])
        for unit in UNITS:
            fits[unit] += fit_of(text, read[unit])
    return max(UNITS, key=lambda unit: fits[unit]), telling


def choose_spans(text: str, spans: Iterable[Span]) -> tuple[list[Span], int, int]:
    """(spans in order that do not overlap, trimmed of blanks; how many overlapped; how many lie outside the text). Of two that
    overlap the longer stays."""
    inside, outside = [], 0
    for span in spans:
        start, end = span.start, span.end
        if not 0 <= start < end <= len(text) or not text[start:end].strip():
            outside += 1
            continue
        words = text[start:end]
        start += len(words) - len(words.lstrip())
        inside.append(Span(start, start + len(words.strip()), span.label))
    chosen: list[Span] = []
    for span in sorted(set(inside), key=lambda span: span.start - span.end):
        if all(span.end <= other.start or span.start >= other.end for other in chosen):
            chosen.append(span)
    return sorted(chosen), len(inside) - len(chosen), outside


def tag_text(text: str, spans: Sequence[Span]) -> Iterator[Tagged]:
    """Tokens and tags of a text, in pieces where it is long; `spans` in order, in code points, without overlaps."""
    edges = sorted({edge for span in spans for edge in (span.start, span.end)})
    places = list(cut_tokens(text, edges))
    tags, index = [], 0
    for start, end in places:
        while index < len(spans) and spans[index].end <= start:
            index += 1
        span = spans[index] if index < len(spans) else None
        if span is None or end <= span.start:
            tags.append("O")
        else:
            tags.append(("B-" if start == span.start else "I-") + span.label)
    begin = 0
    for finish in piece_ends(text, places, spans):
        first, last = places[begin][0], places[finish - 1][1]
        yield Tagged(text[first:last], [text[a:b] for a, b in places[begin:finish]], tags[begin:finish])
        begin = finish


def cut_tokens(text: str, edges: Sequence[int]) -> Iterator[tuple[int, int]]:
    """(start, end) of tokens, which end at every edge."""
    for match in TOKEN.finditer(text):
        start, end = match.span()
        for edge in edges[bisect_left(edges, start + 1) : bisect_left(edges, end)]:
            yield start, edge
            start = edge
        yield start, end


def piece_ends(text: str, places: Sequence[tuple[int, int]], spans: Sequence[Span]) -> list[int]:
    """Numbers of tokens behind which a piece ends; the last is all of them."""
    if len(places) <= LONG:
        return [len(places)] if places else []
    starts = [start for start, _end in places]
    ends, begun, last = [], 0, 0
    for match in SENTENCE_END.finditer(text):
        if any(span.start < match.end() and match.start() < span.end for span in spans_near(spans, match.start())):
            continue
        here = bisect_left(starts, match.end())
        if here - begun > PIECE and last > begun:
            ends.append(last)
            begun = last
        last = here
    return [*ends, *([last] if begun < last < len(places) and len(places) - begun > LONG else []), len(places)]


def spans_near(spans: Sequence[Span], place: int) -> Sequence[Span]:
    index = bisect_left(spans, (place,))
    return spans[max(0, index - 1) : index + 1]
