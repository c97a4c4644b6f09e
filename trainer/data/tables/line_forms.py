"""Texts that are tables in a form of their own: fastText's labels, `Key: value` blocks, Weka's ARFF and LIBSVM's sparse rows."""

import csv
import functools
import json
import re
from collections import Counter
from collections.abc import Callable, Iterator
from itertools import chain
from typing import Any

from trainer.data.readings import Reading
from trainer.data.tables.streams import Lines
from trainer.data.tables.table import (
    BATCH_ROWS,
    MAX_COLUMNS,
    MAX_FIELD_CHARACTERS,
    MAX_FIELDS,
    Columns,
    Table,
    check_columns,
    named,
)
from trainer.data.tables.wide import narrow
from trainer.messages import _

MOST = 0.9
"""Share of the lines that have a form."""
FEWEST = 3
LABEL = re.compile(r"(?:__label__\S+[ \t,]*)+")
KEY = re.compile(r"([A-Za-z][\w./()\- ]{0,39}):(?:[ \t]+(.*)|)")
SPARSE = re.compile(r"[-+]?\d[\d.,eE+-]*(?:\s+qid:\d+)?(?:\s+\d+:[-+\d.eE]+)+\s*(?:#.*)?")
ATTRIBUTE = re.compile(r"@attribute\s+('(?:\\.|[^'])*'|\"(?:\\.|[^\"])*\"|\S+)", re.IGNORECASE)
Opener = Callable[[Lines, str, int, dict[str, Any]], Table]
Rows = Iterator[tuple[str | None, ...]]


def find_line_form(sample: str) -> Opener | None:
    """The reader of a text in one of these forms; None for any other."""
    lines = [line for line in sample.splitlines()[:200] if line.strip()]
    if len(lines) >= FEWEST and share(lines, LABEL.match) > MOST:
        return functools.partial(fasttext_table, has_several=any(line.count("__label__") > 1 for line in lines))
    if len(lines) >= FEWEST and share(lines, lambda line: SPARSE.fullmatch(line.strip())) > MOST:
        return libsvm_table
    first = next((line for line in lines if not line.startswith("%")), "")
    if first.lower().startswith("@relation"):
        return arff_table
    return block_table if are_blocks(sample) else None


def share(lines: list[str], test: Callable[[str], object]) -> float:
    return sum(bool(test(line)) for line in lines) / len(lines)


def batched(rows: Rows) -> Iterator[Columns]:
    batch: list[tuple[str | None, ...]] = []
    for row in rows:
        batch.append(row)
        if len(batch) >= BATCH_ROWS:
            yield list(zip(*batch, strict=True))
            batch = []
    if batch:
        yield list(zip(*batch, strict=True))


def form_reading(table: Table, name: str, sentence: str) -> None:
    table.readings.append(Reading("form", name, sentence, file=table.name))


# fastText


def fasttext_table(lines: Lines, name: str, size: int, details: dict[str, Any], has_several: bool = False) -> Table:
    """Columns `text` and `label`; `labels`, a list, where lines have several."""
    answer = "labels" if has_several else "label"
    table = Table(name, "fasttext", ["text", answer], iter(()), size, details)
    table.suggested = {"text": "text", answer: answer}
    table.batches = batched(fasttext_rows(lines, has_several))
    form_reading(table, "fasttext", _("Lines of fastText: each begins with its labels"))
    return table


def fasttext_rows(lines: Lines, has_several: bool) -> Rows:
    for line in lines:
        lines.mark()
        text = line.strip()
        if not text:
            continue
        match = LABEL.match(text)
        split = (match[0] if match else "").split("__label__")
        labels = [label.strip(", \t") for label in split if label.strip(", \t")]
        as_list = has_several or len(labels) > 1
        cell = json.dumps(labels, ensure_ascii=False) if as_list else labels[0] if labels else None
        yield text[match.end() if match else 0 :].strip() or None, cell


# Blocks of `Key: value`


def blocks_of(sample: str) -> list[list[str]]:
    return [
        block.splitlines() for block in re.split(r"(?:\r?\n[ \t]*){2,}", sample.strip("\r\n\ufeff ")) if block.strip()
    ]


def are_blocks(sample: str) -> bool:
    """Whether blank lines part records of lines that begin with names, the first of which is mostly the same."""
    blocks = blocks_of(sample[:50_000])[:200]
    if len(blocks) < FEWEST:
        return False
    keys = [[match[1] for line in block if (match := KEY.fullmatch(line.strip()))] for block in blocks]
    firsts, count = Counter(block[0] if block else "" for block in keys).most_common(1)[0]
    seen = Counter(key for block in keys for key in set(block))
    common = [key for key, times in seen.items() if times > 0.5 * len(blocks)]
    distinct = sum(len(set(block)) == len(block) for block in keys)
    named_lines = sum(map(len, keys)) > 0.5 * sum(map(len, blocks))
    return (
        bool(firsts)
        and count > MOST * len(blocks)
        and len(common) > 1
        and distinct > MOST * len(blocks)
        and named_lines
    )


def block_records(lines: Lines, table: Table) -> Iterator[dict[str, str]]:
    record: dict[str, str] = {}
    last = ""
    for line in lines:
        lines.mark()
        text = line.strip("\r\n\ufeff")
        match = KEY.fullmatch(text.strip())
        if not text.strip():
            if record:
                yield record
            record, last = {}, ""
        elif match and match[1] not in record:
            last = match[1]
            record[last] = match[2] or ""
        elif last:
            record[last] = f"{record[last]}\n{text.strip()}".strip()
        else:
            table.refuse(lines.number, "belongs to no name")
    if record:
        yield record


def block_table(lines: Lines, name: str, size: int, details: dict[str, Any]) -> Table:
    """A row for each block; the columns are the names of the first ten thousand."""
    from trainer.data.tables.jsonrows import object_table

    table = Table(name, "blocks", [], iter(()), size, details)
    form_reading(table, "blocks", _("Blank lines part records, each line of which begins with the name of its column"))
    return object_table(table, ((number, record) for number, record in enumerate(block_records(lines, table), 1)))


# ARFF of Weka


def arff_table(lines: Lines, name: str, size: int, details: dict[str, Any]) -> Table:
    """The columns are the attributes; a `?` is nothing."""
    attributes: list[str] = []
    for line in lines:
        lines.mark()
        text = line.strip()
        if match := ATTRIBUTE.match(text):
            attributes.append(match[1].strip("'\""))
        elif text.lower().startswith("@data"):
            break
    check_columns(attributes, name, MAX_FIELDS)
    table = Table(name, "arff", named(attributes) or ["column 1"], iter(()), size, details)
    table.batches = batched(arff_rows(lines, table))
    form_reading(table, "arff", _("A file of Weka (ARFF): its attributes are the columns"))
    narrow(table)
    return table


def arff_rows(lines: Lines, table: Table) -> Rows:
    width = len(table.columns)
    for line in lines:
        lines.mark()
        text = line.strip()
        if not text or text.startswith("%"):
            continue
        if text.startswith("{"):
            table.refuse(lines.number, "is a sparse row of ARFF")
            continue
        quote = '"' if text.count('"') > text.count("'") else "'"
        try:
            row = next(csv.reader([text], quotechar=quote, escapechar="\\", skipinitialspace=True), [])
        except csv.Error:
            table.refuse(lines.number, f"has a cell of more than {MAX_FIELD_CHARACTERS:,} characters")
            continue
        if len(row) != width:
            table.refuse(lines.number, f"has {len(row)} fields instead of {width}")
            continue
        yield tuple(None if cell == "?" else cell for cell in row)


# LIBSVM, SVMlight


def libsvm_table(lines: Lines, name: str, size: int, details: dict[str, Any]) -> Table:
    """Columns `label`, `qid` where there is one, and a column for each feature of the first rows; what a row leaves out is 0."""
    ahead = []
    for line in lines:
        lines.mark()
        ahead.append((lines.number, line))
        if len(ahead) >= BATCH_ROWS:
            break
    numbers = sorted({int(number) for _line, text in ahead for number in re.findall(r"(?<!\S)(\d+):(?=[-+\d.])", text)})
    has_groups = any(" qid:" in text for _line, text in ahead)
    table = Table(name, "libsvm", [], iter(()), size, details)
    table.columns = ["label", *(["qid"] if has_groups else []), *(f"feature_{number}" for number in numbers)]
    check_columns(table.columns, name, MAX_FIELDS)
    table.group = "qid" if has_groups else ""

    def rest() -> Iterator[tuple[int, str]]:
        for line in lines:
            lines.mark()
            yield lines.number, line

    table.batches = batched(libsvm_rows(chain(ahead, rest()), table, numbers, has_groups))
    form_reading(table, "libsvm", _("Rows of LIBSVM: the label, then the features that are not 0"))
    narrow(table)
    return table


def libsvm_rows(lines: Iterator[tuple[int, str]], table: Table, numbers: list[int], has_groups: bool) -> Rows:
    known = {str(number): number for number in numbers}
    for line, raw in lines:
        text = raw.partition("#")[0].split()
        if not text:
            continue
        label, *cells = text
        values = {key: value for key, _colon, value in (cell.partition(":") for cell in cells)}
        group = values.pop("qid", None)
        if any(not value for value in values.values()):
            table.refuse(line, "is not a row of LIBSVM")
            continue
        for key in values.keys() - known.keys():
            if len(table.late) < MAX_COLUMNS:
                table.late[f"feature_{key}"] += 1
        yield (
            label.removeprefix("+"),
            *([group] if has_groups else []),
            *(values.get(str(number), "0") for number in numbers),
        )
