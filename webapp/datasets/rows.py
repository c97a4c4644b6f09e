"""Pages of a version's rows, straight from its Parquet files with DuckDB: searched, filtered and paged there.

Columns are named by their place (`c0`, `c1`, …) and rows by `n` from 0, whatever the file calls its own. Large versions
have indices beside their rows (trainer/data/indexing.py); sorts and searches go through these instead of the texts.
"""

from collections import OrderedDict
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Protocol, Self

from django.utils.translation import gettext as _

from trainer.columns import canonical_label
from trainer.machine import cores
from trainer.numerals import form_of, number_of
from webapp.core.problems import Problem
from webapp.datasets.models import DatasetVersion

PAGE_ROWS = 10
UNUSED = "unused"
"""Stands for the rows without a part."""
FIRST_FOUND, MOST_FOUND = 200, 10_000
"""Rows that a search looks for at first, and when a later page or an order of them is asked for."""
SEARCHES_KEPT = 32
found_before: OrderedDict[tuple[str, str, str, str], "Found"] = OrderedDict()
"""What the last searches found; a version never changes."""
CELL_CHARACTERS, NESTED_CHARACTERS = 400, 20_000


@dataclass(frozen=True)
class Found:
    """Row numbers in their order; `more` when the search stopped before the last row."""

    rows: list[int]
    more: bool


@dataclass(frozen=True)
class Page:
    """`rows` are dicts: `number` (1-based), `split`, `cells` in the order of `columns`. `total` is what was found so
    far where there is `more`."""

    columns: list[str]
    rows: list[dict[str, Any]]
    total: int
    number: int
    size: int
    more: bool = False

    @property
    def pages(self) -> int:
        return max(1, -(-self.total // self.size))

    @property
    def first(self) -> int:
        return (self.number - 1) * self.size + 1 if self.total else 0

    @property
    def last(self) -> int:
        return min(self.number * self.size, self.total)


class Cursor(Protocol):
    """Of DuckDB, which is imported only by processes that read rows."""

    def execute(self, query: str, parameters: Any = ...) -> Self: ...

    def fetchone(self) -> tuple[Any, ...]:
        """The row of a query that always has one."""

    def fetchall(self) -> list[tuple[Any, ...]]: ...

    def fetchmany(self, size: int) -> list[tuple[Any, ...]]: ...

    def cursor(self) -> "Cursor": ...

    def __enter__(self) -> Self: ...

    def __exit__(self, *_error: object) -> None: ...


@cache
def database() -> Cursor:
    """One for the process, so that all pages together keep within its memory; each asks through a cursor of its own."""
    import duckdb

    threads = min(4, cores())
    settings = {"threads": threads, "memory_limit": "256MB", "enable_external_file_cache": False}
    connection: Cursor = duckdb.connect(config=settings)
    return connection


def connect() -> Cursor:
    return database().cursor()


def names_of(version: DatasetVersion) -> list[str]:
    return [column["name"] for column in version.columns]


def rows_sql(names: list[str]) -> str:
    """The data file as `t (c0, c1, …, n)`. Takes the file's path."""
    columns = ", ".join([*(f"c{place}" for place in range(len(names))), "n"])
    if any(name.lower() == "file_row_number" for name in names):  # DuckDB would number them under that name
        return f"(SELECT *, row_number() OVER () - 1 FROM read_parquet(?)) AS t ({columns})"  # noqa: S608
    return f"(SELECT * FROM read_parquet(?, file_row_number=true)) AS t ({columns})"  # noqa: S608


def file_of(version: DatasetVersion, name: str) -> str:
    return str(version.folder / f"{name}.parquet")


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
    """One page; `search` is looked for in every column, `label` in the column of the answer, `split` is a part's name (or UNUSED),
    `sort` a column's name, with `-` in front for downwards.

    First the numbers of the page's rows are found, from the columns that are asked about alone; then only those rows are
    read. A search goes no further than its page needs, and at most to MOST_FOUND rows; what it found is kept.
    """
    number = max(1, number)
    names = names_of(version)
    place, down = sorting(sort, names)
    with connect() as cursor:
        if search:
            limit = MOST_FOUND if place is not None or number * size >= FIRST_FOUND else FIRST_FOUND
            matches = find(cursor, version, search, label, split, limit)
            total, more = len(matches.rows), matches.more
        else:
            matches, more = None, False
            total = count(cursor, version, label, split)
        number = min(number, max(1, -(-total // size)))
        start = (number - 1) * size
        if place is not None:
            numbers = ordered(cursor, version, matches, label, split, place, down, size, start)
        elif matches is not None:
            numbers = matches.rows[start : start + size]
        elif label or split:
            numbers = filtered(cursor, version, label, split, size, start)
        else:
            numbers = list(range(start, min(start + size, total)))
        rows = read(cursor, version, names, numbers)
    return Page(names, rows, total, number, size, more)


def sorting(sort: str, names: list[str]) -> tuple[int | None, bool]:
    """(the column's place, whether downwards); a name that begins with a dash itself goes before. `Problem` for a column that
    is not there: rows in another order than was asked for would look like an answer."""
    if not sort or sort in names:
        return names.index(sort) if sort in names else None, False
    if sort[:1] == "-" and sort[1:] in names:
        return names.index(sort[1:]), True
    raise Problem(
        _("There is no column “%(name)s” to sort by.") % {"name": sort.removeprefix("-")[:60]},
        code="bad_sort",
        hint=_("Use the name of a column, with “-” in front for the other direction."),
    )


CANONICAL = r"REGEXP_REPLACE(TRIM({column}), '^(-?[0-9]+)\.0+$', '\1')"
"""One spelling for one label, as `trainer.columns.canonical_label` has it: the list of labels says 1, a cell 1.0."""


def conditions(version: DatasetVersion, label: str, split: str) -> tuple[str, list[str]]:
    """SQL over a file's row numbers `n`, and its values."""
    where, values = ["true"], []
    if label and version.label_column:
        names = names_of(version)
        canonical = CANONICAL.format(column=f"c{names.index(version.label_column)}")
        where.append(
            f"n IN (SELECT n FROM {rows_sql(names)} WHERE {canonical} = ?)"  # noqa: S608
        )
        values += [file_of(version, "data"), canonical_label(label)]
    if split == UNUSED:
        where.append("n IN (SELECT file_row_number FROM read_parquet(?, file_row_number=true) WHERE split IS NULL)")
        values.append(file_of(version, "split"))
    elif split:
        where.append("n IN (SELECT file_row_number FROM read_parquet(?, file_row_number=true) WHERE split = ?)")
        values += [file_of(version, "split"), split]
    return " AND ".join(where), values


NUMBERED = "(SELECT file_row_number AS n FROM read_parquet(?, file_row_number=true))"


def count(cursor: Cursor, version: DatasetVersion, label: str, split: str) -> int:
    if not label and not split:
        return version.rows
    where, values = conditions(version, label, split)
    query = f"SELECT count(*) FROM {NUMBERED} WHERE {where}"  # noqa: S608
    return int(cursor.execute(query, [file_of(version, "split"), *values]).fetchone()[0])


def filtered(cursor: Cursor, version: DatasetVersion, label: str, split: str, size: int, start: int) -> list[int]:
    where, values = conditions(version, label, split)
    query = f"SELECT n FROM {NUMBERED} WHERE {where} ORDER BY n LIMIT ? OFFSET ?"  # noqa: S608
    return [row[0] for row in cursor.execute(query, [file_of(version, "split"), *values, size, start]).fetchall()]


def find(cursor: Cursor, version: DatasetVersion, search: str, label: str, split: str, limit: int) -> Found:
    """The first rows with the words in any column, capitals aside; at least `limit` of them if there are."""
    key = (version.pk, search.lower(), label, split)
    cached = found_before.get(key)
    if cached and (not cached.more or len(cached.rows) >= limit):
        return cached
    where, values = conditions(version, label, split)
    if Path(file_of(version, "search")).exists():
        source = "(SELECT words, file_row_number AS n FROM read_parquet(?, file_row_number=true))"
        file, anywhere, times = file_of(version, "search"), "contains(words, lower(?))", 1
    else:
        names = names_of(version)
        source, file, times = rows_sql(names), file_of(version, "data"), len(names)
        anywhere = " OR ".join(f"contains(lower(c{place}), lower(?))" for place in range(times))
    query = f"SELECT n FROM {source} WHERE ({anywhere}) AND {where} LIMIT {limit + 1}"  # noqa: S608
    rows = sorted(row[0] for row in cursor.execute(query, [file, *[search] * times, *values]).fetchall())
    while len(found_before) >= SEARCHES_KEPT:
        found_before.popitem(last=False)
    found_before[key] = matches = Found(rows[:limit], len(rows) > limit)
    return matches


def ordered(  # noqa: PLR0913
    cursor: Cursor,
    version: DatasetVersion,
    among: Found | None,
    label: str,
    split: str,
    place: int,
    down: bool,
    size: int,
    start: int,
) -> list[int]:
    """Numbers sorted as numbers, equal cells in the rows' own order, what is empty last."""
    where, values = conditions(version, label, split)
    if among is not None:
        where += f" AND n IN ({', '.join(map(str, among.rows)) or '-1'})"
    source, file, value = key_of(cursor, version, place)
    query = (
        f"SELECT n FROM {source} WHERE {where} "  # noqa: S608
        f"ORDER BY {value} {'DESC' if down else 'ASC'} NULLS LAST, n LIMIT ? OFFSET ?"
    )
    return [row[0] for row in cursor.execute(query, [file, *values, size, start]).fetchall()]


def key_of(cursor: Cursor, version: DatasetVersion, place: int) -> tuple[str, str, str]:
    """(a source of `n` and what to sort by, its file, what to sort by): the ranks where the reader wrote them."""
    file = file_of(version, "order")
    if Path(file).exists():
        column_count = cursor.execute("SELECT count(*) FROM parquet_schema(?) WHERE name = ?", [file, f"c{place}"])
        if column_count.fetchone()[0]:
            source = f"(SELECT c{place}, file_row_number AS n FROM read_parquet(?, file_row_number=true))"  # noqa: S608
            return source, file, f"c{place}"
    value = f"c{place}"
    if version.columns[place]["kind"] in ("number", "id"):
        value = number_sql(cursor, version, place)
    return rows_sql(names_of(version)), file_of(version, "data"), value


def number_sql(cursor: Cursor, version: DatasetVersion, place: int) -> str:
    """SQL for the number in a column's cell, as `trainer.numerals.number_of` reads it: by a table of its different cells."""
    source, form = rows_sql(names_of(version)), form_of(version.columns[place])
    different = cursor.execute(f"SELECT DISTINCT c{place} FROM {source}", [file_of(version, "data")])  # noqa: S608
    cells = [cell for (cell,) in different.fetchall() if cell is not None]
    numbers = [number_of(cell, **form) for cell in cells]
    cursor.execute(
        "CREATE OR REPLACE TEMP TABLE numbers AS SELECT unnest(?::VARCHAR[]) AS cell, unnest(?::DOUBLE[]) AS number",
        [cells, numbers],
    )
    return f"(SELECT number FROM numbers WHERE cell = c{place})"  # noqa: S608


def read(
    cursor: Cursor,
    version: DatasetVersion,
    names: list[str],
    row_numbers: list[int],
    characters: int = CELL_CHARACTERS,
) -> list[dict[str, Any]]:
    """The cells and the part of some rows, in the order wanted; of each cell at most so many characters."""
    if not row_numbers:
        return []
    numbers = ", ".join(map(str, row_numbers))
    nested = [column["kind"] in ("list", "objects") for column in version.columns]
    cells = ", ".join(
        f"SUBSTR(c{place}, 1, {NESTED_CHARACTERS if nested[place] else characters})" for place in range(len(names))
    )
    query = f"SELECT n, {cells} FROM {rows_sql(names)} WHERE n IN ({numbers})"  # noqa: S608
    cells_of_row = {row[0]: row[1:] for row in cursor.execute(query, [file_of(version, "data")]).fetchall()}
    query = (
        f"SELECT file_row_number, split FROM read_parquet(?, file_row_number=true) WHERE file_row_number IN ({numbers})"  # noqa: S608
    )
    split = dict(cursor.execute(query, [file_of(version, "split")]).fetchall())
    return [{"number": row + 1, "split": split.get(row), "cells": cells_of_row[row]} for row in row_numbers]
