"""Columns with the addresses of pictures or sounds: recognised, fetched only when somebody asks, then read as their cells."""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from urllib.parse import urlsplit

from trainer.data.fetching import read_results
from trainer.data.media import AUDIO_SUFFIXES, IMAGE_SUFFIXES, UnreadableError
from trainer.data.media_columns import MIN_SHARE, MediaColumn, first_cells
from trainer.data.readings import Choice, Choices, Reading
from trainer.data.tables.table import Table
from trainer.errors import SpecError
from trainer.messages import _

WHAT, FETCH, KEEP = "addresses", "fetch", "keep"
ADDRESS = re.compile(r"\s*https?://[^\s<>\"]{3,4000}\s*", re.IGNORECASE)
IMAGE_NAME = re.compile(r"image|img|photo|pic|thumb|avatar|logo|screenshot|bild|foto", re.IGNORECASE)
SOUND_NAME = re.compile(r"audio|sound|clip|recording|voice|mp3|wav|ton", re.IGNORECASE)


def kind_of(name: str, sample: Sequence[str | None]) -> str:
    """image or audio, that the addresses of a column lead to by their endings, or its name; "" for other pages."""
    cells = [cell for cell in sample if cell]
    if not cells or sum(ADDRESS.fullmatch(cell) is not None for cell in cells) < MIN_SHARE * len(cells):
        return ""
    endings = [ending_of(cell) for cell in cells]
    if 2 * sum(ending in IMAGE_SUFFIXES for ending in endings) > len(endings):
        return "image"
    if 2 * sum(ending in AUDIO_SUFFIXES for ending in endings) > len(endings):
        return "audio"
    return "image" if IMAGE_NAME.search(name) else "audio" if SOUND_NAME.search(name) else ""


def ending_of(address: str) -> str:
    try:
        return Path(urlsplit(address.strip()).path).suffix.lower()
    except ValueError:
        return ""


def find_addresses(tables: Sequence[Table], choices: Choices, fetched: Path | None) -> list[MediaColumn]:
    """The column to be read from what was `fetched`, of each table; [] where nobody asked for one. `SpecError` where it was
    asked for and nothing was fetched."""
    columns: list[MediaColumn] = []
    for table in tables:
        candidates = {
            name: kind
            for name, sample in zip(table.columns, first_cells(table), strict=False)
            if (kind := kind_of(name, sample))
        }
        asked = {name: choices.pick(WHAT, (FETCH, KEEP), table.name, name) for name in candidates}
        chosen = next((name for name in candidates if asked[name] == FETCH), None)
        table.readings += [
            address_reading(table, name, kind, FETCH if name == chosen else KEEP, asked[name] is not None)
            for name, kind in candidates.items()
        ]
        if chosen is None:
            continue
        if fetched is None:
            raise SpecError(
                _("What “%(column)s” names was not fetched.", column=chosen),
                code="bad_reading",
                hint=_("Run “addresses” and “fetch-media” first, and name the folder with --fetched."),
            )
        columns.append(MediaColumn(table, chosen, candidates[chosen], "addresses", Fetched(fetched)))
    return columns if len(columns) == len(tables) else []


def address_reading(table: Table, column: str, kind: str, chosen: str, is_asked: bool) -> Reading:
    if chosen == FETCH:
        sentence = _("The files that “%(column)s” names were fetched.", column=column)
        other = Choice(KEEP, _("Keep the addresses as text"))
    else:
        sentence = (
            _("“%(column)s” holds addresses of images, which were not fetched.", column=column)
            if kind == "image"
            else _("“%(column)s” holds addresses of audio, which were not fetched.", column=column)
        )
        other = Choice(FETCH, _("Fetch the files"))
    confidence = 1.0 if is_asked else 0.8
    return Reading(WHAT, chosen, sentence, [other], confidence, table.name, column, is_asked=is_asked)


class Fetched:
    """A cell's file, by what `fetch-media` wrote into a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.results = folder, read_results(folder)

    def __call__(self, cell: str) -> tuple[str, Path]:
        result = self.results.get(cell.strip())
        if result is None:
            raise UnreadableError(
                f"({cell.strip()[:120]}) was not fetched" if ADDRESS.fullmatch(cell) else "is not an address"
            )
        if "file" not in result:
            raise UnreadableError(f"({cell.strip()[:120]}) {result.get('reason', 'was not fetched')}")
        return result["file"], self.folder / result["file"]


def addresses_of(tables: Sequence[Table], choices: Choices) -> Iterator[str]:
    """The addresses of the columns that were asked for; where none was, of every column that has some."""
    for table in tables:
        kinds = [kind_of(name, sample) for name, sample in zip(table.columns, first_cells(table), strict=False)]
        columns = [name for name, kind in zip(table.columns, kinds, strict=False) if kind]
        asked = [name for name in columns if choices.get(WHAT, table.name, name) == FETCH] or columns
        places = [table.columns.index(name) for name in asked]
        for batch in table.batches:
            for place in places:
                yield from (cell.strip() for cell in batch[place] if cell and ADDRESS.fullmatch(cell))
