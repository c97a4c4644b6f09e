"""The reader's rules for personal data over one text, for the site too. They bring two small libraries, loaded at the first text."""

from bisect import bisect_left, bisect_right
from collections.abc import Sequence

from trainer.tagging.units import joined, text_of

SIGNS = frozenset(".@-+()/_．＠－＋（）／＿")
"""That stand within addresses and numbers. Corpora make words of them."""
OPENING = frozenset("+(＋（")
"""With which a number begins, after a blank."""


def kinds_in(text: str) -> list[str]:
    """Which of `KINDS` the text seems to hold, in their order, whatever the column that it stands in is called."""
    from trainer.data.personal import EVERYTHING, KINDS, find_spans

    found_kinds = {span.kind for span in find_spans(text, EVERYTHING)}
    return [kind for kind in KINDS if kind in found_kinds]


def masked(text: str) -> str:
    """Each find as ⟨email⟩, ⟨phone⟩ and so on."""
    from trainer.data.personal import EVERYTHING, find_spans

    parts, end = [], 0
    for span in sorted(find_spans(text, EVERYTHING), key=lambda span: span.start):
        if span.start >= end:
            parts += [text[end : span.start], f"⟨{span.kind}⟩"]
            end = span.end
    return "".join([*parts, text[end:]])


def masked_words(words: Sequence[str]) -> list[str]:
    """The same of a list of words, each word of a find masked: there are as many as before. What is found as the words are written
    with blanks, and as they are written without blanks beside signs."""
    from trainer.data.personal import EVERYTHING, find_spans

    shown = list(words)
    for text, places in (tight_text_of(words, frozenset()), tight_text_of(words, OPENING), text_of(words)):
        starts, ends = zip(*places, strict=True) if places else ((), ())
        for span in find_spans(text, EVERYTHING):
            for index in range(bisect_right(ends, span.start), bisect_left(starts, span.end)):
                if words[index]:
                    shown[index] = f"⟨{span.kind}⟩"
    return shown


def tight_text_of(words: Sequence[str], after_blank: frozenset[str]) -> tuple[str, list[tuple[int, int]]]:
    """(the text without blanks beside signs, where each word stands in it); a blank stays before those of `after_blank`."""
    return joined(words, lambda before, word: not is_tight(before, word, after_blank))


def is_tight(before: str, word: str, after_blank: frozenset[str]) -> bool:
    """Whether no blank is between them. A full stop at the end of a longer word ends a sentence."""
    if word[0] in after_blank:
        return False
    return word[0] in SIGNS or (before[-1] in SIGNS and (before[-1] != "." or SIGNS.issuperset(before)))
