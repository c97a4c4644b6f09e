"""Tags of tokens as the passages that they name: IOB1, IOB2, BIOES (BILOU), BMES (BMEWO), or names without a prefix. Light."""

import re
from collections.abc import Iterable, Sequence
from typing import Literal, NamedTuple

Scheme = Literal["IOB1", "IOB2", "BIOES", "BMES", "plain"]
OUTSIDE = frozenset(("O", "o", "", "0"))
PREFIXED = re.compile(r"([BIOESLUMW])(?:[-_](.+))?", re.DOTALL)
BEGINS, ENDS = frozenset("BSUW"), frozenset("ESLUW")
STRAY_SHARE = 0.3
"""Of the passages, begun by I- after O: from here on the tags are IOB1, below it they are slips of IOB2."""


class Tagged(NamedTuple):
    """Of one row: (first token, the one after the last, label) in order; how many tags were repaired."""

    passages: list[tuple[int, int, str]]
    repaired: int


def parted(tag: str) -> tuple[str, str]:
    """(prefix, label) of a tag: ("O", "") outside, ("", label) of a name without a prefix."""
    tag = tag.strip()
    if tag in OUTSIDE:
        return "O", ""
    match = PREFIXED.fullmatch(tag)
    if match is None:
        return "", tag
    return match[1], match[2] or "entity"


def scheme_of(rows: Iterable[Sequence[str]]) -> Scheme:
    """That of a whole column: one row may not tell."""
    seen: set[str] = set()
    begun = stray = 0
    for tags in rows:
        before = ("O", "")
        for tag in tags:
            part = parted(tag)
            seen.add(part[0])
            if part[0] == "I" and part[1] != before[1]:
                stray += 1
            begun += part[0] in BEGINS
            before = part
    if "" in seen:
        return "plain"
    if "M" in seen or "W" in seen:
        return "BMES"
    if seen & {"E", "S", "L", "U"}:
        return "BIOES"
    return "IOB1" if stray > STRAY_SHARE * (begun + stray) else "IOB2"


def read_tags(tags: Sequence[str], scheme: Scheme) -> Tagged:
    """The passages of a row. A passage that is continued but not begun begins there, one that is begun within another ends
    it: such tags are counted as repaired, but not where IOB1 means it so."""
    passages: list[tuple[int, int, str]] = []
    repaired, is_open = 0, False
    before = ""
    for place, tag in enumerate(tags):
        prefix, label = parted(tag)
        if prefix == "O":
            repaired += is_open and scheme in ("BIOES", "BMES")
            is_open, before = False, ""
            continue
        if scheme == "plain":
            prefix, label = "I", tag.strip()
        goes_on = is_open and before == label and prefix not in BEGINS
        if goes_on:
            passages[-1] = (passages[-1][0], place + 1, label)
        else:
            passages.append((place, place + 1, label))
            repaired += (is_open and scheme in ("BIOES", "BMES")) or (
                prefix not in BEGINS and scheme not in ("IOB1", "plain")
            )
        is_open, before = prefix not in ENDS, label
    return Tagged(passages, repaired)


MARKS: dict[Scheme, tuple[str, str, str, str]] = {
    "IOB1": ("B-", "I-", "I-", "B-"),
    "IOB2": ("B-", "I-", "I-", "B-"),
    "BIOES": ("B-", "I-", "E-", "S-"),
    "BMES": ("B-", "M-", "E-", "S-"),
    "plain": ("", "", "", ""),
}
"""Before the label of the first tag of a passage, of one within it, of the last, and of one that stands alone."""


def write_tags(passages: Iterable[tuple[int, int, str]], count: int, scheme: Scheme) -> list[str]:
    """The tags of so many tokens, in the writing of their column; `read_tags` the other way."""
    tags = ["O"] * count
    first, inside, last, alone = MARKS[scheme]
    for start, end, label in passages:
        tags[start:end] = [f"{inside}{label}"] * (end - start)
        tags[start], tags[end - 1] = f"{first}{label}", f"{last}{label}"
        if end - start == 1:
            tags[start] = f"{alone}{label}"
    return tags
