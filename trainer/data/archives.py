"""What is inside a zip or tar archive, without trusting it: names, sizes and links are checked before a byte is read.

Nothing is unpacked by its own name. Entries that point outside, links, encrypted entries and archives in archives are
left out and told; too many entries, or more bytes than the archive's size allows, are refused.
"""

import io
import re
import stat
import struct
import tarfile
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, NamedTuple

from trainer.data.tables.table import damaged, display_name
from trainer.data.tempspace import is_full, no_space
from trainer.data.unpacking import (
    DAMAGE,
    MAX_UNPACKED_BYTES,
    Header,
    is_bomb,
    is_packed,
    pieces,
    too_large,
    unpack_to_file,
)
from trainer.errors import DataError
from trainer.messages import _
from trainer.paths import safe_path as safe_path

MAX_ENTRIES = 250_000
MAX_LISTING_BYTES = 128 * 1024**2
MAX_ENTRY_BYTES = 1024**3
MAX_REPORTED = 200
JUNK = re.compile(
    r"(^|/)(__MACOSX|\.git|\.svn|\.ipynb_checkpoints|@eaDir)/|(^|/)(\.[^/]*|Thumbs\.db|desktop\.ini)$", re.IGNORECASE
)
"""What operating systems and editors leave behind."""
NESTED = (b"PK\x03\x04", b"\x1f\x8b", b"BZh", b"7z\xbc\xaf", b"Rar!", b"\xfd7zXZ")
UTF8_NAME, ENCRYPTED = 0x800, 0x1


@dataclass(frozen=True)
class Entry:
    """A file inside. `name`: its path in the archive, with `/`, nothing above it; `size` in bytes as declared."""

    name: str
    size: int
    source: "zipfile.ZipInfo | tarfile.TarInfo | Path | Inner | bytes"
    """Of a zip or a tar; a file of its own; an entry of another archive; or its bytes, as the cell of a table has them."""

    @property
    def parts(self) -> list[str]:
        return self.name.split("/")

    @property
    def suffix(self) -> str:
        """The ending in small letters, with its dot; "" for none."""
        return Path(self.name).suffix.lower()


@dataclass
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


class EntryError(Exception):
    """One file inside cannot be read; the others may."""


def loose_files(files: Sequence[tuple[Path, str]], name: str) -> Archive:
    """Files that came without an archive, as if they lay in one: (path, name to show, which may have folders)."""
    archive = Archive(name, files[0][0])
    seen: set[str] = set()
    for path, shown in files:
        add_entry(archive, Entry(shown, path.stat().st_size, path), "", seen)
    return archive


def join(archives: Sequence[Archive], name: str) -> Archive:
    """Several archives as one; of more than one, each has a folder of its own name around its files."""
    joined = Archive(name, archives[0].path)
    for archive in archives:
        folder = f"{Path(archive.name).stem}/" if len(archives) > 1 else ""
        joined.entries += [Entry(folder + entry.name, entry.size, Inner(archive, entry)) for entry in archive.entries]
    return joined


def is_archive(path: Path) -> bool:
    """A zip that is no Office file, or a tar, packed or not."""
    with path.open("rb") as file:
        head = file.read(512)
    if head.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        check_listing(path, display_name(path.name))
        return not is_office(path)
    if head[257:262] == b"ustar":
        return True
    return is_packed(head) and holds_tar(path)


def is_office(path: Path) -> bool:
    try:
        with zipfile.ZipFile(path) as archive:
            return "[Content_Types].xml" in archive.NameToInfo
    except (OSError, zipfile.BadZipFile, NotImplementedError, ValueError):
        return False


def holds_tar(path: Path) -> bool:
    try:
        return next(pieces(path), b"")[257:262] == b"ustar"
    except DAMAGE:
        return False


def open_archive(path: Path, name: str) -> Archive:
    """List an archive. Raises `DataError` for what is damaged, empty, encrypted as a whole, or a bomb."""
    with path.open("rb") as file:
        head = file.read(8)
    spool = None
    try:
        if head.startswith(b"PK"):
            check_listing(path, name)
            archive = Archive(name, path, zipfile.ZipFile(path))
        else:
            spool = unpack_to_file(path, name) if is_packed(head) else path.open("rb")
            tar = tarfile.open(fileobj=spool, mode="r:", tarinfo=Header)  # noqa: SIM115  closed by Archive
            archive = Archive(name, path, tar, spool=spool)
    except DAMAGE as error:
        if spool:
            spool.close()
        raise damaged(name, "it is cut short or no archive at all") from error
    except DataError:
        if spool:
            spool.close()
        raise
    try:
        check_archive(archive, list_zip(archive) if isinstance(archive.handle, zipfile.ZipFile) else list_tar(archive))
    except DAMAGE as error:
        archive.close()
        raise damaged(name, "it is cut short or no archive at all") from error
    except DataError:
        archive.close()
        raise
    return archive


def check_listing(path: Path, name: str) -> None:
    """The list at a zip's end is read into memory as a whole: refuse one that is too long, as its last record says."""
    with path.open("rb") as file:
        file.seek(max(path.stat().st_size - 0x10000 - 22 - 76, 0))
        tail = file.read()
    alone = len(tail) - 22
    end = alone if tail[alone:].startswith(b"PK\5\6") and tail.endswith(b"\0\0") else tail.rfind(b"PK\5\6")
    if end < 0 or len(tail) - end < 22:
        return
    entries, length = struct.unpack_from("<HI", tail, end + 10)
    if end >= 76 and tail[end - 20 :].startswith(b"PK\6\7") and tail[end - 76 :].startswith(b"PK\6\6"):
        entries, length = struct.unpack_from("<QQ", tail, end - 76 + 32)
    if entries > MAX_ENTRIES or length > MAX_LISTING_BYTES:
        raise too_many(name)


def check_archive(archive: Archive, declared: int) -> None:
    """`DataError` for an archive without a file that can be used, in words of what was left out."""
    check_expansion(archive, declared)
    if archive.entries:
        return
    reasons = {reason for _name, reason in archive.skipped}
    if any("encrypted" in reason for reason in reasons):
        raise DataError(
            _("%(name)s is encrypted.", name=archive.name),
            code="encrypted",
            hint=_("Pack it again without a password and send that."),
        )
    if any("an archive" in reason for reason in reasons):
        raise DataError(
            _("%(name)s holds only other archives, which are never opened.", name=archive.name),
            code="not_a_table",
            hint=_("Unpack it, and send the innermost files in one zip."),
        )
    if reasons:
        first, reason = archive.skipped[0]
        raise DataError(
            _("Nothing in %(name)s can be used: %(first)s %(why)s.", name=archive.name, first=first, why=reason),
            code="not_a_table",
            hint=_("Pack the files again, by class folders or beside a table, and send that."),
        )
    raise DataError(
        _("%(name)s holds no files.", name=archive.name),
        code="empty_file",
        hint=_("Pack it again with its files inside."),
    )


def list_zip(archive: Archive) -> int:
    """Fill `entries`; the bytes that they declare in all."""
    assert isinstance(archive.handle, zipfile.ZipFile)
    infos = archive.handle.infolist()
    raw_names = [info.filename for info in infos]
    decode = name_decoder([name for info, name in zip(infos, raw_names, strict=True) if not info.flag_bits & UTF8_NAME])
    declared = 0
    seen: set[str] = set()
    check_count(archive, len(infos))
    for info in infos:
        name = info.filename if info.flag_bits & UTF8_NAME else decode(info.filename)
        if info.filename.endswith("/"):  # `is_dir` fails on a name that a NUL has cut to nothing
            archive.folders.add(name)
            continue
        declared += info.file_size
        mode = info.external_attr >> 16
        reason = "is encrypted" if info.flag_bits & ENCRYPTED else "is a link" if mode and stat.S_ISLNK(mode) else ""
        add_entry(archive, Entry(name, info.file_size, info), reason, seen)
    return declared


def list_tar(archive: Archive) -> int:
    """The same of a tar."""
    assert isinstance(archive.handle, tarfile.TarFile)
    declared = 0
    seen: set[str] = set()
    for number, info in enumerate(archive.handle, 1):
        check_count(archive, number)
        info.pax_headers = {}  # may be large, and says nothing that is needed
        if info.isdir():
            archive.folders.add(info.name)
            continue
        reason = "is a sparse file" if info.sparse else "" if info.isfile() else "is a link or a device"
        if not reason:
            declared += max(info.size, 0)
        check_expansion(archive, declared)
        add_entry(archive, Entry(info.name, info.size, info), reason, seen)
    return declared


def check_count(archive: Archive, count: int) -> None:
    if count > MAX_ENTRIES:
        raise too_many(archive.name)


def too_many(name: str) -> DataError:
    return DataError(
        _("%(name)s holds more than %(max_entries)s files.", name=name, max_entries=f"{MAX_ENTRIES:,}"),
        code="too_large",
        hint=_("Send a part of it."),
    )


def check_expansion(archive: Archive, declared: int) -> None:
    if is_bomb(declared, archive.path.stat().st_size):
        raise too_large(archive.name, declared)


def add_entry(archive: Archive, entry: Entry, reason: str, seen: set[str]) -> None:
    """Add an entry as it is listed under its safe path, or say why it is left out; what operating systems leave behind is counted
    apart."""
    path = entry.name.replace("\\", "/")
    if JUNK.search(path):
        archive.hide(printable(path))
        return
    clean = safe_path(entry.name)
    if not reason and clean is None:
        reason = "points outside the archive" if entry.name else "has no name"
    if not reason and entry.size > MAX_ENTRY_BYTES:
        reason = f"is larger than {MAX_ENTRY_BYTES >> 20:,} MB"
    if not reason and clean in seen:
        reason = "is there twice"
    if not reason and starts_nested(archive, entry):
        reason = "is an archive inside the archive"
    if reason or clean is None:
        archive.skip(printable(path) or "a file", reason)
        return
    seen.add(clean)
    archive.entries.append(Entry(clean, entry.size, entry.source))


def starts_nested(archive: Archive, entry: Entry) -> bool:
    """Whether an entry that is named like an archive is one; `table.csv.gz` is read as a table."""
    if not re.search(r"\.(zip|tar|tgz|tbz2?|txz|7z|rar|jar|bz2|xz)$|\.tar\.\w+$", entry.name, re.IGNORECASE):
        return False
    try:
        with archive.open(entry) as file:
            return file.read(8).startswith(NESTED)
    except DAMAGE:
        return True


def printable(name: str) -> str:
    text = re.sub(r"[\x00-\x1f\x7f\u202a-\u202e\u2066-\u2069]+", " ", name)[:200]
    return text.encode("utf-8", "replace").decode()


def name_decoder(names: list[str]) -> Callable[[str], str]:
    """How names without the UTF-8 mark were meant: zipfile reads them as CP437, programs write what they like."""
    raw = [name.encode("cp437", "replace") for name in names if not name.isascii()]
    encoding = "cp437"
    for candidate in ("utf-8", "gb18030", "shift_jis", "cp1252") if raw else ():
        try:
            for name in raw:
                name.decode(candidate)
        except UnicodeDecodeError:
            continue
        encoding = candidate
        break
    return lambda name: name.encode("cp437", "replace").decode(encoding, "replace")


def common_folder(entries: list[Entry]) -> int:
    """How many folders all entries lie in alone: the wrapping that packing adds."""
    depth = 0
    while all(len(entry.parts) > depth + 1 for entry in entries):
        if len({entry.parts[depth] for entry in entries}) != 1:
            break
        depth += 1
    return depth
