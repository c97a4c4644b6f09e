"""A table beside documents that names them: its columns stand beside the text of each (`labels.csv` with `doc1.txt`, `doc1`)."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice

from trainer.data.archives import Archive, Entry, EntryError
from trainer.data.readings import LeftOut, Reading
from trainer.data.tables.formats import open_table
from trainer.data.tempspace import temporary_folder
from trainer.errors import DataError
from trainer.messages import _, ngettext

SUFFIXES = frozenset([".csv", ".tsv", ".xlsx", ".xls", ".ods", ".jsonl", ".ndjson", ".json", ".parquet"])
MOST_TABLES, MOST_BYTES, MOST_ROWS = 3, 64 << 20, 500_000
ENOUGH, LEAST = 0.5, 3
"""Share of a table's rows, and of the documents, that must find each other; and how many at least."""


@dataclass
class Description:
    """`rows`: {document: the cells of its row by column, without the one that names it}."""

    table: str
    key: str
    rows: dict[str, dict[str, str | None]] = field(default_factory=dict)
    unused: list[str] = field(default_factory=list)
    """What rows name that is not a document, or is one that had a row before."""

    def reading(self) -> Reading:
        sentence = _("%(table)s tells of each document by “%(column)s”", table=self.table, column=self.key)
        return Reading("described", self.table, sentence, file=self.table)

    def left_out(self) -> list[LeftOut]:
        if not self.unused:
            return []
        sentence = ngettext(
            "%(count)s row of %(table)s names no document, or one that it named before.",
            "%(count)s rows of %(table)s name no document, or one that they named before.",
            len(self.unused),
            table=self.table,
        )
        return [LeftOut("no_partner", len(self.unused), sentence, self.table, examples=self.unused[:5])]


def find_description(archive: Archive, documents: Sequence[Entry]) -> Description | None:
    """What a table of the archive says of its documents; None where none names them."""
    tables = [entry for entry in archive.entries if entry.suffix in SUFFIXES and entry.size <= MOST_BYTES]
    if len(documents) < LEAST or not 1 <= len(tables) <= MOST_TABLES:
        return None
    by_name = names_of(documents)
    return next((made for table in tables if (made := describe(archive, table, by_name, len(documents)))), None)


def names_of(documents: Sequence[Entry]) -> dict[str, str]:
    """{what a document may be called: its path}; a name that several have is none."""
    by_name: dict[str, str] = {}
    several: set[str] = set()
    for entry in documents:
        path = entry.name.lower()
        file = path.rpartition("/")[2]
        for name in dict.fromkeys([path, file, file.rpartition(".")[0] or file]):
            if by_name.setdefault(name, entry.name) != entry.name:
                several.add(name)
    return {name: path for name, path in by_name.items() if name not in several}


def describe(archive: Archive, entry: Entry, by_name: dict[str, str], count: int) -> Description | None:
    try:
        with temporary_folder() as place:
            table = open_table(archive.extract(entry, place / f"table{entry.suffix}"), entry.name)
            rows = [dict(zip(table.columns, row, strict=True)) for row in islice(rows_of(table.batches), MOST_ROWS)]
    except (DataError, EntryError):
        return None
    key = key_of(table.columns, rows, by_name, count)
    if not key:
        return None
    made = Description(entry.name, key)
    for row in rows:
        path = path_of(row[key], by_name)
        if path is None or path in made.rows:
            made.unused.append(str(row[key] or ""))
        else:
            made.rows[path] = {name: cell for name, cell in row.items() if name != key}
    return made


def rows_of(batches: Iterator[Sequence[Sequence[str | None]]]) -> Iterator[tuple[str | None, ...]]:
    return (row for batch in batches for row in zip(*batch, strict=True))


def key_of(
    columns: Sequence[str], rows: Sequence[dict[str, str | None]], by_name: dict[str, str], count: int
) -> str | None:
    """The column whose cells name most documents."""
    paths = {name: [path for row in rows if (path := path_of(row[name], by_name))] for name in columns}
    best = max(columns, key=lambda name: len(paths[name]), default="")
    distinct = len(set(paths.get(best, [])))
    return best if distinct >= LEAST and len(paths[best]) >= ENOUGH * len(rows) and distinct >= ENOUGH * count else None


def path_of(cell: str | None, by_name: dict[str, str]) -> str | None:
    name = (cell or "").strip().replace("\\", "/").lower().removeprefix("./")
    return by_name.get(name) or by_name.get(name.rpartition("/")[2])
