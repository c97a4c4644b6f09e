"""What was sent, made ready to be read: archives of tables are opened, pictures and sounds become rows, idx pairs too."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pyarrow as pa

from trainer.data import media_archives
from trainer.data.archives import Archive, is_archive, open_archive
from trainer.data.dataset import Dataset
from trainer.data.gathering import Meter
from trainer.data.idx import collect_idx, read_idx
from trainer.data.problems import Problem, problem
from trainer.data.splitting import part_of_name
from trainer.data.tables.table import display_name
from trainer.data.tempspace import check_room, temporary_folder
from trainer.errors import DataError
from trainer.events import Emit
from trainer.messages import _, ngettext

MAX_TABLES = 100
TABLES = media_archives.TABLE_SUFFIXES | {".gz", ".conll", ".iob", ".bio", ".ods", ".tab", ".dat", ""}


@dataclass
class Sources:
    """Either tables to read, each with the name to show and its part, or rows already made from pictures or sounds."""

    tables: list[tuple[Path, str]] = field(default_factory=list)
    table_parts: list[str | None] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    dataset: Dataset | None = None
    parts: np.ndarray | None = None


@contextmanager
def unpack_uploads(
    files: list[Path], fixed: list[str | None] | None, folder: Path | None, emit: Emit
) -> Iterator[Sources]:
    """`folder` is where pictures and sounds are kept; without one they go to a place that ends with the caller's use."""
    with temporary_folder() as place:
        named = [(path, display_name(path.name)) for path in files]
        names = [path.name for path in files] if len(files) > 1 else []
        parts = fixed or [part_of_name(name) for name in names] or [None]
        yield sort_uploads(named, parts, place, folder, emit)


def sort_uploads(
    named: list[tuple[Path, str]], parts: list[str | None], place: Path, folder: Path | None, emit: Emit
) -> Sources:
    sources = Sources()
    collections: list[tuple[media_archives.Collection, str | None, Path, str]] = []
    idx: list[tuple[str, np.ndarray, str | None]] = []
    meter = Meter(emit, sum(path.stat().st_size for path, _name in named if path.is_file()))
    media_folder = folder or place / "media"
    for number, ((path, name), part) in enumerate(zip(named, parts, strict=True)):
        if path.is_file() and path.stat().st_size and is_archive(path):
            with open_archive(path, name) as archive:
                sources.problems += skipped_problems(archive)
                check_room(sum(entry.size for entry in archive.entries), name)
                kind = media_archives.holds_media(archive)
                if kind:
                    collections.append(
                        (media_archives.read_collection(archive, kind, media_folder, meter), part, path, name)
                    )
                else:
                    inner = extract_tables(archive, place / str(number))
                    for inner_path, inner_name in inner:
                        if (array := read_idx(inner_path, inner_name)) is not None:
                            idx.append((inner_name, array, part_of_name(inner_name)))
                        else:
                            sources.tables.append((inner_path, inner_name))
                            sources.table_parts.append(part or (part_of_name(inner_name) if len(inner) > 1 else None))
        elif path.is_file() and (array := read_idx(path, name)) is not None:
            idx.append((name, array, part))
        else:
            sources.tables.append((path, name))
            sources.table_parts.append(part)
    if idx:
        collections.append((collect_idx(idx, media_folder, meter), None, named[0][0], idx[0][0]))
    if collections and sources.tables:
        raise DataError(
            _(
                "%(tables)s came with %(collections)s: a table and an archive of images or recordings are not one dataset.",
                tables=sources.tables[0][1],
                collections=collections[0][3],
            ),
            code="columns_differ",
            hint=_("Put the table into the archive, with a column that names its files."),
        )
    if collections:
        sources.dataset, sources.parts = build_dataset(collections, media_folder, sources.problems)
    return sources


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


def build_dataset(
    collections: list[tuple[media_archives.Collection, str | None, Path, str]],
    media_folder: Path,
    problems: list[Problem],
) -> tuple[Dataset, np.ndarray | None]:
    kinds = {collection.kind for collection, *_ in collections}
    if len(kinds) > 1:
        raise DataError(
            _("Pictures and sounds came together."), code="columns_differ", hint=_("Send them as two datasets.")
        )
    kind = kinds.pop()
    rows = [row for collection, *_ in collections for row in collection.rows]
    names = list(dict.fromkeys(name for row in rows for name in row))
    table = pa.table({name: pa.array([row.get(name) for row in rows], pa.string()) for name in names})
    sources = []
    for collection, _part, path, name in collections:
        sources.append(
            {
                "name": name,
                "format": collection.layout,
                "bytes": path.stat().st_size,
                "rows": len(collection.rows),
                "media": kind,
            }
        )
        problems += collection_problems(collection, name)
    dataset = Dataset(
        table, sources, problems, kinds={kind: kind} | ({"objects": "objects"} if "objects" in names else {})
    )
    dataset.media = media_folder
    parts = [
        inner or part or ("train" if has_parts(collection) else "")
        for collection, part, *_ in collections
        for inner in collection.parts
    ]
    return dataset, np.array(parts, dtype=object) if any(parts) else None


def has_parts(collection: media_archives.Collection) -> bool:
    return any(collection.parts)


def collection_problems(collection: media_archives.Collection, name: str) -> list[Problem]:
    problems = []
    is_image = collection.kind == "image"
    if collection.lost:
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
            if is_image
            else ngettext(
                "%(count)s recording cannot be used and was left out: %(examples)s.",
                "%(count)s recordings cannot be used and were left out: %(examples)s.",
                count,
                examples=listed,
            )
        )
        problems.append(
            problem("corrupt_media", "warning", message, examples=examples, count=count)
            | {"files": [path for path, _why in collection.lost[:100]]}
        )
    if collection.bad_count:
        code = "bad_boxes" if collection.layout in ("coco", "voc", "yolo") else "bad_rows"
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
        problems.append(
            problem(code, "warning", message, examples=collection.bad, count=collection.bad_count)
            | {"places": collection.bad[:100]}
        )
    if collection.other_files:
        message = (
            ngettext(
                "%(count)s other file of %(archive)s is not an image and was skipped.",
                "%(count)s other files of %(archive)s are not images and were skipped.",
                collection.other_files,
                archive=name,
            )
            if is_image
            else ngettext(
                "%(count)s other file of %(archive)s is not audio and was skipped.",
                "%(count)s other files of %(archive)s are not audio and were skipped.",
                collection.other_files,
                archive=name,
            )
        )
        problems.append(problem("other_files", "info", message, count=collection.other_files))
    return problems
