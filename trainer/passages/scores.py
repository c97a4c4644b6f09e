"""Exact match and F1 of answers, by SQuAD's own normalisation; texts in Chinese or Japanese are compared by characters.

SQuAD (Rajpurkar et al. 2016, 2018): lower case, without punctuation and the articles a, an, the; F1 over the words that both
have, the best over the accepted answers; a question without an answer counts 1 where none is given, else 0. As CMRC 2018 and
DuReader do, each character of a script without blanks is a word of its own and its punctuation is left out too; the
overlap is counted as SQuAD counts it, while CMRC takes the longest common run.
"""

from __future__ import annotations

import re
import string
from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

CHARACTERS = r"\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
"""Of scripts that set no blanks between words: ideographs and kana."""
OF_THESE = re.compile(f"[{CHARACTERS}]")
WORDS = re.compile(f"[{CHARACTERS}]|[^\\s{CHARACTERS}]+")
ARTICLES = re.compile(r"\b(a|an|the)\b")
NO_MARKS = dict.fromkeys(map(ord, string.punctuation))
NO_WIDE_MARKS = NO_MARKS | dict.fromkeys(map(ord, "，。：？！“”；’‘《》〈〉…·、「」『』（）－～【】—"))


class Truth(NamedTuple):
    """The accepted answers to a question, in words; none: it has no answer."""

    answers: tuple[tuple[str, ...], ...]


def words_of(answer: str) -> tuple[str, ...]:
    """The words of an answer that are compared."""
    lowered = answer.lower()
    if OF_THESE.search(lowered):
        lowered = lowered.translate(NO_WIDE_MARKS)
        return tuple(WORDS.findall(ARTICLES.sub(" ", lowered)))
    return tuple(ARTICLES.sub(" ", lowered.translate(NO_MARKS)).split())


def truth_of(answers: Sequence[str]) -> Truth:
    return Truth(tuple(dict.fromkeys(map(words_of, answers))))


def overlap(predicted: Sequence[str], actual: Sequence[str]) -> float:
    """F1 of two lists of words."""
    if not predicted or not actual:
        return float(tuple(predicted) == tuple(actual))
    shared = sum((Counter(predicted) & Counter(actual)).values())
    return 2 * shared / (len(predicted) + len(actual))


def scored(truth: Truth, predicted: str | None) -> tuple[float, float]:
    """(exact match, F1) of one answer; None: no answer."""
    if predicted is None or not truth.answers:
        right = float(predicted is None and not truth.answers)
        return right, right
    own = words_of(predicted)
    return float(own in truth.answers), max(overlap(own, actual) for actual in truth.answers)
