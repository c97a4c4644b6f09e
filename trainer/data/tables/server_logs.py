"""Logs of servers and programs, a row for each entry: of web servers in the common and the combined format and in W3C's extended one
(IIS, CloudFront), of systems (syslog), and of programs that begin an entry with its time and say how grave it is."""

import functools
import re
from collections.abc import Callable, Iterator
from typing import Any

from trainer.data.readings import Reading
from trainer.data.tables.line_forms import batched
from trainer.data.tables.streams import Lines
from trainer.data.tables.table import Table
from trainer.messages import _

QUOTED = r'"((?:[^"\\]|\\.)*)"'
REQUEST = re.compile(
    rf'(?:(?P<site>\S+?:\d+|\S+) )??(?P<host>\S+) (?P<ident>\S+) (?P<user>\S+|"[^"]*") \[(?P<time>[^\]]{{10,40}})\] "(.*)" (?P<status>\d{{3}}|-) (?P<bytes>\d+|-)'
    rf"(?: {QUOTED} {QUOTED})?(?P<rest>(?: .*)?)"
)
LINE = re.compile(r"([A-Z]{3,10}) (.*?)(?: (HTTP/[\d.]+))?")
"""Method, path and protocol of a request; of an attack it may be anything."""
COLUMNS = ("host", "ident", "user", "time", "method", "path", "protocol", "status", "bytes")
BEHIND = ("referrer", "user_agent")
FEWEST, MOST = 2, 0.8
FIELDS = re.compile(r"#Fields:\s*(\S.*)", re.IGNORECASE)
STAMP = r"\d{4}[-/]\d\d[-/]\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d{1,9})?(?:Z| ?[+-]\d\d:?\d\d)?"
LEVEL = r"trace|debug|info|information|notice|warn|warning|error|err|severe|critical|crit|fatal|alert|emerg"
ENTRY = re.compile(
    rf"\[?(?P<time>{STAMP})\]?(?P<before>[^,;|\t]{{0,80}}?)(?<![A-Za-z])(?P<level>(?i:{LEVEL}))\b[\]:)]*[ \t]*(?P<text>.*)"
)
"""“2024-05-04 10:00:12,123 INFO app.db - text”: between time and level the names of program and thread."""
SYSTEM = re.compile(
    r"(?:<\d{1,3}>)?(?P<time>[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d) (?P<host>\S+) (?P<program>[^\s:\[]+)(?:\[(?P<pid>\d+)\])?: (?P<text>.*)"
)
ENTRY_COLUMNS, SYSTEM_COLUMNS = ("time", "level", "source", "text"), ("time", "host", "program", "pid", "text")
MAX_TEXT = 200_000
"""Characters of an entry of many lines, such as a traceback."""
Opener = Callable[[Lines, str, int, dict[str, Any]], Table]


def find_log(sample: str) -> Opener | None:
    """The reader of a log; None for any other text."""
    lines = [line for line in sample.lstrip("\ufeff").splitlines()[:200] if line.strip()]
    if looks_like_access_log(sample):
        return functools.partial(access_log_table, sample=sample)
    fields = next(
        (match[1].split() for line in lines[:10] if line.startswith("#") and (match := FIELDS.match(line))), []
    )
    if len(fields) > 1 and len(set(fields)) == len(fields):
        return functools.partial(w3c_table, fields=fields)
    if len(lines) < 3:
        return None
    if share_of(lines, SYSTEM) > MOST:
        return functools.partial(entries_table, form=SYSTEM, columns=SYSTEM_COLUMNS)
    begun = [line for line in lines if re.match(rf"\[?{STAMP}", line)]
    if lines[0] in begun and "\t" not in lines[0] and len(begun) > 0.3 * len(lines) and share_of(begun, ENTRY) > MOST:
        return functools.partial(entries_table, form=ENTRY, columns=ENTRY_COLUMNS)
    return None


def share_of(lines: list[str], form: re.Pattern[str]) -> float:
    return sum(form.fullmatch(line.strip()) is not None for line in lines) / max(len(lines), 1)


def w3c_table(lines: Lines, name: str, size: int, details: dict[str, Any], *, fields: list[str]) -> Table:
    """Columns as the line `#Fields:` names them; "-" is nothing."""
    table = Table(name, "access_log", fields, iter(()), size, details)
    table.batches = batched(w3c_rows(lines, table))
    log_reading(table, _("A log in the extended format of the W3C, a row for each entry"))
    return table


def w3c_rows(lines: Lines, table: Table) -> Iterator[tuple[str | None, ...]]:
    for line in lines:
        lines.mark()
        text = line.strip("\r\n\ufeff ")
        if text.startswith("#") and (match := FIELDS.match(text)) and match[1].split() != table.columns:
            table.refuse(lines.number, "names other fields than the first lines")
        if not text or text.startswith("#"):
            continue
        cells = text.split("\t") if "\t" in text else re.findall(r'"[^"]*"|\S+', text)
        if len(cells) != len(table.columns):
            table.refuse(lines.number, f"has {len(cells)} fields instead of {len(table.columns)}")
            continue
        yield tuple(None if cell == "-" else cell.strip('"') for cell in cells)


def entries_table(
    lines: Lines, name: str, size: int, details: dict[str, Any], *, form: re.Pattern[str], columns: tuple[str, ...]
) -> Table:
    """A row for each entry; lines without a time of their own go on with the text before."""
    table = Table(name, "log", list(columns), iter(()), size, details)
    table.batches = batched(entries_of(lines, table, form))
    log_reading(table, _("A log, a row for each entry"))
    return table


def entries_of(lines: Lines, table: Table, form: re.Pattern[str]) -> Iterator[tuple[str | None, ...]]:
    entry: dict[str, str | None] | None = None
    for line in lines:
        lines.mark()
        text = line.strip("\r\n\ufeff")
        match = form.fullmatch(text.strip())
        if match is None:
            if entry is None and text.strip():
                table.refuse(lines.number, "belongs to no entry of the log")
            elif entry is not None and len(entry["text"] or "") < MAX_TEXT:
                entry["text"] = f"{entry['text']}\n{text}"
            elif text.strip():
                table.refuse(lines.number, "goes on with an entry that is too long")
            continue
        if entry is not None:
            yield row_of(entry, table)
        entry = dict(match.groupdict())
        if "before" in entry:
            entry["source"] = (entry["before"] or "").strip(" \t[]().:-")
    if entry is not None:
        yield row_of(entry, table)


def row_of(entry: dict[str, str | None], table: Table) -> tuple[str | None, ...]:
    return tuple((entry[column] or "").strip() or None for column in table.columns)


def log_reading(table: Table, sentence: str) -> None:
    table.readings.append(Reading("form", table.format, sentence, file=table.name))


def looks_like_access_log(sample: str) -> bool:
    lines = [line for line in sample.splitlines()[:200] if line.strip()]
    return len(lines) >= FEWEST and sum(REQUEST.fullmatch(line.strip()) is not None for line in lines) > MOST * len(lines)  # fmt: skip


def access_log_table(lines: Lines, name: str, size: int, details: dict[str, Any], *, sample: str) -> Table:
    """Columns of `COLUMNS`, of the combined format `BEHIND`, and `site` or `rest` where the first lines have more; "-" is nothing."""
    matches = [match for line in sample.splitlines()[:200] if (match := REQUEST.fullmatch(line.strip()))]
    wider = {key for key in ("site", "rest") if any((match[key] or "").strip() for match in matches)}
    columns = [*(["site"] if "site" in wider else []), *COLUMNS]
    columns += BEHIND if any(match[9] is not None for match in matches) else ()
    columns += ["rest"] if "rest" in wider else []
    table = Table(name, "access_log", columns, iter(()), size, details)
    table.batches = batched(requests_of(lines, table))
    log_reading(table, _("An access log of a web server, a row for each request"))
    return table


def requests_of(lines: Lines, table: Table) -> Iterator[tuple[str | None, ...]]:
    for line in lines:
        lines.mark()
        text = line.strip()
        if not text:
            continue
        match = REQUEST.fullmatch(text)
        if match is None:
            table.refuse(lines.number, "is not a request of an access log")
            continue
        cells = cells_of(match)
        if any(value is not None and key not in table.columns for key, value in cells.items()):
            table.refuse(lines.number, "has more fields than the first lines")
            continue
        yield tuple(cells.get(column) for column in table.columns)


def cells_of(match: re.Match[str]) -> dict[str, str | None]:
    request = unescaped(match[6])
    parts = LINE.fullmatch(request)
    method, path, protocol = parts.groups() if parts else (None, request, None)
    cells = {
        **{key: match[key] for key in ("site", "host", "ident", "user", "time", "status", "bytes")},
        "method": method,
        "path": path,
        "protocol": protocol,
        "referrer": unescaped(match[9]),
        "user_agent": unescaped(match[10]),
        "rest": (match["rest"] or "").strip(),
    }
    return {key: None if value in ("", "-", None) else value for key, value in cells.items()}


def unescaped(text: str | None) -> str:
    return re.sub(r'\\(["\\])', r"\1", text or "")
