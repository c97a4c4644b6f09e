"""Text files, packed or not, as a bounded stream and as lines of bounded length."""

import gzip
import io
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO, TYPE_CHECKING

from trainer.data.tables.table import INVISIBLE, MAX_FIELD_CHARACTERS, WIDTHLESS, damaged
from trainer.errors import DataError
from trainer.messages import _

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer as Buffer

MAX_TEXT_BYTES = 4 * 1024**3
MAX_LINE_CHARACTERS = 16 * MAX_FIELD_CHARACTERS
MAX_EXPANSION = 200
"""A packed table of text shrinks to a fifth, repeated rows to a fiftieth; beyond this it is a bomb …"""
EXPANSION_FREE = 64 * 1024**2
"""… once it has grown past this many bytes."""
SNIFF_BYTES = 1 << 18
BLOCK_CHARACTERS = 1 << 20
"""Of text that is cut into lines at once."""
ODD = "\ufffd\u200b\u2060\ufeff\u00ad\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"


def holds_odd(text: str) -> bool:
    """Whether a text holds NUL, what could not be decoded, or what nobody sees."""
    return "\0" in text or (not text.isascii() and any(mark in text for mark in ODD))


def lines_in(text: str) -> list[str]:
    """As a file gives them, with their ends."""
    return list(io.StringIO(text, newline=""))


class Bounded(io.RawIOBase):
    """A binary stream that refuses to grow past a size: what a decompression bomb meets."""

    def __init__(self, path: Path, name: str, packed: bool) -> None:
        self.file = path.open("rb")
        self.unpacked: gzip.GzipFile | IO[bytes] = gzip.GzipFile(fileobj=self.file) if packed else self.file
        self.name_shown, self.packed, self.read_bytes = name, packed, 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: "Buffer") -> int:
        try:
            view = memoryview(buffer)
            data = self.unpacked.read(len(view))
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
                _(
                    "%(name_shown)s unpacks to more than %(value)s MB, too much for its size.",
                    name_shown=self.name_shown,
                    value=f"{self.read_bytes >> 20:,}",
                ),
                code="too_large",
                hint=_("Send a part of it, or send it unpacked."),
            )
        view[: len(data)] = data
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
        self.keeps_directions = False
        """Marks of direction stay: chats begin what the program says with one."""

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
            self.check_length(line, self.number + 1)
            line = self.clean([line])[0]
        self.number += 1
        self.taken.append(line)
        return line

    def block(self) -> str:
        """About BLOCK_CHARACTERS of whole lines at once, "" at the end; they are neither counted nor `taken`. Only where none is
        left to be given out again."""
        text = self.stream.read(BLOCK_CHARACTERS)
        if text and not text.endswith("\n"):
            text += self.stream.readline(MAX_LINE_CHARACTERS)
        if len(text) >= MAX_LINE_CHARACTERS:
            for number, line in enumerate(lines_in(text), self.number + 1):
                self.check_length(line, number)
        return "".join(self.clean(lines_in(text))) if holds_odd(text) else text

    def each(self) -> Iterator[str]:
        """The lines one after another, none of which is given out again."""
        while text := self.block():
            for line in lines_in(text):
                self.number += 1
                yield line

    def pass_over(self, count: int, rest: list[str]) -> None:
        """Counts the first lines of a block; `rest` is to be given out again."""
        self.number += count
        self.again = rest[::-1]
        self.taken.clear()

    def check_length(self, line: str, number: int) -> None:
        """`DataError` for a line that is too long."""
        if len(line) >= MAX_LINE_CHARACTERS:
            record = _("Shorten the texts of this record, or leave it out.")
            text = _(
                "This is hardly a table: check that the right file was sent. A text is read paragraph by paragraph: put line ends between them."
            )
            raise DataError(
                _(
                    "Line %(value)s of %(name)s is longer than %(max_line_characters)s characters.",
                    value=f"{number:,}",
                    name=self.name,
                    max_line_characters=f"{MAX_LINE_CHARACTERS:,}",
                ),
                code="too_large",
                hint=record if line.lstrip()[:1] == "{" else text,
            )

    def clean(self, lines: list[str]) -> list[str]:
        """The same lines without NUL and what nobody sees; what could not be decoded is counted."""
        return [self.clean_line(line) if holds_odd(line) else line for line in lines]

    def clean_line(self, line: str) -> str:
        line = line.replace("\0", "")
        self.garbled += line.count("\ufffd")
        return (WIDTHLESS if self.keeps_directions else INVISIBLE).sub("", line)

    def mark(self) -> None:
        self.taken.clear()

    def rewind(self, count: int = 1) -> None:
        """Back to the line after the first taken ones."""
        self.again += reversed(self.taken[count:])
        self.number -= len(self.taken) - count
        self.taken.clear()
