"""What is wrong with rows, as people are told of it: a sentence with a count, row numbers, examples and a fix."""

from collections.abc import Sequence
from typing import Literal, NotRequired, TypedDict

import numpy as np
import pyarrow as pa

from trainer.data.fixes import SAFE
from trainer.messages import Message, Source, _, sources

Severity = Literal["error", "warning", "info"]


class Fix(TypedDict):
    """One click of the data page; `safe` ones can be taken all together without looking at the rows."""

    action: str
    label: str
    safe: bool
    i18n: NotRequired[dict[str, Source]]


class Suggestion(TypedDict):
    """A label that looks wrong, by row from 1, and the one that a simple model is sure of; `cell`: the latter as a cell, where it is more
    than a label."""

    row: int
    text: str
    label: str
    suggested: str
    cell: NotRequired[str]


class Problem(TypedDict):
    """An entry of problems.json; `rows` are the first of them, from 1, and `count` is how many there are in all.

    Some codes add where in the files: `lines`, `files`, `places`, `columns`; and some several `fixes`, or `suggestions`.
    """

    code: str
    severity: Severity
    message: str
    count: int
    rows: NotRequired[list[int]]
    examples: NotRequired[list[str]]
    fix: NotRequired[Fix | None]
    fixes: NotRequired[list[Fix]]
    suggestions: NotRequired[list[Suggestion]]
    lines: NotRequired[list[int]]
    files: NotRequired[list[str]]
    places: NotRequired[list[str]]
    columns: NotRequired[list[str]]
    i18n: NotRequired[dict[str, Source]]


EXAMPLES = 3
ROWS_SHOWN = 20
EXAMPLE_CHARACTERS = 120
ORDER = {"error": 0, "warning": 1, "info": 2}


def shorten(text: str) -> str:
    text = text.strip()
    return text if len(text) <= EXAMPLE_CHARACTERS else text[: EXAMPLE_CHARACTERS - 1] + "…"


def problem(
    code: str,
    severity: Severity,
    message: str,
    rows: np.ndarray | Sequence[int] = (),
    examples: Sequence[str] = (),
    fix: tuple[str, str] | None = None,
    count: int | None = None,
) -> Problem:
    """A problem of rows that are counted from 0 here and from 1 in the result; `fix`: (action, label)."""
    made: Problem = {
        "code": code,
        "severity": severity,
        "message": message,
        "count": len(rows) if count is None else count,
        "rows": [int(row) + 1 for row in rows[:ROWS_SHOWN]],
        "examples": [shorten(example) for example in examples[:EXAMPLES]],
        "fix": fix_of(*fix) if fix else None,
    }
    if isinstance(message, Message):
        made["i18n"] = {"message": message.source}
    return made


def fix_of(action: str, label: str) -> Fix:
    """`label`: what the button says."""
    return {"action": action, "label": label, "safe": action in SAFE, **sources({"label": label})}


def sample_texts(rows: np.ndarray, texts: pa.ChunkedArray) -> list[str]:
    return [texts[int(row)].as_py() or "" for row in rows[:EXAMPLES]]


DELETE_ROWS, REMOVE_DUPLICATES = _("Delete rows"), _("Remove duplicates")


def join_names(names: list[str], most: int = 6) -> str:
    return ", ".join(shorten(name) for name in names[:most]) + (" …" if len(names) > most else "")
