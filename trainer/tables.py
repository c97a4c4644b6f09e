"""Rows of a table as numbers: the same code where a model learns and where it answers.

What `learn` finds out about the columns is plain JSON (`model/columns.json`); `encode` applies it. Needs numpy alone.

A column of kind number makes one feature; date makes year, month, weekday, hour and days since 1970; category one
feature of whole numbers (0: rare or never seen); text one feature a common word, or what `trainer.table_texts` makes of it.
A missing cell is nan throughout.
"""

import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from trainer import columns as kinds
from trainer import numerals, table_texts
from trainer.dates import guess_form, moment_at, value_of
from trainer.number_forms import guess_form as guess_number_form
from trainer.numerals import number_of

Cell = str | None
Description = dict[str, Any]
SAMPLE = 2_000
MOST_LEVELS, FEWEST_OF_A_LEVEL, MOST_WORDS, MOST_CHOICES = 100, 3, 50, 50
LARGEST = 1e100
"""To which numbers are cut, so that their sums and squares are numbers too."""
WORD_SHARE = 0.01
"""Of the rows, that a word must be in to become a feature."""
DATE_PARTS = ("year", "month", "weekday", "hour", "days")


def cell_of(value: object, decimal: str = ".") -> Cell:
    """A value of an input as the cell that a file would have; None where it is missing. `decimal`: the mark that the column
    writes before decimals, and so what stands in a cell for a JSON number."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return None
    text = numerals.with_mark(str(value), decimal) if isinstance(value, float) else str(value).strip()
    return None if kinds.is_missing(text) else text


def cell_in(row: Mapping[str, Any], description: Description) -> Cell:
    """The cell of a described column in an input."""
    return cell_of(row.get(description["name"]), description.get("decimal", "."))


def normalise_level(cell: str) -> str:
    return kinds.canonical_label(cell).casefold()


def split_words(cell: str) -> list[str]:
    return re.findall(r"\w+", cell.casefold())


# Learning what the columns are


def learn(
    name: str,
    cells: Sequence[Cell],
    counts: np.ndarray,
    is_input: bool = False,
    form: Mapping[str, Any] | None = None,
) -> tuple[Description | None, str]:
    """A column from its distinct cells and how often each occurs: (description, "") or (None, why it is left out).

    `is_input`: somebody wants it read, even where it looks as if it only named the rows. `form`: how the version says that it
    is written (`trainer.columns.written_form`).
    """
    counted = [(cell, int(count)) for cell, count in zip(cells, counts, strict=True) if cell is not None and count]
    total = sum(count for _cell, count in counted)
    if not counted:
        return None, f"The column “{name}” is empty and was left out."
    if len(counted) == 1:
        return None, f"The column “{name}” says “{counted[0][0][:40]}” in every row and was left out."
    step = max(1, len(counted) // SAMPLE)
    sample = [cell for cell, _count in counted[::step]][:SAMPLE]
    kind = guess_kind(name, sample, len(counted), total, form)
    if kind == "id" and is_input:
        written = number_form(sample, form)
        kind = "number" if all(number_of(cell, **written) is not None for cell in sample) else "category"
    if kind == "id":
        return None, f"The column “{name}” only numbers or names the rows and was left out."
    if kind not in LEARNERS:
        return None, f"The column “{name}” holds lists or objects, which tables are not learned from, and was left out."
    learned = LEARNERS[kind](counted, sample, total, form)
    if learned is None:
        return (
            None,
            f"The column “{name}” has no word or value that occurs often enough to learn from and was left out.",
        )
    return {"name": name, "kind": kind, **learned}, ""


def guess_kind(name: str, sample: list[str], distinct: int, total: int, form: Mapping[str, Any] | None = None) -> str:
    if form and "form" in form:
        return "date"
    kind = kinds.guess_kind(sample, distinct, total, name, form or None)
    if kind == "date" and guess_form(sample[:500]) is None:
        return "category" if distinct <= 0.2 * total else "text"
    return "category" if kind == "boolean" else kind


Counted = list[tuple[str, int]]
PLACES = (0.05, 0.5, 0.95)
"""Shares of the rows below what is kept of a column of numbers beside its ends."""


def number_form(sample: Sequence[str], form: Mapping[str, Any] | None) -> numerals.NumberForm:
    """How the numbers are written: as the version says, else by the sample."""
    return numerals.form_of(form) if form else guess_number_form(sample)


def learn_number(
    counted: Counted, sample: list[str], total: int, form: Mapping[str, Any] | None = None
) -> Description | None:
    written = number_form(sample, form)
    read = [(number_of(cell, **written), count) for cell, count in counted]
    values = np.array([value for value, _count in read if value is not None])
    if not len(values):
        return None
    weights = np.array([count for value, count in read if value is not None], dtype=float)
    order = values.argsort()
    low, middle, high = values[order][np.searchsorted(weights[order].cumsum(), weights.sum() * np.array(PLACES))]
    usual = {"p5": float(low), "p95": float(high)}
    return {**written, "min": float(values.min()), "max": float(values.max()), **usual, "typical": float(middle)}


def learn_date(
    counted: Counted, sample: list[str], total: int, form: Mapping[str, Any] | None = None
) -> Description | None:
    written = (form or {}).get("form") or guess_form(sample[:500]) or "iso"
    moments = sorted((value, cell) for cell, _count in counted if (value := value_of(cell, written)) is not None)
    if not moments:
        return None
    return {"form": written, "min": moments[0][1], "max": moments[-1][1], "typical": moments[len(moments) // 2][1]}


def learn_category(
    counted: Counted, sample: list[str], total: int, form: Mapping[str, Any] | None = None
) -> Description | None:
    """{levels, choices, choice_rows, typical}: the commonest values, in small letters and as people write them; how many rows
    have each choice."""
    counts: Counter[str] = Counter()
    spellings: dict[str, str] = {}
    for cell, count in sorted(counted, key=lambda pair: (-pair[1], pair[0])):
        counts[normalise_level(cell)] += count
        spellings.setdefault(normalise_level(cell), kinds.canonical_label(cell))
    fewest = min(FEWEST_OF_A_LEVEL, max(1, total // 20))
    levels = [level for level, count in counts.most_common(MOST_LEVELS) if count >= fewest]
    if not levels:
        return None
    choices = [spellings[level] for level in levels[:MOST_CHOICES]]
    rows = [counts[level] for level in levels[:MOST_CHOICES]]
    return {"levels": levels, "choices": choices, "choice_rows": rows, "typical": choices[0]}


def learn_text(
    counted: Counted, sample: list[str], total: int, form: Mapping[str, Any] | None = None
) -> Description | None:
    """{words, typical}: words that are in enough rows and not in all."""
    rows: Counter[str] = Counter()
    for cell, count in counted:
        for word in set(split_words(cell)):
            rows[word] += count
    fewest = max(FEWEST_OF_A_LEVEL, WORD_SHARE * total)
    listed = sorted(rows.items(), key=lambda pair: (-pair[1], pair[0]))
    words = [word for word, count in listed if fewest <= count < total][:MOST_WORDS]
    return {"words": words, "typical": max(counted, key=lambda pair: pair[1])[0][:200]} if words else None


LEARNERS = {"number": learn_number, "date": learn_date, "category": learn_category, "text": learn_text}


# Applying it


def features_of(description: Description) -> list[Description]:
    """[{column, name, kind: number | category, levels}] that a column makes."""
    name, kind = description["name"], description["kind"]
    if kind == "category":
        return [{"column": name, "name": name, "kind": "category", "levels": len(description["levels"]) + 1}]
    texts = table_texts.names_of(description) if table_texts.is_read(description) else None
    parts = texts or {"date": DATE_PARTS, "text": (*description.get("words", ()), "(words)")}.get(kind)
    names = [f"{name}: {part}" for part in parts] if parts else [name]
    return [{"column": name, "name": feature, "kind": "number", "levels": 0} for feature in names]


def encode_cell(description: Description, cell: str, levels: dict[str, int]) -> Sequence[float] | None:
    """The features of one cell, as many as `features_of` says; None where it is not of the column's kind."""
    kind = description["kind"]
    if kind == "number":
        value = number_of(cell, **numerals.form_of(description))
        return None if value is None else (min(max(value, -LARGEST), LARGEST),)
    if kind == "category":
        return (float(levels.get(normalise_level(cell), 0)),)
    if kind == "text":
        words = split_words(cell)
        return [float(word in words) for word in description["words"]] + [float(len(words))]
    seconds = value_of(cell, description["form"])
    if seconds is None and (form := guess_form([cell])):
        seconds = value_of(cell, form)
    if seconds is None:
        return None
    moment = moment_at(seconds)
    return moment.year, moment.month, moment.weekday(), moment.hour, seconds / 86_400


def encode_column(description: Description, cells: Sequence[Cell]) -> np.ndarray:
    """(cells, features of the column); nan where a cell is missing or is not of the column's kind."""
    levels = {level: code for code, level in enumerate(description.get("levels", ()), 1)}
    encoded = np.full((len(cells), len(features_of(description))), np.nan)
    for row, cell in enumerate(cells):
        values = None if cell is None else encode_cell(description, cell, levels)
        if values is not None:
            encoded[row] = values
    return encoded


def encode(
    descriptions: list[Description],
    rows: Sequence[dict[str, Any]],
    readers: Mapping[str, table_texts.TextReader] | None = None,
    embed: table_texts.Embed | None = None,
) -> np.ndarray:
    """(rows, features) of inputs {column: value}. `readers`: of the columns whose texts are read, `embed`: their encoder."""
    parts = []
    for description in descriptions:
        cells = [cell_in(row, description) for row in rows]
        reader = (readers or {}).get(description["name"])
        if reader is None:
            parts.append(encode_column(description, cells))
        else:
            parts.append(table_texts.encode_texts(reader, description, cells, embed))
    return np.concatenate(parts, axis=1)


# Numbers of one scale, for models that add things up


def scales_of(features: list[Description], matrix: np.ndarray) -> Description:
    """Mean and spread of the number features over the rows learned from, as JSON."""
    numbers = [index for index, feature in enumerate(features) if feature["kind"] == "number"]
    values = matrix[:, numbers]
    is_present = ~np.isnan(values)
    count = is_present.sum(0).clip(min=1)
    mean = np.where(is_present, values, 0).sum(0) / count
    spread = np.sqrt((np.where(is_present, values - mean, 0) ** 2).sum(0) / count)
    return {
        "numbers": numbers,
        "mean": mean.tolist(),
        "spread": np.where(spread > 1e-12, spread, 1.0).tolist(),
        "gaps": [
            index for index, column in zip(numbers, range(len(numbers)), strict=True) if not is_present[:, column].all()
        ],
        "categories": [
            [index, feature["levels"]] for index, feature in enumerate(features) if feature["kind"] == "category"
        ],
    }


def scaled(scales: Description, matrix: np.ndarray) -> np.ndarray:
    """Number features in standard units within ±8, gaps as the mean with a mark beside them."""
    values = (matrix[:, scales["numbers"]] - scales["mean"]) / scales["spread"]
    marks = np.isnan(matrix[:, scales["gaps"]]).astype(float)
    return np.concatenate([np.nan_to_num(values.clip(-8, 8)), marks], axis=1)


def codes_of(scales: Description, matrix: np.ndarray) -> np.ndarray:
    """Category features as whole numbers: 0 rare or never seen, the last one missing."""
    if not scales["categories"]:
        return np.zeros((len(matrix), 0), dtype=np.int64)
    columns = [np.where(np.isnan(matrix[:, index]), levels, matrix[:, index]) for index, levels in scales["categories"]]
    return np.stack(columns, axis=1).astype(np.int64)


def expanded_from(scales: Description) -> list[int]:
    """Of each column of `expanded` the feature that it comes from."""
    levels = [index for index, levels in scales["categories"] for _level in range(levels + 1)]
    return [*scales["numbers"], *scales["gaps"], *levels]


def expanded(scales: Description, matrix: np.ndarray) -> np.ndarray:
    """Scaled numbers, then one column a level of each category."""
    codes = codes_of(scales, matrix)
    parts = [scaled(scales, matrix)]
    for column, (_at, levels) in enumerate(scales["categories"]):
        parts.append((codes[:, column, None] == np.arange(levels + 1)).astype(float))
    return np.concatenate(parts, axis=1)
