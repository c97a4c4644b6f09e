"""Packed streams and the heads of tar archives, in bounded time and memory.

A packed tar is unpacked once, into a file without a name that its last user frees: its files are then read in any order
without unpacking it again from the start for each.
"""

import bz2
import lzma
import re
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Protocol

from trainer.data.tempspace import check_room, is_full, no_space, temporary_file
from trainer.errors import DataError
from trainer.messages import _

MAX_UNPACKED_BYTES = 16 * 1024**3
MAX_EXPANSION = 200
"""Times the archive's own size; beyond it, once past EXPANSION_FREE bytes, it is a bomb."""
EXPANSION_FREE = 256 * 1024**2
MAX_HEADER_BYTES, MAX_GLOBAL_BYTES, MAX_HEADERS_BYTES = 1024**2, 16 * 1024, 64 * 1024**2
"""Of one tar header with a long name or attributes, of one for all files, of all of them."""
MAX_DICTIONARY_BYTES = 256 * 1024**2
PIECE = 1 << 20
DAMAGE = (
    OSError, EOFError, ValueError, RuntimeError, NotImplementedError, MemoryError, struct.error, zlib.error, lzma.LZMAError,
    zipfile.BadZipFile, tarfile.TarError, OverflowError,
)  # fmt: skip
"""What the standard library raises for an archive that is broken or packed in a way it does not know."""
GZIP, BZIP2, XZ = b"\x1f\x8b", b"BZh", b"\xfd7zXZ"


class Tar(Protocol):
    """What `Header` needs of the `TarFile` that reads it; `header_bytes` is ours."""

    fileobj: IO[bytes]
    header_bytes: int


class Header(tarfile.TarInfo):
    """A tar header that is looked at before its name or its attributes are read into memory. Raises `DataError`."""

    def _proc_member(self, tar: "Tar") -> tarfile.TarInfo:
        if self.size < 0:
            raise tarfile.ReadError("a negative size")
        if self.type == tarfile.GNUTYPE_SPARSE:
            raise sparse()
        attributes = self.type in (tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.SOLARIS_XHDTYPE)
        if attributes or self.type in (tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK):
            self._check_length(tar)
        if attributes:
            start = tar.fileobj.tell()
            data = tar.fileobj.read(self.size)
            tar.fileobj.seek(start)
            if b"GNU.sparse" in data:
                raise sparse()
            if re.search(rb"[0-9]{200}", data):  # the standard library's search takes the square of such a run
                raise tarfile.ReadError("a number that is too long")
        member: tarfile.TarInfo = super()._proc_member(tar)  # type: ignore[misc]
        return member

    def _check_length(self, tar: "Tar") -> None:
        tar.header_bytes = getattr(tar, "header_bytes", 0) + self.size
        most = MAX_GLOBAL_BYTES if self.type == tarfile.XGLTYPE else MAX_HEADER_BYTES
        if self.size > most or tar.header_bytes > MAX_HEADERS_BYTES:
            raise DataError(
                _("The tar archive has file names or attributes of megabytes."),
                code="too_large",
                hint=_("Pack the files again, as a zip."),
            )


def sparse() -> DataError:
    return DataError(
        _("The tar archive holds sparse files, which may be far larger than they look."),
        code="not_a_table",
        hint=_("Pack the files again without --sparse, or as a zip."),
    )


def too_large(name: str, size: int) -> DataError:
    return DataError(
        _("%(name)s unpacks to more than %(value)s MB, too much for its size.", name=name, value=f"{size >> 20:,}"),
        code="too_large",
        hint=_("Send a part of it."),
    )


def is_bomb(unpacked: int, packed: int) -> bool:
    return unpacked > MAX_UNPACKED_BYTES or (unpacked > EXPANSION_FREE and unpacked > MAX_EXPANSION * max(packed, 1))


def is_packed(head: bytes) -> bool:
    return head.startswith((GZIP, BZIP2, XZ))


def decompressor(head: bytes) -> "zlib._Decompress | bz2.BZ2Decompressor | lzma.LZMADecompressor":
    if head.startswith(GZIP):
        return zlib.decompressobj(31)
    return bz2.BZ2Decompressor() if head.startswith(BZIP2) else lzma.LZMADecompressor(memlimit=MAX_DICTIONARY_BYTES)


def pieces(path: Path) -> Iterator[bytes]:
    """A gzip, bzip2 or xz file unpacked, about PIECE bytes at a time, one stream after the other.

    Raises `EOFError` for one cut short, what the libraries raise for one that is damaged.
    """
    with path.open("rb") as file:
        waiting = file.read(PIECE)
        while is_packed(waiting):
            stream = decompressor(waiting)
            while not stream.eof:
                if not waiting and getattr(stream, "needs_input", True):
                    waiting = file.read(PIECE)
                    if not waiting:
                        raise EOFError("cut short")
                piece = stream.decompress(waiting, PIECE)
                waiting = getattr(stream, "unconsumed_tail", b"")
                if piece:
                    yield piece
            waiting = stream.unused_data or file.read(PIECE)
            waiting = waiting.lstrip(b"\0") or file.read(PIECE)  # tapes are filled up with zeros


def unpack_to_file(path: Path, name: str) -> IO[bytes]:
    """What a packed file holds, as a file without a name that is gone once closed."""
    packed, size = path.stat().st_size, 0
    out = temporary_file()
    try:
        for number, piece in enumerate(pieces(path)):
            size += len(piece)
            if is_bomb(size, packed):
                raise too_large(name, size)
            if number % 64 == 0:
                check_room(packed, name)
            out.write(piece)
        out.seek(0)
    except BaseException as error:
        out.close()
        if isinstance(error, OSError) and is_full(error):
            raise no_space(name) from error
        raise
    return out
