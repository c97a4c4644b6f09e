"""Which rows are learned from, tuned with and tested on: stratified, the same for the same seed, copies kept together."""

import hashlib
import re
import unicodedata
from collections import defaultdict

import numpy as np

from trainer.spec import SplitSpec

PARTS = ("train", "validation", "test")
MOST_VALIDATION_ROWS = 500
"""Enough to tell one epoch from the next; every further row is worth more among those learned from."""


def normalised(text: str) -> str:
    """What two copies of one text share: letters and digits, case and width folded."""
    return re.sub(r"\W+", " ", unicodedata.normalize("NFKC", text).casefold()).strip() or text


def split_rows(texts: list[str], labels: list[str], wanted: SplitSpec, fixed: "np.ndarray | None" = None) -> np.ndarray:
    """A part for each row: array of `train`, `validation`, `test`.

    Rows with the same normalised text form a group that is never divided; groups are drawn a class at a time. A class
    keeps at least one group to learn from. `fixed` gives rows their part already ("" where it is open): with a test
    part given none is drawn, and the same holds for validation.
    """
    parts = np.full(len(texts), "train", dtype="U10") if fixed is None else fixed.copy()
    parts[parts == ""] = "train"
    given = set() if fixed is None else set(fixed.tolist())
    shares = [
        (part, share) for part, share in (("test", wanted.test), ("validation", wanted.validation)) if part not in given
    ]
    groups: dict[str, list[int]] = defaultdict(list)
    for row, text in enumerate(texts):
        if parts[row] == "train":
            groups[normalised(text)].append(row)
    for label_groups in by_label(groups, labels).values():
        draw(label_groups, shares, wanted.seed, parts)
    return parts


def by_label(groups: dict[str, list[int]], labels: list[str]) -> dict[str, list[tuple[str, list[int]]]]:
    found: dict[str, list[tuple[str, list[int]]]] = defaultdict(list)
    for text, rows in groups.items():
        found[labels[rows[0]]].append((text, rows))
    return found


def draw(groups: list[tuple[str, list[int]]], shares: list[tuple[str, float]], seed: int, parts: np.ndarray) -> None:
    """Give the groups of one class their parts. The order is a hash of seed and text, so adding rows moves few others."""
    order = sorted(groups, key=lambda group: hashlib.sha256(f"{seed}\0{group[0]}".encode()).digest())
    total = sum(len(rows) for _text, rows in groups)
    at = 0
    for part, share in shares:
        want, taken = round(total * share), 0
        if want == 0 and share > 0 and len(groups) >= 3:
            want = 1
        while taken < want and at < len(order) - 1:
            rows = order[at][1]
            at += 1
            if taken and taken + len(rows) > want + 1:
                continue
            parts[rows] = part
            taken += len(rows)
