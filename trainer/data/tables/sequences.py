"""Sequences of proteins and nucleic acids: FASTA (a line that begins with `>`, then letters) and FASTQ (with the quality of each letter)."""

import re
from collections.abc import Iterator
from typing import Any

from trainer.data.readings import Reading
from trainer.data.tables.chats import batches
from trainer.data.tables.streams import Lines
from trainer.data.tables.table import Table
from trainer.messages import Message, _

FASTA_COLUMNS, FASTQ_COLUMNS = ["id", "description", "sequence"], ["id", "description", "sequence", "quality"]
LETTERS = re.compile(r"[A-Z*.~-]+|[acgtun.*-]+|[A-Z*acgtunx.-]+")
"""Residues, gaps and stops; repeats are masked by small letters."""
LEAST, MOSTLY = 2, 0.95
MAX_SEQUENCE = 1_000_000


def looks_like_fasta(sample: str) -> bool:
    """Whether a line of letters alone follows each line that begins with `>`."""
    lines = [line.strip() for line in sample.splitlines()[:400] if line.strip() and not line.startswith(";")]
    if not lines or lines[0][:1] != ">" or len(lines[0]) < 2:
        return False
    heads = [place for place, line in enumerate(lines) if line[0] == ">"]
    followed = [lines[place + 1] for place in heads if place + 1 < len(lines)]
    letters = sum(LETTERS.fullmatch(line) is not None for line in lines)
    is_enough = len(heads) >= LEAST or sum(map(len, lines[1:])) >= 40
    return is_enough and bool(followed) and all(map(LETTERS.fullmatch, followed)) and letters >= MOSTLY * (len(lines) - len(heads))  # fmt: skip


def looks_like_fastq(sample: str) -> bool:
    lines = [line.rstrip() for line in sample.splitlines()[:400]]
    reads = [lines[place : place + 4] for place in range(0, len(lines) - 3, 4)]
    return len(reads) > 0 and sum(map(is_read, reads)) > 0.7 * len(reads)


def is_read(read: list[str]) -> bool:
    head, sequence, plus, quality = read
    return head[:1] == "@" and plus[:1] == "+" and len(sequence) == len(quality) > 0 and LETTERS.fullmatch(sequence) is not None  # fmt: skip


def fasta_table(lines: Lines, name: str, size: int, details: dict[str, Any]) -> Table:
    table = Table(name, "fasta", list(FASTA_COLUMNS), iter(()), size, details)
    return sequences(table, read_fasta(lines, table), _("Sequences (FASTA), a row for each"))


def fastq_table(lines: Lines, name: str, size: int, details: dict[str, Any]) -> Table:
    table = Table(name, "fastq", list(FASTQ_COLUMNS), iter(()), size, details)
    return sequences(table, read_fastq(lines, table), _("Sequences with their quality (FASTQ), a row for each"))


def sequences(table: Table, rows: Iterator[dict[str, str | None]], sentence: Message) -> Table:
    """What names a sequence is no label unless somebody says so."""
    table.batches, table.apart = batches(rows, table.columns), frozenset({"id", "quality"})
    table.suggested = {"text": "sequence"}
    table.readings.append(Reading("form", table.format, sentence, file=table.name))
    return table


def named_parts(head: str) -> dict[str, str | None]:
    name, _blank, description = head.strip().partition(" ")
    return {"id": name, "description": description.strip() or None}


def read_fasta(lines: Lines, table: Table) -> Iterator[dict[str, str | None]]:
    head, number, length = "", 0, 0
    pieces: list[str] = []
    for line in lines:
        lines.mark()
        text = line.strip().lstrip("\ufeff")
        if text.startswith(">"):
            yield from finished(head, number, pieces, length, table)
            head, number, pieces, length = text[1:], lines.number, [], 0
        elif text.startswith(";") or not text:
            continue  # a comment of the form's first version
        elif not number:
            table.refuse(lines.number, "stands above the first sequence")
        else:
            length += len(text)
            pieces += [text] if length <= MAX_SEQUENCE else []
    yield from finished(head, number, pieces, length, table)


def finished(head: str, number: int, pieces: list[str], length: int, table: Table) -> Iterator[dict[str, str | None]]:
    if not number:
        return
    if not pieces or length > MAX_SEQUENCE:
        table.refuse(number, "has no sequence" if not pieces else f"has more than {MAX_SEQUENCE:,} letters")
        return
    yield named_parts(head) | {"sequence": "".join(pieces)}


def read_fastq(lines: Lines, table: Table) -> Iterator[dict[str, str | None]]:
    """Of a read that is broken no more than its own lines are refused: the next begins with its `@`."""
    read: list[str] = []
    for line in lines:
        lines.mark()
        text = line.strip("\r\n\ufeff")
        if not text.strip() and not read:
            continue
        read.append(text)
        if read[0][:1] != "@":
            table.refuse(lines.number, "begins no sequence (@)")
            read = []
        elif len(read) == 4:
            if is_read(read):
                yield named_parts(read[0][1:]) | {"sequence": read[1], "quality": read[3]}
            else:
                table.refuse(lines.number - 3, "is a sequence whose quality has another length")
            read = []
    if read:
        table.refuse(lines.number - len(read) + 1, "is a sequence that was cut short")
