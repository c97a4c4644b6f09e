"""Subtitles (SRT, VTT) and transcripts of talks, alone in their file: a row for each passage, with its time and who speaks."""

import re
from collections.abc import Iterator
from typing import Any

from trainer.data.readings import Reading
from trainer.data.tables.chats import batches
from trainer.data.tables.streams import Lines
from trainer.data.tables.table import Table
from trainer.messages import Message, _

TIME = r"(?:\d{1,3}:)?\d{1,2}:\d{2}(?:[.,]\d{1,3})?"
CUE = re.compile(rf"\s*({TIME})\s*-->\s*({TIME})(?:\s.*)?")
VOICE = re.compile(r"<v(?:\.[^ >]*)?\s+([^>]{1,80})>")
MARK = re.compile(r"<[^>]{0,200}>|\{\\[^}]{0,200}\}")
SAID = re.compile(rf"(?P<speaker>[^\W\d_][^\n:]{{0,59}}?)(?:\s{{1,4}}|\s*[-–|,(\[]\s*)(?P<start>{TIME})[)\]]?\s*:?")
"""The line above what somebody says, as Otter and other services write it: “Ann Lee  0:05”, “Speaker 2 (00:01:05)”."""
CUE_COLUMNS, SAID_COLUMNS = ["start", "end", "speaker", "text"], ["start", "speaker", "text"]
LEAST, MOSTLY = 3, 0.7
MAX_TEXT = 200_000


def looks_like_subtitles(sample: str) -> bool:
    lines = [line for line in sample.splitlines()[:300] if line.strip()]
    cues = sum(CUE.fullmatch(line) is not None for line in lines)
    return cues > 0 and (
        lines[0].lstrip("\ufeff").startswith("WEBVTT") or CUE.fullmatch(lines[min(1, len(lines) - 1)]) is not None
    )


def looks_like_transcript(sample: str) -> bool:
    """Whether nearly all blocks between blank lines begin with who speaks and when."""
    blocks = [block.splitlines() for block in re.split(r"(?:\r?\n[ \t]*){2,}", sample.strip("\ufeff\r\n \t"))][:100]
    spoken_blocks = [block for block in blocks if len(block) > 1 and SAID.fullmatch(block[0].strip())]
    return len(spoken_blocks) >= LEAST and len(spoken_blocks) > MOSTLY * len(blocks)


def subtitles_table(lines: Lines, name: str, size: int, details: dict[str, Any]) -> Table:
    table = Table(name, "subtitles", list(CUE_COLUMNS), iter(()), size, details)
    return passages(table, CUE_COLUMNS, read_cues(lines, table), _("Subtitles, a row for each passage with its time"))


def transcript_table(lines: Lines, name: str, size: int, details: dict[str, Any]) -> Table:
    table = Table(name, "transcript", list(SAID_COLUMNS), iter(()), size, details)
    sentence = _("A transcript, a row for each passage with its time and speaker")
    return passages(table, SAID_COLUMNS, read_said(lines, table), sentence)


def passages(table: Table, columns: list[str], rows: Iterator[dict[str, str | None]], sentence: Message) -> Table:
    """Who speaks and when is not a label unless somebody says so."""
    table.batches, table.apart = batches(rows, columns), frozenset({"speaker", "start", "end"})
    table.readings.append(Reading("form", table.format, sentence, file=table.name))
    return table


def read_cues(lines: Lines, table: Table) -> Iterator[dict[str, str | None]]:
    """Numbers and names above the times, notes and styles are not records; what is said without a time is refused."""
    waiting: list[tuple[int, str]] = []  # a block up to its line of times
    cue: dict[str, str | None] | None = None
    for line in lines:
        lines.mark()
        text = line.strip("\r\n\ufeff").strip()
        if match := CUE.fullmatch(text):
            if cue is not None:
                yield spoken(cue)
            waiting, cue = [], {"start": match[1], "end": match[2], "text": ""}
        elif not text:
            if cue is not None:
                yield spoken(cue)
            refuse_block(waiting, table)
            waiting, cue = [], None
        elif cue is None:
            waiting.append((lines.number, text))
        elif len(cue["text"] or "") < MAX_TEXT:
            cue["text"] = f"{cue['text']} {text}".strip()
    if cue is not None:
        yield spoken(cue)
    refuse_block(waiting, table)


def refuse_block(block: list[tuple[int, str]], table: Table) -> None:
    if block and re.match(r"(WEBVTT|NOTE|STYLE|REGION|X-TIMESTAMP|Kind:|Language:)", block[0][1]) is None:
        for number, _text in block:
            table.refuse(number, "has no time")


def spoken(cue: dict[str, str | None]) -> dict[str, str | None]:
    marked = cue["text"] or ""
    voice = VOICE.search(marked)
    text = " ".join(MARK.sub(" ", marked).split())
    return {"start": cue["start"], "end": cue["end"], "speaker": voice[1].strip() if voice else None, "text": text or None}  # fmt: skip


def read_said(lines: Lines, table: Table) -> Iterator[dict[str, str | None]]:
    record: dict[str, str | None] | None = None
    is_begun = True  # above a block
    for line in lines:
        lines.mark()
        text = line.strip("\r\n\ufeff").strip()
        match = SAID.fullmatch(text) if is_begun else None
        is_begun = not text
        if match:
            if record is not None:
                yield record
            record = {"start": match["start"], "speaker": match["speaker"].strip(), "text": None}
        elif text and record is None:
            table.refuse(lines.number, "has no time")
        elif text and record is not None and len(record["text"] or "") < MAX_TEXT:
            record["text"] = f"{record['text']}\n{text}" if record["text"] else text
    if record is not None:
        yield record
