"""Text files of any encoding, packed or not, as lines of bounded length; then CSV, JSON or JSON lines by content."""

import codecs
import gzip
import io
import re
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

from trainer.data.reading import MAX_FIELD_CHARACTERS, Table, damaged, other_kind, refuse_header, refuse_other_kinds
from trainer.errors import DataError

MAX_TEXT_BYTES = 4 * 1024**3
MAX_LINE_CHARACTERS = 16 * MAX_FIELD_CHARACTERS
MAX_EXPANSION = 200
"""A packed table of text shrinks to a fifth, repeated rows to a fiftieth; beyond this it is a bomb …"""
EXPANSION_FREE = 64 * 1024**2
"""… once it has grown past this many bytes."""
SNIFF_BYTES = 1 << 18
SAMPLE_BYTES = 1 << 16
LIKELY = ("gb18030", "big5", "shift_jis", "euc_jp", "euc_kr", "cp1252", "cp1251")
HIGH_BYTES = bytes(range(128, 256))
MOST_WRONG = 0.05
"""Share of the bytes beyond ASCII that may be no UTF-8 in a file that is taken for UTF-8 all the same."""

CONTROL = re.compile("[\x01-\x08\x0e-\x19\x1b-\x1f\x7f-\x84\x86-\x9f]")
MOST_CONTROL, ENOUGH_CHARACTERS = 0.05, 1_000
"""Share of control characters that a text of some length may have; a file of any other kind has many."""

MARKS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))


class Bounded(io.RawIOBase):
    """A binary stream that refuses to grow past a size: what a decompression bomb meets."""

    def __init__(self, path: Path, name: str, packed: bool) -> None:
        self.file = path.open("rb")
        self.unpacked: Any = gzip.GzipFile(fileobj=self.file) if packed else self.file
        self.name_shown, self.packed, self.read_bytes = name, packed, 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        try:
            data = self.unpacked.read(len(buffer))
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            raise damaged(self.name_shown, "the compressed data ends too early or makes no sense") from error
        self.read_bytes += len(data)
        bomb = (
            self.packed
            and self.read_bytes > EXPANSION_FREE
            and self.read_bytes > MAX_EXPANSION * max(self.file.tell(), 1)
        )
        if bomb or self.read_bytes > MAX_TEXT_BYTES:
            raise DataError(
                f"{self.name_shown} unpacks to more than {self.read_bytes >> 20:,} MB, too much for its size.",
                code="too_large",
                hint="Send a part of it, or send it unpacked.",
            )
        buffer[: len(data)] = data
        return len(data)

    def tell(self) -> int:
        """Bytes of the file itself, packed as it is."""
        return self.file.tell()

    def close(self) -> None:
        self.file.close()
        super().close()


class Lines:
    """Lines with their numbers, without NUL characters, which C programs write and the csv module refuses.

    `taken` holds the lines since the last `mark`; `rewind` gives all but the first of them out again.
    """

    def __init__(self, stream: IO[str], name: str) -> None:
        self.stream, self.name = stream, name
        self.number = self.garbled = 0
        self.taken: list[str] = []
        self.again: list[str] = []
        self.ended = False

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        if self.again:
            line = self.again.pop()
        else:
            line = self.stream.readline(MAX_LINE_CHARACTERS)
            if not line:
                self.ended = True
                raise StopIteration
            if len(line) >= MAX_LINE_CHARACTERS:
                raise DataError(
                    f"Line {self.number + 1:,} of {self.name} is longer than {MAX_LINE_CHARACTERS:,} characters.",
                    code="too_large",
                    hint="This is hardly a table: check that the right file was sent.",
                )
            if "\0" in line:
                line = line.replace("\0", "")
            if "\ufffd" in line:
                self.garbled += line.count("\ufffd")
        self.number += 1
        self.taken.append(line)
        return line

    def mark(self) -> None:
        self.taken.clear()

    def rewind(self) -> None:
        """Back to the line after the first taken one."""
        self.again += reversed(self.taken[1:])
        self.number -= len(self.taken) - 1
        self.taken.clear()


def open_text(
    path: Path, name: str, size: int, packed: bool, header: int | None = None, layout: str | None = None
) -> Table:
    from trainer.data.conll import conll_table, looks_like_conll
    from trainer.data.delimited import csv_table
    from trainer.data.jsonrows import open_json
    from trainer.data.prose import looks_like_prose, prose_table

    encoding = find_encoding(path, name, packed)
    raw = Bounded(path, name, packed)
    stream = io.TextIOWrapper(io.BufferedReader(raw, 1 << 18), encoding=encoding, errors="replace", newline="")  # type: ignore[arg-type]
    sample = read_sample(path, name, encoding, packed)
    start = sample.replace("\0", "").lstrip()[:200]
    if not start:
        raise DataError(f"{name} holds nothing but blanks.", code="empty_file", hint="Export it again and send that.")
    if len(sample) > ENOUGH_CHARACTERS and len(CONTROL.findall(sample)) > MOST_CONTROL * len(sample):
        raise other_kind(name, "no text, nor any kind of file that is known here")
    if re.match(r"<(!doctype|!--|html|svg|\?xml|script|head|body|table)", start, re.IGNORECASE):
        raise other_kind(name, "a web page or an XML document")
    lines = Lines(stream, name)
    details = {"encoding": "utf-8" if encoding == "utf-8-sig" else encoding} | (
        {"compression": "gzip"} if packed else {}
    )
    if start[0] in "[{":
        refuse_header(header, name, "JSON")
        table = open_json(lines, sample, name, size, details)
    elif header is not None:
        table = csv_table(lines, sample, name, size, details, header)
    elif layout is None and looks_like_conll(sample):
        table = conll_table(lines, name, size, details)
    elif layout == "text" or (layout is None and looks_like_prose(sample, name)):
        table = prose_table(lines, name, size, details)
    else:
        table = csv_table(lines, sample, name, size, details)
    table.progress, table.garbled = raw.tell, lambda: lines.garbled
    return table


def read_sample(path: Path, name: str, encoding: str, packed: bool) -> str:
    with Bounded(path, name, packed) as file:
        return read_head(file).decode(encoding, "replace").lstrip("\ufeff")


def read_head(file: Bounded) -> bytes:
    parts: list[bytes] = []
    left = SNIFF_BYTES
    while left and (data := file.read(left)):
        parts.append(data)
        left -= len(data)
    return b"".join(parts)


def find_encoding(path: Path, name: str, packed: bool) -> str:
    """By byte order mark; UTF-16 by its zero bytes; UTF-8 if the whole file nearly is; else by likelihood.

    Reads the file to its end, so that a packed one cut short is found before anything is made of it.
    """
    with Bounded(path, name, packed) as file:
        head = read_head(file)
        if packed:
            refuse_other_kinds(head[:512], None, f"What is packed in {name}")
            if head.startswith(b"PAR1"):
                raise other_kind(name, "a gzip archive with a Parquet file inside")
        encoding = next((encoding for mark, encoding in MARKS if head.startswith(mark)), None) or utf16(head)
        if encoding:
            while packed and file.read(1 << 20):
                pass
            return encoding
        return utf8_or_likely(file, head)


def utf16(head: bytes, least: float = 0.3) -> str | None:
    """UTF-16 without a mark: Latin letters, commas and line ends have a zero as every second byte."""
    zeros = [head[at:4096:2].count(0) for at in (0, 1)]
    if max(zeros) > least * min(len(head), 4096) / 2 and min(zeros) < 0.1 * max(zeros):
        return "utf-16-be" if zeros[0] > zeros[1] else "utf-16-le"
    return None


def utf8_or_likely(file: Bounded, head: bytes) -> str:
    decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")
    wrong = high = 0
    sample = b""
    chunk = head
    while chunk:
        text = decoder.decode(chunk)
        if not text.isascii():
            wrong += text.count("\ufffd") - chunk.count(b"\xef\xbf\xbd")
            high += len(chunk) - len(chunk.translate(None, HIGH_BYTES))
            if wrong > 0 and len(sample) < SAMPLE_BYTES:
                sample += b"\n".join(line for line in chunk.split(b"\n") if not line.isascii())
        chunk = file.read(1 << 20) or b""
    wrong += len(decoder.decode(b"", final=True))
    if wrong <= max(high * MOST_WRONG, 1 if high > 3 else 0):
        return "utf-8"
    return utf16(head, least=0.01) or likely_encoding(sample[:SAMPLE_BYTES])


def likely_encoding(sample: bytes) -> str:
    """The encoding in which lines that are no UTF-8 make most sense; GB18030 stands for all of GBK's family."""
    from charset_normalizer import from_bytes

    best = from_bytes(sample, cp_isolation=list(LIKELY)).best()
    return best.encoding if best else "cp1252"
