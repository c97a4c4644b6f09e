"""What was sent, made ready to be read: archives of tables are opened, pictures and sounds become rows, idx pairs too."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from trainer.data import media_archives
from trainer.data.archive_reports import empty_folder_problems, hidden_left_out
from trainer.data.archives import Archive, is_archive, join, loose_files, open_archive
from trainer.data.dataset import Dataset
from trainer.data.documents import DOCUMENTS, documents_of, read_documents
from trainer.data.exports import brat
from trainer.data.gathering import Meter
from trainer.data.idx import IdxFile, collect_idx, read_idx
from trainer.data.line_files import read_line_files
from trainer.data.media_files import Collection
from trainer.data.media_tables import TABLE_SUFFIXES
from trainer.data.problems import Problem, problem
from trainer.data.readings import Choices, LeftOut, Reading
from trainer.data.splitting import part_of_name
from trainer.data.tables.table import display_name
from trainer.data.tempspace import check_room, temporary_folder
from trainer.errors import DataError
from trainer.events import Emit
from trainer.messages import _, ngettext

MAX_TABLES = 100
TABLES = TABLE_SUFFIXES | {".gz", ".conll", ".iob", ".bio", ".ods", ".tab", ".dat", ""}


@dataclass
class Sources:
    """Either tables to read, each with the name to show and its part, or rows already made from pictures or sounds."""

    tables: list[tuple[Path, str]] = field(default_factory=list)
    table_parts: list[str | None] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    readings: list[Reading] = field(default_factory=list)
    left_out: list[LeftOut] = field(default_factory=list)
    """Files, pictures and sounds that were not kept; a table tells of its own rows."""
    dataset: Dataset | None = None
    parts: np.ndarray | None = None


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
) -> Iterator[Sources]:
    """`folder` is where pictures and sounds are kept; without one they go to a place that ends with the caller's use.
    `choices`: how to read what can be read in several ways."""
    with temporary_folder() as place:
        names = [path.name for path in files] if len(files) > 1 else []
        parts = fixed or [part_of_name(name) for name in names] or [None]
        sent = [SentFile(path, display_name(path.name), part) for path, part in zip(files, parts, strict=True)]
        yield sort_uploads(sent, place, folder, emit, choices or Choices())


def sort_uploads(sent: list[SentFile], place: Path, folder: Path | None, emit: Emit, choices: Choices) -> Sources:
    """What the files are: pictures or sounds, with the tables that name them; documents; idx files; lines; or tables."""
    sources = Sources()
    meter = Meter(emit, sum(file.path.stat().st_size for file in sent if file.path.is_file()))
    media_folder = folder or place / "media"
    with ExitStack() as stack:
        opened = open_sent(sent, stack, sources)
        take_brat(opened, place)
        collections = read_media(opened, media_folder, meter, choices)
        if not collections and not opened.idx and read_texts(opened, sources, meter, choices):
            return sources
        for number, (archive, file) in enumerate(opened.others):
            inner = extract_tables(archive, place / str(number))
            for path, name in inner:
                part = file.part or (part_of_name(name) if len(inner) > 1 else None)
                add_plain(SentFile(path, name, part), None, sources, opened.idx)
        for plain in opened.plain:
            sources.tables.append((plain.path, plain.name))
            sources.table_parts.append(plain.part)
        if opened.idx:
            file = SentFile(sent[0].path, opened.idx[0].name, None)
            collections.append(MediaSource(collect_idx(opened.idx, media_folder, meter), file))
        if collections and sources.tables:
            raise unnamed_table_error(sources.tables[0][1], collections[0].file.name)
        for source in collections:
            sources.readings += source.collection.readings
            sources.left_out += collection_left_out(source.collection, source.file.name)
        if collections:
            sources.dataset, sources.parts = build_dataset(collections, media_folder, sources.problems)
        elif choices.get("lines") != "table" and (lines := read_line_files(sources.tables)):
            sources.dataset, sources.parts, sources.readings = lines.dataset, lines.parts, lines.readings
    return sources


@dataclass
class Opened:
    """What was sent: archives of pictures or sounds, other archives, files that are no archive, and idx files among them."""

    media: list[tuple[Archive, SentFile]] = field(default_factory=list)
    others: list[tuple[Archive, SentFile]] = field(default_factory=list)
    plain: list[SentFile] = field(default_factory=list)
    idx: list[IdxFile] = field(default_factory=list)


def take_brat(opened: Opened, place: Path) -> None:
    """Archives of brat's texts and passages become a file of records each."""
    for number, (archive, file) in enumerate(list(opened.others)):
        path = place / f"brat-{number}.jsonl"
        if brat.write_records(archive, path):
            opened.others.remove((archive, file))
            opened.plain.append(SentFile(path, file.name, file.part))


def open_sent(sent: list[SentFile], stack: ExitStack, sources: Sources) -> Opened:
    opened = Opened()
    for file in sent:
        is_file = file.path.is_file() and file.path.stat().st_size > 0
        if not is_file or not is_archive(file.path):
            array = read_idx(file.path, file.name) if is_file else None
            if array is None:
                opened.plain.append(file)
            else:
                opened.idx.append(IdxFile(file.name, array, file.part))
            continue
        archive = stack.enter_context(open_archive(file.path, file.name))
        sources.problems += skipped_problems(archive)
        sources.left_out += skipped_left_out(archive) + hidden_left_out(archive)
        sources.problems += empty_folder_problems(archive)
        check_room(sum(entry.size for entry in archive.entries), file.name)
        (opened.media if media_archives.holds_media(archive) else opened.others).append((archive, file))
    return opened


def read_media(opened: Opened, folder: Path, meter: Meter, choices: Choices) -> list[MediaSource]:
    """The pictures or sounds of all archives, and those that came as they are, together with the tables beside them."""
    loose = [file for file in opened.plain if media_archives.is_media_name(file.name)]
    if not opened.media and (not loose or len(opened.plain) == 1):
        return []  # one picture alone is told as what it is: it has no label, and may be no picture
    if loose or opened.plain:
        return [read_together(opened, folder, meter, choices)]
    try:
        return [
            MediaSource(media_archives.read_collection(archive, holds_kind(archive), folder, meter, choices), file)
            for archive, file in opened.media
        ]
    except DataError as error:
        if error.code != "no_labels" or len(opened.media) < 2:
            raise
        return [read_together(opened, folder, meter, choices)]  # an archive a class, or a part


def holds_kind(archive: Archive) -> str:
    return media_archives.holds_media(archive) or "image"


def read_together(opened: Opened, folder: Path, meter: Meter, choices: Choices) -> MediaSource:
    """Archives and files that were sent side by side as one archive; `DataError` for a table that names none of its files."""
    archives = [archive for archive, _file in opened.media]
    plain, opened.plain = opened.plain, []
    name = ", ".join([archive.name for archive in archives] or [plain[0].name])
    single = loose_files([(file.path, file.name) for file in plain], name) if plain else None
    joined = join(archives, name) if archives else None
    whole = joined or single
    assert whole is not None
    if joined and single:
        joined.entries += single.entries
    collection = media_archives.read_collection(whole, holds_kind(whole), folder, meter, choices)
    for file in plain:
        if Path(file.name).suffix.lower() in TABLES and archives and file.name not in collection.used:
            raise unnamed_table_error(file.name, name)
    sent = opened.media[0][1] if opened.media else plain[0]
    return MediaSource(collection, SentFile(sent.path, name, sent.part if len(archives) == 1 else None))


def unnamed_table_error(table: str, archive: str) -> DataError:
    return DataError(
        _(
            "%(tables)s came with %(collections)s, but no column of it names the images or recordings in there.",
            tables=table,
            collections=archive,
        ),
        code="columns_differ",
        hint=_("Give the table a column with the names of the files, or put the table into the archive."),
    )


def read_texts(opened: Opened, sources: Sources, meter: Meter, choices: Choices) -> bool:
    """Documents of archives, or sent as they are, into `sources`; whether there were any."""
    archives = [archive for archive, _file in opened.others]
    if opened.plain and any(Path(file.name).suffix.lower() in DOCUMENTS for file in opened.plain):
        archives.append(loose_files([(file.path, file.name) for file in opened.plain], opened.plain[0].name))
    if not archives:
        return False
    whole = archives[0] if len(archives) == 1 else join(archives, ", ".join(archive.name for archive in archives))
    entries = documents_of(whole)
    if not entries:
        return False
    sources.dataset, sources.parts, readings, left_out = read_documents(whole, entries, meter, choices)
    sources.dataset.problems = sources.problems + sources.dataset.problems
    sources.readings += readings
    sources.left_out += left_out
    return True


def add_plain(file: SentFile, idx_part: str | None, sources: Sources, idx: list[IdxFile]) -> None:
    """A file that is no archive: an idx file, whose part its name tells unless it is given, or a table."""
    array = read_idx(file.path, file.name) if file.path.is_file() else None
    if array is not None:
        idx.append(IdxFile(file.name, array, idx_part))
        return
    sources.tables.append((file.path, file.name))
    sources.table_parts.append(file.part)


def extract_tables(archive: Archive, place: Path) -> list[tuple[Path, str]]:
    """The archive's tables under names of our own; `DataError` when there are none."""
    tables = [entry for entry in archive.entries if entry.suffix in TABLES]
    if not tables or len(tables) > MAX_TABLES:
        kinds = sorted({entry.suffix or "no ending" for entry in archive.entries})[:8]
        raise DataError(
            (
                _(
                    "%(archive)s holds too many tables, and no images or recordings: %(count)s files with %(kinds)s.",
                    archive=archive.name,
                    count=f"{len(archive.entries):,}",
                    kinds=", ".join(kinds),
                )
                if tables
                else _(
                    "%(archive)s holds no tables, images or recordings: %(count)s files with %(kinds)s.",
                    archive=archive.name,
                    count=f"{len(archive.entries):,}",
                    kinds=", ".join(kinds),
                )
            ),
            code="not_a_table",
            hint=_("Send the table itself, or pictures or sounds in one folder per class."),
        )
    place.mkdir()
    return [
        (archive.extract(entry, place / f"{number}{entry.suffix}"), entry.name) for number, entry in enumerate(tables)
    ]


def skipped_problems(archive: Archive) -> list[Problem]:
    """Files of an archive that were left out, and why."""
    if not archive.skipped_count:
        return []
    examples = [f"{name} {reason}" for name, reason in archive.skipped]
    count = archive.skipped_count
    message = ngettext(
        "%(count)s file of %(archive)s was left out: %(examples)s.",
        "%(count)s files of %(archive)s were left out: %(examples)s.",
        count,
        archive=archive.name,
        examples="; ".join(examples[:3]),
    )
    return [problem("skipped_files", "warning", message, examples=examples, count=count)]


def skipped_left_out(archive: Archive) -> list[LeftOut]:
    if not archive.skipped_count:
        return []
    count = archive.skipped_count
    sentence = ngettext("%(count)s file was skipped.", "%(count)s files were skipped.", count)
    return [LeftOut("skipped", count, sentence, archive.name, "", [f"{name} {why}" for name, why in archive.skipped])]


def collection_left_out(collection: Collection, name: str) -> list[LeftOut]:
    """Of an archive of pictures or sounds: what its reader reported, files that could not be decoded, and other files."""
    left_out = list(collection.left_out)
    if collection.lost:
        count = len(collection.lost)
        sentence = ngettext("%(count)s file cannot be decoded.", "%(count)s files cannot be decoded.", count)
        left_out.append(
            LeftOut("undecodable", count, sentence, name, "", [f"{path} {why}" for path, why in collection.lost])
        )
    if collection.other_files:
        count = collection.other_files
        sentence = ngettext("%(count)s file is of another kind.", "%(count)s files are of another kind.", count)
        left_out.append(LeftOut("other_kind", count, sentence, name))
    return left_out


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


def collection_problems(collection: Collection, name: str) -> list[Problem]:
    """What of an archive of pictures or sounds could not be used, or was passed over."""
    return [
        *lost_media_problems(collection),
        *bad_annotation_problems(collection),
        *other_file_problems(collection, name),
    ]


def lost_media_problems(collection: Collection) -> list[Problem]:
    """Pictures or sounds that could not be decoded."""
    if not collection.lost:
        return []
    count = len(collection.lost)
    examples = [f"{path} {reason}" for path, reason in collection.lost]
    listed = "; ".join(examples[:3])
    message = (
        ngettext(
            "%(count)s image cannot be used and was left out: %(examples)s.",
            "%(count)s images cannot be used and were left out: %(examples)s.",
            count,
            examples=listed,
        )
        if collection.kind == "image"
        else ngettext(
            "%(count)s recording cannot be used and was left out: %(examples)s.",
            "%(count)s recordings cannot be used and were left out: %(examples)s.",
            count,
            examples=listed,
        )
    )
    lost_media = problem("corrupt_media", "warning", message, examples=examples, count=count)
    return [lost_media | {"files": [path for path, _reason in collection.lost[:100]]}]


def bad_annotation_problems(collection: Collection) -> list[Problem]:
    """Boxes, or lines of the table beside the files, that could not be used."""
    if not collection.bad_count:
        return []
    code = "bad_boxes" if collection.boxes is not None else "bad_rows"
    listed = "; ".join(collection.bad[:3])
    message = (
        ngettext(
            "%(count)s annotation could not be used as it is: %(examples)s.",
            "%(count)s annotations could not be used as they are: %(examples)s.",
            collection.bad_count,
            examples=listed,
        )
        if code == "bad_boxes"
        else ngettext(
            "%(count)s row could not be used as it is: %(examples)s.",
            "%(count)s rows could not be used as they are: %(examples)s.",
            collection.bad_count,
            examples=listed,
        )
    )
    bad_annotations = problem(code, "warning", message, examples=collection.bad, count=collection.bad_count)
    return [bad_annotations | {"places": collection.bad[:100]}]


def other_file_problems(collection: Collection, name: str) -> list[Problem]:
    """Files of other kinds, which were passed over: which, how many, and what to do with them."""
    if not collection.other_files:
        return []
    counts = collection.other_kinds.most_common(6)
    listed = ", ".join(f"{count:,} {suffix or '?'}" for suffix, count in counts)
    message = (
        ngettext(
            "%(count)s other file of %(archive)s is not an image and was skipped: %(kinds)s.",
            "%(count)s other files of %(archive)s are not images and were skipped: %(kinds)s.",
            collection.other_files,
            archive=name,
            kinds=listed,
        )
        if collection.kind == "image"
        else ngettext(
            "%(count)s other file of %(archive)s is not audio and was skipped: %(kinds)s.",
            "%(count)s other files of %(archive)s are not audio and were skipped: %(kinds)s.",
            collection.other_files,
            archive=name,
            kinds=listed,
        )
    )
    examples = [f"{suffix}: {ADVICE[suffix]}" for suffix, _count in counts if suffix in ADVICE]
    return [problem("other_files", "warning", message, examples=examples, count=collection.other_files)]


ADVICE = {
    **dict.fromkeys(
        (".psd", ".ai", ".xcf", ".svg", ".eps", ".jxl", ".jp2", ".tga", ".exr", ".hdr", ".ico"), "export as PNG or JPEG"
    ),
    **dict.fromkeys((".dcm", ".nii", ".mha"), "export the slices as PNG"),
    **dict.fromkeys((".mid", ".midi", ".ra", ".dss", ".ds2", ".spx"), "convert to WAV, FLAC or MP3"),
    **dict.fromkeys((".tfrecord", ".tfrecords", ".record"), "export as files with a CSV, or as Parquet"),
    **dict.fromkeys((".npy", ".npz", ".mat", ".h5", ".hdf5", ".pkl"), "export as pictures, or as CSV or Parquet"),
    **dict.fromkeys((".pdf", ".docx", ".html", ".eml"), "send documents as a dataset of their own"),
}
"""What to do with files that are not read, by ending."""
