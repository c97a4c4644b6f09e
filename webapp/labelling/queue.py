"""Which rows are asked about next, what of them is shown, and what is suggested for each."""

import json
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.utils.translation import gettext as _

from trainer import tasks
from webapp.answers import presentations
from webapp.answers.labelled import Labelling
from webapp.core.problems import Problem
from webapp.datasets.models import DatasetVersion
from webapp.datasets.rows import Cursor, connect, file_of, names_of, read, rows_sql
from webapp.labelling.models import Decision

ORDERS = ("mixed", "file", "random")
"""Mixed is what teaches most where suggestions are worked out, else random."""
ROWS_AT_ONCE, MOST_AT_ONCE = 10, 50
MOST_SEARCHED = 200
"""Characters of a search."""
CHARACTERS = 20_000
"""Of a cell that is shown."""


@dataclass(frozen=True)
class Cell:
    """`role`: of the task, "" in a table; `kind`: image, audio or another kind of column."""

    role: str
    name: str
    kind: str
    value: str | None


@dataclass(frozen=True)
class Suggestion:
    """`label`: in words; `score`: 0 to 1, how sure the model is, None where it does not say; `value`: as the API takes it, of answers
    that are more than a label; `fields`: the same as the page's form has it, in JSON."""

    label: str
    score: float | None
    value: Any = None
    fields: str = ""

    def as_dict(self) -> dict[str, Any]:
        return {"label": self.label, "score": self.score, "value": self.label if self.value is None else self.value}


Pooled = Callable[[DatasetVersion], list[tuple[int, Suggestion | None]]]
POOLED: dict[str, Pooled] = {}
"""Queues of some rows of the pool: {order: version -> [(row from 1, what is suggested)], in the order of asking}. Apps on the right
add theirs."""
UNSURE = "unsure"
"""What visitors of a demo judged and its model was unsure of."""


@dataclass(frozen=True)
class Item:
    """A row that is asked about, from 1."""

    row: int
    cells: list[Cell]
    suggestion: Suggestion | None = None
    reason: str = ""
    """What it is asked for in the mixed order (`trainer.labelling.asking`)."""
    label: str | None = None
    """That it has, where it is asked about again: its answer as a cell."""
    label_text: str = ""
    """The same in words."""
    label_value: Any = None
    """And as the API takes it, where that is more than a label."""
    fields: str = ""
    """And as the page's form has it, in JSON."""

    def as_dict(self) -> dict[str, Any]:
        """The inputs by their role; those of a table, which has none, in `columns`."""
        by_role = {cell.role: cell.value for cell in self.cells if cell.role}
        columns = {cell.name: cell.value for cell in self.cells if not cell.role}
        suggestion = self.suggestion.as_dict() if self.suggestion else None
        return {
            "row": self.row,
            **by_role,
            **({"columns": columns} if columns else {}),
            "suggestion": suggestion,
            "reason": self.reason or None,
            "label": self.label if self.label_value is None else self.label_value,
        }


def labelling_of(version: DatasetVersion) -> Labelling | None:
    """How people answer its rows; None where they do not here."""
    shape = tasks.shapes().get(version.suggestion.get("task") or "")
    presentation = presentations().get(shape.kind) if shape is not None else None
    return presentation.labelling if presentation is not None else None


def answer_column(version: DatasetVersion) -> str | None:
    """The column that holds what people answer, also where nothing is in it yet; None for tasks that are not labelled here."""
    shape = tasks.shapes().get(version.suggestion.get("task") or "")
    columns: dict[str, str] = version.suggestion.get("columns") or {}
    return columns.get(shape.answer) if shape is not None and labelling_of(version) is not None else None


def label_column(version: DatasetVersion) -> str | None:
    """The same where rows are answered with one of a few labels; None for other tasks."""
    labelling = labelling_of(version)
    return answer_column(version) if labelling is not None and labelling.is_suggested else None


def is_scored(version: DatasetVersion) -> bool:
    """Whether it is worked out for its rows how good a model is already."""
    labelling = labelling_of(version)
    return labelling is not None and labelling.is_scored and answer_column(version) is not None


def is_answered_alike(before: DatasetVersion, version: DatasetVersion) -> bool:
    """Whether what is said of rows of the one fits those of the other: the same column, and answers of the same kind."""
    return answer_column(before) == answer_column(version) and labelling_of(before) is labelling_of(version)


READ_BY = {"image": "image", "audio": "audio", "text": "text", "list": "tokens"}
"""{kind of a column: kind of the role that reads it}; of a version the first that it has is labelled."""


def starts_of(version: DatasetVersion) -> dict[str, str]:
    """{task: column} with which labelling can begin where nobody has labelled anything; none where no column is read so."""
    kinds = {column["kind"]: column["name"] for column in reversed(version.columns)}
    kind = next((kind for kind in READ_BY if kind in kinds), None)
    return dict.fromkeys(tasks_that_read(READ_BY[kind]), kinds[kind]) if kind else {}


def tasks_that_read(kind: str) -> list[str]:
    """Tasks with one role of this kind as their only input whose answers people can give here; those with one label a row first."""
    labellings = {}
    for task in tasks.all():
        shape = task.shape()
        presentation = presentations().get(shape.kind)
        is_read = [role.kind for role in task.roles if role.name in shape.reads] == [kind]
        if is_read and presentation is not None and presentation.labelling is not None:
            labellings[task.slug] = presentation.labelling
    return sorted(labellings, key=lambda slug: not labellings[slug].is_suggested)


def is_unlabelled(version: DatasetVersion) -> bool:
    """Whether nobody has labelled anything and no column could be the answer: labelling can begin, with any task of `starts_of`."""
    if answer_column(version) is not None:
        return not any(version.split.get(part) for part in ("train", "validation", "test"))
    suggestion = version.suggestion
    is_text_alone = suggestion.get("task") == "text-generation" and set(suggestion["columns"]) == {"text"}
    return bool(starts_of(version)) and (suggestion.get("task") is None or is_text_alone)


def check_can_be_labelled(version: DatasetVersion) -> str:
    """The column of the answers; `Problem` where people do not give them here."""
    column = answer_column(version)
    if column is None:
        raise Problem(
            _("Rows of this task cannot be labelled here."),
            code="no_labelling",
            hint=_("Choose another task on the data page, or label the rows in your file."),
        )
    return column


def check_has_classes(version: DatasetVersion) -> str:
    """The column of the labels; `Problem` where rows are not answered with one of a few."""
    column = label_column(version)
    if column is None:
        raise Problem(
            _("This works only for rows with one label out of a few."),
            code="no_labelling",
            hint=_("Label the rows one by one on the page Label, or choose a classification task on the data page."),
        )
    return column


def check_in_bulk(version: DatasetVersion) -> Labelling:
    """How its rows are answered; `Problem` where many of them cannot be at once."""
    labelling = labelling_of(version)
    if labelling is None or not labelling.is_in_bulk or answer_column(version) is None:
        raise Problem(
            _("This works only for rows with labels out of a few."),
            code="no_labelling",
            hint=_("Label the rows one by one on the page Label, or choose a classification task on the data page."),
        )
    return labelling


def inputs_of(version: DatasetVersion) -> list[tuple[str, str]]:
    """(role, column) of what a person must see to decide."""
    suggestion = version.suggestion
    shape = tasks.shapes()[suggestion["task"]]
    if shape.reads:
        return [(role, suggestion["columns"][role]) for role in shape.reads if role in suggestion["columns"]]
    return [("", name) for name, use in version.roles.items() if use == "input"]


def suggestions_file(version: DatasetVersion) -> Path:
    """What `trainer suggest` writes for the version."""
    return version.cache_folder / "labelling" / version.pk / "suggestions.parquet"


def items(
    version: DatasetVersion, order: str, count: int, without: tuple[int, ...] = (), search: str = ""
) -> list[Item]:
    """The next rows without a label, none that somebody has decided on, and none of `without`. Those with the words of `search`
    come in the order of the file, without what is reserved for the test: a search is no fair sample."""
    check_can_be_labelled(version)
    decided = Decision.objects.filter(version=version).values_list("row", flat=True)
    taken, count = [*decided, *without], min(max(count, 1), MOST_AT_ONCE)
    if order in POOLED and not search:
        return pooled_items(version, [pair for pair in POOLED[order](version) if pair[0] not in set(taken)][:count])
    with connect() as cursor:
        numbers = suggested_rows(cursor, version, count, taken) if order == "mixed" and not search else []
        if len(numbers) < count:
            taken += [number + 1 for number in numbers]
            numbers += next_rows(cursor, version, "file" if search else order, count - len(numbers), taken, search)
        rows = read(cursor, version, names_of(version), numbers, CHARACTERS)
        suggested = suggestions_of(cursor, version, [number + 1 for number in numbers])
    return [item_of(version, row, *suggested.get(row["number"], (None, ""))) for row in rows]


def pooled_items(version: DatasetVersion, pairs: list[tuple[int, Suggestion | None]]) -> list[Item]:
    """With what the queue suggests, else what was worked out."""
    numbers = [row - 1 for row, _suggestion in pairs]
    with connect() as cursor:
        rows = read(cursor, version, names_of(version), numbers, CHARACTERS)
        worked_out = suggestions_of(cursor, version, [row for row, _suggestion in pairs])
    suggested = dict(pairs)
    return [
        item_of(version, row, suggested[row["number"]] or worked_out.get(row["number"], (None, ""))[0], "")
        for row in rows
    ]


def suggested_rows(cursor: Cursor, version: DatasetVersion, count: int, without: list[int]) -> list[int]:
    """Numbers from 0 in the order in which they teach most; none where nothing was worked out yet."""
    path = suggestions_file(version)
    if not path.exists():
        return []
    query = (
        "SELECT row - 1 FROM read_parquet(?) WHERE place IS NOT NULL AND row NOT IN (SELECT unnest(?::BIGINT[])) "
        "ORDER BY place LIMIT ?"
    )
    return [row[0] for row in cursor.execute(query, [str(path), without, count]).fetchall()]


def suggestions_of(
    cursor: Cursor, version: DatasetVersion, rows: list[int]
) -> dict[int, tuple[Suggestion | None, str]]:
    """{row from 1: (suggestion, what it is asked for)}."""
    path = suggestions_file(version)
    if not rows or not path.exists():
        return {}
    query = "SELECT row, label, confidence, reason FROM read_parquet(?) WHERE row IN (SELECT unnest(?::BIGINT[]))"
    records = cursor.execute(query, [str(path), rows]).fetchall()
    return {
        row: (suggestion_of(version, label, score) if label is not None else None, reason or "")
        for row, label, score, reason in records
    }


def suggestion_of(version: DatasetVersion, label: str, score: float | None) -> Suggestion | None:
    """None of what was said of another kind of answer."""
    labelling, sure = labelling_of(version), None if score is None else round(score, 4)
    if labelling is None or labelling.is_suggested:
        return Suggestion(label, sure)
    with suppress(ValueError, KeyError, TypeError, AttributeError):
        value = json.loads(label)
        return Suggestion(labelling.in_words(value), sure, value, json.dumps(labelling.fields(value)))
    return None


def next_rows(
    cursor: Cursor, version: DatasetVersion, order: str, count: int, without: list[int], search: str = ""
) -> list[int]:
    """Numbers from 0. Mixed is random as long as nothing is suggested: a row is as good as any other."""
    pool, values = pool_sql(version)
    where, more = search_sql(version, search)
    by = "n" if order == "file" else "hash(n + 1), n"
    query = f"SELECT n FROM ({pool}) WHERE n + 1 NOT IN (SELECT unnest(?::BIGINT[])){where} ORDER BY {by} LIMIT ?"  # noqa: S608
    return [row[0] for row in cursor.execute(query, [*values, without, *more, count]).fetchall()]


def search_sql(version: DatasetVersion, search: str) -> tuple[str, list[str]]:
    """A condition on `n`, and its values: the words are in one of the inputs, capitals aside."""
    if not search:
        return "", []
    names = names_of(version)
    places = [names.index(name) for _role, name in inputs_of(version)]
    words = " OR ".join(f"contains(lower(c{place}), lower(?))" for place in places)
    where = f" AND n IN (SELECT n FROM {rows_sql(names)} WHERE {words})"  # noqa: S608
    values = [file_of(version, "data"), *[search] * len(places)]
    if (path := suggestions_file(version)).exists():
        where += " AND n + 1 NOT IN (SELECT row FROM read_parquet(?) WHERE reserved)"
        values.append(str(path))
    return where, values


def pool_sql(version: DatasetVersion) -> tuple[str, list[str]]:
    """SQL over the numbers `n` of rows without a label, and its values. Versions read before there was a pool do not name it:
    there it is the rows that have every input and no label."""
    parts = "SELECT file_row_number AS n FROM read_parquet(?, file_row_number=true) WHERE split"
    if "pool" in version.split:
        return f"{parts} = 'pool'", [file_of(version, "split")]
    names, label = names_of(version), check_can_be_labelled(version)
    has_inputs = " OR ".join(filled(names.index(name)) for _role, name in inputs_of(version)) or "true"
    empty = f"NOT ({filled(names.index(label))})"
    rows = f"SELECT n FROM {rows_sql(names)} WHERE {empty} AND ({has_inputs})"  # noqa: S608
    return f"{parts} IS NULL AND n IN ({rows})", [file_of(version, "split"), file_of(version, "data")]


def filled(place: int) -> str:
    return f"trim(coalesce(c{place}, '')) <> ''"


def in_pool(version: DatasetVersion, rows: list[int]) -> set[int]:
    """Those of these rows, from 1, that have no label in the version."""
    pool, values = pool_sql(version)
    query = f"SELECT n + 1 FROM ({pool}) WHERE n + 1 IN (SELECT unnest(?::BIGINT[]))"  # noqa: S608
    with connect() as cursor:
        return {row[0] for row in cursor.execute(query, [*values, rows]).fetchall()}


def pool_size(version: DatasetVersion) -> int:
    if "pool" in version.split:
        return int(version.split["pool"])
    pool, values = pool_sql(version)
    with connect() as cursor:
        return int(cursor.execute(f"SELECT count(*) FROM ({pool})", values).fetchone()[0])  # noqa: S608


def item_of(
    version: DatasetVersion, row: dict[str, Any], suggestion: Suggestion | None, reason: str, label: str | None = None
) -> Item:
    names, kinds = names_of(version), [column["kind"] for column in version.columns]
    places = [(role, name, names.index(name)) for role, name in inputs_of(version)]
    cells = [Cell(role, name, kinds[index], row["cells"][index]) for role, name, index in places]
    return Item(row["number"], cells, suggestion, reason, label, label or "")
