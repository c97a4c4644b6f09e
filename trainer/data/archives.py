"""An open archive, or files as if they lay in one: its entries are read with bounds, and nothing is unpacked by its own name.

How one is opened and listed: `trainer.data.archive_listing`.
"""

import base64
import io
import json
import re
import tarfile
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, NamedTuple

from trainer.data.tables.table import damaged
from trainer.data.tempspace import is_full, no_space
from trainer.data.unpacking import DAMAGE, MAX_UNPACKED_BYTES, too_large

MAX_ENTRY_BYTES = 1024**3
MAX_REPORTED = 200


@dataclass(frozen=True)
class Entry:
    """A file inside. `name`: its path in the archive, with `/`, nothing above it; `size` in bytes as declared."""

    name: str
    size: int
    source: "zipfile.ZipInfo | tarfile.TarInfo | Path | Inner | Embedded | bytes"
    """Of a zip or a tar; a file of its own; an entry of another archive; inside a JSON file; or its bytes, as the cell of a table has
    them."""

    @property
    def parts(self) -> list[str]:
        return self.name.split("/")

    @property
    def suffix(self) -> str:
        """The ending in small letters, with its dot; "" for none."""
        return Path(self.name).suffix.lower()


@dataclass(eq=False)
class Archive:
    """`with open_archive(path, name) as archive`. `skipped`: (name, why) of what was left out, `skipped_count` in all."""

    name: str
    path: Path
    handle: zipfile.ZipFile | tarfile.TarFile | None = None
    """None for files that were sent without an archive around them."""
    entries: list[Entry] = field(default_factory=list)
    skipped: list[tuple[str, str]] = field(default_factory=list)
    skipped_count: int = 0
    hidden: list[str] = field(default_factory=list)
    """What operating systems and editors left behind, at most MAX_REPORTED of `hidden_count`."""
    hidden_count: int = 0
    folders: set[str] = field(default_factory=set)
    """Those that are listed by themselves, as empty ones are."""
    bytes_read: int = 0
    spool: IO[bytes] | None = None
    """The unpacked tar of a packed one."""

    def __enter__(self) -> "Archive":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        if self.handle:
            self.handle.close()
        if self.spool:
            self.spool.close()

    def skip(self, name: str, reason: str) -> None:
        self.skipped_count += 1
        if len(self.skipped) < MAX_REPORTED:
            self.skipped.append((name, reason))

    def hide(self, name: str) -> None:
        self.hidden_count += 1
        if len(self.hidden) < MAX_REPORTED:
            self.hidden.append(name)

    def open(self, entry: Entry) -> IO[bytes]:
        if isinstance(entry.source, Inner):
            return entry.source.archive.open(entry.source.entry)
        if isinstance(entry.source, Embedded):
            return io.BytesIO(entry.source.decode())
        if isinstance(entry.source, Path):
            return entry.source.open("rb")
        if isinstance(entry.source, bytes):
            return io.BytesIO(entry.source)
        file: IO[bytes] | None = None
        if isinstance(self.handle, zipfile.ZipFile) and isinstance(entry.source, zipfile.ZipInfo):
            file = self.handle.open(entry.source)
        elif isinstance(self.handle, tarfile.TarFile) and isinstance(entry.source, tarfile.TarInfo):
            file = self.handle.extractfile(entry.source)
        if file is None:
            raise damaged(self.name, f"{entry.name} cannot be read")
        return file

    def read(self, entry: Entry, most: int = MAX_ENTRY_BYTES) -> bytes:
        """The whole entry, at most `most` bytes: what it declares is not believed."""
        try:
            with self.open(entry) as file:
                data = file.read(most + 1)
        except DAMAGE as error:
            raise EntryError(str(error) or type(error).__name__) from error
        if len(data) > most:
            raise EntryError(f"is larger than {most >> 20:,} MB")
        self.count(len(data))
        return data

    def count(self, size: int) -> None:
        self.bytes_read += size
        if self.bytes_read > MAX_UNPACKED_BYTES:
            raise too_large(self.name, self.bytes_read)

    def extract(self, entry: Entry, to: Path) -> Path:
        """Write an entry to a path of our own choosing, a piece at a time."""
        remaining = MAX_ENTRY_BYTES
        try:
            with self.open(entry) as file, to.open("wb") as out:
                while piece := file.read(1 << 20):
                    remaining -= len(piece)
                    if remaining < 0:
                        raise too_large(f"{entry.name} in {self.name}", MAX_ENTRY_BYTES)
                    self.count(len(piece))
                    out.write(piece)
        except DAMAGE as error:
            if isinstance(error, OSError) and is_full(error):
                raise no_space(entry.name) from error
            raise damaged(f"{entry.name} in {self.name}", str(error) or "it cannot be unpacked") from error
        return to


class Inner(NamedTuple):
    """A file of another archive, which is open."""

    archive: Archive
    entry: Entry


class Embedded(NamedTuple):
    """A file in base64 inside a JSON file of an archive that is open, under a field of the outermost object."""

    archive: Archive
    entry: Entry
    field: str

    def decode(self) -> bytes:
        try:
            document = json.loads(self.archive.read(self.entry))
            return base64.b64decode(document[self.field])
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            raise EntryError(f"is not in {self.entry.name}") from error


class EntryError(Exception):
    """One file inside cannot be read; the others may."""


def join(archives: Sequence[Archive], name: str) -> Archive:
    """Several archives as one; of more than one, each has a folder of its own name around its files."""
    joined = Archive(name, archives[0].path)
    for archive in archives:
        folder = f"{Path(archive.name).stem}/" if len(archives) > 1 else ""
        joined.entries += [Entry(folder + entry.name, entry.size, Inner(archive, entry)) for entry in archive.entries]
    return joined


def printable(name: str) -> str:
    text = re.sub(r"[\x00-\x1f\x7f\u202a-\u202e\u2066-\u2069]+", " ", name)[:200]
    return text.encode("utf-8", "replace").decode()


def common_folder(entries: list[Entry]) -> int:
    """How many folders all entries lie in alone: the wrapping that packing adds."""
    depth = 0
    while all(len(entry.parts) > depth + 1 for entry in entries):
        if len({entry.parts[depth] for entry in entries}) != 1:
            break
        depth += 1
    return depth
