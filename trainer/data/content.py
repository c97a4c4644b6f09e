"""The rows of one or several files under one set of columns, with their roles and their split."""

import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from trainer import answers, tasks
from trainer import columns as kinds
from trainer.data.keys import NO_TEXT, Keys, exact_keys, keys_of_rows
from trainer.data.profiling import problem, profile_column
from trainer.data.splitting import fold_rows, split_by_time, split_rows
from trainer.data.tables.table import Table
from trainer.data.times import seconds_of
from trainer.errors import DataError
from trainer.events import Emit
from trainer.messages import _, ngettext
from trainer.roles import ANSWER, INPUT, SPLITTING, roles_of
from trainer.spec import SplitSpec
from trainer.suggestion import MEDIA, suggest
from trainer.tasks.base import Shape

READING_SHARE = 0.6
"""Part of the progress bar that belongs to reading; the rest is looking."""
TELL_SECONDS = 0.3
FOLDS = "folds"
"""The remedy for few test rows: as many as FOLD_COUNT."""
DRAWN = "drawn, the same mix of labels in each part"


@dataclass
class Content:
    """Cells are text or null. `split` has a part for each row, "" for a row that cannot be used."""

    table: pa.Table
    sources: list[dict[str, Any]]
    problems: list[dict[str, Any]] = field(default_factory=list)
    profile: list[dict[str, Any]] = field(default_factory=list)
    kinds: dict[str, str] = field(default_factory=dict)
    """Kinds of columns that the reader knows: image, audio, objects."""
    media: Path | None = None
    """The folder of the pictures or sounds that cells name."""
    task: str | None = None
    shape: Shape | None = None
    roles: dict[str, str] = field(default_factory=dict)
    """{role of the task: column}."""
    chosen: dict[str, str] = field(default_factory=dict)
    """{column: what somebody said it is for} (see `trainer.roles`)."""
    wanted: SplitSpec = field(default_factory=SplitSpec)
    keys: Keys | None = None
    split: np.ndarray = field(default_factory=lambda: np.array([], dtype=object))
    folds: np.ndarray | None = None
    """The fold of each row, -1 for one that cannot be used, where there is no test part but rounds of tests."""
    given_split: bool = False
    kept_split: bool = False
    """Whether rows were drawn for an earlier version and have kept their parts, whatever is read of them now."""
    split_how: str = ""

    @property
    def names(self) -> list[str]:
        return list(self.table.column_names)

    @property
    def rows(self) -> int:
        return int(self.table.num_rows)

    @property
    def labelled(self) -> bool:
        """Whether each row is answered with one of a few classes."""
        answer = answers.find(self.shape.kind) if self.shape is not None else None
        return answer is not None and answer.labelled

    @property
    def inputs(self) -> list[str]:
        """The columns that are read."""
        if self.shape is None:
            return []
        if self.shape.reads:
            return [self.roles[role] for role in self.shape.reads]
        return [name for name, role in self.column_roles.items() if role == INPUT]

    @property
    def column_roles(self) -> dict[str, str]:
        """{column: what it is for}, of every column."""
        split = {"group": self.wanted.group, "time": self.wanted.time}
        return roles_of(self.profile, self.shape, self.roles, self.chosen, split)


def agreed(chosen: dict[str, str], split: SplitSpec | None) -> tuple[dict[str, str], SplitSpec]:
    """Roles and split that say the same: a column chosen as group or time divides the rows; where a split was asked for
    by itself, columns that it does not go by lose that role."""
    if split is not None:
        goes_by = {"group": split.group, "time": split.time}
        return {name: role for name, role in chosen.items() if goes_by.get(role, name) == name}, split
    named = {role: next((name for name, one in chosen.items() if one == role), None) for role in SPLITTING}
    return chosen, SplitSpec(**named)


def gather(tables: list[Table], parts: list[str | None], emit: Emit) -> tuple[Content, np.ndarray | None]:
    """Stream every file into one table; the part that its file gave to each row, "" for none; None when no file tells."""
    names = shared_columns(tables)
    schema = pa.schema([(name, pa.string()) for name in names])
    meter = Meter(emit, sum(table.bytes for table in tables))
    chunks: list[pa.Table] = []
    row_counts: list[int] = []
    for table in tables:
        before = meter.rows
        for cells in table.batches:
            count = len(cells[0])
            own = dict(zip(table.columns, cells, strict=True))
            arrays = [
                pa.array(own[name], pa.string()) if name in own else pa.nulls(count, pa.string()) for name in names
            ]
            chunks.append(pa.table(arrays, schema=schema))
            meter.add(count, table.progress())
        table.details["rows"] = meter.rows - before
        row_counts.append(meter.rows - before)
        meter.close(table.bytes)
    table = pa.concat_tables([schema.empty_table(), *chunks])
    content = Content(table, [table.source() for table in tables], reading_problems(tables, names))
    if not content.rows:
        raise no_rows(tables[0])
    if not any(parts):
        return content, None
    return content, np.repeat(np.array([part or "" for part in parts], dtype=object), row_counts)


class Meter:
    """Tells how far the reading is, a few times a second."""

    def __init__(self, emit: Emit, total_bytes: int) -> None:
        self.emit, self.total = emit, max(total_bytes, 1)
        self.rows = self.bytes_before = 0
        self.started = time.monotonic()
        self.told = 0.0

    def add(self, rows: int, bytes_read: int) -> None:
        self.rows += rows
        now = time.monotonic()
        if now - self.told < TELL_SECONDS:
            return
        self.told = now
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


def shared_columns(tables: list[Table]) -> list[str]:
    """Every column of every file, those of the first in front; a file that shares none with it is refused."""
    names = dict.fromkeys(tables[0].columns)
    for table in tables[1:]:
        folded = {name.casefold(): name for name in names}
        table.columns = [name if name in names else folded.get(name.casefold(), name) for name in table.columns]
        if len(set(table.columns)) < len(table.columns) or not set(table.columns) & set(tables[0].columns):
            raise DataError(
                _(
                    "%(name)s has other columns than %(name2)s: %(names)s.",
                    name=table.name,
                    name2=tables[0].name,
                    names=", ".join(table.columns[:8]),
                ),
                code="columns_differ",
                hint=_("Give all files the same header, or send them one by one."),
            )
        names.update(dict.fromkeys(table.columns))
    return list(names)


def reading_problems(tables: list[Table], names: list[str]) -> list[dict[str, Any]]:
    found = []
    several = len(tables) > 1
    bad = [(table, line, why) for table in tables for line, why in table.bad]
    if bad:
        count = sum(table.bad_count for table in tables)
        places = [f"line {line} {why}" + (f" ({table.name})" if several else "") for table, line, why in bad]
        message = ngettext(
            "%(count)s line could not be read and was left out: %(places)s.",
            "%(count)s lines could not be read and were left out: %(places)s.",
            count,
            places="; ".join(places[:3]),
        )
        lines = [line for _table, line, _why in bad[:100]]
        found.append(problem("bad_rows", "warning", message, examples=places, count=count) | {"lines": lines})
    mended = [(table, line, why) for table in tables for line, why in table.mended]
    if mended:
        places = [f"line {line} {why}" + (f" ({table.name})" if several else "") for table, line, why in mended]
        message = ngettext(
            "%(count)s line was repaired: %(places)s.",
            "%(count)s lines were repaired: %(places)s.",
            len(mended),
            places="; ".join(places[:3]),
        )
        lines = [line for _table, line, _why in mended[:100]]
        found.append(problem("mended_rows", "info", message, examples=places, count=len(mended)) | {"lines": lines})
    for table in tables:
        lacking = [name for name in names if name not in table.columns]
        if lacking:
            message = _(
                "%(file)s lacks columns that other files have: %(names)s.",
                file=table.name,
                names=", ".join(lacking[:6]),
            )
            found.append(problem("columns_differ", "warning", message, examples=lacking, count=len(lacking)))
        garbled = table.garbled() if table.garbled else 0
        if garbled:
            message = ngettext(
                "%(count)s character of %(file)s is not %(encoding)s and shows as �.",
                "%(count)s characters of %(file)s are not %(encoding)s and show as �.",
                garbled,
                file=table.name,
                encoding=table.details.get("encoding", "text"),
            )
            found.append(problem("garbled_characters", "warning", message, count=garbled))
    return found


def no_rows(table: Table) -> DataError:
    if table.bad_count:
        line, why = table.bad[0]
        return DataError(
            _("No line of %(name)s could be read: line %(line)s %(why)s.", name=table.name, line=line, why=why),
            code="no_rows",
            hint=_("Check its delimiter and its quotes."),
        )
    return DataError(
        _("%(name)s has a header but no rows.", name=table.name),
        code="no_rows",
        hint=_("Export it again with its rows and send that."),
    )


def look(content: Content, columns: dict[str, str] | None, task: str | None = None) -> None:
    """Profile the columns and settle the task and which column plays which role."""
    content.profile = [profile_column(name, content.table.column(name)) for name in content.names]
    for column in content.profile:
        column["kind"] = content.kinds.get(column["name"], column["kind"])
    content.chosen = {name: role for name, role in content.chosen.items() if name in content.names}
    unknown = [name for name in (columns or {}).values() if name not in content.names]
    if unknown:
        raise DataError(
            _("There is no column “%(unknown)s”.", unknown=unknown[0]),
            code="no_column",
            hint=_("There are: %(names)s.", names=", ".join(content.names[:20])),
        )
    settle_task(content, columns or {}, task)
    content.keys = None
    if content.shape is not None:
        content.keys = row_keys(content)


def settle_task(content: Content, columns: dict[str, str], task: str | None) -> None:
    """The task and its columns: those named, then those chosen as answer or input, then the likeliest of the rest."""
    left_out = {name for name, role in content.chosen.items() if role not in (INPUT, ANSWER)} - set(columns.values())
    offered = [one for one in content.profile if one["name"] not in left_out]
    content.task, content.roles, content.shape = suggest(offered, task, columns or None)
    answer = next((name for name, role in content.chosen.items() if role == ANSWER), None)
    slug = task or content.task
    if answer and slug and tasks.shapes()[slug].answer and tasks.shapes()[slug].answer not in columns:
        own = {role: name for role, name in content.roles.items() if name != answer}
        named = own | columns | {tasks.shapes()[slug].answer: answer}
        content.task, content.roles, content.shape = suggest(offered, slug, named)


def row_keys(content: Content) -> Keys:
    column = content.table.column
    answer = content.roles.get(content.shape.answer) if content.shape else None
    labels = column(answer) if answer and content.labelled else None
    needed = [] if content.labelled else [column(answer)] if answer else []
    needed += [column(content.roles[role]) for role in content.shape.reads if role in MEDIA] if content.shape else []
    return keys_of_rows([column(name) for name in content.inputs] or needed, labels, needed)


def divide(content: Content, wanted: SplitSpec, file_parts: np.ndarray | None = None) -> None:
    """Freeze a part for each usable row: by file, by a column that says so, else drawn. Folds are drawn when asked for."""
    content.folds, content.kept_split = None, False
    if content.keys is None:
        content.split = np.full(content.rows, "", dtype=object)
        return
    if wanted.folds:
        keys = grouped(content, wanted.group) if wanted.group else content.keys
        content.folds = fold_rows(keys, wanted.folds, wanted.seed)
        content.split = np.where(content.folds >= 0, "train", "").astype(object)
        content.given_split = False
        content.split_how = "in folds, by group" if wanted.group else "in folds"
        return
    fixed, how = file_parts, "by file"
    if fixed is None:
        fixed, how = split_column(content), "by column"
    content.given_split = fixed is not None
    if fixed is None and wanted.time:
        times = seconds_of(named_column(content, wanted.time))
        if times is None:
            raise DataError(
                _("“%(time)s” holds no dates.", time=wanted.time), code="bad_split", hint=_("Choose another column.")
            )
        content.split, content.split_how = split_by_time(content.keys, wanted, times), "by time"
        return
    keys = grouped(content, wanted.group) if wanted.group else content.keys
    content.split = split_rows(keys, wanted, fixed)
    content.split_how = how if fixed is not None else "by group" if wanted.group else DRAWN


def keep_split(content: Content, parts: np.ndarray, how: str) -> None:
    """Every usable row stays in the part that it had ("" for none: it is learned from), so that runs before and after are
    tested on the same rows. Rows that are copies only by the columns that are left may stand on two sides: a finding says
    so (`duplicates_across_split`)."""
    usable = content.keys.usable if content.keys is not None else np.zeros(content.rows, dtype=bool)
    content.split = np.where(usable, np.where(parts == "", "train", parts), "").astype(object)
    content.split_how, content.kept_split = how, how == DRAWN


def named_column(content: Content, name: str) -> pa.ChunkedArray:
    if name not in content.names:
        raise DataError(
            _("There is no column “%(name)s”.", name=name),
            code="no_column",
            hint=_("There are: %(names)s.", names=", ".join(content.names[:20])),
        )
    return content.table.column(name)


def grouped(content: Content, name: str) -> Keys:
    """Rows with the same cell are one group; a row without one is divided by its own content."""
    assert content.keys is not None
    groups = exact_keys([named_column(content, name)], content.rows)
    texts = np.where((groups == NO_TEXT) | (content.keys.texts == NO_TEXT), content.keys.texts, groups)
    return Keys(texts, content.keys.codes, content.keys.labels)


def split_column(content: Content) -> np.ndarray | None:
    """The part that a column named split, subset or fold gives to each row; None when there is none."""
    for profile in content.profile:
        name = profile["name"]
        if name.strip().lower() in kinds.SPLIT_NAMES and name not in content.roles.values():
            cells = content.table.column(name).to_pylist()
            values = [kinds.SPLIT_VALUES.get((cell or "").strip().lower(), "") for cell in cells]
            if all(values) and len(set(values)) > 1:
                return np.array(values, dtype=object)
    return None
