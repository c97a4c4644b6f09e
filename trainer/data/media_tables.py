"""Tables in an archive, or sent beside it, whose rows name its pictures or sounds."""

import re
from pathlib import Path

from trainer.data import annotations
from trainer.data.archives import Archive, Entry
from trainer.data.file_parts import parts_of_names
from trainer.data.media_files import Collection, Files, MediaRow, stem_of
from trainer.data.readings import Choice, LeftOut, Reading
from trainer.data.sidecars import are_bare
from trainer.data.tables.formats import open_table
from trainer.data.tables.table import Table, numbered
from trainer.data.tempspace import temporary_folder
from trainer.errors import DataError
from trainer.messages import _, ngettext

MAX_TABLES_TRIED = 200
TABLE_SUFFIXES = frozenset(
    {".csv", ".tsv", ".jsonl", ".ndjson", ".parquet", ".arrow", ".feather", ".xlsx", ".xls", ".json", ".txt"}
)
MIN_FOLDERS, MIN_NAMED = 2, 0.5
FOLDERS, MIN_NUMBERED = "folders_of_table", 0.9
NUMBERS, MIN_DISTINCT = "file_numbers", 0.9
IS_FILE = re.compile(
    r"image|img|picture|photo|file|path|clip|audio|sound|record|wav|utterance|frame|slice|scan|video|bild|foto|datei|图|音|文件"
)
IS_ID = re.compile(r"(^|[^a-z])(ids?|names?|nr|no|num|number|index|idx|key|sample|track)$|id$|^#$|编号|序号")
"""What a column is called whose whole numbers may be names of files."""
MIN_MATCHED = 0.5
"""Share of a table's first cells that name files of the archive for it to be their table."""


def read_beside_table(files: Files) -> tuple[Collection, list[MediaRow]] | None:
    """A table in the archive with a column that names its files. Of several, those that name a part come first, and a file that
    two of them name is one row."""
    media_rows: list[MediaRow] = []
    collection = Collection(files.kind, "table")
    names = {name for entry in files.media for name in (stem_of(entry).rsplit("/", 1)[-1], entry.parts[-1].casefold())}
    tables = [
        entry
        for entry in files.others
        if entry.suffix in TABLE_SUFFIXES and entry.name not in files.used and not describes_one(entry, names)
    ]
    parts = dict(zip(tables, parts_of_names([entry.name for entry in tables]), strict=True))
    named: set[str] = set()
    for entry in sorted(tables, key=lambda entry: table_order(entry, parts[entry]))[:MAX_TABLES_TRIED]:
        with temporary_folder() as place:
            table = try_table(files.archive, entry, place)
            folder = "/".join(entry.parts[:-1])
            if table is None:
                continue
            column = naming_column(table, files, folder)
            if (folders := folder_column(table, files, column)) is not None:
                files.used.add(entry.name)
                media_rows = rows_of_folders(table, folders, files, collection)
                break
            if column is None:
                continue
            files.used.add(entry.name)
            collection.readings += number_reading(table, column, files)
            if IS_NO_TRUTH.search(entry.parts[-1]):
                leave_out_table(collection, entry, sum(len(batch[0]) for batch in table.batches))
                continue
            part = parts[entry] or ""
            rows = rows_of_table(table, column, files, part, collection, folder)
            if len(media_rows) and part == "" and all(row.entry.name in named for row in rows):
                leave_out_table(collection, entry, len(rows))
                continue
            media_rows += [row for row in rows if row.entry.name not in named] if part == "" and named else rows
            named |= {row.entry.name for row in rows}
    return (collection, media_rows) if media_rows else None


def describes_one(entry: Entry, names: set[str]) -> bool:
    """Whether it is called as one picture or sound is: its fields, and no table of them all."""
    return entry.suffix == ".json" and stem_of(entry).rsplit("/", 1)[-1].partition(".suppl")[0] in names


IS_NO_TRUTH = re.compile(
    r"submission|(^|[_-])(in|un)validated[_.-]|^(invalidated|reported|other|unvalidated|clip_durations)\.",
    re.IGNORECASE,
)
"""Tables that come with a set and hold no answers: an example of what to hand in, clips that nobody has checked."""


def table_order(entry: Entry, part: str | None) -> tuple[bool, bool]:
    """Tables of parts first. Thousands of .txt or .json are one a picture, and no tables of all."""
    return entry.suffix in (".txt", ".json"), part is None


def leave_out_table(collection: Collection, entry: Entry, count: int) -> None:
    sentence = ngettext(
        "%(count)s row of %(name)s was left out: it is an example or unchecked, or its files are in another table.",
        "%(count)s rows of %(name)s were left out: they are an example or unchecked, or their files are in another table.",
        count,
        name=entry.name,
    )
    collection.left_out.append(LeftOut("other_table", count, sentence, entry.name))


def try_table(archive: Archive, entry: Entry, place: Path) -> Table | None:
    """A file of the archive as a table with its first batch read; None for one that is not a table."""
    try:
        table = open_table(archive.extract(entry, place / f"table{entry.suffix}"), entry.name)
        first = next(iter(table.batches), None)
    except DataError:
        return None
    if first is None:
        return None
    later = table.batches
    table.batches = iter([first, *later])
    return table


def naming_column(table: Table, files: Files, folder: str = "") -> int | None:
    """Which column's cells are names of the archive's files."""
    batches = list(table.batches)
    table.batches = iter(batches)
    endings = {entry.suffix for entry in files.media}
    best, most = None, (MIN_MATCHED, 0, 0)
    for index in range(len(table.columns)):
        cells = [cell for cell in batches[0][index][:200] if cell]
        if are_bare(cells) and not trust_of_numbers(table.columns[index], index, cells, files):
            tell_refused(table, index, cells, files, folder)
            continue
        named = [entry.name for cell in cells if (entry := files.find(cell, folder)) is not None]
        # Of two columns that match, the one that names more files, with their endings: a speaker's id may be the name of one.
        with_ending = sum(Path(cell).suffix.lower() in endings for cell in cells)
        matched = len(named) / max(len(cells), 1), len(set(named)), with_ending
        if cells and matched[0] >= MIN_MATCHED and matched > most:
            best, most = index, matched
    return best


def trust_of_numbers(title: str, index: int, cells: list[str], files: Files) -> float:
    """How sure it is that whole numbers in a column name files, 0 to 1: by what it is called, and that few come again; 0 for ages
    and counts."""
    asked = files.choices.pick(NUMBERS, ("names", "none"), files.archive.name, title)
    if asked:
        return float(asked == "names")
    is_distinct = len(set(cells)) >= MIN_DISTINCT * len(cells)
    is_exact = all(cell.strip() in files.paths for cell in cells)
    if IS_FILE.search(title.strip().lower()):
        return 0.95 if is_distinct and is_exact else 0.85
    is_called = IS_ID.search(title.strip().lower()) or (index == 0 and title == numbered(1)[0])
    return 0.8 if is_distinct and is_called else 0.0


def tell_refused(table: Table, column: int, cells: list[str], files: Files, folder: str) -> None:
    """That somebody chose that numbers are not names of files, where they could be."""
    title = table.columns[column]
    if files.choices.get(NUMBERS, files.archive.name, title) != "none" or any(reading.what == NUMBERS and reading.column == title for reading in files.readings):  # fmt: skip
        return
    if sum(files.find(cell, folder) is not None for cell in cells) < MIN_MATCHED * len(cells):
        return
    sentence = _("The numbers in “%(column)s” of %(table)s are not names of files", column=title, table=table.name)
    other = Choice("names", _("They are names of files"))
    files.readings.append(Reading(NUMBERS, "none", sentence, [other], 1.0, files.archive.name, title, is_asked=True))


def number_reading(table: Table, column: int, files: Files) -> list[Reading]:
    """What is told of a column of whole numbers that was taken for names of files."""
    title, batches = table.columns[column], list(table.batches)
    table.batches = iter(batches)
    cells = [cell for cell in batches[0][column][:200] if cell]
    if not are_bare(cells):
        return []
    trust = trust_of_numbers(title, column, cells, files)
    sentence = _("The numbers in “%(column)s” of %(table)s are the names of files", column=title, table=table.name)
    other = Choice("none", _("They are not names of files"))
    is_asked = files.choices.get(NUMBERS, files.archive.name, title) is not None
    return [Reading(NUMBERS, "names", sentence, [other], trust, files.archive.name, title, is_asked=is_asked)]


def folder_column(table: Table, files: Files, naming: int | None) -> int | None:
    """Which column's cells are names of folders, a row for each: of patients, of sites; more of the files lie in them than the
    column `naming` names one by one."""
    batches = list(table.batches)
    table.batches = iter(batches)
    for index in range(len(table.columns)):
        cells = [(cell or "").strip().casefold() for batch in batches for cell in batch[index]]
        if len(cells) < MIN_FOLDERS or len(set(cells)) < len(cells):
            continue
        inside = {entry.name for cell in cells for entry in files.folders.get(cell, ())}
        known = sum(cell in files.folders for cell in cells)
        is_refused = files.choices.pick(FOLDERS, ("folders", "none"), files.archive.name) == "none"
        if (
            known < (MIN_NUMBERED if are_bare(cells) else MIN_NAMED) * len(cells)
            or len(inside) < MIN_NAMED * len(files.media)
            or len(inside) <= len(cells)
        ):
            continue
        if is_refused:
            tell_apart(table, index, files)
            continue
        if naming is None or len(inside) > sum(
            files.find(cell) is not None for batch in batches for cell in batch[naming]
        ):
            return index
    return None


def tell_apart(table: Table, column: int, files: Files) -> None:
    """That somebody chose that a column does not name folders, though it does."""
    if any(reading.what == FOLDERS for reading in files.readings):
        return
    sentence = _("“%(column)s” of %(table)s names no folders", column=table.columns[column], table=table.name)
    other = Choice("folders", _("They are names of folders"))
    files.readings.append(Reading(FOLDERS, "none", sentence, [other], 1.0, files.archive.name, is_asked=True))


def rows_of_folders(table: Table, column: int, files: Files, collection: Collection) -> list[MediaRow]:
    """A row for each file, with the cells of its folder, whose name keeps its files on one side of the split."""
    media_rows: list[MediaRow] = []
    name = table.columns[column]
    batches = list(table.batches)
    is_bare = are_bare([cell or "" for batch in batches for cell in batch[column]])
    for number, row in enumerate((row for batch in batches for row in zip(*batch, strict=True)), 1):
        entries = files.folders.get((row[column] or "").strip().casefold(), [])
        cells = {title: row[index] for index, title in enumerate(table.columns) if title not in (files.kind, "file")}
        media_rows += [MediaRow(entry, dict(cells), files.part_of(entry)) for entry in entries]
        if not entries:
            collection.bad_count += 1
            collection.bad.append(
                f"row {number} of {table.name} names “{(row[column] or '')[:80]}”, which is not in the archive"
            )
    collection.group = name
    collection.readings += [reading for reading in table.readings if not reading.others]
    sentence = _(
        "“%(column)s” of %(table)s names folders: its cells are those of every file in them",
        column=name,
        table=table.name,
    )
    other = Choice("none", _("They are not names of folders"))
    asked = files.choices.get(FOLDERS, files.archive.name)
    trust = 1.0 if asked else 0.8 if is_bare else 0.95
    collection.readings.append(
        Reading(FOLDERS, "folders", sentence, [other], trust, files.archive.name, is_asked=asked is not None)
    )
    return media_rows


def rows_of_table(
    table: Table, column: int, files: Files, part: str, collection: Collection, folder: str = ""
) -> list[MediaRow]:
    """A row for each line that names a file of the archive, those below the table's `folder` first; other lines are counted as
    bad."""
    media_rows = []
    number = 0
    other_columns = [(index, name) for index, name in enumerate(table.columns) if index != column]
    reserved = {files.kind, "file"}
    for batch in table.batches:
        for row in zip(*batch, strict=True):
            number += 1
            entry = files.find(row[column], folder)
            if entry is None:
                collection.bad_count += 1
                if len(collection.bad) < annotations.MAX_REPORTED:
                    collection.bad.append(
                        f"row {number} of {table.name} names “{(row[column] or '')[:80]}”, which is not in the archive"
                    )
                continue
            cells = {(f"{name} (table)" if name in reserved else name): row[index] for index, name in other_columns}
            where = f"row {number} of {table.name}"
            media_rows.append(MediaRow(entry, cells, part or files.part_of(entry), where=where))
    collection.left_out += table.left_out
    collection.readings += [reading for reading in table.readings if not reading.others]
    for line, reason in table.bad:
        collection.bad.append(f"line {line} of {table.name} {reason}")
    collection.bad_count += table.bad_count
    return media_rows
