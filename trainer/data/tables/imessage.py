"""Chats of Apple's Messages as imessage-exporter writes them into a text: for each message a line with its time, one with who wrote it,
and what was written, then a blank line."""

import re
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from trainer.data.exports.base import Conversion
from trainer.data.readings import Reading
from trainer.data.tables.chats import CHAT_COLUMNS, MAX_TEXT, batches
from trainer.data.tables.streams import Lines
from trainer.data.tables.table import Table
from trainer.messages import _

TIME = re.compile(
    r"(?P<indent>\s*)(?P<time>[A-Z][a-z]{2} \d{2}, \d{4}\s{1,2}\d{1,2}:\d{2}:\d{2} [AP]M)(?: \(Read by .{1,80}\))?(?P<rest> .*)?"
)
REACTIONS = re.compile(r"\s*(Tapbacks|Reactions|Sticker(s)?):")
REACTION = re.compile(
    r"\s*(Loved|Liked|Disliked|Laughed|Emphasized|Questioned|Removed|Sticker|\S{1,8}) (by|from) .{1,100}"
)
NOTES = re.compile(
    r"\s*(This message responded to an earlier message\.|Sent with .{1,60}|Edited .{1,40} later: .*|Message expired\.?)"
)
MEDIA = re.compile(
    r"(/|~/|[A-Za-z]:\\|\.{0,2}/?attachments/).{1,300}\.\w{2,5}|Attachment missing!?|Attachment does not exist!?.*|.{1,200}\.(heic|jpe?g|png|gif|mov|mp4|caf|m4a|amr|pdf|vcf|pluginPayloadAttachment)",
    re.IGNORECASE,
)
REACTED = "\x00"
"""Stands for the line above the reactions to a message: lines of texts have no such character."""
LEAST = 3


def looks_like_imessage(sample: str) -> bool:
    """By times, each with a line of an author below it."""
    lines = [line for line in sample.splitlines()[:400] if line.strip()]
    times = [place for place, line in enumerate(lines[:-1]) if TIME.fullmatch(line)]
    if len(times) < LEAST or TIME.fullmatch(lines[0]) is None:
        return False
    return sum(not TIME.fullmatch(lines[place + 1]) for place in times) >= 0.8 * len(times)


def imessage_table(lines: Lines, name: str, size: int, details: dict[str, Any]) -> Table:
    """Columns time, author, text; what the program says, reactions and media without text are left out and counted."""
    table = Table(name, "imessage", list(CHAT_COLUMNS), iter(()), size, details | {"export": "imessage"})
    table.apart = frozenset({"author"})
    table.batches = batches(read_messages(lines, table), CHAT_COLUMNS)
    table.readings.append(Reading("export", "iMessage", _("A chat of Apple’s Messages, a row for each message"), file=name))  # fmt: skip
    return table


def read_messages(lines: Lines, table: Table) -> Iterator[dict[str, str | None]]:
    conversion = Conversion("iMessage", table.name)
    message: dict[str, str | None] | None = None
    for line in lines:
        lines.mark()
        text = line.strip("\r\n\ufeff")
        if match := TIME.fullmatch(text):
            yield from finished(message, conversion)
            message = {"time": moment(match["time"]), "author": None, "text": ""} if not match["rest"] else None
            if match["rest"]:  # “May 17, 2022  5:29:42 PM You renamed the conversation”
                conversion.leave_out("notice", {"text": match["rest"].strip()})
        elif message is not None:
            go_on(message, text, conversion)
        elif text.strip():
            table.refuse(lines.number, "belongs to no message")
    yield from finished(message, conversion)
    table.left_out += conversion.all_left_out()


def go_on(message: dict[str, str | None], text: str, conversion: Conversion) -> None:
    """Adds a line below the time of a message: its author first, then what was written; reactions and notes are told."""
    before = message["text"] or ""
    if message["author"] is None:
        message["author"] = text.strip() or None
    elif NOTES.fullmatch(text):
        conversion.leave_out("notice", {"text": text.strip()})
    elif REACTION.fullmatch(text) and REACTED in before:
        conversion.leave_out("reaction", {"text": text.strip()})
    elif len(before) < MAX_TEXT:
        message["text"] = f"{before}\n{REACTED if REACTIONS.fullmatch(text) else text}"


def finished(message: dict[str, str | None] | None, conversion: Conversion) -> Iterator[dict[str, str | None]]:
    """The message without the paths of its media, unless it has no other text."""
    if message is None:
        return
    text = (message["text"] or "").replace(REACTED, "")
    lines = [line for line in text.strip().splitlines() if line.strip()]
    words = [line for line in lines if not MEDIA.fullmatch(line.strip())]
    if lines and not words:
        conversion.leave_out("media", {"text": lines[0].strip()})
    elif not words:
        conversion.leave_out("notice", {"text": message["author"]})
    else:
        for media in [line for line in lines if line not in words]:
            conversion.leave_out("attachment", {"text": media.strip()})
        yield message | {"text": "\n".join(line.strip() for line in words)}


def moment(text: str) -> str:
    """As ISO 8601."""
    try:
        return datetime.strptime(" ".join(text.split()), "%b %d, %Y %I:%M:%S %p").isoformat(sep=" ")
    except ValueError:
        return text
