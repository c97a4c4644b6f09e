"""Kinds of answers, the registry: every light module of this folder with an `ANSWER` is one.

A kind is two files: `NAME.py` with its light facts, and `NAME_scoring.py` with its heavy half (loss, report, agreement), which
is named by dotted path and imported when it is needed. Modules with `_` in their names are heavy and are not looked at.
"""

import importlib
import pkgutil
from collections.abc import Mapping
from functools import cache

from trainer.answers.base import Answer


@cache
def kinds() -> dict[str, Answer]:
    """{key: kind} in the order of the keys."""
    names = sorted(info.name for info in pkgutil.iter_modules(__path__) if "_" not in info.name)
    modules = [importlib.import_module(f"{__name__}.{name}") for name in names]
    listed = [module.ANSWER for module in modules if isinstance(getattr(module, "ANSWER", None), Answer)]
    return {answer.key: answer for answer in sorted(listed, key=lambda answer: answer.key)}


def find(key: str | None) -> Answer | None:
    """The kind of this key; None for one that cannot be learned yet."""
    return kinds().get(key or "")


def get(key: str) -> Answer:
    """The kind of this key."""
    return kinds()[key]


def of_output(output: Mapping[str, object]) -> Answer | None:
    """The kind of one answer as serving gave it, by the field that no other kind has, or that stands there alone."""
    named = next((answer for answer in kinds().values() if answer.pick in output), None)
    return named or next((answer for answer in kinds().values() if answer.other_picks & set(output)), None)


def of_file(facts: Mapping[str, object]) -> Answer:
    """What a file of an artifact (columns.json, head.json) says that its answers are, under `answer`.

    Files written before there was that field do not say it: there, no labels meant a number.
    """
    key = facts.get("answer")
    return get(str(key) if key else "class" if facts.get("labels") else "number")
