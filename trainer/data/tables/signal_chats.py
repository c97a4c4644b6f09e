"""Chats of Signal as signal-export writes them into Markdown: “[2019-05-29, 15:04] Me: How is everyone?”, with reactions, quoted messages
and links to media below."""

import re
from collections.abc import Iterator
from typing import Any

from trainer.data.exports.base import Conversion
from trainer.data.readings import Reading
from trainer.data.tables.chats import CHAT_COLUMNS, MAX_TEXT, batches
from trainer.data.tables.streams import Lines
from trainer.data.tables.table import Table
from trainer.messages import _

MESSAGE = re.compile(r"\\?\[(?P<time>\d{4}-\d{2}-\d{2},? \d{2}:\d{2})\\?\] (?P<author>[^:\n]{1,80}): ?(?P<text>.*)")
REACTIONS = re.compile(r"\s*\(- .{1,500} -\)\s*")
MARKED = re.compile(r"!\[[^\]]{0,200}\]\([^)]{1,300}\)|\[[^\]]{0,200}\]\(\.?/?media/[^)]{1,300}\)")
QUOTE = re.compile(r"\s*>.*")
LEAST, MOSTLY = 3, 0.2


def looks_like_signal(sample: str) -> bool:
    lines = [line.strip() for line in sample.splitlines()[:300] if line.strip()]
    begun = sum(MESSAGE.fullmatch(line) is not None for line in lines)
    other = [line for line in lines if not MESSAGE.fullmatch(line)]
    is_marked = any(REACTIONS.fullmatch(line) or MARKED.search(line) or QUOTE.fullmatch(line) for line in other)
    is_first = bool(lines) and MESSAGE.fullmatch(lines[0]) is not None
    return is_first and begun >= LEAST and begun > MOSTLY * len(lines) and (is_marked or ", " in lines[0][:14])


def signal_table(lines: Lines, name: str, size: int, details: dict[str, Any]) -> Table:
    """Columns time, author, text; reactions, quoted messages and links to media are left out and counted."""
    table = Table(name, "signal", list(CHAT_COLUMNS), iter(()), size, details | {"export": "signal"})
    table.apart = frozenset({"author"})
    table.batches = batches(read_messages(lines, table), CHAT_COLUMNS)
    table.readings.append(Reading("export", "Signal", _("A chat of Signal, a row for each message"), file=name))
    return table


def read_messages(lines: Lines, table: Table) -> Iterator[dict[str, str | None]]:
    conversion = Conversion("Signal", table.name)
    message: dict[str, str | None] | None = None
    for line in lines:
        lines.mark()
        text = line.strip("\r\n\ufeff")
        if match := MESSAGE.fullmatch(text.strip()):
            yield from finished(message, conversion)
            message = {key: match[key].strip() for key in CHAT_COLUMNS}
        elif message is None:
            if text.strip():
                table.refuse(lines.number, "belongs to no message")
        elif REACTIONS.fullmatch(text):
            conversion.leave_out("reaction", {"text": text.strip()})
        elif QUOTE.fullmatch(text):
            conversion.leave_out("quoted", {"text": text.strip()})
        elif len(message["text"] or "") < MAX_TEXT:
            message["text"] = f"{message['text']}\n{text.rstrip()}"
    yield from finished(message, conversion)
    table.left_out += conversion.all_left_out()


def finished(message: dict[str, str | None] | None, conversion: Conversion) -> Iterator[dict[str, str | None]]:
    if message is None:
        return
    text = message["text"] or ""
    media = MARKED.findall(text)
    words = MARKED.sub("", text).strip()
    if words:
        for link in media:
            conversion.leave_out("attachment", {"text": link})
        yield message | {"text": words}
    else:
        conversion.leave_out("media" if media else "blank", {"text": text.strip()})
