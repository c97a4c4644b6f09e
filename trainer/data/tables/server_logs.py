"""Access logs of web servers (Apache, nginx, Caddy's and others' in that form), a row for each request: the common log format and the
combined one, which adds the page before and the browser."""

import re
from collections.abc import Iterator
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


def looks_like_access_log(sample: str) -> bool:
    lines = [line for line in sample.splitlines()[:200] if line.strip()]
    return len(lines) >= FEWEST and sum(REQUEST.fullmatch(line.strip()) is not None for line in lines) > MOST * len(lines)  # fmt: skip


def access_log_table(lines: Lines, name: str, size: int, details: dict[str, Any], *, sample: str) -> Table:
    """Columns of `COLUMNS`, of the combined format `BEHIND`, and `site` or `rest` where the first lines have more; "-" is nothing."""
    found = [match for line in sample.splitlines()[:200] if (match := REQUEST.fullmatch(line.strip()))]
    wider = {key for key in ("site", "rest") if any((match[key] or "").strip() for match in found)}
    columns = [*(["site"] if "site" in wider else []), *COLUMNS]
    columns += BEHIND if any(match[9] is not None for match in found) else ()
    columns += ["rest"] if "rest" in wider else []
    table = Table(name, "access_log", columns, iter(()), size, details)
    table.batches = batched(requests_of(lines, table))
    table.readings.append(Reading("form", "access_log", _("An access log of a web server, a row for each request"), file=name))  # fmt: skip
    return table


def requests_of(lines: Lines, table: Table) -> Iterator[tuple[str | None, ...]]:
    for line in lines:
        lines.mark()
        text = line.strip()
        if not text:
            continue
        match = REQUEST.fullmatch(text)
        if match is None:
            table.refuse(lines.number, "is no request of an access log")
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
