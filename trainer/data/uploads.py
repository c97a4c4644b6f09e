"""What was sent, made ready to be read: archives of tables are opened, pictures and sounds become rows, idx pairs too."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from trainer import tasks
from trainer.data import documents, media_archives
from trainer.data.address_columns import find_addresses
from trainer.data.archive_listing import is_archive, loose_files, open_archive
from trainer.data.archive_reports import empty_folder_problems, hidden_left_out
from trainer.data.archive_tables import TABLES, extract_tables, left_beside
from trainer.data.archives import Archive, join
from trainer.data.box_formats.alone import refuse_alone
from trainer.data.box_formats.embedded import add_embedded, holds_pictures
from trainer.data.dataset import Dataset
from trainer.data.documents import DOCUMENTS, documents_of, is_described, is_numbered, read_documents
from trainer.data.exports.chat_archives import is_loose_chat, take_chats
from trainer.data.exports.writers import write_export
from trainer.data.file_parts import file_order, parts_of_names
from trainer.data.gathering import Meter, reading_problems
from trainer.data.idx import IdxFile, collect_idx, read_idx
from trainer.data.line_files import TABLE, asked_lines, read_line_files
from trainer.data.media_columns import find_base64, read_column
from trainer.data.media_files import Collection
from trainer.data.media_problems import (
    collection_left_out,
    collection_problems,
    skipped_left_out,
    skipped_problems,
    unnamed_table_error,
)
from trainer.data.media_records import open_records, read_records
from trainer.data.media_tables import IS_NO_TRUTH
from trainer.data.problems import Problem
from trainer.data.readings import Choices, LeftOut, Reading
from trainer.data.repeated_files import find_repeated
from trainer.data.tables.markup import choose_tables
from trainer.data.tables.table import Table, display_name
from trainer.data.tempspace import check_room, temporary_folder
from trainer.data.unlabelled import documents_reading
from trainer.errors import DataError
from trainer.events import Emit
from trainer.messages import _


@dataclass
class Sources:
    """Either tables to read, each with the name to show and its part, or rows already made from pictures or sounds."""

    tables: list[tuple[Path, str]] = field(default_factory=list)
    table_parts: list[str | None] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    readings: list[Reading] = field(default_factory=list)
    left_out: list[LeftOut] = field(default_factory=list)
    """Files, pictures and sounds that were not kept; a table tells of its own rows."""
    repeated: list[tuple[str, str]] = field(default_factory=list)
    """(name, name of the same file that is read) of files that were sent twice."""
    class_names: dict[str, str] = field(default_factory=dict)
    """{label: its name}, which a file beside pictures or sounds says."""
    dataset: Dataset | None = None
    parts: np.ndarray | None = None
    media_folder: Path | None = None
    """Where pictures and sounds go that the tables turn out to hold."""
    meter: Meter | None = None


class SentFile(NamedTuple):
    """A file, the name to show, and its part where one is known."""

    path: Path
    name: str
    part: str | None


class MediaSource(NamedTuple):
    """Pictures or sounds that were read from a file."""

    collection: Collection
    file: SentFile


@contextmanager
def unpack_uploads(
    files: list[Path],
    fixed: list[str | None] | None,
    folder: Path | None,
    emit: Emit,
    choices: Choices | None = None,
    task: str | None = None,
) -> Iterator[Sources]:
    """`folder` is where pictures and sounds are kept; without one they go to a place that ends with the caller's use. `choices`: how
    to read what can be read in several ways; for a `task` of pictures, the pages of PDFs are some."""
    with temporary_folder() as place:
        names = [display_name(path.name) for path in files]
        parts = fixed or parts_of_names(names)
        sent = [SentFile(*facts) for facts in zip(files, names, parts, strict=True)]
        if fixed is None:
            sent.sort(key=lambda file: (*file_order(file.name, file.part), file.path.name))
        choices = choices or Choices()
        if task in picture_tasks() and choices.get(documents.WHAT) is None:
            choices.asked[documents.WHAT] = documents.PAGES
        try:
            sources = sort_uploads(sent, place, folder, emit, choices)
        except documents.ScannedError:
            if choices.get(documents.WHAT) is not None:
                raise
            choices.asked[documents.WHAT] = documents.PAGES  # scans show what they are of, and their folders say it
            sources = sort_uploads(sent, place, folder, emit, choices)
        yield sources


def picture_tasks() -> set[str]:
    """Tasks that read pictures."""
    return {task.slug for task in tasks.all() if any(role.kind == "image" for role in task.roles)}


def sort_uploads(sent: list[SentFile], place: Path, folder: Path | None, emit: Emit, choices: Choices) -> Sources:
    """What the files are: pictures or sounds, with the tables that name them; documents; idx files; lines; or tables."""
    sources = Sources()
    meter = Meter(emit, sum(file.path.stat().st_size for file in sent if file.path.is_file()))
    media_folder = sources.media_folder = folder or place / "media"
    sources.meter = meter
    with ExitStack() as stack:
        opened = open_sent(sent, stack, sources, choices.get(documents.WHAT) == documents.PAGES)
        take_exports(opened, sources, place, choices)
        collections = read_media(opened, media_folder, meter, choices)
        if not collections and not opened.idx and read_texts(opened, sources, meter, choices):
            return sources
        if not collections:
            refuse_alone([(file.path, file.name) for file in opened.plain], [archive for archive, _f in opened.others])
        for number, (archive, file) in enumerate(opened.others):
            inner = extract_tables(archive, place / str(number))
            sources.left_out += left_beside(archive, {name for _path, name in inner})
            inner_parts = parts_of_names([name for _path, name in inner])
            for (path, name), inner_part in zip(inner, inner_parts, strict=True):
                part = file.part or inner_part
                add_plain(SentFile(path, name, part), None, sources, opened.idx)
        single = [*opened.plain, *opened.records]
        sources.tables += [(file.path, file.name) for file in single]
        sources.table_parts += [file.part for file in single]
        if opened.idx:
            file = SentFile(sent[0].path, opened.idx[0].name, None)
            collections.append(MediaSource(collect_idx(opened.idx, media_folder, meter), file))
        collections = collections or read_tables_of_media(sources, media_folder, meter, choices)
        if collections and sources.tables:
            raise unnamed_table_error(sources.tables[0][1], collections[0].file.name)
        for source in collections:
            sources.readings += source.collection.readings
            sources.left_out += collection_left_out(source.collection, source.file.name)
            sources.class_names |= source.collection.class_names
        if collections:
            sources.dataset, sources.parts = build_dataset(collections, media_folder, sources.problems)
        else:
            take_lines(sources, choices)
    return sources


def take_lines(sources: Sources, choices: Choices) -> None:
    """Texts of which each line is a row, unless somebody wants them as tables."""
    if (lines := read_line_files(sources.tables)) is None:
        return
    sources.readings = asked_lines(lines.readings, choices.get("lines"))
    if sources.readings[0].chosen != TABLE:
        sources.dataset, sources.parts = lines.dataset, lines.parts


@dataclass
class Opened:
    """What was sent: archives of pictures or sounds, other archives, files that are no archive, and idx files among them."""

    media: list[tuple[Archive, SentFile]] = field(default_factory=list)
    others: list[tuple[Archive, SentFile]] = field(default_factory=list)
    plain: list[SentFile] = field(default_factory=list)
    records: list[SentFile] = field(default_factory=list)
    """Records that exports of many files became."""
    idx: list[IdxFile] = field(default_factory=list)


def read_tables_of_media(sources: Sources, folder: Path, meter: Meter, choices: Choices) -> list[MediaSource]:
    """Tables that hold pictures or sounds themselves; they are taken out of the others."""
    collections = []
    for (path, name), part in list(zip(sources.tables, sources.table_parts, strict=True)):
        if (records := open_records(path, name, choices)) is not None:
            collections.append(MediaSource(read_records(records, folder, meter, choices), SentFile(path, name, part)))
            place = sources.tables.index((path, name))
            del sources.tables[place], sources.table_parts[place]
    return collections


def read_media_columns(tables: list[Table], sources: Sources, choices: Choices, fetched: Path | None) -> bool:
    """Pictures and sounds in cells of the tables, or `fetched` from the addresses in them, into `sources`; whether there were
    any."""
    columns = find_base64(tables, choices) or find_addresses(tables, choices, fetched)
    if not columns or sources.media_folder is None or sources.meter is None:
        return False
    collections = []
    for media, (path, name), part in zip(columns, sources.tables, sources.table_parts, strict=True):
        collection = read_column(media, path, sources.media_folder, sources.meter)
        collections.append(MediaSource(collection, SentFile(path, name, part)))
        sources.left_out += [*collection_left_out(collection, name), *media.table.all_left_out()]
        sources.readings += [*media.table.readings, *collection.readings]
    sources.problems += reading_problems(tables, list(tables[0].columns))
    sources.dataset, sources.parts = build_dataset(collections, sources.media_folder, sources.problems)
    return True


def take_exports(opened: Opened, sources: Sources, place: Path, choices: Choices) -> None:
    """Archives that programs export, and files of theirs that were sent one by one, become a file of records each (brat's texts and
    passages, INCEpTION's documents, Slack's channels and days). Chats and mailboxes are taken out of theirs."""
    for files in (opened.media, opened.others):
        for archive, file in list(files):
            if chats := take_chats(archive, place / f"chats-{len(opened.plain)}"):
                files.remove((archive, file))
                sources.left_out += left_beside(archive, {name for _path, name in chats})
                opened.plain += [SentFile(path, name, file.part) for path, name in chats]
    for number, (archive, file) in enumerate(list(opened.others)):
        path = place / f"export-{number}.jsonl"
        if packed := write_export(archive, path, choices):
            opened.others.remove((archive, file))
            opened.records.append(SentFile(path, file.name, file.part))
            sources.left_out += [*packed.left_out, *left_beside(archive, packed.used)]
            sources.readings += packed.readings
    plain, path = opened.plain, place / "export.jsonl"
    loose = loose_files([(file.path, file.name) for file in plain], plain[0].name) if plain else None
    if loose and (packed := write_export(loose, path, choices)):
        opened.plain = [file for file in plain if file.name not in packed.used]
        opened.records.append(SentFile(path, plain[0].name, None))
        sources.left_out += packed.left_out
        sources.readings += packed.readings


def open_sent(sent: list[SentFile], stack: ExitStack, sources: Sources, with_pages: bool) -> Opened:
    opened = Opened()
    repeated = find_repeated([file.path for file in sent])
    for place, file in enumerate(sent):
        is_file = file.path.is_file() and file.path.stat().st_size > 0
        if not is_file or not is_archive(file.path):
            array = read_idx(file.path, file.name) if is_file else None
            if array is None:
                opened.plain.append(file)
            else:
                opened.idx.append(IdxFile(file.name, array, file.part))
            continue
        if place in repeated:
            sources.repeated.append((file.name, sent[repeated[place]].name))
            continue
        archive = stack.enter_context(open_archive(file.path, file.name))
        add_embedded(archive)
        sources.problems += skipped_problems(archive)
        sources.left_out += skipped_left_out(archive) + hidden_left_out(archive)
        sources.problems += empty_folder_problems(archive)
        check_room(sum(entry.size for entry in archive.entries), file.name)
        (opened.media if media_archives.holds_media(archive, with_pages) else opened.others).append((archive, file))
    return opened


def read_media(opened: Opened, folder: Path, meter: Meter, choices: Choices) -> list[MediaSource]:
    """The pictures or sounds of all archives, and those that came as they are, together with the tables beside them."""
    with_pages = choices.get(documents.WHAT) == documents.PAGES
    loose = [file for file in opened.plain if media_archives.is_media_name(file.name, with_pages)]
    documents_alone = [(file.path, file.name) for file in opened.plain if Path(file.name).suffix.lower() == ".json"]
    if not opened.media and documents_alone and holds_pictures(loose_files(documents_alone, "")):
        return [read_together(opened, folder, meter, choices)]
    if not opened.media and (not loose or len(opened.plain) == 1):
        return []  # one picture alone is told as what it is: it has no label, and may be no picture
    if loose or opened.plain or opened.others:
        return [read_together(opened, folder, meter, choices)]
    is_alone = len(opened.media) == 1
    try:
        return [
            MediaSource(
                media_archives.read_collection(
                    archive, holds_kind(archive, choices), folder, meter, choices, may_lack_labels=is_alone
                ),
                file,
            )
            for archive, file in opened.media
        ]
    except DataError as error:
        if error.code != "no_labels" or is_alone:
            raise
        return [read_together(opened, folder, meter, choices)]  # an archive a class, or a part


def holds_kind(archive: Archive, choices: Choices) -> str:
    return media_archives.holds_media(archive, choices.get(documents.WHAT) == documents.PAGES) or "image"


def read_together(opened: Opened, folder: Path, meter: Meter, choices: Choices) -> MediaSource:
    """Archives and files that were sent side by side as one archive; `DataError` for a table that names none of its files."""
    archives = [archive for archive, _file in (*opened.media, *opened.others)]
    opened.others = []
    plain, opened.plain = opened.plain, []
    name = ", ".join([archive.name for archive in archives] or [plain[0].name])
    single = loose_files([(file.path, file.name) for file in plain], name) if plain else None
    if single:
        add_embedded(single)
    joined = join(archives, name) if archives else None
    whole = joined or single
    assert whole is not None
    if joined and single:
        joined.entries += single.entries
    collection = media_archives.read_collection(whole, holds_kind(whole, choices), folder, meter, choices)
    for file in plain:
        if IS_NO_TRUTH.search(file.name):
            continue
        if Path(file.name).suffix.lower() in TABLES and archives and file.name not in collection.used:
            raise unnamed_table_error(file.name, name)
    sent = opened.media[0][1] if opened.media else plain[0]
    return MediaSource(collection, SentFile(sent.path, name, sent.part if len(archives) == 1 else None))


def read_texts(opened: Opened, sources: Sources, meter: Meter, choices: Choices) -> bool:
    """Documents of archives, or sent as they are, into `sources`; whether there were any. Those that are tables are none."""
    tables = [] if opened.others else [(file.path, file.name) for file in opened.plain]
    are_tables, reading = choose_tables(tables, choices)
    sources.readings += [reading] if reading else []
    if are_tables:
        return False
    archives = [archive for archive, _file in opened.others]
    loose = (
        loose_files([(file.path, file.name) for file in opened.plain], opened.plain[0].name) if opened.plain else None
    )
    is_subtitles = len(opened.plain) == 1 and Path(opened.plain[0].name).suffix.lower() in (".srt", ".vtt")
    is_of_documents = loose and (
        any(entry.suffix in DOCUMENTS for entry in loose.entries) or is_described(loose) or is_numbered(loose)
    )
    if not archives and (is_subtitles or all(is_loose_chat(file.path, file.name) for file in opened.plain)):
        return False
    if loose and (is_of_documents or any(map(documents_of, archives))):  # a table beside may tell of them
        archives.append(loose)
    if not archives:
        return False
    whole = archives[0] if len(archives) == 1 else join(archives, ", ".join(archive.name for archive in archives))
    entries = documents_of(whole)
    if not entries:
        return False
    sources.dataset, sources.parts, readings, left_out = read_documents(whole, entries, meter, choices)
    sources.dataset.problems = sources.problems + sources.dataset.problems
    if set(sources.dataset.names) == {"text", "file"}:
        readings.append(documents_reading(sources.dataset.rows, whole.name))
    sources.readings += readings
    sources.left_out += left_out
    return True


def add_plain(file: SentFile, idx_part: str | None, sources: Sources, idx: list[IdxFile]) -> None:
    """A file that is not an archive: an idx file, whose part its name tells unless it is given, or a table."""
    array = read_idx(file.path, file.name) if file.path.is_file() else None
    if array is not None:
        idx.append(IdxFile(file.name, array, idx_part))
        return
    sources.tables.append((file.path, file.name))
    sources.table_parts.append(file.part)


def build_dataset(
    collections: list[MediaSource], media_folder: Path, problems: list[Problem]
) -> tuple[Dataset, np.ndarray | None]:
    """One dataset of all pictures or all sounds, and the part of each row, "" for none; None when nothing tells parts."""
    kinds = {source.collection.kind for source in collections}
    if len(kinds) > 1:
        raise DataError(
            _("Pictures and sounds came together."), code="columns_differ", hint=_("Send them as two datasets.")
        )
    kind = kinds.pop()
    rows = [row for source in collections for row in source.collection.rows]
    names = list(dict.fromkeys(name for row in rows for name in row))
    table = pa.table({name: pa.array([row.get(name) for row in rows], pa.string()) for name in names})
    sources = [
        {
            "name": file.name,
            "format": collection.layout,
            "bytes": file.path.stat().st_size,
            "rows": len(collection.rows),
            "media": kind,
        }
        for collection, file in collections
    ]
    for collection, file in collections:
        problems += collection_problems(collection, file.name)
    dataset = Dataset(
        table, sources, problems, kinds={kind: kind} | ({"objects": "objects"} if "objects" in names else {})
    )
    dataset.media = media_folder
    dataset.group = next((collection.group for collection, _file in collections if collection.group), None)
    parts = [
        inner or file.part or ("train" if any(collection.parts) else "")
        for collection, file in collections
        for inner in collection.parts
    ]
    return dataset, np.array(parts, dtype=object) if any(parts) else None
