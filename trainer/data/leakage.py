"""Columns of a table that give the answer away, as problems (see `trainer.leaks`)."""

from typing import Any

import numpy as np

from trainer import leaks
from trainer.data.answer_checks import answer_numbers
from trainer.data.problems import problem, shortened
from trainer.messages import Message, joined, ngettext


def leaks_of(content: Any) -> list[dict[str, Any]]:
    """Columns of a table from which alone the answer follows almost always (see `trainer.leaks`)."""
    kinds, truth, labels = inputs_and_answers(content)
    return leaks.find(content.table, kinds, truth, labels)


def inputs_and_answers(content: Any) -> tuple[dict[str, str], np.ndarray, list[str] | None]:
    """(kinds, truth, labels) as `trainer.leaks` takes them."""
    inputs = set(content.inputs)
    kinds = {one["name"]: one["kind"] for one in content.profile if one["name"] in inputs and one["distinct"] > 1}
    if content.labelled:
        truth, labels = np.where(content.keys.usable, content.keys.codes, -1), content.keys.labels
    else:
        truth, labels = np.where(content.keys.usable, answer_numbers(content), np.nan), None
    return kinds, truth, labels


def leaking_columns(content: Any) -> list[str]:
    return [one["column"] for one in leaks_of(content)]


def leakage_problems(content: Any) -> list[dict[str, Any]]:
    kinds, truth, labels = inputs_and_answers(content)
    found = leaks.find(content.table, kinds, truth, labels)
    passed = leaks.not_looked_at(kinds, truth, labels)
    told = [problem("leakage_not_looked_for", "info", joined(passed), count=len(passed))] if passed else []
    if not found:
        return told
    named = [one["column"] for one in found]
    names = ", ".join(f"“{shortened(name)}”" for name in named[:4])
    rules = "; ".join(one["rule"] for one in found[:2] if one["rule"])
    message: Message = ngettext(
        "%(names)s alone gives the answer away almost every time. Was it known before the answer? If not, exclude it.",
        "%(names)s alone give the answer away almost every time. Were they known before the answer? If not, exclude them.",
        len(named),
        names=names,
    )
    if rules:
        message = joined([message, f"({rules})"])
    fix = ("drop_leaking_columns", ngettext("Exclude the column", "Exclude the columns", len(named)))
    return [problem("leakage", "warning", message, examples=named, fix=fix, count=len(named)), *told]
