"""A tree of depth three that imitates a model of a table: what the model mostly goes by, in a few questions (Craven and Shavlik 1996).

It learns the model's own answers to rows that the model learned from, and its fidelity is how often it answers test rows as the
model does (of numbers: the R² of its answers against the model's)."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from trainer import answers, tables
from trainer.engines.table import TableEngine
from trainer.intervals import wilson_interval
from trainer.json_types import JsonObject

if TYPE_CHECKING:
    from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

DEPTH, LEAST_LEAF, MOST_LEVELS = 3, 0.01, 12
DATE_PARTS = 4
"""Year, month, weekday and hour; days since 1970 say nothing to people."""


class Question(NamedTuple):
    """Whether a column is a `level`, or its number (of a date the `part`) is at most what the tree says."""

    column: str
    level: str | None = None
    part: str | None = None


def imitate(engine: TableEngine, learned: Sequence[JsonObject], tested: Sequence[JsonObject]) -> JsonObject | None:
    """{tree, fidelity {value, low, high, rows}}; `low` and `high` None for numbers; None where there is nothing to ask."""
    from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

    questions = questions_of(engine)
    if not questions or len(learned) < 10:
        return None
    is_class = answers.get(engine.task.answer).labelled
    kind = DecisionTreeClassifier if is_class else DecisionTreeRegressor
    tree = kind(max_depth=DEPTH, min_samples_leaf=max(2, int(LEAST_LEAF * len(learned))), random_state=0)
    tree.fit(matrix_of(engine, questions, learned), engine.stored(engine.outputs(learned)))
    given, right = tree.predict(matrix_of(engine, questions, tested)), engine.stored(engine.outputs(tested))
    value = engine.score(given.tolist(), right)
    low, high = wilson_interval(value, len(tested)) if is_class else (None, None)
    fidelity = {"value": rounded(value), "low": low and rounded(low), "high": high and rounded(high)}
    return {"tree": node_of(tree, questions, 0), "fidelity": fidelity | {"rows": len(tested)}}


def questions_of(engine: TableEngine) -> list[Question]:
    questions: list[Question] = []
    for column in engine.columns:
        name = column["name"]
        if column["kind"] == "number":
            questions.append(Question(name))
        elif column["kind"] == "date":
            questions += [Question(name, part=part) for part in tables.DATE_PARTS[:DATE_PARTS]]
        elif column["kind"] == "category":
            questions += [Question(name, level) for level in column["levels"][:MOST_LEVELS]]
    return questions


def matrix_of(engine: TableEngine, questions: Sequence[Question], rows: Sequence[JsonObject]) -> np.ndarray:
    """(rows, questions): the number, or whether it is the level; nan for a missing one."""
    described = {column["name"]: column for column in engine.columns}
    cells = {name: [tables.cell_in(row, column) for row in rows] for name, column in described.items()}
    columns = []
    for question in questions:
        own = cells[question.column]
        if question.level is not None:
            columns.append([cell is not None and tables.normalise_level(cell) == question.level for cell in own])
            continue
        place = tables.DATE_PARTS.index(question.part) if question.part else 0
        columns.append(tables.encode_column(described[question.column], own)[:, place].tolist())
    return np.array(columns, dtype=float).T


def node_of(
    tree: "DecisionTreeClassifier | DecisionTreeRegressor", questions: Sequence[Question], place: int
) -> JsonObject:
    """{column, level or (part and at_most), yes, no}, or {answer, share, rows} at the end; `share`: of its rows that have it."""
    built: Any = tree.tree_
    rows = int(built.n_node_samples[place])
    if built.children_left[place] < 0:
        value = built.value[place][0]
        classes = getattr(tree, "classes_", None)
        if classes is None:
            return {"answer": float(f"{value[0]:.4g}"), "share": None, "rows": rows}
        likeliest = int(value.argmax())
        return {
            "answer": str(classes[likeliest]),
            "share": rounded(value[likeliest] / value.sum()),
            "rows": rows,
        }
    question = questions[int(built.feature[place])]
    low, high = (node_of(tree, questions, int(child[place])) for child in (built.children_left, built.children_right))
    if question.level is not None:
        return {"column": question.column, "level": question.level, "rows": rows, "yes": high, "no": low}
    at_most = float(f"{built.threshold[place]:.4g}")
    return {"column": question.column, "part": question.part, "at_most": at_most, "rows": rows, "yes": low, "no": high}


def rounded(value: float) -> float:
    return round(float(value), 4)
