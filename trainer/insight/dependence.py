"""Partial dependence (Friedman 2001): what the model of a table answers on average where one column had a value in every row."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from trainer import answers, tables
from trainer.activations import softmax
from trainer.engines.table import TableEngine
from trainer.json_types import JsonObject

MOST_ROWS, MOST_COLUMNS, NUMBERS, LEVELS, MOST_LABELS = 100, 12, 9, 8, 4


def dependences(engine: TableEngine, rows: Sequence[JsonObject]) -> JsonObject:
    """{labels, columns [{column, kind, values, answers [[one a label, or the number]], span}]}, the column first that moves the answer
    the most; `labels`: the commonest, empty for a number."""
    rows = rows[:MOST_ROWS]
    labels = commonest(engine, rows)
    curves = [curve for column in engine.columns if (curve := of_column(engine, rows, column, labels))]
    curves.sort(key=lambda curve: -curve["span"])
    return {"labels": labels, "columns": curves[:MOST_COLUMNS]}


def commonest(engine: TableEngine, rows: Sequence[JsonObject]) -> list[str]:
    """Of two classes the second alone: the first is the rest."""
    if not answers.get(engine.task.answer).labelled:
        return []
    if len(engine.labels) == 2:
        return engine.labels[1:]
    shares = softmax(np.asarray(engine.outputs(rows))).mean(axis=0)
    return [engine.labels[place] for place in np.argsort(-shares, kind="stable")[:MOST_LABELS]]


def of_column(
    engine: TableEngine, rows: Sequence[JsonObject], column: JsonObject, labels: Sequence[str]
) -> JsonObject | None:
    """None for a column of texts, and for one that has no two values."""
    values = values_of(column, rows)
    if len(values) < 2:
        return None
    name, places = column["name"], [engine.labels.index(label) for label in labels]
    mean_answers = []
    for value in values:
        outputs = np.asarray(engine.outputs([{**row, name: value} for row in rows]))
        mean_answers.append((softmax(outputs)[:, places] if places else outputs[:, :1]).mean(axis=0))
    means = np.array(mean_answers)
    return {
        "column": name,
        "kind": column["kind"],
        "values": values,
        "answers": [[float(f"{value_of_label:.4g}") for value_of_label in each] for each in means.tolist()],
        "span": float(f"{(means.max(axis=0) - means.min(axis=0)).max():.4g}"),
    }


def values_of(column: JsonObject, rows: Sequence[JsonObject]) -> list[Any]:
    """Quantiles of the rows' numbers, or levels that occur in them, the commonest first."""
    cells = [cell for row in rows if (cell := tables.cell_in(row, column)) is not None]
    if not cells or column["kind"] not in ("number", "category"):
        return []
    if column["kind"] == "category":
        counts: dict[str, int] = {}
        for cell in cells:
            counts[cell] = counts.get(cell, 0) + 1
        return sorted(counts, key=lambda cell: (-counts[cell], cell))[:LEVELS]
    encoded = tables.encode_column(column, cells)[:, 0]
    encoded = encoded[~np.isnan(encoded)]
    quantiles = np.quantile(encoded, np.linspace(0.02, 0.98, NUMBERS), method="nearest") if len(encoded) else []
    return [float(f"{value:.6g}") for value in dict.fromkeys(np.asarray(quantiles).tolist())]
