"""Text files of any encoding, packed or not, as lines of bounded length; then CSV, JSON or JSON lines by content."""

import codecs
import functools
import io
import json
import re
from collections.abc import Callable
from pathlib import Path

from trainer.data.readings import Choices, Reading
from trainer.data.tables.chats import looks_like_mbox, looks_like_whatsapp, mbox_table, whatsapp_table
from trainer.data.tables.citations import find_citations
from trainer.data.tables.conll import conll_table, looks_like_conll
from trainer.data.tables.conllu import conllu_table, looks_like_conllu
from trainer.data.tables.delimited import csv_table
from trainer.data.tables.dialects import RARE
from trainer.data.tables.imessage import imessage_table, looks_like_imessage
from trainer.data.tables.json_repairs import LEADING_COMMENTS
from trainer.data.tables.jsonrows import open_json
from trainer.data.tables.line_chats import line_table, looks_like_line
from trainer.data.tables.line_forms import Opener, find_line_form
from trainer.data.tables.mixed_encodings import PREFIX as MIXED
from trainer.data.tables.mixed_encodings import are_mixed, is_utf8, mixed_name
from trainer.data.tables.prose import TABLE_NAME, looks_like_prose, prose_table
from trainer.data.tables.sections import find_sections
from trainer.data.tables.sequences import fasta_table, fastq_table, looks_like_fasta, looks_like_fastq
from trainer.data.tables.server_logs import find_log
from trainer.data.tables.settings_files import settings_kind, settings_table
from trainer.data.tables.signal_chats import looks_like_signal, signal_table
from trainer.data.tables.streams import SNIFF_BYTES, Bounded, Lines
from trainer.data.tables.table import Table, other_kind, refuse_header, refuse_other_kinds
from trainer.data.tables.transcripts import (
    looks_like_subtitles,
    looks_like_transcript,
    subtitles_table,
    transcript_table,
)
from trainer.data.tables.webanno import looks_like_webanno, webanno_table
from trainer.errors import DataError
from trainer.messages import _

SAMPLE_BYTES = 1 << 16
LIKELY = ("gb18030", "big5", "shift_jis", "euc_jp", "euc_kr", "cp1252", "cp1251")
HIGH_BYTES = bytes(range(128, 256))
MOST_WRONG = 0.05
"""Share of the bytes beyond ASCII that may be no UTF-8 in a file that is taken for UTF-8 all the same."""

CONTROL = re.compile("[\x01-\x08\x0e-\x19\x1b-\x1f\x7f-\x84\x86-\x9f]")
MOST_CONTROL, ENOUGH_CHARACTERS = 0.05, 1_000
"""Share of control characters that a text of some length may have; a file of any other kind has many."""

NO_JSON = re.compile(
    r"\[\s*(?:(?!true\b|false\b|null\b|NaN\b|None\b|True\b|False\b|Infinity\b)[^\W\d_]|\d{1,4}[-/.:]\d{1,2}[-/.:])"
)
"""A line that begins with a word or a moment in brackets, as logs and chats have it."""
STRING, MOST_STRING = re.compile(r'"\s*[\[{]\s*(\\"|[\[{])'), 64 << 20
"""How a document begins that stands in a string, and bytes of a file that is looked into."""
SCRIPT = re.compile(r"(?:(?:var|let|const)\s+)?[\w$][\w.$]*\s*(?:=|\()\s*[\[{]\s*(?:[\[{\"]|\Z)")
DUMP = re.compile(r"^(CREATE TABLE|INSERT INTO) [`\"\[\w.]+ ?(\(|VALUES)", re.MULTILINE)
MARKS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))


def open_text(
    path: Path,
    name: str,
    size: int,
    packed: bool,
    header: int | None = None,
    layout: str | None = None,
    choices: Choices | None = None,
) -> Table:
    """Decode a text file and give it to the reader that its beginning calls for, or that `header` and `layout` do."""
    encoding = find_encoding(path, name, packed)
    raw = Bounded(path, name, packed)
    stream = io.TextIOWrapper(io.BufferedReader(raw, 1 << 18), encoding=encoding, errors="replace", newline="")
    sample = read_sample(path, name, encoding, packed)
    start = sample.replace("\0", "").lstrip()[:200]
    refuse_no_table(sample, start, name)
    lines = Lines(stream, name)
    if STRING.match(start) and size <= MOST_STRING and (inner := string_inside(path, name, encoding, packed)):
        lines, sample, start = Lines(io.StringIO(inner, newline=""), name), inner[:SNIFF_BYTES], inner.lstrip()[:200]
    details = {"encoding": "utf-8" if encoding == "utf-8-sig" else encoding} | (
        {"compression": "gzip"} if packed else {}
    )
    if header is None and layout is None and (kind := settings_kind(sample, name)):
        table = settings_table(lines, name, size, details, kind, choices)
    elif is_json(sample, start):
        refuse_header(header, name, "JSON")
        table = open_json(lines, sample, name, size, details, choices)
    elif header is not None:
        table = csv_table(lines, sample, name, size, details, header, choices)
    elif layout is None and (opener := find_sections(sample, choices) or find_opener(sample)):
        table = opener(lines, name, size, details)
    elif layout is None and looks_like_conllu(sample):
        table = conllu_table(lines, sample, name, size, details, choices or Choices())
    elif layout == "text" or (layout is None and looks_like_prose(sample, name)):
        table = prose_table(lines, name, size, details)
    else:
        table = csv_table(lines, sample, name, size, details, choices=choices)
    table.progress = raw.tell if lines.stream is stream else lambda: size
    table.garbled = lambda: lines.garbled
    if encoding.startswith(MIXED):
        other = encoding.removeprefix(MIXED).replace("cp", "Windows-")
        sentence = _("Some lines are in UTF-8, others in %(encoding)s; each is read in its own", encoding=other)
        table.readings.append(Reading("encoding", encoding, sentence, confidence=0.95, file=name))
    return table


def string_inside(path: Path, name: str, encoding: str, packed: bool) -> str:
    """The document in a file that is one JSON string, as a program writes it that encodes twice; "" for any other file."""
    with Bounded(path, name, packed) as file:
        content = io.TextIOWrapper(io.BufferedReader(file), encoding=encoding, errors="replace").read()
    try:
        value = json.loads(content)
    except (ValueError, RecursionError):
        return ""
    return value if isinstance(value, str) and value.strip()[:1] in ("[", "{") else ""


def refuse_no_table(sample: str, start: str, name: str) -> None:
    """`DataError` for a text that holds nothing, or is of a kind that is no table."""
    if not start:
        raise DataError(
            _("%(name)s holds nothing but blanks.", name=name),
            code="empty_file",
            hint=_("Export it again and send that."),
        )
    if is_binary(sample):
        raise other_kind(name, "no text, nor any kind of file that is known here")
    if re.match(r"<(!doctype|!--|html|svg|\?xml|script|head|body|table)", start, re.IGNORECASE):
        raise other_kind(name, "a web page or an XML document")
    if DUMP.search(sample) and not TABLE_NAME.search(name):
        raise other_kind(name, "a dump of a database (SQL)")


def is_json(sample: str, start: str) -> bool:
    """`start`: the beginning of the sample without blanks in front."""
    begins = (start[0] in "[{" and not NO_JSON.match(start)) or SCRIPT.match(start) or LEADING_COMMENTS.match(sample)
    return bool(begins) and not looks_like_whatsapp(sample) and not looks_like_signal(sample)


def is_binary(sample: str) -> bool:
    """Whether a text of some length has more control characters than any text has, those that part fields (Hive's) not counted."""
    controls = sum(mark not in RARE for mark in CONTROL.findall(sample))
    return len(sample) > ENOUGH_CHARACTERS and controls > MOST_CONTROL * len(sample)


FORMS: tuple[tuple[Callable[[str], bool], Opener], ...] = (
    (looks_like_mbox, mbox_table),
    (looks_like_subtitles, subtitles_table),
    (looks_like_transcript, transcript_table),
)
CHATS: tuple[tuple[Callable[[str], bool], Opener], ...] = (
    (looks_like_signal, signal_table),
    (looks_like_whatsapp, whatsapp_table),
    (looks_like_imessage, imessage_table),
    (looks_like_fasta, fasta_table),
    (looks_like_fastq, fastq_table),
)


def find_opener(sample: str) -> Opener | None:
    """The reader of a text that is an export of another program; None for any other."""
    if looks_like_webanno(sample):
        return functools.partial(webanno_table, sample=sample)
    if opener := next((opener for looks, opener in FORMS if looks(sample)), None) or find_log(sample):
        return opener
    if opener := next((opener for looks, opener in CHATS if looks(sample)), None):
        return opener
    if looks_like_line(sample):
        return functools.partial(line_table, sample=sample)
    return find_citations(sample) or find_line_form(sample) or (conll_table if looks_like_conll(sample) else None)


def read_sample(path: Path, name: str, encoding: str, packed: bool) -> str:
    with Bounded(path, name, packed) as file:
        return read_head(file).decode(encoding, "replace").lstrip("\ufeff")


def read_head(file: Bounded) -> bytes:
    parts: list[bytes] = []
    remaining = SNIFF_BYTES
    while remaining and (data := file.read(remaining)):
        parts.append(data)
        remaining -= len(data)
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
    zeros = [head[offset:4096:2].count(0) for offset in (0, 1)]
    if max(zeros) > least * min(len(head), 4096) / 2 and min(zeros) < 0.1 * max(zeros):
        return "utf-16-be" if zeros[0] > zeros[1] else "utf-16-le"
    return None


def utf8_or_likely(file: Bounded, head: bytes) -> str:
    """UTF-8 where the whole file nearly is; else UTF-16 without a mark, else what its odd lines are likely in."""
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
    """The encoding in which lines that are no UTF-8 make most sense, beside UTF-8 where that is what others are in; GB18030 stands
    for all of GBK's family."""
    lines = [line for line in sample.split(b"\n")[:-1] or [sample] if line and not line.isascii()]
    if are_mixed(lines):
        odd = b"\n".join(line for line in lines if not is_utf8(line))
        return mixed_name(likeliest(odd)) or "utf-8"
    return likeliest(sample)


def likeliest(sample: bytes) -> str:
    from charset_normalizer import from_bytes

    best = from_bytes(sample, cp_isolation=list(LIKELY)).best()
    return best.encoding if best else "cp1252"
