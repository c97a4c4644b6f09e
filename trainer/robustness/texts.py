"""Texts as people type them: slips of the finger, capitals, missing accents, words in another order. Needs numpy alone."""

import unicodedata
from collections.abc import Callable

import numpy as np

NEIGHBOURS = dict(
    zip(
        "qwertyuiopasdfghjklzxcvbnm",
        [
            "wa",
            "qeas",
            "wrsd",
            "etdf",
            "ryfg",
            "tugh",
            "yihj",
            "uojk",
            "ipkl",
            "ol",
            "qwsz",
            "awedzx",
            "serfxc",
            "drtgcv",
            "ftyhvb",
            "gyujbn",
            "huiknm",
            "jiolm",
            "kop",
            "asx",
            "zsdc",
            "xdfv",
            "cfgb",
            "vghn",
            "bhjm",
            "njk",
        ],
        strict=True,
    )
)
"""The keys around each on a QWERTY keyboard."""
Slip = Callable[[str, str, np.random.Generator], str]


def with_slips(text: str, share: float, generator: np.random.Generator) -> str:
    """So many of the letters wrong: a neighbouring key, one left out, one typed twice, two exchanged (the four kinds of slips of
    Damerau 1964). No letter slips twice."""
    signs = list(text)
    letters = [place for place, sign in enumerate(signs) if sign.isalpha()]
    count = int(share * len(letters) + generator.random())
    for place in sorted(generator.permutation(letters)[:count].tolist(), reverse=True):
        slip(signs, int(place), generator)
    return "".join(signs)


def slip(signs: list[str], place: int, generator: np.random.Generator) -> None:
    """One letter, in place."""
    sign, kind = signs[place], generator.integers(4)
    keys = NEIGHBOURS.get(sign.lower())
    if kind == 0 and keys:
        key = keys[generator.integers(len(keys))]
        signs[place] = key.upper() if sign.isupper() else key
    elif kind == 1 and len(signs) > 1:
        signs[place] = ""
    elif kind == 2 and place + 1 < len(signs):
        signs[place], signs[place + 1] = signs[place + 1], sign
    else:
        signs[place] = 2 * sign


def in_capitals(text: str, share: float, generator: np.random.Generator) -> str:
    """So many of the words in capitals."""
    return " ".join(word.upper() if generator.random() < share else word for word in text.split(" "))


def without_accents(text: str, share: float, generator: np.random.Generator) -> str:
    """So many of the letters with an accent without it."""
    return "".join(bare(sign) if sign > "\x7f" and generator.random() < share else sign for sign in text)


def bare(sign: str) -> str:
    parts = unicodedata.normalize("NFD", sign)
    letters = "".join(part for part in parts if not unicodedata.combining(part))
    return letters if letters and letters != sign and letters[0].isascii() else sign


def with_swapped_words(text: str, share: float, generator: np.random.Generator) -> str:
    """So many of the words exchanged with the next one."""
    words, place = text.split(" "), 0
    while place + 1 < len(words):
        if generator.random() < share:
            words[place], words[place + 1] = words[place + 1], words[place]
            place += 1
        place += 1
    return " ".join(words)
