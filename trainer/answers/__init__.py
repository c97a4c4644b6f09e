"""Kinds of answers. Light: what learns and scores an answer of a kind is named, not imported."""

from trainer.answers import classes, number, objects, text
from trainer.answers.base import Answer

KINDS: dict[str, Answer] = {one.key: one for one in (classes.ANSWER, number.ANSWER, objects.ANSWER, text.ANSWER)}


def get(key: str) -> Answer:
    """The kind of answer of this key: class, number, objects or text."""
    return KINDS[key]
