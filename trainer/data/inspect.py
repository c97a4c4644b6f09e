"""Files in, a version folder out: data.parquet, split.parquet, profile.json, problems.json (docs/architecture.md)."""

import hashlib
import json
import os
import re
import shutil
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from trainer import columns as kinds
from trainer.data import fixes as remedies
from trainer.data.profiling import find_problems, label_counts, problem, profile_column
from trainer.data.reading import Table, open_table
from trainer.data.splitting import PARTS, split_rows
from trainer.errors import DataError, SpecError
from trainer.events import Emit, silent
from trainer.spec import SplitSpec

READING_SHARE = 0.7
"""Part of the progress bar that belongs to reading; the rest is looking."""


@dataclass
class Content:
    """Rows of one or several files under one set of columns; cells are text or null."""

    table: pa.Table
    sources: list[dict[str, Any]]
    bad: list[tuple[str, int, str]] = field(default_factory=list)
    bad_count: int = 0
    profile: list[dict[str, Any]] = field(default_factory=list)
    roles: dict[str, str] = field(default_factory=dict)
    split: list[str | None] = field(default_factory=list)
    given_split: bool = False
    split_how: str = ""

    @property
    def names(self) -> list[str]:
        return list(self.table.column_names)

    def column(self, name: str) -> list[str | None]:
        return self.table.column(name).to_pylist()

    def bad_rows_problem(self) -> list[dict[str, Any]]:
        if not self.bad_count:
            return []
        places = [
            f"line {line} {why}" + (f" ({name})" if len(self.sources) > 1 else "") for name, line, why in self.bad
        ]
        message = f"{self.bad_count:,} lines could not be read and were left out: {'; '.join(places[:3])}."
        found = problem("bad_rows", "warning", message, [], places)
        return [found | {"count": self.bad_count, "lines": [line for _name, line, _why in self.bad[:100]]}]


def part_of_name(name: str) -> str | None:
    """The part that a file's name tells: banking77_test.csv → test."""
    words = re.split(r"[^a-z]+", re.sub(r"^\d+-", "", name).lower().rsplit("/", 1)[-1])
    return next((kinds.SPLIT_VALUES[word] for word in words if word in kinds.SPLIT_VALUES), None)


def read_files(
    files: list[Path],
    *,
    columns: dict[str, str] | None = None,
    split: SplitSpec | None = None,
    fixed: list[str | None] | None = None,
    emit: Emit = silent,
) -> Content:
    """Read, guess the roles and split. `fixed`: the part of each file where it is known; names tell it otherwise."""
    tables = [open_table(path) for path in files]
    parts = fixed or ([part_of_name(path.name) for path in files] if len(files) > 1 else [None])
    content, file_parts = gather(tables, parts, emit)
    look(content, columns)
    divide(content, split or SplitSpec(), file_parts)
    return content


def gather(tables: list[Table], parts: list[str | None], emit: Emit) -> tuple[Content, list[str]]:
    """Stream every file into one table; the part that its file gave to each row, "" for none."""
    total = sum(table.bytes for table in tables)
    names = tables[0].columns
    chunks: list[pa.Table] = []
    row_parts: list[str] = []
    started, told, done_bytes = time.monotonic(), 0.0, 0
    for table, part in zip(tables, parts, strict=True):
        if set(table.columns) != set(names):
            raise DataError(
                f"{table.name} has other columns than {tables[0].name}: {', '.join(table.columns[:8])}.",
                code="columns_differ",
                hint="Give all files the same header, or upload them one by one.",
            )
        count = 0
        for rows in table.batches:
            cells = dict(zip(table.columns, zip(*rows, strict=True), strict=True))
            chunks.append(pa.table({name: pa.array(cells[name], pa.string()) for name in names}))
            count += len(rows)
            row_parts += [part or ""] * len(rows)
            if time.monotonic() - told > 0.3:
                told = time.monotonic()
                tell_reading(emit, len(row_parts), started, (done_bytes + table.bytes * 0.5) / max(total, 1))
        table.details["rows"] = count
        done_bytes += table.bytes
    empty = pa.table({name: pa.array([], pa.string()) for name in names})
    bad = [(table.name, line, why) for table in tables for line, why in table.bad]
    content = Content(
        pa.concat_tables([empty, *chunks]),
        [table.source() for table in tables],
        bad,
        sum(table.bad_count for table in tables),
    )
    if not content.table.num_rows:
        raise no_rows(content)
    return content, row_parts


def no_rows(content: Content) -> DataError:
    name = content.sources[0]["name"]
    if content.bad_count:
        return DataError(
            f"No line of {name} could be read: {content.bad[0][2]}.",
            code="no_rows",
            hint="Check its delimiter and its quotes.",
        )
    return DataError(f"{name} has a header but no rows.", code="no_rows", hint="Export it again with its rows.")


def tell_reading(emit: Emit, rows: int, started: float, fraction: float) -> None:
    seconds = time.monotonic() - started
    emit(
        "progress",
        stage="read",
        fraction=round(READING_SHARE * min(fraction, 1), 3),
        done=rows,
        unit="rows",
        rows_per_second=round(rows / max(seconds, 1e-3)),
        eta_seconds=round(seconds * (1 / max(fraction, 0.01) - 1), 1),
    )


def look(content: Content, columns: dict[str, str] | None) -> None:
    """Profile the columns and settle which one plays which role."""
    content.profile = [profile_column(name, content.table.column(name)) for name in content.names]
    unknown = [name for name in (columns or {}).values() if name not in content.names]
    if unknown:
        raise DataError(
            f"There is no column “{unknown[0]}”.", code="no_column", hint=f"There are: {', '.join(content.names[:20])}."
        )
    content.roles = kinds.guess_text_and_label(content.profile) | dict(columns or {})
    if columns is None and not {"text", "label"} <= set(content.roles):
        content.roles = {}


def divide(content: Content, wanted: SplitSpec, file_parts: list[str]) -> None:
    """Freeze a part for each usable row: by file, by a column that says so, else drawn."""
    if not {"text", "label"} <= set(content.roles):
        content.split = [None] * content.table.num_rows
        return
    texts, labels = content.column(content.roles["text"]), content.column(content.roles["label"])
    fixed, how = file_parts, "by file"
    if not any(fixed):
        fixed, how = split_column(content), "by column"
    given = any(fixed)
    rows = [row for row in range(len(texts)) if (texts[row] or "").strip() and not kinds.is_missing(labels[row])]
    parts = split_rows(
        [str(texts[row]) for row in rows],
        [kinds.canonical_label(str(labels[row])) for row in rows],
        wanted,
        np.array([fixed[row] for row in rows], dtype="U10") if given else None,
    )
    content.split = [None] * len(texts)
    for row, part in zip(rows, parts.tolist(), strict=True):
        content.split[row] = part
    content.given_split, content.split_how = given, how if given else "drawn, the same mix of labels in each part"


def split_column(content: Content) -> list[str]:
    """The part that a column named split, subset or fold gives to each row; empty when there is none."""
    for profile in content.profile:
        if profile["name"].strip().lower() in kinds.SPLIT_NAMES and profile["name"] not in content.roles.values():
            values = [
                kinds.SPLIT_VALUES.get((value or "").strip().lower(), "") for value in content.column(profile["name"])
            ]
            if all(values):
                return values
    return [""] * content.table.num_rows


def inspect(
    files: list[Path],
    out: Path,
    *,
    task: str | None = None,
    columns: dict[str, str] | None = None,
    split: dict[str, Any] | None = None,
    fixes: tuple[str, ...] | list[str] = (),
    emit: Emit = silent,
) -> dict[str, Any]:
    """Write a version folder from files, or from another version's folder; what the result event says."""
    started = time.monotonic()
    if out.exists():
        raise SpecError(f"{out} exists already.", code="exists", hint="A version is written once: name a new folder.")
    wanted = SplitSpec.model_validate(split or {})
    if len(files) == 1 and files[0].is_dir():
        content = read_version(files[0], columns, wanted, fixes, emit)
    else:
        content = read_files(files, columns=columns, split=wanted, emit=emit)
        for action in fixes:
            mend(content, action, wanted)
    emit("progress", stage="look", fraction=0.9, done=content.table.num_rows, unit="rows", eta_seconds=1)
    result = write(content, out, task, wanted)
    emit("progress", stage="look", fraction=1.0, done=content.table.num_rows, unit="rows", eta_seconds=0)
    return result | {"seconds": round(time.monotonic() - started, 2)}


def read_version(folder: Path, columns: dict[str, str] | None, wanted: SplitSpec, fixes: Any, emit: Emit) -> Content:
    """A version's rows again, under other roles or mended. Parts that the upload gave stay as given."""
    table = pq.read_table(folder / "data.parquet")
    before = json.loads((folder / "profile.json").read_text("utf-8"))
    content = Content(table, before["source"])
    look(content, columns)
    given = (before.get("split") or {}).get("given")
    parts = pq.read_table(folder / "split.parquet").column("split").to_pylist() if given else []
    file_parts = [part or "train" for part in parts] if given else [""] * table.num_rows
    divide(content, wanted, file_parts)
    if given:
        content.split_how = before["split"]["how"]
    for action in fixes:
        mend(content, action, wanted)
    return content


def mend(content: Content, action: str, wanted: SplitSpec) -> None:
    text, label = content.roles["text"], content.roles["label"]
    kept, labels = remedies.apply(action, content.column(text), content.column(label))
    given = [content.split[row] or "train" for row in kept] if content.given_split else [""] * len(kept)
    at = content.names.index(label)
    content.table = content.table.set_column(at, label, pa.array(labels, pa.string())).take(pa.array(kept, pa.int64()))
    how = content.split_how
    look(content, content.roles)
    divide(content, wanted, given)
    content.split_how = how


def write(content: Content, out: Path, task: str | None, wanted: SplitSpec) -> dict[str, Any]:
    """Everything into a temporary folder, then one rename: a version is whole or not there."""
    part = out.with_name(out.name + ".part")
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(parents=True)
    pq.write_table(content.table, part / "data.parquet", compression="zstd", row_group_size=100_000)
    split = pa.table({"split": pa.array(content.split, pa.string())})
    pq.write_table(split, part / "split.parquet", compression="zstd", row_group_size=100_000)
    profile, problems = describe(content, task, wanted)
    profile["sha256"] = content_hash(content)
    (part / "profile.json").write_text(json.dumps(profile, ensure_ascii=False), "utf-8")
    (part / "problems.json").write_text(json.dumps(problems, ensure_ascii=False), "utf-8")
    os.replace(part, out)
    return {name: profile[name] for name in ("rows", "sha256", "columns", "suggestion", "split")} | {
        "problems": problems
    }


def describe(content: Content, task: str | None, wanted: SplitSpec) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    roles = content.roles
    problems = content.bad_rows_problem()
    labels: list[dict[str, Any]] = []
    suggestion: dict[str, Any] = {
        "task": None,
        "columns": {},
        "sentence": "No column was found to learn from: choose them below.",
    }
    if roles:
        texts, answers = content.column(roles["text"]), content.column(roles["label"])
        labels = label_counts(answers)
        problems += find_problems(texts, answers, content.split, content.given_split)
        sentence = f"Read {roles['text']}, answer with one of the {len(labels)} values of {roles['label']}."
        suggestion = {"task": task or "text-classification", "columns": roles, "sentence": sentence}
    counts = {name: content.split.count(name) for name in PARTS}
    profile = {
        "rows": content.table.num_rows,
        "columns": content.profile,
        "suggestion": suggestion,
        "labels": labels,
        "split": counts
        | {
            "unused": content.split.count(None),
            "seed": wanted.seed,
            "how": content.split_how,
            "given": content.given_split,
        },
        "source": content.sources,
    }
    return profile, problems


def content_hash(content: Content) -> str:
    """SHA-256 over columns, cells, roles and split: the same for the same content, whatever file it came in."""
    digest = hashlib.sha256(json.dumps([content.names, content.roles], ensure_ascii=False, sort_keys=True).encode())
    for column in [*content.table.itercolumns(), pa.chunked_array([pa.array(content.split, pa.string())])]:
        for chunk in column.chunks:
            for start in range(0, len(chunk), 50_000):
                cells = chunk.slice(start, 50_000).to_pylist()
                digest.update(
                    "\x1e".join("\x00" if cell is None else "\x01" + cell for cell in cells).encode(
                        "utf-8", "surrogatepass"
                    )
                    + b"\x1e"
                )
    return digest.hexdigest()
