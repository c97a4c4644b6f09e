"""Lists what is inside a zip or tar archive, without trusting it: names, sizes and links are checked before a byte is read.

Entries that point outside, links, encrypted entries and archives in archives are left out and told; too many entries, or more
bytes than the archive's size allows, are refused.
"""

import re
import stat
import struct
import tarfile
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path

from trainer.data.archives import MAX_ENTRY_BYTES, Archive, Entry, printable
from trainer.data.tables.table import damaged, display_name
from trainer.data.unpacking import DAMAGE, Header, is_bomb, is_packed, pieces, too_large, unpack_to_file
from trainer.errors import DataError
from trainer.messages import _
from trainer.paths import safe_path

MAX_ENTRIES = 250_000
MAX_LISTING_BYTES = 128 * 1024**2
JUNK = re.compile(
    r"(^|/)(__MACOSX|\.git|\.svn|\.ipynb_checkpoints|@eaDir)/|(^|/)(\.[^/]*|Thumbs\.db|desktop\.ini)$", re.IGNORECASE
)
"""What operating systems and editors leave behind."""
NESTED = (b"PK\x03\x04", b"\x1f\x8b", b"BZh", b"7z\xbc\xaf", b"Rar!", b"\xfd7zXZ")
UTF8_NAME, ENCRYPTED = 0x800, 0x1


def loose_files(files: Sequence[tuple[Path, str]], name: str) -> Archive:
    """Files that came without an archive, as if they lay in one: (path, name to show, which may have folders)."""
    archive = Archive(name, files[0][0])
    seen: set[str] = set()
    for path, shown in files:
        if path.is_file():  # one that is gone is told where it is opened
            add_entry(archive, Entry(shown, path.stat().st_size, path), "", seen)
    return archive


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
    """Whether a zip is one document: of Office, of OpenDocument or of Apple."""
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.NameToInfo
            is_open = "mimetype" in names and "content.xml" in names
            return is_open or any(name in names for name in ("[Content_Types].xml", "Index/Document.iwa", "Index.zip"))
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
