"""Columns of tables whose cells are pictures or sounds: base64, with or without a data address around it."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from trainer.data.archives import Archive, Entry
from trainer.data.gathering import Meter
from trainer.data.media import UnreadableError
from trainer.data.media_archives import finish_collection
from trainer.data.media_cells import decode_base64, is_base64, sniff
from trainer.data.media_files import Collection, MediaRow
from trainer.data.readings import Choice, Choices, Reading
from trainer.data.tables.table import Table
from trainer.messages import _

SNIFFED, MIN_SHARE = 20, 0.8
WHAT, DECODE, KEEP = "base64", "decode", "keep"

Resolve = Callable[[str], tuple[str, bytes | Path]]
"""A cell → (the name of its file, its bytes or where they are); raises `UnreadableError`."""


@dataclass
class MediaColumn:
    """A table's column of pictures or sounds. `kind`: image or audio."""

    table: Table
    column: str
    kind: str
    layout: str
    resolve: Resolve


def first_cells(table: Table) -> list[Sequence[str | None]]:
    """The first cells of each column; the table is left to be read from its start."""
    batches = iter(table.batches)
    first = next(batches, None)
    if first is None:
        table.batches = iter(())
        return []
    table.batches = chained(first, batches)
    return [[cell for cell in column[:400] if cell][:SNIFFED] for column in first]


def chained(
    first: Sequence[Sequence[str | None]], later: Iterator[Sequence[Sequence[str | None]]]
) -> Iterator[Sequence[Sequence[str | None]]]:
    yield first
    del first
    yield from later


def find_base64(tables: Sequence[Table], choices: Choices) -> list[MediaColumn]:
    """A column of base64 in each of the tables; [] where one has none, or where somebody keeps them as texts."""
    columns: list[MediaColumn] = []
    for table in tables:
        cells = first_cells(table)
        names = (
            name
            for name, sample in zip(table.columns, cells, strict=False)
            if sample and sum(is_base64(cell or "") for cell in sample) >= MIN_SHARE * len(sample)
        )
        name = next(names, None)
        if name is None:
            return []
        sample = cells[table.columns.index(name)]
        asked = choices.pick(WHAT, (DECODE, KEEP), table.name, name)
        kinds = [sniffed[0] for cell in sample if (sniffed := sniff(decode_base64(cell or "") or b""))]
        kind = max(kinds, key=kinds.count) if kinds else "image"
        table.readings.append(base64_reading(table, name, kind, asked))
        if asked == KEEP:
            return []
        columns.append(MediaColumn(table, name, kind, "base64", resolve_base64))
    return columns


def base64_reading(table: Table, column: str, kind: str, asked: str | None) -> Reading:
    sentence = (
        _("“%(column)s” holds text that was not decoded to images or audio.", column=column)
        if asked == KEEP
        else _("“%(column)s” holds images in base64.", column=column)
        if kind == "image"
        else _("“%(column)s” holds audio in base64.", column=column)
    )
    other = Choice(DECODE, _("Decode them")) if asked == KEEP else Choice(KEEP, _("Keep the text as it is"))
    return Reading(WHAT, asked or DECODE, sentence, [other], file=table.name, column=column, is_asked=asked is not None)


def resolve_base64(cell: str) -> tuple[str, bytes]:
    data = decode_base64(cell)
    if data is None:
        raise UnreadableError("is not base64, or cut short")
    sniffed = sniff(data)
    return sniffed[1] if sniffed else "", data


def read_column(media: MediaColumn, path: Path, folder: Path, meter: Meter) -> Collection:
    """A row for each cell that can be decoded; the others are told. Raises `DataError` where none can."""
    collection = Collection(media.kind, media.layout)
    archive = Archive(media.table.name, path)
    rows = rows_of(media, collection)
    return finish_collection(archive, rows, collection, folder, meter)


def rows_of(media: MediaColumn, collection: Collection) -> Iterator[MediaRow]:
    table, number = media.table, 0
    place = table.columns.index(media.column)
    reserved = {media.kind, "file"}
    titles = [f"{name} (table)" if name in reserved else name for name in table.columns]
    for batch in table.batches:
        for row in zip(*batch, strict=True):
            number += 1
            cell = row[place]
            try:
                if not cell:
                    raise UnreadableError("holds no picture or sound")
                name, source = media.resolve(cell)
            except UnreadableError as error:
                collection.lost.append((f"row {number}", str(error)))
                continue
            cells = {title: row[index] for index, title in enumerate(titles) if index != place}
            shown = f"{number:06}{name}" if name.startswith(".") or not name else name
            size = len(source) if isinstance(source, bytes) else source.stat().st_size
            yield MediaRow(Entry(shown, size, source), cells)
