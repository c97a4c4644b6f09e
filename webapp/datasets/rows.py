"""Pages of a version's rows, straight from its Parquet files with DuckDB: searched, filtered and paged there."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from webapp.datasets.models import DatasetVersion

PAGE_ROWS = 10
SOURCE = (
    "(SELECT *, row_number() OVER () AS __n FROM read_parquet(?)) POSITIONAL JOIN "
    "(SELECT split AS __part FROM read_parquet(?))"
)
DIFFERENCES = 20
MOST_FOUND = 10_000
SEARCHES_KEPT = 32
found_before: dict[tuple[str, str, str, str], list[int]] = {}
"""Rows that the last searches found; a version never changes."""
FORMULA = "^[=+@\\t\\r-]"
"""What a spreadsheet takes for a formula at the beginning of a cell."""
CELL_CHARACTERS, NESTED_CHARACTERS = 400, 20_000


@dataclass(frozen=True)
class Page:
    """`rows` are dicts: `number` (1-based), `split`, `cells` in the order of `columns`."""

    columns: list[str]
    rows: list[dict[str, Any]]
    total: int
    number: int
    size: int

    @property
    def pages(self) -> int:
        return max(1, -(-self.total // self.size))

    @property
    def first(self) -> int:
        return (self.number - 1) * self.size + 1 if self.total else 0

    @property
    def last(self) -> int:
        return min(self.number * self.size, self.total)


def quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def order_by(sort: str, version: DatasetVersion) -> str:
    """SQL for `sort`; numbers as numbers, rows in their own order where it says nothing."""
    name = sort_column(sort, version)
    if name is None:
        return "file_row_number"
    kinds = {column["name"]: column["kind"] for column in version.columns}
    value = quoted(name)
    if kinds[name] in ("number", "id"):
        value = f"TRY_CAST(REPLACE({value}, ',', '') AS DOUBLE)"
    return f"{value} {'ASC' if sort == name else 'DESC'} NULLS LAST, file_row_number"


def sort_column(sort: str, version: DatasetVersion) -> str | None:
    """The column that `sort` names; a name that begins with a dash itself goes before."""
    names = {column["name"] for column in version.columns}
    return sort if sort in names else sort[1:] if sort[:1] == "-" and sort[1:] in names else None


def page(
    version: DatasetVersion,
    number: int = 1,
    *,
    search: str = "",
    label: str = "",
    split: str = "",
    sort: str = "",
    size: int = PAGE_ROWS,
) -> Page:
    """One page; `search` is looked for in every column, `label` in the column of the answer, `split` is a part's name,
    `sort` a column's name, with `-` in front for downwards.

    First the numbers of the page's rows are found, from the columns that are asked about alone; then only those rows are
    read. What a search finds is kept for its next pages, at most MOST_FOUND rows.
    """
    columns = [column["name"] for column in version.columns]
    number = max(1, number)
    with connect() as database:
        if search:
            found = find(database, version, search, label, split)
            total = len(found)
        else:
            found = None
            total = count(database, version, label, split)
        number = min(number, max(1, -(-total // size)))
        start = (number - 1) * size
        if sort_column(sort, version):
            wanted = ordered(database, version, found, label, split, sort, size, start)
        elif found is not None:
            wanted = found[start : start + size]
        elif label or split:
            wanted = ordered(database, version, None, label, split, "", size, start)
        else:
            wanted = list(range(start, min(start + size, total)))
        rows = read(database, version, columns, wanted)
    return Page(columns, rows, total, number, size)


def conditions(version: DatasetVersion, label: str, split: str) -> tuple[str, list[str]]:
    """SQL over the data file with its row numbers, and its values."""
    where, values = ["true"], []
    if label and version.label_column:
        where.append(f"TRIM({quoted(version.label_column)}) = ?")
        values.append(label)
    if split:
        where.append(
            "file_row_number IN (SELECT file_row_number FROM read_parquet(?, file_row_number=true) WHERE split = ?)"
        )
        values += [files_of(version)[1], split]
    return " AND ".join(where), values


def count(database: Any, version: DatasetVersion, label: str, split: str) -> int:
    if not label and not split:
        return version.rows
    where, values = conditions(version, label, split)
    query = f"SELECT count(*) FROM read_parquet(?, file_row_number=true) WHERE {where}"  # noqa: S608
    return int(database.execute(query, [files_of(version)[0], *values]).fetchone()[0])


def find(database: Any, version: DatasetVersion, search: str, label: str, split: str) -> list[int]:
    """Numbers, from 0, of the first MOST_FOUND rows with the words in any column, capitals aside."""
    key = (version.pk, search.lower(), label, split)
    if key in found_before:
        return found_before[key]
    where, values = conditions(version, label, split)
    anywhere = " OR ".join(f"contains(lower({quoted(column['name'])}), ?)" for column in version.columns)
    query = f"SELECT file_row_number FROM read_parquet(?, file_row_number=true) WHERE {where} AND ({anywhere}) LIMIT {MOST_FOUND}"  # noqa: S608
    words = [search.lower()] * len(version.columns)
    rows = sorted(row[0] for row in database.execute(query, [files_of(version)[0], *values, *words]).fetchall())
    while len(found_before) >= SEARCHES_KEPT:
        found_before.pop(next(iter(found_before)), None)
    found_before[key] = rows
    return rows


def ordered(
    database: Any,
    version: DatasetVersion,
    among: list[int] | None,
    label: str,
    split: str,
    sort: str,
    size: int,
    start: int,
) -> list[int]:
    where, values = conditions(version, label, split)
    if among is not None:
        where += f" AND file_row_number IN ({', '.join(map(str, among)) or '-1'})"
    query = (
        f"SELECT file_row_number FROM read_parquet(?, file_row_number=true) WHERE {where} "  # noqa: S608
        f"ORDER BY {order_by(sort, version)} LIMIT ? OFFSET ?"
    )
    return [row[0] for row in database.execute(query, [files_of(version)[0], *values, size, start]).fetchall()]


def read(database: Any, version: DatasetVersion, columns: list[str], wanted: list[int]) -> list[dict[str, Any]]:
    """The cells and the part of some rows, in the order wanted."""
    if not wanted:
        return []
    data, parts = files_of(version)
    numbers = ", ".join(map(str, wanted))
    nested = {one["name"] for one in version.columns if one["kind"] in ("list", "objects")}
    cells = ", ".join(
        f"SUBSTR({quoted(name)}, 1, {NESTED_CHARACTERS if name in nested else CELL_CHARACTERS})" for name in columns
    )
    of = f"FROM read_parquet(?, file_row_number=true) WHERE file_row_number IN ({numbers})"
    found = {row[0]: row[1:] for row in database.execute(f"SELECT file_row_number, {cells} {of}", [data]).fetchall()}
    split = dict(database.execute(f"SELECT file_row_number, split {of}", [parts]).fetchall())
    return [{"number": row + 1, "split": split.get(row), "cells": found[row]} for row in wanted]


def files_of(version: DatasetVersion) -> list[str]:
    return [str(version.folder / "data.parquet"), str(version.folder / "split.parquet")]


def connect() -> Any:
    import duckdb

    return duckdb.connect(config={"threads": 2, "memory_limit": "256MB"})


def export(version: DatasetVersion, form: str, to: Path) -> None:
    """Every row with its part, as `csv`, `jsonl` or `parquet`. In CSV a cell that a spreadsheet would run is made harmless
    by an apostrophe in front of it, unless it is a number."""
    names = [column["name"] for column in version.columns]
    part = next(name for name in ("split", "part", "maquette_part") if name not in names)
    cells = [harmless(quoted(name)) if form == "csv" else quoted(name) for name in names]
    options = {"csv": "FORMAT csv, HEADER", "jsonl": "FORMAT json", "parquet": "FORMAT parquet, COMPRESSION zstd"}[form]
    target = str(to).replace("'", "''")
    with connect() as database:
        database.execute(
            f"COPY (SELECT {', '.join(cells)}, __part AS {quoted(part)} FROM {SOURCE} ORDER BY __n) TO '{target}' ({options})",  # noqa: S608
            files_of(version),
        )


def harmless(cell: str) -> str:
    runs = f"regexp_matches({cell}, '{FORMULA}') AND TRY_CAST({cell} AS DOUBLE) IS NULL"
    return f"CASE WHEN {runs} THEN chr(39) || {cell} ELSE {cell} END AS {cell}"


def difference(before: DatasetVersion, after: DatasetVersion) -> dict[str, Any]:
    """What the later version has that the earlier lacks, and the other way round, over the columns that both have:
    {columns, columns_added, columns_removed, added, removed (rows, repeats counted), added_rows, removed_rows (cells)}."""
    old, new = ([column["name"] for column in version.columns] for version in (before, after))
    shared = [name for name in new if name in old]
    found: dict[str, Any] = {
        "columns": shared,
        "columns_added": [name for name in new if name not in old],
        "columns_removed": [name for name in old if name not in new],
    }
    cells = ", ".join(f"SUBSTR(CAST({quoted(name)} AS VARCHAR), 1, {CELL_CHARACTERS})" for name in shared)
    whole = ", ".join(quoted(name) for name in shared)
    query = f"(SELECT {whole} FROM read_parquet(?) EXCEPT ALL SELECT {whole} FROM read_parquet(?))"  # noqa: S608
    with connect() as database:
        for key, one, other in (("added", after, before), ("removed", before, after)):
            if not shared:
                found |= {key: one.rows, f"{key}_rows": []}
                continue
            sides = [files_of(one)[0], files_of(other)[0]]
            found[key] = database.execute(f"SELECT count(*) FROM {query}", sides).fetchone()[0]  # noqa: S608
            found[f"{key}_rows"] = database.execute(
                f"SELECT {cells} FROM {query} LIMIT {DIFFERENCES}",  # noqa: S608
                sides,
            ).fetchall()
    return found
