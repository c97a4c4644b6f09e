"""Columns of a table that give the answer away, as problems (see `trainer.leaks`)."""

from typing import Any

import numpy as np

from trainer import leaks
from trainer.data.answer_checks import answer_numbers
from trainer.data.dataset import Dataset
from trainer.data.problems import Problem, problem, shorten
from trainer.messages import Message, joined, ngettext


def find_leaks(dataset: Dataset) -> list[dict[str, Any]]:
    """Columns of a table from which alone the answer follows almost always (see `trainer.leaks`)."""
    kinds, targets, labels = leak_inputs(dataset)
    return leaks.find_leaks(dataset.table, kinds, targets, labels, forms=dataset.forms)


def leak_inputs(dataset: Dataset) -> tuple[dict[str, str], np.ndarray, list[str] | None]:
    """(kinds, targets, labels) as `trainer.leaks` takes them."""
    inputs = set(dataset.inputs)
    kinds = {
        column["name"]: column["kind"]
        for column in dataset.profile
        if column["name"] in inputs and column["distinct"] > 1
    }
    if dataset.labelled:
        keys = dataset.mapped_keys
        return kinds, np.where(keys.usable, keys.codes, -1), keys.labels
    return kinds, np.where(dataset.mapped_keys.usable, answer_numbers(dataset), np.nan), None


def leaking_columns(dataset: Dataset) -> list[str]:
    return [leak["column"] for leak in find_leaks(dataset)]


def leakage_problems(dataset: Dataset) -> list[Problem]:
    """Columns from which alone the answer follows, and what could not be looked at."""
    kinds, targets, labels = leak_inputs(dataset)
    found_leaks = leaks.find_leaks(dataset.table, kinds, targets, labels, forms=dataset.forms)
    passed = leaks.describe_unchecked(kinds, targets, labels)
    unchecked = [problem("leakage_not_looked_for", "info", joined(passed), count=len(passed))] if passed else []
    if not found_leaks:
        return unchecked
    named = [leak["column"] for leak in found_leaks]
    names = ", ".join(f"“{shorten(name)}”" for name in named[:4])
    rules = "; ".join(leak["rule"] for leak in found_leaks[:2] if leak["rule"])
    message: Message = ngettext(
        "%(names)s alone gives the answer away almost every time. Was it known before the answer? If not, exclude it.",
        "%(names)s alone give the answer away almost every time. Were they known before the answer? If not, exclude them.",
        len(named),
        names=names,
    )
    if rules:
        message = joined([message, f"({rules})"])
    fix = ("drop_leaking_columns", ngettext("Exclude the column", "Exclude the columns", len(named)))
    return [problem("leakage", "warning", message, examples=named, fix=fix, count=len(named)), *unchecked]
