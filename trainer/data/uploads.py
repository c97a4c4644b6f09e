"""What was sent, made ready to be read: archives of tables are opened, pictures and sounds become rows, idx pairs too."""

import gzip
import io
import struct
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from trainer.data import folders, media
from trainer.data.archives import MAX_ENTRIES, Archive, is_archive, open_archive
from trainer.data.content import Content, Meter
from trainer.data.profiling import problem
from trainer.data.scratch import check_room, scratch
from trainer.data.splitting import part_of_name
from trainer.data.tables.lines import Bounded
from trainer.data.tables.table import SEND_AGAIN, display_name
from trainer.errors import DataError
from trainer.events import Emit
from trainer.messages import _, ngettext

MAX_TABLES = 100
IDX_IMAGES, IDX_LABELS = b"\0\0\x08\x03", b"\0\0\x08\x01"
MAX_IDX_BYTES = 512 * 1024**2
TABLES = folders.TABLE_SUFFIXES | {".gz", ".conll", ".iob", ".bio", ".ods", ".tab", ".dat", ""}


@dataclass
class Sources:
    """Either tables to read, each with the name to show and its part, or rows already made from pictures or sounds."""

    tables: list[tuple[Path, str]] = field(default_factory=list)
    table_parts: list[str | None] = field(default_factory=list)
    problems: list[dict[str, Any]] = field(default_factory=list)
    content: Content | None = None
    parts: np.ndarray | None = None


@contextmanager
def unpacked(files: list[Path], fixed: list[str | None] | None, folder: Path | None, emit: Emit) -> Iterator[Sources]:
    """`folder` is where pictures and sounds are kept; without one they go to a place that ends with the caller's use."""
    with scratch() as place:
        named = [(path, display_name(path.name)) for path in files]
        parts = list(fixed) if fixed else ([part_of_name(path.name) for path in files] if len(files) > 1 else [None])
        yield sort_out(named, parts, place, folder, emit)


def sort_out(
    named: list[tuple[Path, str]], parts: list[str | None], place: Path, folder: Path | None, emit: Emit
) -> Sources:
    sources = Sources()
    collections: list[tuple[folders.Collection, str | None, Path, str]] = []
    idx: list[tuple[str, np.ndarray, str | None]] = []
    meter = Meter(emit, sum(path.stat().st_size for path, _name in named if path.is_file()))
    kept = folder or place / "media"
    for number, ((path, name), part) in enumerate(zip(named, parts, strict=True)):
        if path.is_file() and path.stat().st_size and is_archive(path):
            with open_archive(path, name) as archive:
                sources.problems += skipped_problems(archive)
                check_room(sum(entry.size for entry in archive.entries), name)
                kind = folders.holds_media(archive)
                if kind:
                    collections.append((folders.read_collection(archive, kind, kept, meter), part, path, name))
                else:
                    inner = tables_inside(archive, place / str(number))
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
        collections.append((of_idx(idx, kept, meter), None, named[0][0], idx[0][0]))
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
        sources.content, sources.parts = as_content(collections, kept, sources.problems)
    return sources


def tables_inside(archive: Archive, place: Path) -> list[tuple[Path, str]]:
    """The archive's tables under names of our own; `DataError` when there are none."""
    found = [entry for entry in archive.entries if entry.suffix in TABLES]
    if not found or len(found) > MAX_TABLES:
        kinds = sorted({entry.suffix or "no ending" for entry in archive.entries})[:8]
        raise DataError(
            (
                _(
                    "%(archive)s holds too many tables, and no images or recordings: %(count)s files with %(kinds)s.",
                    archive=archive.name,
                    count=f"{len(archive.entries):,}",
                    kinds=", ".join(kinds),
                )
                if found
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
        (archive.extract(entry, place / f"{number}{entry.suffix}"), entry.name) for number, entry in enumerate(found)
    ]


def skipped_problems(archive: Archive) -> list[dict[str, Any]]:
    if not archive.skipped_count:
        return []
    examples = [f"{name} {why}" for name, why in archive.skipped]
    count = archive.skipped_count
    message = ngettext(
        "%(count)s file of %(archive)s was left out: %(examples)s.",
        "%(count)s files of %(archive)s were left out: %(examples)s.",
        count,
        archive=archive.name,
        examples="; ".join(examples[:3]),
    )
    return [problem("skipped_files", "warning", message, examples=examples, count=count)]


def as_content(
    collections: list[tuple[folders.Collection, str | None, Path, str]], kept: Path, problems: list[dict[str, Any]]
) -> tuple[Content, np.ndarray | None]:
    kinds = {one.kind for one, *_ in collections}
    if len(kinds) > 1:
        raise DataError(
            _("Pictures and sounds came together."), code="columns_differ", hint=_("Send them as two datasets.")
        )
    kind = kinds.pop()
    rows = [row for one, *_ in collections for row in one.rows]
    names = list(dict.fromkeys(name for row in rows for name in row))
    table = pa.table({name: pa.array([row.get(name) for row in rows], pa.string()) for name in names})
    sources = []
    for one, _part, path, name in collections:
        sources.append(
            {"name": name, "format": one.layout, "bytes": path.stat().st_size, "rows": len(one.rows), "media": kind}
        )
        problems += collection_problems(one, name)
    content = Content(
        table, sources, problems, kinds={kind: kind} | ({"objects": "objects"} if "objects" in names else {})
    )
    content.media = kept
    parts = [
        inner or part or ("train" if one_has_parts(one) else "") for one, part, *_ in collections for inner in one.parts
    ]
    return content, np.array(parts, dtype=object) if any(parts) else None


def one_has_parts(collection: folders.Collection) -> bool:
    return any(collection.parts)


def collection_problems(one: folders.Collection, name: str) -> list[dict[str, Any]]:
    found = []
    is_image = one.kind == "image"
    if one.lost:
        count = len(one.lost)
        examples = [f"{path} {why}" for path, why in one.lost]
        words = "; ".join(examples[:3])
        message = (
            ngettext(
                "%(count)s image cannot be used and was left out: %(examples)s.",
                "%(count)s images cannot be used and were left out: %(examples)s.",
                count,
                examples=words,
            )
            if is_image
            else ngettext(
                "%(count)s recording cannot be used and was left out: %(examples)s.",
                "%(count)s recordings cannot be used and were left out: %(examples)s.",
                count,
                examples=words,
            )
        )
        found.append(
            problem("corrupt_media", "warning", message, examples=examples, count=count)
            | {"files": [path for path, _why in one.lost[:100]]}
        )
    if one.bad_count:
        code = "bad_boxes" if one.layout in ("coco", "voc", "yolo") else "bad_rows"
        words = "; ".join(one.bad[:3])
        message = (
            ngettext(
                "%(count)s annotation could not be used as it is: %(examples)s.",
                "%(count)s annotations could not be used as they are: %(examples)s.",
                one.bad_count,
                examples=words,
            )
            if code == "bad_boxes"
            else ngettext(
                "%(count)s row could not be used as it is: %(examples)s.",
                "%(count)s rows could not be used as they are: %(examples)s.",
                one.bad_count,
                examples=words,
            )
        )
        found.append(
            problem(code, "warning", message, examples=one.bad, count=one.bad_count) | {"places": one.bad[:100]}
        )
    if one.others:
        message = (
            ngettext(
                "%(count)s other file of %(archive)s is not an image and was skipped.",
                "%(count)s other files of %(archive)s are not images and were skipped.",
                one.others,
                archive=name,
            )
            if is_image
            else ngettext(
                "%(count)s other file of %(archive)s is not audio and was skipped.",
                "%(count)s other files of %(archive)s are not audio and were skipped.",
                one.others,
                archive=name,
            )
        )
        found.append(problem("other_files", "info", message, count=one.others))
    return found


def read_idx(path: Path, name: str) -> np.ndarray | None:
    """Pictures (count, height, width) or labels (count,) of a MNIST idx file, packed or not; None for anything else."""
    with path.open("rb") as file:
        head = file.read(4)
    packed_file = head[:2] == b"\x1f\x8b"
    if packed_file:
        try:
            with gzip.open(path) as packed:
                head = packed.read(4)
        except (OSError, EOFError, zlib.error):
            return None
    if head not in (IDX_IMAGES, IDX_LABELS):
        return None
    with io.BufferedReader(Bounded(path, name, packed_file), 1 << 18) as file:  # type: ignore[arg-type]
        data = file.read(MAX_IDX_BYTES + 1)
    if len(data) > MAX_IDX_BYTES:
        raise DataError(
            _("%(name)s holds more than %(value)s MB of pixels.", name=name, value=MAX_IDX_BYTES >> 20),
            code="too_large",
            hint=_("Send a part of it."),
        )
    dimensions = head[3]
    shape = struct.unpack_from(f">{dimensions}I", data, 4) if len(data) >= 4 + 4 * dimensions else ()
    size = int(np.prod(shape, dtype=np.float64)) if shape else 0
    if not size or len(data) - 4 - 4 * dimensions != size:
        raise DataError(
            _(
                "%(name)s is damaged or incomplete: it says that it holds %(size)s bytes of pixels or labels, and does not.",
                name=name,
                size=f"{size:,}",
            ),
            code="damaged",
            hint=SEND_AGAIN,
        )
    return np.frombuffer(data, np.uint8, offset=4 + 4 * dimensions).reshape(shape)


def of_idx(found: list[tuple[str, np.ndarray, str | None]], kept: Path, meter: Meter) -> folders.Collection:
    """Pairs of pictures and labels of equal count, in the order sent; parts only where both train and test came."""
    pictures = [one for one in found if one[1].ndim == 3]
    labels = [one for one in found if one[1].ndim == 1]
    count = sum(len(array) for _name, array, _part in pictures)
    if count > MAX_ENTRIES:
        raise DataError(
            _(
                "%(pictures)s holds %(count)s pictures; at most %(max_entries)s are read.",
                pictures=pictures[0][0],
                count=f"{count:,}",
                max_entries=f"{MAX_ENTRIES:,}",
            ),
            code="too_large",
            hint=_("Send a part of it."),
        )
    for name, array, _part in pictures:
        if array[0].size > media.MAX_PIXELS:
            raise DataError(
                _(
                    "The pictures of %(name)s are larger than %(value)s million pixels.",
                    name=name,
                    value=media.MAX_PIXELS // 10**6,
                ),
                code="too_large",
                hint=_("Send smaller pictures."),
            )
    kept.mkdir(parents=True, exist_ok=True)
    collection = folders.Collection("image", "idx")
    named = {part_of_idx(name, part) for name, _array, part in pictures}
    for name, array, part in pictures:
        said = part_of_idx(name, part)
        match = next((one for one in labels if len(one[1]) == len(array) and part_of_idx(one[0], one[2]) == said), None)
        match = match or next((one for one in labels if len(one[1]) == len(array)), None)
        if match is None:
            raise DataError(
                _(
                    "The labels of %(name)s are missing: an idx1 file with %(count)s labels.",
                    name=name,
                    count=f"{len(array):,}",
                ),
                code="no_labels",
                hint=_("Send both files of the pair together."),
            )
        for number, (pixels, label) in enumerate(zip(array, match[1], strict=True)):
            one = media.keep_pixels(pixels, kept)
            collection.rows.append(
                {"image": one.name, "file": f"{name} {number + 1}", "label": str(label), **one.facts}
            )
            collection.parts.append(said if len(named) > 1 else "")
            meter.add(1, meter.total * number // len(array))
    if not pictures:
        raise DataError(
            _("Only labels came, no pictures."), code="no_rows", hint=_("Send both files of the pair together.")
        )
    return collection


def part_of_idx(name: str, part: str | None) -> str:
    return "test" if "t10k" in name.lower() else part or part_of_name(name) or ""
