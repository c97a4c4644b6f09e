"""Texts that give the answer away: by one word that stands in those of one label alone, or by naming their label.

A help desk's “closed: refunded” beside a column that says whether the customer was refunded is known only afterwards.
"""

from collections import Counter
from collections.abc import Sequence

import numpy as np

from trainer.words import Terms, is_spaced, lowered, names_of, shown_term

MOST_CHARACTERS, MOST_TERMS = 2_000, 20_000
"""Of a text, and different terms of all, that are looked at."""
SPACED, UNSPACED = Terms((1, 1), (0, 0)), Terms((0, 0), (2, 3))
MIN_LABEL = 3
"""Characters of a label (1 where words are not parted by blanks) from which it may be named by chance too rarely."""


def text_score(texts: Sequence[str], targets: np.ndarray, labels: Sequence[str]) -> tuple[float, str | None]:
    """(balanced accuracy, how the text decides): of two labels by one word, of more by the label that a text names. `targets`: codes
    into `labels`."""
    small = [lowered(text[:MOST_CHARACTERS]) for text in texts]
    named = named_score(small, targets, labels)
    if len(labels) != 2:
        return named
    return max(word_score(small, targets, labels), named, key=lambda pair: pair[0])


def word_score(texts: Sequence[str], targets: np.ndarray, labels: Sequence[str]) -> tuple[float, str | None]:
    """The word that parts two labels best."""
    terms = SPACED if is_spaced(texts) else UNSPACED
    sizes = np.bincount(targets, minlength=2)
    seen: tuple[Counter[str], Counter[str]] = (Counter(), Counter())
    for text, target in zip(texts, targets.tolist(), strict=True):
        seen[target].update(set(names_of(text, terms)))
    best: tuple[float, str | None] = (0.0, None)
    for term, _count in (seen[0] + seen[1]).most_common(MOST_TERMS):
        shares = [seen[label][term] / max(sizes[label], 1) for label in (0, 1)]
        score = 0.5 + abs(shares[1] - shares[0]) / 2
        if score > best[0]:
            best = (score, f"contains “{shown_term(term)}”: {labels[int(shares[1] > shares[0])]}")
    return best


def word_by_word(text: str) -> str:
    """Its words and signs between blanks, in which others are looked for whole."""
    return f" {' '.join(names_of(text, SPACED))} "


def named_score(texts: Sequence[str], targets: np.ndarray, labels: Sequence[str]) -> tuple[float, str | None]:
    """How well the longest label that a text contains is its own."""
    names = [" ".join(lowered(label).replace("_", " ").split()) for label in labels]
    if any(len(name) < MIN_LABEL and name.isascii() for name in names):
        return 0.0, None
    order = sorted(range(len(names)), key=lambda place: -len(names[place]))
    if is_spaced(texts):
        names, texts = [word_by_word(name) for name in names], [word_by_word(text) for text in texts]
    answers = np.array([next((place for place in order if names[place] in text), -1) for text in texts], dtype=int)
    right = [
        float((answers[targets == place] == place).mean()) for place in range(len(labels)) if (targets == place).any()
    ]
    return float(np.mean(right)), "names the answer"
