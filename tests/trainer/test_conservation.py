"""Records that came in are records kept plus records told, whatever is wrong with a file: over generated files of every format.

Each record carries a mark of its own, so that one that is swallowed by another is noticed."""

import csv
import io
import json
import os
import random
import re
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.trainer.data_files import zipped
from tests.trainer.test_data_uploads import workbook
from trainer.data.gathering import gather_rows
from trainer.data.readings import Choices
from trainer.data.tables.formats import open_table
from trainer.data.tables.jsonrows import convert_table
from trainer.data.uploads import unpack_uploads
from trainer.events import silent

FILES = int(os.environ.get("MAQUETTE_CONSERVED", "200"))
"""How many are generated; the long suite reads 2,000."""
DRAW = os.environ.get("MAQUETTE_CONSERVED_SEED", "")
"""Behind every seed: another word draws other files."""
MARK = re.compile(r"rec-\d+-end")
WORDS = [
    "the",
    "parcel",
    "came",
    "late",
    "and",
    "nobody",
    "answered,",
    "my",
    "order",
    "was",
    "wrong;",
    "please",
    "call",
    "back",
    "|",
    "thanks",
    "for",
    "all",
]
LABELS = ("refund", "delivery", "login")
Row = list[str]


def texts(draw: random.Random, number: int) -> str:
    return f"rec-{number}-end " + " ".join(draw.choice(WORDS) for _word in range(draw.randint(3, 12)))


def records(draw: random.Random) -> list[Row]:
    count = draw.randint(12, 60)
    return [[str(number), texts(draw, number), draw.choice(LABELS)] for number in range(count)]


def csv_lines(draw: random.Random, rows: list[Row]) -> tuple[str, int]:
    """A text of records and what people's files have around them, and how many lines of it are no blanks and no header."""
    delimiter = draw.choice([",", ";", "\t", "|"])
    quoting = draw.choice([csv.QUOTE_MINIMAL, csv.QUOTE_ALL])
    end = draw.choice(["\n", "\r\n"])

    def line(row: Row) -> str:
        buffer = io.StringIO(newline="")
        csv.writer(buffer, delimiter=delimiter, quoting=quoting, lineterminator=end).writerow(row)
        return buffer.getvalue()

    def written(row: Row) -> str:
        unclosed = delimiter.join([row[0], '"' + row[1].replace(delimiter, " "), row[2]]) + end
        faults = [
            unclosed,
            line([*row, "one", "more"]),
            line(row[:2]),
            line([row[0], row[1] + "\nSecond line,\n\nand more", row[2]]),
            line(row).replace("rec-", 'he said "so" rec-'),
        ]
        return draw.choice(faults) if draw.random() < 0.15 else line(row)

    lines = [line(["id", "text", "label"])]
    told = 0
    for row in rows:
        lines.append(written(row))
        if draw.random() < 0.03:
            lines.append(draw.choice([end, "  " + end]))
        if draw.random() < 0.03:
            lines.append(line(["id", "text", "label"]))
            told += 1
        if draw.random() < 0.02:
            lines.append(line([draw.choice(["Page 3 of 9", "Seite 2", "第 4 页"]), "", ""]))
            told += 1
    if draw.random() < 0.3:
        lines = ["Report of all\n", "1 May 2024 - 31 May 2024\n", "\n", *lines]
        told += 2
    if draw.random() < 0.3:
        lines += ["\n", line(["Total", "", ""]), "Page 1 of 1" + end]
        told += 2
    return "".join(lines), told


def json_lines(draw: random.Random, rows: list[Row]) -> tuple[str, int]:
    lines = []
    for row in rows:
        fault = draw.random()
        text = json.dumps(dict(zip(("id", "text", "label"), row, strict=True)))
        lines.append(text[:-3] if fault < 0.05 else json.dumps(row) if fault < 0.08 else text)
        if fault > 0.97:
            lines.append("")
    return "\n".join(lines) + "\n", 0


def json_document(draw: random.Random, rows: list[Row]) -> tuple[str, int]:
    listed: list[object] = [dict(zip(("id", "text", "label"), row, strict=True)) for row in rows]
    if draw.random() < 0.3:
        listed[draw.randrange(len(listed))] = rows[0][1].replace("rec-", "lost-")
    wrapped = draw.choice(
        [listed, {"data": listed}, {"count": 3, "page": {"items": listed}}, {"ok": True, "rows": listed}]
    )
    return json.dumps(wrapped, indent=draw.choice([None, 1])), 0


def sheets(draw: random.Random, rows: list[Row]) -> tuple[bytes, int]:
    table: list[list[object]] = [["id", "text", "label"], *rows]
    told = 0
    if draw.random() < 0.4:
        table = [["Our report"], [], *table]
        told += 1
    if draw.random() < 0.3:
        table += [[], ["Total", "", ""]]
        told += 1
    book = {"Data": [[*row, None, None, None][:3] for row in table]}
    if draw.random() < 0.4:
        others = records(draw)[:5]
        book["Notes"] = [["who", "what"], *[[f"somebody {number}", "a note"] for number in range(len(others))]]
        told += len(others) + 1
    return workbook(book), told


def lists_in_records(draw: random.Random, rows: list[Row]) -> tuple[str, int]:
    """Documents in the forms of `trainer.data.tables.json_forms`, and records with lists of objects."""
    records: list[dict[str, object]] = [dict(zip(("id", "text", "label"), row, strict=True)) for row in rows]
    if draw.random() < 0.5:
        for record in records:
            record["items"] = [{"sku": f"s{n}", "price": n} for n in range(draw.randint(0, 3))]
            record["via"] = {"channel": draw.choice(["mail", "web"]), "source": {"from": None}}
    half = len(records) // 2
    pages = [{"items": part, "next_page": "u"} for part in (records[:half], records[half:])]
    forms = [
        lambda: json.dumps({str(n): record for n, record in enumerate(records)}),
        lambda: json.dumps({key: {str(n): record.get(key) for n, record in enumerate(records)} for key in records[0]}),
        lambda: "\n".join(json.dumps(record, indent=2) for record in records),
        lambda: "\n".join(json.dumps({"_id": n, "_source": record}) for n, record in enumerate(records)),
        lambda: "\n".join(map(json.dumps, pages)),
        lambda: json.dumps(pages),
        lambda: json.dumps(
            {"type": "FeatureCollection", "features": [{"type": "Feature", "properties": record, "geometry": None} for record in records]}
        ),
    ]  # fmt: skip
    return draw.choice(forms)(), 0


def parquet(draw: random.Random, rows: list[Row]) -> tuple[bytes, int]:
    columns: dict[str, pa.Array] = {
        name: pa.array(cells) for name, cells in zip(("id", "text", "label"), zip(*rows, strict=True), strict=True)
    }
    if draw.random() < 0.4:
        columns["via"] = pa.array([{"channel": "mail", "n": number} for number in range(len(rows))])
    if draw.random() < 0.3:
        columns["text"] = columns["text"].dictionary_encode()
    sink = pa.BufferOutputStream()
    pq.write_table(pa.table(columns), sink, row_group_size=draw.choice([7, 1000]))
    return sink.getvalue().to_pybytes(), 0


def exports(draw: random.Random, rows: list[Row]) -> tuple[str, int]:
    """Label Studio, Prodigy, doccano and Argilla with records that were skipped or not labelled, a chat, and a mailbox."""
    told = [draw.random() < 0.1 for _row in rows]
    told[0] = False
    answers = {
        "label studio": lambda text, label, skipped: {"data": {"text": text}, "annotations": [{"was_cancelled": skipped, "result": [{"from_name": "topic", "type": "choices", "value": {"choices": [label]}}]}]},
        "prodigy": lambda text, label, skipped: {"text": text, "label": label, "answer": "ignore" if skipped else "accept", "_task_hash": 1, "_input_hash": 2},
        "doccano": lambda text, label, skipped: {"text": text, "label": [] if skipped else [label]},
        "argilla": lambda text, label, skipped: {"fields": {"text": text}, "responses": {} if skipped else {"topic": [{"value": label, "status": "submitted"}]}},
    }  # fmt: skip
    form = draw.choice([*answers, "whatsapp", "mbox"])
    if form in answers:
        made = [answers[form](text, label, skipped) for (_id, text, label), skipped in zip(rows, told, strict=True)]
        return "\n".join(map(json.dumps, made)), 0
    if form == "mbox":
        mails = [
            f"From {n}@x Mon May 06 07:08:10 2024\nFrom: a@b.example\nSubject: {label}\n\n{text}\n\n"
            for n, text, label in rows
        ]
        return "".join(mails), 0
    lines = [
        f"12/05/2024, 10:{int(n) % 60:02} - {label}: {text}" + ("\nand more" if draw.random() < 0.2 else "")
        for n, text, label in rows
    ]
    return "\n".join(["12/05/2024, 10:00 - Messages are encrypted.", *lines]), 1


def sheet_tables(draw: random.Random, rows: list[Row]) -> tuple[bytes, int]:
    """Two tables on one sheet, below each other or beside each other; the smaller is told, its header among it, or joined."""
    main: list[list[object]] = [["id", "text", "label"], *rows]
    count = draw.randint(3, 8)
    if draw.random() < 0.3:
        half = max(3, len(rows) // 2)
        return workbook({"Data": [main[0], *rows[:half], [], main[0], *rows[half:]]}), 0
    small: list[list[object]] = [["who", "team"], *[[f"somebody {n}", "ab"[n % 2]] for n in range(count)]]
    if draw.random() < 0.5:
        titles: list[list[object]] = [["The others"]] if draw.random() < 0.5 else []
        return workbook({"Data": [*main, [], *titles, *small]}), count + 1 + len(titles)
    small = [*small, *[[None, None]] * len(main)]
    return workbook({"Data": [[*line, None, *small[n]] for n, line in enumerate(main)]}), count + 1


WRITERS = {
    "tables.xlsx": sheet_tables,
    "csv": csv_lines,
    "jsonl": json_lines,
    "json": json_document,
    "xlsx": sheets,
    "nested.json": lists_in_records,
    "parquet": parquet,
    "export.txt": exports,
}


def read(paths: list[Path]) -> tuple[list[str], int, list[str]]:
    """Every row as one text, the sum of what was left out, and what was said of it."""
    with unpack_uploads(paths, None, None, silent) as sources:
        choices = Choices()
        tables = [convert_table(open_table(path, name, choices=choices), choices) for path, name in sources.tables]
        dataset, _parts = gather_rows(tables, sources.table_parts, silent)
    rows = [" ".join(cell or "" for cell in row.values()) for row in dataset.table.to_pylist()]
    left_out = [*(entry.as_dict() for entry in sources.left_out), *dataset.left_out]
    severe = [problem for problem in [*sources.problems, *dataset.problems] if problem["severity"] != "info"]
    assert bool(left_out) <= bool(severe), "what is left out is told as a warning"
    return (
        rows,
        sum(entry["count"] for entry in left_out),
        [f"{entry['reason']} {entry['count']}" for entry in left_out],
    )


@pytest.mark.parametrize("form", list(WRITERS))
def test_records_in_are_records_kept_and_told(form: str, tmp_path: Path) -> None:
    for seed in range(FILES // len(WRITERS)):
        draw = random.Random(f"{form} {seed}{DRAW}")
        rows = records(draw)
        content, around = WRITERS[form](draw, rows)
        data = content if isinstance(content, bytes) else content.encode()
        path = tmp_path / f"{seed}.{form}"
        path.write_bytes(data)
        if draw.random() < 0.2:
            path = zipped(tmp_path / f"{seed}.zip", {f"folder/data.{form}": data})
        kept, count, told = read([path])
        marks = [MARK.findall(row) for row in kept]
        assert all(len(found) <= 1 for found in marks), f"{form} {seed}: a record swallowed another"
        assert len(kept) + count == len(rows) + around, (
            f"{form} {seed}: {len(kept)} kept, {told} of {len(rows)} + {around}"
        )
        assert len({found[0] for found in marks if found}) == sum(map(len, marks)), (
            f"{form} {seed}: a record came twice"
        )
