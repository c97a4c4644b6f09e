"""Which rows are asked about next, and what of them is shown."""

from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _

from trainer import answers, tasks
from webapp.core.problems import Problem
from webapp.datasets.models import DatasetVersion
from webapp.datasets.rows import Cursor, connect, file_of, names_of, read, rows_sql
from webapp.labelling.models import Decision

ORDERS = ("mixed", "file", "random")
ROWS_AT_ONCE, MOST_AT_ONCE = 10, 50
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
class Item:
    """A row that is asked about, from 1."""

    row: int
    cells: list[Cell]

    def as_dict(self) -> dict[str, Any]:
        """The inputs by their role; those of a table, which has none, in `columns`."""
        by_role = {cell.role: cell.value for cell in self.cells if cell.role}
        columns = {cell.name: cell.value for cell in self.cells if not cell.role}
        return {"row": self.row, **by_role, **({"columns": columns} if columns else {}), "suggestion": None}


def label_column(version: DatasetVersion) -> str | None:
    """The column that holds the classes, also where there is none in it yet; None for other tasks."""
    shape = tasks.shapes().get(version.suggestion.get("task") or "")
    columns: dict[str, str] = version.suggestion.get("columns") or {}
    return columns.get(shape.answer) if shape is not None and answers.get(shape.kind).labelled else None


STARTS = {"image": "image-classification", "audio": "audio-classification", "text": "text-classification"}
"""The task of rows that have no label yet, by the kind of column that is read."""


def start_of(version: DatasetVersion) -> tuple[str, str] | None:
    """(task, column) with which labelling can begin where nobody has labelled anything; None where no column is read so."""
    kinds = {column["kind"]: column["name"] for column in reversed(version.columns)}
    return next(((task, kinds[kind]) for kind, task in STARTS.items() if kind in kinds), None)


def check_can_be_labelled(version: DatasetVersion) -> str:
    """The column of the labels; `Problem` where rows are not answered with a class."""
    column = label_column(version)
    if column is None:
        raise Problem(
            _("Only data for classification can be labelled here."),
            code="no_labelling",
            hint=_("Choose a classification task on the data page, or label the rows in your file."),
        )
    return column


def inputs_of(version: DatasetVersion) -> list[tuple[str, str]]:
    """(role, column) of what a person must see to decide."""
    suggestion = version.suggestion
    shape = tasks.shapes()[suggestion["task"]]
    if shape.reads:
        return [(role, suggestion["columns"][role]) for role in shape.reads if role in suggestion["columns"]]
    return [("", name) for name, use in version.roles.items() if use == "input"]


def items(version: DatasetVersion, order: str, count: int, without: tuple[int, ...] = ()) -> list[Item]:
    """The next rows without a label, none that somebody has decided on, and none of `without`."""
    check_can_be_labelled(version)
    decided = Decision.objects.filter(version=version).values_list("row", flat=True)
    with connect() as cursor:
        numbers = next_rows(cursor, version, order, min(max(count, 1), MOST_AT_ONCE), [*decided, *without])
        rows = read(cursor, version, names_of(version), numbers, CHARACTERS)
    return [item_of(version, row) for row in rows]


def next_rows(cursor: Cursor, version: DatasetVersion, order: str, count: int, without: list[int]) -> list[int]:
    """Numbers from 0. Mixed is random as long as nothing is suggested: a row is as good as any other."""
    pool, values = pool_sql(version)
    by = "n" if order == "file" else "hash(n + 1), n"
    query = f"SELECT n FROM ({pool}) WHERE n + 1 NOT IN (SELECT unnest(?::BIGINT[])) ORDER BY {by} LIMIT ?"  # noqa: S608
    return [row[0] for row in cursor.execute(query, [*values, without, count]).fetchall()]


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


def item_of(version: DatasetVersion, row: dict[str, Any]) -> Item:
    names, kinds = names_of(version), [column["kind"] for column in version.columns]
    places = [(role, name, names.index(name)) for role, name in inputs_of(version)]
    return Item(row["number"], [Cell(role, name, kinds[at], row["cells"][at]) for role, name, at in places])
