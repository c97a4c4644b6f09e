"""A table as batches of text cells, streamed in bounded memory: what every reader of this folder gives.

Every cell becomes a string or None, so that nothing is lost before somebody has looked: leading zeros, mixed dates,
long numbers. What cannot be read is a `DataError`; a row that cannot be read is reported and passed over.
"""

import csv
import json
import math
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import Any

from trainer.data.readings import LeftOut, Reading
from trainer.errors import DataError
from trainer.messages import _, ngettext

BATCH_ROWS = 20_000
MAX_COLUMNS = 2_000
MAX_FIELDS = 20_000
"""Columns that a text table or a sheet may have for MAX_COLUMNS of them to be read."""
MAX_FIELD_CHARACTERS = 1_000_000
csv.field_size_limit(MAX_FIELD_CHARACTERS)  # of all readers that go through the csv module
MAX_BAD_ROWS = 1_000
SAVE_AS = _("Save it as CSV, Excel, JSONL or Parquet and send that.")
SEND_AGAIN = _("Send the file again; the copy that arrived may have been cut short.")
ZIP, OLD_OFFICE = b"PK\x03\x04", b"\xd0\xcf\x11\xe0"
OTHER_KINDS = (
    (b"\x89PNG", "a PNG picture"),
    (b"\xff\xd8\xff", "a JPEG picture"),
    (b"GIF8", "a GIF picture"),
    (b"%PDF", "a PDF document"),
    (b"{\\rtf", "a Word document"),
    (b"SQLite format 3", "an SQLite database"),
    (b"RIFF", "a sound or a picture"),
    (b"ID3", "a sound"),
    (b"7z\xbc\xaf", "a 7-Zip archive"),
    (b"Rar!", "a RAR archive"),
    (b"BZh", "a bzip2 archive"),
    (b"\xfd7zXZ", "an xz archive"),
    (b"\x28\xb5\x2f\xfd", "a Zstandard archive"),
    (b"\x7fELF", "a program"),
    (b"MZ\x90\x00", "a program"),
    (b"\x80\x04\x95", "a Python pickle"),
    (b"FEA1", "an old Feather file (version 1)"),
    (b"Obj\x01", "an Avro file"),
    (b"\x93NUMPY", "an array of numpy"),
    (b"\x89HDF\r\n", "an HDF5 file"),
    (b"MATLAB 5.0", "a MATLAB file"),
    (b"8BPS", "a Photoshop picture"),
    (b"\0\0\0\x0cJXL ", "a JPEG XL picture"),
    (b"\xff\x0a", "a JPEG XL picture"),
    (b"MThd", "a MIDI file"),
    (b"<stata_dta>", "a Stata file"),
    (b"$FL2", "an SPSS file"),
    (b"$FL3", "an SPSS file"),
    (b"!BDN", "a mailbox of Outlook (PST)"),
    (b"\0\1\0\0Standard ACE DB", "an Access database"),
    (b"\0\1\0\0Standard Jet DB", "an Access database"),
    (b"\xe4\x52\x5c\x7b\x8c\xd8\xa7\x4d", "a notebook of OneNote"),
    (b"OFXHEADER:", "a bank's statement (OFX)"),
    (b"<OFX>", "a bank's statement (OFX)"),
    (b"!Type:", "a bank's statement (QIF)"),
    (b"!Account", "a bank's statement (QIF)"),
    (b"{1:F01", "a bank's statement (MT940)"),
    (b"HEADER RECORD*******", "a SAS transport file"),
    (bytes(12) + b"\xc2\xea\x81\x60\xb3\x14\x11\xcf", "a SAS file"),
    (b"RDX2\n", "a file of R"),
    (b"RDX3\n", "a file of R"),
    (b"BEGIN:VCARD", "a file of contacts (vCard)"),
    (b"BEGIN:VCALENDAR", "a calendar (iCalendar)"),
    (b"fLaC", "a sound"),
    (b"OggS", "a sound"),
)
WORKBOOK = "a workbook of Excel or OpenDocument"
WORD, OPEN_TEXT = "a Word document", "an OpenDocument text"
APPLE = "a document of Apple's Numbers, Pages or Keynote"
LAYOUTS = ("table", "text")
Columns = Sequence[Sequence[str | None]]


@dataclass
class Table:
    """A file opened for reading. `batches` (cells by column) may be used once; `bad` fills while it runs: (line, why)."""

    name: str
    format: str
    columns: list[str]
    batches: Iterator[Columns]
    bytes: int
    details: dict[str, Any] = field(default_factory=dict)
    bad: list[tuple[int, str]] = field(default_factory=list)
    bad_count: int = 0
    mended: list[tuple[int, str]] = field(default_factory=list)
    """(line, what was wrong) of lines that were used all the same."""
    progress: Callable[[], int] = lambda: 0
    """Bytes of the file read so far."""
    garbled: Callable[[], int] | None = None
    """Characters that the encoding could not read, known after the last batch."""
    readings: list[Reading] = field(default_factory=list)
    left_out: list[LeftOut] = field(default_factory=list)
    """Records that were not kept, besides the lines of `bad`; known after the last batch."""
    suggested: dict[str, str] = field(default_factory=dict)
    """{role of a task: column}, where the file's form says it."""
    apart: frozenset[str] = frozenset()
    """Columns that only say who, when or where, as the file's form tells: no answer, unless somebody chooses them."""

    open_text: int = -1
    """The place of a column of texts that hold the delimiter and are not enclosed; -1 for none."""
    group: str = ""
    """A column whose equal values belong together: a split keeps them on one side."""
    narrowed: list[str] = field(default_factory=list)
    """Names of the columns that were not read, of a table with more than MAX_COLUMNS."""
    fields: int = 0
    """How many its records have in the file, where not all are read."""
    late: Counter[str] = field(default_factory=Counter)
    """Fields that no record had when the columns were settled, with how many records have them; they were not read."""

    refused_rows: dict[tuple[int, str], list[str]] = field(default_factory=dict)
    """The fields of the last lines of `bad`, which may prove to be no records."""
    announced: set[int] = field(default_factory=set)
    """Lines behind one that says “# Totals”."""

    @property
    def width(self) -> int:
        """Fields of a record in the file."""
        return self.fields or len(self.columns)

    def refuse(self, line: int, reason: str, row: list[str] | None = None) -> None:
        self.bad_count += 1
        if len(self.bad) < MAX_BAD_ROWS:
            self.bad.append((line, reason))
            if row is not None:
                self.refused_rows[line, reason] = row

    def take_back(self, line: int) -> None:
        """Of a refused line that is not a record after all."""
        before = len(self.bad)
        self.bad = [(number, reason) for number, reason in self.bad if number != line]
        self.bad_count -= before - len(self.bad)

    def all_left_out(self) -> list[LeftOut]:
        """What was not kept, the lines that could not be read among it."""
        if not self.bad_count:
            return self.left_out
        sentence = ngettext("%(count)s line could not be read.", "%(count)s lines could not be read.", self.bad_count)
        examples = [f"line {line} {reason}" for line, reason in self.bad]
        unread = LeftOut("unreadable", self.bad_count, sentence, self.name, self.details.get("sheet", ""), examples)
        return [*self.left_out, unread]

    def source(self) -> dict[str, Any]:
        return {"name": self.name, "format": self.format, "bytes": self.bytes, **self.details}


def first_batch(table: Table) -> Columns:
    """Its first cells by column, which stay to be read; empty columns where it has none."""
    first = next(iter(table.batches), None)
    if first is None:
        table.batches = iter(())
        return [[] for _name in table.columns]
    table.batches = chain([first], table.batches)
    return first


def display_name(name: str) -> str:
    """A file's name as shown to people: without the number that the site puts in front, one line, not too long."""
    cleaned = re.sub(r"[\x00-\x1f\x7f\u202a-\u202e\u2066-\u2069]+", " ", re.sub(r"^\d+-(?=.)", "", name)).strip()
    cleaned = cleaned.encode("utf-8", "replace").decode()
    return cleaned if len(cleaned) <= 120 else f"{cleaned[:80]}…{cleaned[-30:]}"


def refuse_other_kinds(head: bytes, path: Path | None, name: str) -> None:
    """`DataError` for what the first bytes show to be no table."""
    if head.startswith(b"PK\x03\x04"):
        raise other_kind(name, kind_of_zip(path))
    if head.startswith(b"PK\x05\x06"):
        raise other_kind(name, "an empty zip archive")
    if head[257:262] == b"ustar":
        raise other_kind(name, "a tar archive")
    if head[128:132] == b"DICM":
        raise other_kind(name, "a DICOM picture")
    if is_tfrecord(head):
        raise DataError(
            _(
                "%(name)s is a TFRecord file of TensorFlow, which only a program that knows its fields can read.",
                name=name,
            ),
            code="not_a_table",
            hint=_("Export it as Parquet, or as files with a CSV that names them, and send that."),
        )
    for magic, kind in OTHER_KINDS:
        if head.startswith(magic):
            raise other_kind(name, kind)
    if kind := unmarked_kind(head):
        raise other_kind(name, kind)


def unmarked_kind(head: bytes) -> str:
    """A kind of file that several bytes together show; "" for others."""
    if is_old_stata(head):
        return "a Stata file"
    if is_dbase(head):
        return "a table of dBase (DBF)"
    return "a bank's statement (MT940)" if head.lstrip().startswith(b":20:") and b"\n:25:" in head else ""


def is_old_stata(head: bytes) -> bool:
    """A release of Stata up to 12, the order of bytes, and two bytes that are always 1 and 0."""
    return len(head) > 100 and 105 <= head[0] <= 115 and head[1] in (1, 2) and head[2:4] == b"\1\0"


def is_dbase(head: bytes) -> bool:
    """A version of dBase or FoxPro, a day, and the length of a header with 32 bytes for each field."""
    if len(head) < 65 or head[0] not in (0x03, 0x30, 0x31, 0x83, 0x8B, 0xF5):
        return False
    is_day = 1 <= head[2] <= 12 and 1 <= head[3] <= 31
    return is_day and (int.from_bytes(head[8:10], "little") - 1) % 32 in (0, 8) and head[12:14] == bytes(2)


def is_tfrecord(head: bytes) -> bool:
    """Whether a file begins with the length of a record and the masked CRC-32C of these eight bytes."""
    if len(head) < 16:
        return False
    crc = 0xFFFFFFFF
    for byte in head[:8]:
        crc ^= byte
        for _bit in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
    crc ^= 0xFFFFFFFF
    masked = ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF
    return int.from_bytes(head[8:12], "little") == masked


def is_workbook(path: Path) -> bool:
    return kind_of_zip(path) == WORKBOOK


def kind_of_zip(path: Path | None) -> str:
    """Excel or another archive, by the list of what is inside; nothing is unpacked."""
    import zipfile

    try:
        with zipfile.ZipFile(path or "") as archive:
            names = archive.namelist()[:1000]
            is_open = "mimetype" in names and "content.xml" in names
            declared = archive.open("mimetype").read(100) if is_open else b""
    except (OSError, zipfile.BadZipFile, NotImplementedError, ValueError, RuntimeError, EOFError):
        return "a damaged zip archive or Office file"
    if is_open:
        return OPEN_TEXT if b"opendocument.text" in declared else WORKBOOK
    if set(names) & {"Index/Document.iwa", "Index.zip"}:
        return APPLE
    for folder, kind in (("xl/", WORKBOOK), ("word/", WORD), ("ppt/", "a PowerPoint presentation")):
        if any(name.startswith(folder) for name in names):
            return kind
    return "a zip archive"


def other_kind(name: str, kind: str) -> DataError:
    """The error for a file that is of a known kind, but no table; its hint suits the kind."""
    hint = SAVE_AS
    if "archive" in kind:
        hint = _("Unpack it and send the files inside, or all of them in one zip.")
    elif "picture" in kind or "sound" in kind:
        hint = _("Put the files into one folder per class and send the folders in one zip.")
    return DataError(
        _("%(name)s is %(kind)s, not a table of text.", name=name, kind=kind), code="not_a_table", hint=hint
    )


def damaged(name: str, reason: str) -> DataError:
    return DataError(
        _("%(name)s is damaged or incomplete: %(why)s.", name=name, why=reason), code="damaged", hint=SEND_AGAIN
    )


def check_columns(columns: Sequence[str], name: str, most: int = MAX_COLUMNS) -> None:
    """`DataError` for more columns than that."""
    if len(columns) > most:
        raise DataError(
            _(
                "%(name)s has %(count)s columns; at most %(max_columns)s are read.",
                name=name,
                count=f"{len(columns):,}",
                max_columns=f"{most:,}",
            ),
            code="too_many_columns",
            hint=_("Keep the columns that matter. If the file has few, its delimiter may be wrong."),
        )


def refuse_header(header: int | None, name: str, form: str) -> None:
    """`DataError` for a header row chosen of a file that names its columns itself."""
    if header is not None:
        raise DataError(
            _(
                "%(name)s is %(form)s, which names its columns itself: no header row can be chosen.",
                name=name,
                form=form,
            ),
            code="bad_header",
            hint=_("Leave the header row open."),
        )


def no_header(name: str, row: int, reason: str) -> DataError:
    return DataError(
        _("Row %(row)s of %(name)s cannot be its header: %(why)s.", row=f"{row:,}", name=name, why=reason),
        code="bad_header",
        hint=_("Rows are counted from 1 as the file has them; 0 says that there is no header."),
    )


def numbered(width: int) -> list[str]:
    """Column names for a table without a header."""
    return [f"column_{number}" for number in range(1, width + 1)]


UNSEEN = re.compile("[\u00ad\u200b-\u200f\u202a-\u202e\u2060\u2066-\u2069\ufeff]")
"""Characters of no width, which come along from web pages and right-to-left texts."""


def named(cells: Iterable[str | None]) -> list[str]:
    """Column names: trimmed, never empty, each once."""
    names: dict[str, None] = {}
    for number, cell in enumerate(cells, 1):
        base = " ".join(UNSEEN.sub("", (cell or "").replace("\0", "")).split())[:200] or f"column {number}"
        name, count = base, 2
        while name in names:
            name, count = f"{base} ({count})", count + 1
        names[name] = None
    return list(names)


DIRECTIONS = "\u200e\u200f\u202a-\u202e\u2066-\u2069"
INVISIBLE = re.compile(f"[\u00ad\u200b\u2060\ufeff{DIRECTIONS}]")
"""Soft hyphens, marks of direction and characters of no width, which copying from pages brings along: they make two labels of one.
Joiners (U+200C, U+200D) change letters and stay."""
WIDTHLESS = re.compile("[\u200b\u2060\ufeff]")
"""Those of them that never say anything, where marks of direction may."""


def as_text(value: object) -> str | None:
    """A typed value as a cell: whole floats without `.0`, booleans in small letters, nested values as JSON.

    NUL characters, which databases cannot store, and those of no width are left out as they are of lines of text; half surrogates
    become `?`.
    """
    if value is None:
        return None
    if isinstance(value, str):
        value = value.replace("\0", "")
        return value if value.isascii() else INVISIBLE.sub("", value).encode("utf-8", "replace").decode()
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        if math.isnan(value):
            return None
        return str(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)
    if isinstance(value, dict | list):
        return as_text(json.dumps(value, ensure_ascii=False, default=str).replace("\\u0000", ""))
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace").replace("\0", "")
    return str(value)
