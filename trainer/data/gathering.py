"""The rows of one or several files under one set of columns."""

import time

import numpy as np
import pyarrow as pa

from trainer.data.dataset import Dataset
from trainer.data.problems import Problem, problem
from trainer.data.readings import readings_as_json
from trainer.data.tables.arrow_cells import as_array
from trainer.data.tables.table import Table
from trainer.errors import DataError
from trainer.events import Emit
from trainer.messages import _, joined, ngettext

READING_SHARE = 0.6
"""Part of the progress bar that belongs to reading; the rest is looking."""
PROGRESS_SECONDS = 0.3


def gather_rows(tables: list[Table], parts: list[str | None], emit: Emit) -> tuple[Dataset, np.ndarray | None]:
    """Stream every file into one table; the part that its file gave to each row, "" for none; None when no file tells."""
    names = list(dict.fromkeys(name for table in tables for name in table.columns))
    schema = pa.schema([(name, pa.string()) for name in names])
    meter = Meter(emit, sum(table.bytes for table in tables))
    chunks: list[pa.Table] = []
    row_counts: list[int] = []
    for table in tables:
        before = meter.rows
        for cells in table.batches:
            count = len(cells[0])
            by_name = dict(zip(table.columns, cells, strict=True))
            arrays = [as_array(by_name[name]) if name in by_name else pa.nulls(count, pa.string()) for name in names]
            chunks.append(pa.table(arrays, schema=schema))
            meter.add(count, table.progress())
        table.details["rows"] = meter.rows - before
        row_counts.append(meter.rows - before)
        meter.close(table.bytes)
    table = pa.concat_tables([schema.empty_table(), *chunks])
    dataset = Dataset(table, [table.source() for table in tables], reading_problems(tables, names))
    dataset.readings = readings_as_json([reading for table in tables for reading in table.readings])
    dataset.suggested = tables[0].suggested
    dataset.apart = tables[0].apart
    dataset.group = tables[0].group or None
    dataset.left_out = [left_out.as_dict() for table in tables for left_out in table.all_left_out()]
    if not dataset.rows:
        raise no_rows_error(tables[0])
    if not any(parts):
        return dataset, None
    return dataset, np.repeat(np.array([part or "" for part in parts], dtype=object), row_counts)


class Meter:
    """Tells how far the reading is, a few times a second."""

    def __init__(self, emit: Emit, total_bytes: int) -> None:
        self.emit, self.total = emit, max(total_bytes, 1)
        self.rows = self.bytes_before = 0
        self.started = time.monotonic()
        self.reported_at = 0.0

    def add(self, rows: int, bytes_read: int) -> None:
        self.rows += rows
        now = time.monotonic()
        if now - self.reported_at < PROGRESS_SECONDS:
            return
        self.reported_at = now
        fraction = READING_SHARE * min((self.bytes_before + bytes_read) / self.total, 1)
        seconds = now - self.started
        self.emit(
            "progress",
            stage="read",
            fraction=round(fraction, 3),
            done=self.rows,
            unit="rows",
            rows_per_second=round(self.rows / max(seconds, 1e-3)),
            eta_seconds=round(seconds * (1 / max(fraction, 0.01) - 1), 1),
        )

    def close(self, size: int) -> None:
        self.bytes_before += size


def reading_problems(tables: list[Table], names: list[str]) -> list[Problem]:
    """What the readers passed over, repaired or could not decode; known once every batch has been read."""
    problems = []
    several = len(tables) > 1
    bad = [(table, line, reason) for table in tables for line, reason in table.bad]
    if bad:
        count = sum(table.bad_count for table in tables)
        places = [f"line {line} {reason}" + (f" ({table.name})" if several else "") for table, line, reason in bad]
        message = ngettext(
            "%(count)s line could not be read and was left out: %(places)s.",
            "%(count)s lines could not be read and were left out: %(places)s.",
            count,
            places="; ".join(places[:3]),
        )
        lines = [line for _table, line, _why in bad[:100]]
        problems.append(problem("bad_rows", "warning", message, examples=places, count=count) | {"lines": lines})
    problems += outside_problems(tables)
    mended = [(table, line, reason) for table in tables for line, reason in table.mended]
    if mended:
        places = [f"line {line} {reason}" + (f" ({table.name})" if several else "") for table, line, reason in mended]
        message = ngettext(
            "%(count)s line was repaired: %(places)s.",
            "%(count)s lines were repaired: %(places)s.",
            len(mended),
            places="; ".join(places[:3]),
        )
        lines = [line for _table, line, _why in mended[:100]]
        problems.append(problem("mended_rows", "info", message, examples=places, count=len(mended)) | {"lines": lines})
    for table in tables:
        if table.narrowed:
            message = ngettext(
                "%(file)s has too many columns; %(count)s of them was not read.",
                "%(file)s has too many columns; %(count)s of them were not read.",
                len(table.narrowed),
                file=table.name,
            )
            narrowed = table.narrowed[:20]
            problems.append(
                problem("left_out_columns", "warning", message, examples=narrowed, count=len(table.narrowed))
            )
        if table.late:
            message = ngettext(
                "%(file)s: %(count)s field first comes after many records and was not read: %(names)s.",
                "%(file)s: %(count)s fields first come after many records and were not read: %(names)s.",
                len(table.late),
                file=table.name,
                names=", ".join(name[:60] for name in list(table.late)[:6]),
            )
            examples = [f"{name[:60]} ({count:,})" for name, count in table.late.most_common(20)]
            problems.append(problem("late_fields", "warning", message, examples=examples, count=len(table.late)))
        lacking = [name for name in names if name not in table.columns]
        if lacking:
            message = _(
                "%(file)s lacks columns that other files have: %(names)s.",
                file=table.name,
                names=", ".join(lacking[:6]),
            )
            problems.append(problem("columns_differ", "warning", message, examples=lacking, count=len(lacking)))
        garbled = table.garbled() if table.garbled else 0
        if garbled:
            message = ngettext(
                "%(count)s character of %(file)s is not %(encoding)s and shows as �.",
                "%(count)s characters of %(file)s are not %(encoding)s and show as �.",
                garbled,
                file=table.name,
                encoding=table.details.get("encoding", "text"),
            )
            problems.append(problem("garbled_characters", "warning", message, count=garbled))
    return problems


def outside_problems(tables: list[Table]) -> list[Problem]:
    """Lines around a table that are not records, or not its own: titles, totals, other sheets."""
    left_out = [(table, entry) for table in tables for entry in table.left_out]
    if not left_out:
        return []
    count = sum(entry.count for _table, entry in left_out)
    message = ngettext(
        "%(count)s line was left out: %(reasons)s",
        "%(count)s lines were left out: %(reasons)s",
        count,
        reasons=joined([entry.sentence for _table, entry in left_out[:4]]),
    )
    examples = [example for _table, entry in left_out for example in entry.examples]
    return [problem("left_out_rows", "warning", message, examples=examples, count=count)]


def no_rows_error(table: Table) -> DataError:
    """The error for files that gave no row, in words of the first line that could not be read."""
    if table.bad_count:
        line, reason = table.bad[0]
        return DataError(
            _("No line of %(name)s could be read: line %(line)s %(why)s.", name=table.name, line=line, why=reason),
            code="no_rows",
            hint=_("Check its delimiter and its quotes."),
        )
    if table.left_out:
        return DataError(
            _(
                "No record of %(name)s can be used: %(reasons)s",
                name=table.name,
                reasons=joined([entry.sentence for entry in table.left_out[:4]]),
            ),
            code="no_rows",
            hint=_("Label some of them first, and export again."),
        )
    return DataError(
        _("%(name)s has a header but no rows.", name=table.name),
        code="no_rows",
        hint=_("Export it again with its rows and send that."),
    )
