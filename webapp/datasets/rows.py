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
FORMULA = "^[=+@\\t\\r-]"
"""What a spreadsheet takes for a formula at the beginning of a cell."""
CELL_CHARACTERS = 400


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
    name = sort.removeprefix("-")
    kinds = {column["name"]: column["kind"] for column in version.columns}
    if name not in kinds:
        return "__n"
    value = quoted(name)
    if kinds[name] in ("number", "id"):
        value = f"TRY_CAST(REPLACE({value}, ',', '') AS DOUBLE)"
    return f"{value} {'DESC' if sort.startswith('-') else 'ASC'} NULLS LAST, __n"


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
    `sort` a column's name, with `-` in front for downwards."""
    columns = [column["name"] for column in version.columns]
    label_column = version.label_column
    where, values = ["true"], []
    if search:
        where.append("(" + " OR ".join(f"CAST({quoted(name)} AS VARCHAR) ILIKE ? ESCAPE '!'" for name in columns) + ")")
        values += ["%" + search.replace("!", "!!").replace("%", "!%").replace("_", "!_") + "%"] * len(columns)
    if label and label_column:
        where.append(f"TRIM(CAST({quoted(label_column)} AS VARCHAR)) = ?")
        values.append(label)
    if split:
        where.append("__part = ?")
        values.append(split)
    selected = ", ".join(f"SUBSTR(CAST({quoted(name)} AS VARCHAR), 1, {CELL_CHARACTERS})" for name in columns)
    source = SOURCE
    files = files_of(version)
    condition = " AND ".join(where)
    number = max(1, number)
    with connect() as database:
        total = database.execute(f"SELECT count(*) FROM {source} WHERE {condition}", files + values).fetchone()[0]  # noqa: S608
        number = min(number, max(1, -(-total // size)))
        found = database.execute(
            f"SELECT __n, __part, {selected} FROM {source} WHERE {condition} ORDER BY {order_by(sort, version)} LIMIT ? OFFSET ?",  # noqa: S608
            [*files, *values, size, (number - 1) * size],
        ).fetchall()
    rows = [{"number": row[0], "split": row[1], "cells": row[2:]} for row in found]
    return Page(columns, rows, total, number, size)


def files_of(version: DatasetVersion) -> list[str]:
    return [str(version.folder / "data.parquet"), str(version.folder / "split.parquet")]


def connect() -> Any:
    import duckdb

    return duckdb.connect(config={"threads": 1, "memory_limit": "256MB"})


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
