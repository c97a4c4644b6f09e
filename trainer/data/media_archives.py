"""Pictures or sounds in an archive as rows: by class folders, beside a table, or with boxes (COCO, VOC, YOLO).

Every file is decoded once, in threads, and kept under its hash in the version's media folder; never are all in memory.
"""

import json
from collections import Counter, deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from trainer import columns as kinds
from trainer.data import annotations, media
from trainer.data.archives import Archive, Entry, EntryError, common_folder
from trainer.data.box_formats import summary
from trainer.data.box_formats.references import clean_reference
from trainer.data.box_formats.registry import read_boxes
from trainer.data.box_formats.source import Annotated
from trainer.data.gathering import Meter
from trainer.data.readings import Choices, LeftOut, Reading
from trainer.data.splitting import part_of_name
from trainer.data.tables.formats import open_table
from trainer.data.tables.table import Table
from trainer.data.tempspace import temporary_folder
from trainer.errors import DataError
from trainer.machine import cores
from trainer.messages import _

DECODERS = min(cores(), 4)
AHEAD, AHEAD_BYTES = 32, 128 * 1024**2
MAX_TABLES_TRIED = 200
MAX_MEDIA_BYTES = 256 * 1024**2
TABLE_SUFFIXES = frozenset({".csv", ".tsv", ".jsonl", ".ndjson", ".parquet", ".xlsx", ".xls", ".json", ".txt"})
MIN_MATCHED = 0.5
"""Share of a table's first cells that name files of the archive for it to be their table."""


@dataclass
class Collection:
    """Rows of one archive. `kind`: image or audio; `rows`: cells by column; `lost`: (path, why) of files left out."""

    kind: str
    layout: str
    rows: list[dict[str, str | None]] = field(default_factory=list)
    parts: list[str] = field(default_factory=list)
    lost: list[tuple[str, str]] = field(default_factory=list)
    bad: list[str] = field(default_factory=list)
    bad_count: int = 0
    other_files: int = 0
    """Files of other kinds, passed over."""
    readings: list[Reading] = field(default_factory=list)
    left_out: list[LeftOut] = field(default_factory=list)
    """Records that were not kept, besides `lost` and `other_files`."""
    boxes: annotations.Boxes | None = None
    annotated: Annotated | None = None


@dataclass
class MediaRow:
    """One row to be: the picture or sound, the other cells, its part."""

    entry: Entry
    cells: dict[str, str | None]
    part: str = ""


def holds_media(archive: Archive) -> str | None:
    """image or audio, whichever the archive holds more of; None when it holds neither."""
    counts = Counter(media.kind_of_suffix(entry.suffix) for entry in archive.entries)
    del counts[None]
    return str(counts.most_common(1)[0][0]) if counts else None


def read_collection(
    archive: Archive, kind: str, folder: Path, meter: Meter, choices: Choices | None = None
) -> Collection:
    """`choices`: how to read what can be read in several ways. Raises `DataError` when nothing tells what the files mean, or none of them can be decoded."""
    files = Files(archive, kind, choices)
    with_annotations = read_annotations(files) if kind == "image" else None
    collection, media_rows = with_annotations or read_beside_table(files) or read_class_folders(files)
    collection.other_files = len(archive.entries) - len(files.media) - len(files.used)
    folder.mkdir(parents=True, exist_ok=True)
    for row, stored in decode(archive, media_rows, kind, folder, collection):
        cells = row.cells
        if collection.boxes is not None:
            cells = cells | {"objects": fit_objects(collection, row.entry, stored, folder)}
        collection.rows.append({kind: stored.name, "file": row.entry.name, **cells, **stored.facts})
        collection.parts.append(row.part)
        meter.add(1, archive.bytes_read)
    if collection.boxes is not None and collection.annotated is not None:
        collection.bad_count = collection.boxes.bad_count
        collection.readings += summary.describe_boxes(collection.annotated, archive.name)
    if not collection.rows and collection.bad and not collection.lost:
        raise DataError(
            _("None of the annotations in %(name)s can be used: %(bad)s.", name=archive.name, bad=collection.bad[0]),
            code="bad_boxes",
            hint=_("Export them again, for instance as COCO, VOC, YOLO or CVAT, together with the pictures."),
        )
    if not collection.rows:
        message = (
            _("None of the images in %(archive)s can be used", archive=archive.name)
            if kind == "image"
            else _("None of the recordings in %(archive)s can be used", archive=archive.name)
        )
        example = f"{collection.lost[0][0]} {collection.lost[0][1]}" if collection.lost else ""
        raise DataError(
            _("%(message)s: %(example)s.", message=message, example=example)
            if example
            else _("%(message)s.", message=message),
            code="damaged",
            hint=_("Open a few of them on your own machine, and pack those that open."),
        )
    return collection


def decode(
    archive: Archive, media_rows: Iterable[MediaRow], kind: str, folder: Path, collection: Collection
) -> Iterator[tuple[MediaRow, media.Media]]:
    """In order; reading is done here, decoding in threads, at most AHEAD files and about AHEAD_BYTES in memory."""
    window: deque[tuple[MediaRow, int, Future[media.Media]]] = deque()
    bytes_ahead = 0
    with ThreadPoolExecutor(DECODERS) as pool:
        for row in media_rows:
            try:
                data = archive.read(row.entry, MAX_MEDIA_BYTES)
            except EntryError:
                collection.lost.append((row.entry.name, "is damaged in the archive or too large"))
                continue
            window.append((row, len(data), pool.submit(media.store_media, data, kind, folder)))
            bytes_ahead += len(data)
            del data
            while window and (len(window) > AHEAD or bytes_ahead > AHEAD_BYTES):
                bytes_ahead -= window[0][1]
                yield from finish_decoding(window.popleft(), collection)
        while window:
            yield from finish_decoding(window.popleft(), collection)


def finish_decoding(
    pending: tuple[MediaRow, int, "Future[media.Media]"], collection: Collection
) -> Iterator[tuple[MediaRow, media.Media]]:
    try:
        yield pending[0], pending[2].result()
    except media.UnreadableError as error:
        collection.lost.append((pending[0].entry.name, str(error)))


class Files:
    """The archive's entries by what they may be, and how names in tables and annotations find them."""

    def __init__(self, archive: Archive, kind: str, choices: Choices | None = None) -> None:
        self.archive, self.kind, self.choices = archive, kind, choices or Choices()
        self.depth = common_folder(archive.entries)
        self.media = [entry for entry in archive.entries if media.kind_of_suffix(entry.suffix) == kind]
        self.others = [entry for entry in archive.entries if media.kind_of_suffix(entry.suffix) != kind]
        self.used: set[str] = set()
        self.paths: dict[str, Entry] = {}
        for entry in self.media:
            parts = entry.parts
            for start in range(len(parts)):
                # The longest names are set last, so that a full path is never hidden by another file's ending.
                self.paths.setdefault("/".join(parts[start:]).casefold(), entry)
            self.paths.setdefault(Path(parts[-1]).stem.casefold(), entry)
        for entry in self.media:
            self.paths[entry.name.casefold()] = entry

    def find(self, name: str | None) -> Entry | None:
        """The file that a table or an annotation means: by its path, or by the longest end that both paths share."""
        if not name or len(name) > 1_000:
            return None
        parts = clean_reference(name).casefold().split("/")
        ends = ("/".join(parts[start:]) for start in range(len(parts)))
        return next((self.paths[end] for end in ends if end in self.paths), None)

    def find_path(self, name: str) -> str | None:
        entry = self.find(name)
        return entry.name if entry else None

    def with_suffix(self, *suffixes: str) -> list[Entry]:
        return [entry for entry in self.others if entry.suffix in suffixes]

    def part_of(self, entry: Entry) -> str:
        """The part that a folder on the way tells: train/cat/1.jpg, images/val/1.jpg."""
        for word in entry.parts[self.depth : -1]:
            if word.strip().lower() in kinds.SPLIT_VALUES:
                return kinds.SPLIT_VALUES[word.strip().lower()]
        return ""

    def class_of(self, entry: Entry) -> str:
        """The first folder on the way that is no part; "" when there is none."""
        start = min(self.depth, max(len(entry.parts) - 2, 0)) if self.depth else 0
        folders = [word.strip() for word in entry.parts[start:-1]]
        return next((word for word in folders if word and word.lower() not in kinds.SPLIT_VALUES), "")


def read_annotations(files: Files) -> tuple[Collection, list[MediaRow]] | None:
    """Rows of pictures with boxes, or with the labels that a tool for boxes gave to whole pictures; None where the archive has no
    annotations of a known form."""
    annotated = read_boxes(files)
    if annotated is None:
        return None
    best, others = annotated
    boxes = best.boxes
    files.used |= best.used
    entries = {entry.name: entry for entry in files.media}
    collection = Collection("image", best.layout, bad=boxes.bad, bad_count=boxes.bad_count)
    if best.tags and not any(boxes.objects.values()):
        return collection, tagged_rows(best, entries, files)
    unlabelled = [entry.name for entry in files.media if entry.name not in boxes.objects]
    reading = summary.choose_unlabelled(best, unlabelled, files.choices, files.archive.name)
    if reading is not None and reading.chosen == summary.BACKGROUND:
        boxes.objects |= {path: [] for path in unlabelled}
        unlabelled = []
    collection.boxes, collection.annotated = boxes, best
    collection.readings += summary.describe_form(best, others, files.archive.name) + ([reading] if reading else [])
    collection.left_out += summary.list_left_out(best, unlabelled, files.archive.name)
    media_rows = [
        MediaRow(entries[path], {"objects": ""}, boxes.parts.get(path) or files.part_of(entries[path]))
        for path in boxes.objects
    ]
    return collection, media_rows


def tagged_rows(annotated: Annotated, entries: dict[str, Entry], files: Files) -> list[MediaRow]:
    """A label for each picture; lists where one has several."""
    is_single = all(len(labels) == 1 for labels in annotated.tags.values())
    return [
        MediaRow(
            entries[path],
            {"label": labels[0]} if is_single else {"labels": json.dumps(labels, ensure_ascii=False)},
            annotated.boxes.parts.get(path) or files.part_of(entries[path]),
        )
        for path, labels in annotated.tags.items()
    ]


def fit_objects(collection: Collection, entry: Entry, stored: media.Media, folder: Path) -> str:
    """The cell of a picture's objects, in its pixels as they are seen."""
    assert collection.boxes is not None
    size = (float(stored.facts["width"]), float(stored.facts["height"]))
    objects = collection.boxes.fit(entry.name, size, lambda: media.read_orientation(folder / stored.name))
    return annotations.to_cell(objects)


def read_text(archive: Archive, entry: Entry) -> str:
    try:
        return archive.read(entry, 16 * 1024**2).decode("utf-8", "replace").lstrip("\ufeff")
    except EntryError:
        return ""


def read_beside_table(files: Files) -> tuple[Collection, list[MediaRow]] | None:
    """A table in the archive with a column that names its files."""
    media_rows: list[MediaRow] = []
    collection = Collection(files.kind, "table")
    tables = [entry for entry in files.others if entry.suffix in TABLE_SUFFIXES]
    # Thousands of .txt or .json are one a picture, and no tables of all.
    for entry in sorted(tables, key=lambda entry: entry.suffix in (".txt", ".json"))[:MAX_TABLES_TRIED]:
        with temporary_folder() as place:
            table = try_table(files.archive, entry, place)
            column = naming_column(table, files) if table else None
            if table is None or column is None:
                continue
            files.used.add(entry.name)
            part = (part_of_name(entry.parts[-1]) if len(tables) > 1 else None) or ""
            media_rows += rows_of_table(table, column, files, part, collection)
    return (collection, media_rows) if media_rows else None


def try_table(archive: Archive, entry: Entry, place: Path) -> Table | None:
    """A file of the archive as a table with its first batch read; None for one that is no table."""
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


def naming_column(table: Table, files: Files) -> int | None:
    """Which column's cells are names of the archive's files."""
    batches = list(table.batches)
    table.batches = iter(batches)
    best, most = None, MIN_MATCHED
    for index in range(len(table.columns)):
        cells = [cell for cell in batches[0][index][:200] if cell]
        share = sum(files.find(cell) is not None for cell in cells) / max(len(cells), 1)
        if cells and share >= most and share > (0 if best is None else most):
            best, most = index, share
    return best


def rows_of_table(table: Table, column: int, files: Files, part: str, collection: Collection) -> list[MediaRow]:
    """A row for each line that names a file of the archive; other lines are counted as bad."""
    media_rows = []
    number = 0
    other_columns = [(index, name) for index, name in enumerate(table.columns) if index != column]
    reserved = {files.kind, "file"}
    for batch in table.batches:
        for row in zip(*batch, strict=True):
            number += 1
            entry = files.find(row[column])
            if entry is None:
                collection.bad_count += 1
                if len(collection.bad) < annotations.MAX_REPORTED:
                    collection.bad.append(
                        f"row {number} of {table.name} names “{(row[column] or '')[:80]}”, which is not in the archive"
                    )
                continue
            cells = {(f"{name} (table)" if name in reserved else name): row[index] for index, name in other_columns}
            media_rows.append(MediaRow(entry, cells, part or files.part_of(entry)))
    for line, reason in table.bad:
        collection.bad.append(f"line {line} of {table.name} {reason}")
    collection.bad_count += table.bad_count
    return media_rows


def read_class_folders(files: Files) -> tuple[Collection, list[MediaRow]]:
    """A row a file, its label the folder it lies in; `DataError` where no folder tells one."""
    media_rows = [MediaRow(entry, {"label": files.class_of(entry)}, files.part_of(entry)) for entry in files.media]
    if not any(row.cells["label"] for row in media_rows):
        what = "pictures" if files.kind == "image" else "sounds"
        raise DataError(
            _(
                "There are no labels for the %(count)s %(what)s in %(name)s: they are in no class folders, and no table names them.",
                count=f"{len(media_rows):,}",
                what=what,
                name=files.archive.name,
            ),
            code="no_labels",
            hint=_(
                "Make one folder per class, put the files inside, and zip the folders; or add a CSV with the columns file_name and label."
            ),
        )
    return Collection(files.kind, "folders"), media_rows
