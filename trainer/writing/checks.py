"""Answers beside the right ones, and beside those of the model before it was trained: how long they are, whether they repeat
themselves, in which language they are, what they copy, and whether they are the JSON that they should be."""

from collections import Counter
from collections.abc import Callable, Sequence
from statistics import median
from typing import Any, NamedTuple

from trainer.data.languages import detect_language
from trainer.writing.figures import COPIED, copies, repeats
from trainer.writing.schemas import NOTHING, keeps_to, parsed, schema_of

LEAST_LETTERS = 20
"""Of a text whose language is told."""


class Sides(NamedTuple):
    """Answers to the same prompts: the right ones as far as a model may write, the model's, and those of the model that it was
    trained from; None where there was none."""

    truth: Sequence[str]
    model: Sequence[str]
    base: Sequence[str] | None = None

    def each(self, measure: Callable[[Sequence[str]], float | None]) -> dict[str, float | None]:
        """{truth, model, base: their figure}, None for what cannot be told."""
        return {name: None if texts is None else measure(texts) for name, texts in self._asdict().items()}


def check(sides: Sides, learned: Sequence[str], corpus: str) -> dict[str, Any]:
    """`answers` of report.json: {rows, base (whether there is one), checks [{name, truth, model, base}], languages, schema}.

    `learned`: the answers that were learned from; `corpus`: the same in one text, empty where it is not known.
    """
    schema = schema_of(learned)
    checks: dict[str, Callable[[Sequence[str]], float | None]] = {"length": typical_length, "repeating": repeating}
    if schema is None:
        checks["language"] = lambda texts: same_language(texts, sides.truth)
    if corpus:
        checks["copied"] = lambda texts: copied(texts, corpus)
    if schema is not None:
        checks |= {"json": valid, "schema": lambda texts: valid(texts, schema)}
    listed = [{"name": name} | sides.each(measure) for name, measure in checks.items()]
    shown = {} if schema is not None else {name: languages_of(texts or ()) for name, texts in sides._asdict().items()}
    return {
        "rows": len(sides.truth),
        "base": sides.base is not None,
        "checks": [each for each in listed if each["model"] is not None],
        "languages": shown,
        "schema": schema,
    }


def typical_length(texts: Sequence[str]) -> float | None:
    """The median, in characters."""
    return float(median(map(len, texts))) if texts else None


def repeating(texts: Sequence[str]) -> float | None:
    return share([repeats(text) for text in texts])


def copied(texts: Sequence[str], corpus: str) -> float | None:
    """Of those that are long enough to."""
    return share([copies(text, corpus) for text in texts if len(text) >= COPIED])


def same_language(texts: Sequence[str], truth: Sequence[str]) -> float | None:
    """Of the answers whose right one tells its language, the share that are in it; one that tells none is not."""
    pairs = zip(map(language_of, texts), map(language_of, truth), strict=True)
    return share([own == language for own, language in pairs if language])


def valid(texts: Sequence[str], schema: dict[str, Any] | None = None) -> float | None:
    """The share that can be parsed, and keeps to the schema where there is one."""
    values = [parsed(text) for text in texts]
    return share([value is not NOTHING and (schema is None or keeps_to(value, schema)) for value in values])


def languages_of(texts: Sequence[str]) -> dict[str, int]:
    """{language: answers}, the commonest first; those that tell none are not counted."""
    return dict(Counter(name for text in texts if (name := language_of(text))).most_common())


def language_of(text: str) -> str | None:
    return detect_language(text) if sum(map(str.isalpha, text)) >= LEAST_LETTERS or not text.isascii() else None


def share(cases: Sequence[bool]) -> float | None:
    return sum(cases) / len(cases) if cases else None
