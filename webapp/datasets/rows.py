"""Pages of a version's rows, straight from its Parquet files with DuckDB: searched, filtered and paged there."""

from dataclasses import dataclass
from typing import Any

from webapp.datasets.models import DatasetVersion

PAGE_ROWS = 10
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


def page(
    version: DatasetVersion,
    number: int = 1,
    *,
    search: str = "",
    label: str = "",
    split: str = "",
    size: int = PAGE_ROWS,
) -> Page:
    """One page; `search` is looked for in every column, `label` in the label column, `split` is a part's name."""
    import duckdb

    columns = [column["name"] for column in version.columns]
    label_column = version.suggestion.get("columns", {}).get("label")
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
    source = (
        "(SELECT *, row_number() OVER () AS __n FROM read_parquet(?)) POSITIONAL JOIN "
        "(SELECT split AS __part FROM read_parquet(?))"
    )
    files = [str(version.folder / "data.parquet"), str(version.folder / "split.parquet")]
    condition = " AND ".join(where)
    number = max(1, number)
    with duckdb.connect(config={"threads": 1, "memory_limit": "256MB"}) as database:
        total = database.execute(f"SELECT count(*) FROM {source} WHERE {condition}", files + values).fetchone()[0]  # noqa: S608
        number = min(number, max(1, -(-total // size)))
        found = database.execute(
            f"SELECT __n, __part, {selected} FROM {source} WHERE {condition} ORDER BY __n LIMIT ? OFFSET ?",  # noqa: S608
            [*files, *values, size, (number - 1) * size],
        ).fetchall()
    rows = [{"number": row[0], "split": row[1], "cells": row[2:]} for row in found]
    return Page(columns, rows, total, number, size)
