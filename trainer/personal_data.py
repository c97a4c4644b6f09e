"""The reader's rules for personal data over one text, for the site too. They bring two small libraries, loaded at the first text."""

from collections.abc import Sequence

from trainer.tagging.units import text_of


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
    """The same of a list of words, each word of a find masked: there are as many as before."""
    from trainer.data.personal import EVERYTHING, find_spans

    text, places = text_of(words)
    spans = sorted(find_spans(text, EVERYTHING), key=lambda span: span.start)
    shown = list(words)
    for index, (start, end) in enumerate(places):
        span = next((span for span in spans if span.start < end and start < span.end), None)
        if span is not None:
            shown[index] = f"⟨{span.kind}⟩"
    return shown
