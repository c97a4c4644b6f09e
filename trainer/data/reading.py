"""Any table as batches of text cells, recognised by content, streamed in bounded memory.

Every cell becomes a string or None, so that nothing is lost before somebody has looked: leading zeros, mixed dates,
long numbers. What cannot be read is a `DataError`; a row that cannot be read is reported and passed over.
"""

import csv
import gzip
import io
import json
import re
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from trainer.errors import DataError

BATCH_ROWS = 20_000
MAX_COLUMNS = 2_000
MAX_FIELD_CHARACTERS = 1_000_000
MAX_TEXT_BYTES = 4 * 1024**3
MAX_BAD_ROWS = 1_000
SNIFF_BYTES = 1 << 18
DELIMITERS = ",;\t|"
OTHER_KINDS = (
    (b"\x89PNG", "a PNG picture"),
    (b"\xff\xd8\xff", "a JPEG picture"),
    (b"GIF8", "a GIF picture"),
    (b"%PDF", "a PDF document"),
    (b"\xd0\xcf\x11\xe0", "an old Excel file (.xls)"),
    (b"RIFF", "a sound or a picture"),
    (b"7z\xbc\xaf", "a 7-Zip archive"),
    (b"Rar!", "a RAR archive"),
    (b"\x7fELF", "a program"),
    (b"MZ", "a program"),
    (b"\x80\x04", "a Python pickle"),
)
Row = list[str | None]


@dataclass
class Table:
    """A file opened for reading. `batches` may be used once; `bad` fills while it runs: (line, why)."""

    name: str
    format: str
    columns: list[str]
    batches: Iterator[list[Row]]
    bytes: int
    details: dict[str, Any] = field(default_factory=dict)
    bad: list[tuple[int, str]] = field(default_factory=list)
    bad_count: int = 0
    consumed: Any = None
    """Bytes of the file read so far, as a call; None when not known."""

    def refuse(self, line: int, why: str) -> None:
        self.bad_count += 1
        if len(self.bad) < MAX_BAD_ROWS:
            self.bad.append((line, why))

    def source(self) -> dict[str, Any]:
        return {"name": self.name, "format": self.format, "bytes": self.bytes, **self.details}


def open_table(path: Path, name: str | None = None) -> Table:
    """Recognise a file by its first bytes and open it. `name` is shown to people instead of the path's own."""
    name = name or re.sub(r"^\d+-", "", path.name)
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            head = file.read(8)
    except OSError as error:
        raise DataError(f"There is no file {name}.", code="no_file", hint="Check the path.") from error
    if size == 0:
        raise DataError(
            f"{name} is empty: it has no bytes at all.", code="empty_file", hint="Export it again and send that."
        )
    if head.startswith(b"PAR1"):
        return open_parquet(path, name, size)
    if head.startswith(b"PK\x03\x04"):
        raise other_kind(name, "an Excel workbook or a zip archive")
    for magic, kind in OTHER_KINDS:
        if head.startswith(magic):
            raise other_kind(name, kind)
    return open_text(path, name, size, packed=head.startswith(b"\x1f\x8b"))


def other_kind(name: str, kind: str) -> DataError:
    return DataError(
        f"{name} is {kind}, not a table of text.",
        code="not_a_table",
        hint="Save it as CSV, JSONL or Parquet and send that.",
    )


# Parquet


def open_parquet(path: Path, name: str, size: int) -> Table:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        file = pq.ParquetFile(path)
    except pa.ArrowException as error:
        raise DataError(
            f"{name} looks like Parquet but is damaged.", code="damaged", hint="Write it again and send that."
        ) from error
    columns = list(file.schema_arrow.names)
    check_columns(columns, name)

    def batches() -> Iterator[list[Row]]:
        try:
            for batch in file.iter_batches(batch_size=BATCH_ROWS):
                cells = [[as_text(value) for value in column.to_pylist()] for column in batch.columns]
                yield [list(row) for row in zip(*cells, strict=True)]
        except (pa.ArrowException, OSError) as error:
            raise DataError(
                f"{name} is damaged: {error}.", code="damaged", hint="Write it again and send that."
            ) from error

    return Table(name, "parquet", columns, batches(), size, {"rows_declared": file.metadata.num_rows})


def as_text(value: Any) -> str | None:
    """A typed value as a cell: whole floats without `.0`, booleans in small letters, nested values as JSON."""
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return (
            None if value != value else (str(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value))
        )
    if isinstance(value, dict | list):
        return json.dumps(value, ensure_ascii=False, default=str)
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    return str(value)


# Text: CSV, JSON, JSON lines


def open_text(path: Path, name: str, size: int, packed: bool) -> Table:
    encoding = find_encoding(path, name, packed)
    sample = read_sample(path, encoding, packed).lstrip("\ufeff")
    start = sample.lstrip()[:200]
    if not start:
        raise DataError(f"{name} holds nothing but blanks.", code="empty_file", hint="Export it again and send that.")
    if re.match(r"<(!doctype|html|svg|\?xml|script|head|body)", start, re.IGNORECASE):
        raise other_kind(name, "a web page or an XML document")
    stream = text_stream(path, name, encoding, packed)
    details = {"encoding": encoding} | ({"compression": "gzip"} if packed else {})
    if start[0] == "[" and re.match(r"\[\s*[\[{]", start):
        return json_table(stream, name, size, details)
    if start[0] == "{":
        return jsonl_table(stream, name, size, details)
    return csv_table(stream, sample, name, size, details)


class Bounded(io.RawIOBase):
    """A binary stream that refuses to grow past a size: what a decompression bomb meets."""

    def __init__(self, raw: Any, name: str, limit: int = MAX_TEXT_BYTES) -> None:
        self.raw, self.name, self.left = raw, name, limit

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        try:
            data = self.raw.read(len(buffer))
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            raise DataError(
                f"{self.name} is damaged or incomplete: the compressed data ends too early.",
                code="damaged",
                hint="Send the file again; the copy that arrived was cut short.",
            ) from error
        self.left -= len(data)
        if self.left < 0:
            raise DataError(
                f"{self.name} unpacks to more than {MAX_TEXT_BYTES >> 30} GB.",
                code="too_large",
                hint="Send a part of it.",
            )
        buffer[: len(data)] = data
        return len(data)


def binary_stream(path: Path, name: str, packed: bool) -> IO[bytes]:
    raw: Any = gzip.open(path, "rb") if packed else path.open("rb")  # noqa: SIM115  closed with the reader around it
    return io.BufferedReader(Bounded(raw, name), buffer_size=1 << 20)  # type: ignore[arg-type]


def text_stream(path: Path, name: str, encoding: str, packed: bool) -> IO[str]:
    return io.TextIOWrapper(binary_stream(path, name, packed), encoding=encoding, errors="replace", newline="")


def read_sample(path: Path, encoding: str, packed: bool) -> str:
    with binary_stream(path, path.name, packed) as file:
        return file.read(SNIFF_BYTES).decode(encoding, "replace")


def find_encoding(path: Path, name: str, packed: bool) -> str:
    """utf-8 if the whole file is; else by byte order mark, by zero bytes (UTF-16 without one), else by likelihood."""
    import codecs

    with binary_stream(path, name, packed) as file:
        head = file.read(SNIFF_BYTES)
        for mark, encoding in (
            (codecs.BOM_UTF8, "utf-8-sig"),
            (codecs.BOM_UTF16_LE, "utf-16"),
            (codecs.BOM_UTF16_BE, "utf-16"),
        ):
            if head.startswith(mark):
                return encoding
        zeros = [head[at:4096:2].count(0) for at in (0, 1)]
        if max(zeros) > 0.3 * min(len(head), 4096) / 2:
            return "utf-16-be" if zeros[0] > zeros[1] else "utf-16-le"
        decoder = codecs.getincrementaldecoder("utf-8")()
        try:
            decoder.decode(head)
            while chunk := file.read(1 << 20):
                decoder.decode(chunk)
            decoder.decode(b"", final=True)
            return "utf-8"
        except UnicodeDecodeError:
            return likely_encoding(head)


def likely_encoding(head: bytes) -> str:
    """The likeliest 8-bit or East Asian encoding of a sample; GB18030 stands for all of GBK's family."""
    from charset_normalizer import from_bytes

    wanted = ["gb18030", "big5", "shift_jis", "cp1252", "euc_kr", "cp1251"]
    best = from_bytes(head[:65536], cp_isolation=wanted).best()
    return best.encoding if best else "cp1252"


def check_columns(columns: list[str], name: str) -> None:
    if len(columns) > MAX_COLUMNS:
        raise DataError(
            f"{name} has {len(columns):,} columns; at most {MAX_COLUMNS:,} are read.",
            code="too_many_columns",
            hint="Keep the columns that matter. If the file has few, its delimiter may be wrong.",
        )


def named(cells: Iterable[str | None]) -> list[str]:
    """Column names: trimmed, never empty, each once."""
    names: list[str] = []
    for number, cell in enumerate(cells, 1):
        base = (cell or "").replace("\0", "").strip()[:200] or f"column {number}"
        name, count = base, 2
        while name in names:
            name, count = f"{base} ({count})", count + 1
        names.append(name)
    return names


# CSV


def find_delimiter(sample: str) -> str:
    """The delimiter that splits the first records most evenly into more than one field."""
    complete = sample if len(sample) < SNIFF_BYTES // 4 else sample[: sample.rfind("\n") + 1 or None]
    scores = {}
    for delimiter in DELIMITERS:
        try:
            records = [
                len(row)
                for _n, row in zip(range(60), csv.reader(io.StringIO(complete), delimiter=delimiter), strict=False)
                if row
            ]
        except csv.Error:
            continue
        if records and records[0] > 1:
            scores[delimiter] = (sum(count == records[0] for count in records) / len(records), records[0])
    return max(scores, key=lambda one: scores[one]) if scores else ","


def csv_table(stream: IO[str], sample: str, name: str, size: int, details: dict[str, Any]) -> Table:
    csv.field_size_limit(MAX_FIELD_CHARACTERS)
    delimiter = find_delimiter(sample)
    reader = csv.reader(lines(stream), delimiter=delimiter)
    try:
        header = next((row for row in reader if any(cell.strip() for cell in row)), None)
    except csv.Error as error:
        raise DataError(
            f"{name} cannot be read as a table: {error}.", code="bad_table", hint="Export it as CSV again."
        ) from error
    if header is None:
        raise DataError(f"{name} has no rows.", code="no_rows", hint="Export it again and send that.")
    header[0] = header[0].lstrip("\ufeff")
    check_columns(header, name)
    table = Table(name, "csv", named(header), iter(()), size, details | {"delimiter": delimiter})
    table.batches = csv_batches(reader, table)
    return table


def lines(stream: IO[str]) -> Iterator[str]:
    """Lines without NUL characters, which C programs write and the csv module refuses."""
    for line in stream:
        yield line.replace("\0", "") if "\0" in line else line


def csv_batches(reader: Any, table: Table) -> Iterator[list[Row]]:
    width = len(table.columns)
    rows: list[Row] = []
    while True:
        try:
            row = next(reader)
        except StopIteration:
            break
        except csv.Error as error:
            table.refuse(reader.line_num, f"cannot be read ({error})")
            continue
        if len(row) == width:
            rows.append(row)
        elif not any(cell.strip() for cell in row):
            continue
        elif len(row) > MAX_COLUMNS:
            raise DataError(
                f"Line {reader.line_num} of {table.name} has {len(row):,} fields, the header {width}.",
                code="too_many_columns",
                hint="Remove that line, or check the delimiter.",
            )
        elif len(row) > width and not any(cell.strip() for cell in row[width:]):
            rows.append(row[:width])
        else:
            table.refuse(reader.line_num, f"has {len(row)} fields instead of {width}")
        if len(rows) >= BATCH_ROWS:
            yield rows
            rows = []
    if rows:
        yield rows


# JSON


def jsonl_table(stream: IO[str], name: str, size: int, details: dict[str, Any]) -> Table:
    table = Table(name, "jsonl", [], iter(()), size, details)

    def objects() -> Iterator[tuple[int, Any]]:
        for number, line in enumerate(stream, 1):
            text = line.strip().lstrip("\ufeff")
            if not text:
                continue
            try:
                yield number, json.loads(text)
            except json.JSONDecodeError as error:
                table.refuse(number, f"is not JSON ({error.msg})")
            except RecursionError:
                table.refuse(number, "is nested too deeply")

    return object_table(table, objects())


def json_table(stream: IO[str], name: str, size: int, details: dict[str, Any]) -> Table:
    limit = 512 * 1024**2
    text = stream.read(limit + 1)
    if len(text) > limit:
        raise DataError(
            f"{name} is too large for one JSON array.", code="too_large", hint="Write one object a line (JSONL)."
        )
    try:
        values = json.loads(text.lstrip("\ufeff"))
    except json.JSONDecodeError as error:
        raise DataError(
            f"{name} is not valid JSON: {error.msg} at line {error.lineno}.",
            code="bad_json",
            hint="Mend that place, or send CSV.",
        ) from error
    except RecursionError as error:
        raise DataError(
            f"{name} is nested too deeply.", code="bad_json", hint="Send a flat list of objects."
        ) from error
    if values and isinstance(values[0], list):
        header = named(as_text(cell) for cell in values[0])
        values = [dict(zip(header, row, strict=False)) for row in values[1:]]
    return object_table(Table(name, "json", [], iter(()), size, details), enumerate(values, 1))


def folded(key: str) -> str:
    return key.strip().lower() if key.isascii() else key.strip()


def object_table(table: Table, objects: Iterator[tuple[int, Any]]) -> Table:
    """Rows from objects: the columns are the keys of the first ten thousand, whatever their capitals; what is no object is reported."""
    ahead: list[tuple[int, dict[str, Any]]] = []
    columns: dict[str, None] = {}

    def usable() -> Iterator[tuple[int, dict[str, Any]]]:
        for number, value in objects:
            if isinstance(value, dict):
                yield number, {folded(key): cell for key, cell in value.items()}
            else:
                table.refuse(number, "is not an object with named fields")

    stream = usable()
    for number, value in stream:
        ahead.append((number, value))
        columns.update(dict.fromkeys(value))
        check_columns(list(columns), table.name)
        if len(ahead) >= 10_000:
            break
    keys = list(columns)
    table.columns = named(keys)

    def batches() -> Iterator[list[Row]]:
        rows: list[Row] = []
        for source in (ahead, stream):
            for _number, value in source:
                rows.append([as_text(value.get(key)) for key in keys])
                if len(rows) >= BATCH_ROWS:
                    yield rows
                    rows = []
        if rows:
            yield rows

    table.batches = batches()
    return table
