"""The workbook inside an .xls file, put into a container of our own.

Such a file is a small file system, whose lists of sectors may run in circles or past its end. What was found is written
anew as the only stream of a sound container ([MS-CFB], version 4), so that the library which reads it meets no other.
"""

import struct
from pathlib import Path

from trainer.data.tables.table import damaged
from trainer.errors import DataError
from trainer.messages import _

SECTOR = 4096
FAT_SECTORS = 109
"""As many as the header itself can name: a workbook of 456 MB."""
FREE, END, FAT, NOBODY = 0xFFFFFFFF, 0xFFFFFFFE, 0xFFFFFFFD, 0xFFFFFFFF
MAGIC = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"


def workbook_stream(path: Path, name: str) -> bytes:
    """Raises `DataError` for a damaged or protected file, and for one that holds no workbook."""
    import olefile

    try:
        with olefile.OleFileIO(str(path)) as container:
            if container.exists("EncryptedPackage"):
                raise protected(name)
            stream = next((candidate for candidate in ("Workbook", "Book") if container.exists(candidate)), None)
            data = bytes(container.openstream(stream).read()) if stream else b""
    except (
        OSError,
        ValueError,
        IndexError,
        TypeError,
        AttributeError,
        OverflowError,
        struct.error,
        RecursionError,
    ) as error:
        raise damaged(name, "it cannot be read as an Excel workbook") from error
    if not data or len(data) > (FAT_SECTORS * (SECTOR // 4 - 1) - 2) * SECTOR:
        raise damaged(name, "it cannot be read as an Excel workbook")
    return data


def protected(name: str) -> DataError:
    return DataError(
        _("%(name)s is protected by a password.", name=name),
        code="encrypted",
        hint=_("Save it without a password and send that."),
    )


def contained(stream: bytes) -> bytes:
    """Header, table of sectors, directory, stream; one short enough for smaller sectors is filled up."""
    stream = stream.ljust(SECTOR, b"\0")
    count = -(-len(stream) // SECTOR)
    tables = -(-(count + 2) // (SECTOR // 4 - 1))
    header = struct.pack("<8s16x5H6x", MAGIC, 0x3E, 4, 0xFFFE, 12, 6)
    header += struct.pack("<9I", 1, tables, tables, 0, 4096, END, 0, END, 0)
    header += struct.pack(f"<{FAT_SECTORS}I", *range(tables), *[FREE] * (FAT_SECTORS - tables))
    chain = [*[FAT] * tables, END, *range(tables + 2, tables + 1 + count), END, END]
    table = struct.pack(f"<{len(chain)}I", *chain).ljust(tables * SECTOR, b"\xff")
    # An empty sector for smaller streams: there are none, yet a root without one is refused.
    folder = entry("Root Entry", 5, 1, tables + 1 + count, SECTOR) + entry(
        "Workbook", 2, NOBODY, tables + 1, len(stream)
    )
    return b"".join(
        [header.ljust(SECTOR, b"\0"), table, folder.ljust(SECTOR, b"\0"), stream.ljust((count + 1) * SECTOR, b"\0")]
    )


def entry(name: str, kind: int, child: int, start: int, size: int) -> bytes:
    """128 bytes of the directory; `kind`: 5 for its root, 2 for a stream."""
    encoded = name.encode("utf-16-le") + b"\0\0"
    places = struct.pack("<HBB3I", len(encoded), kind, 1, NOBODY, NOBODY, child)
    return encoded.ljust(64, b"\0") + places + bytes(36) + struct.pack("<IQ", start, size)
