"""Files in, a version folder out: data.parquet, split.parquet, profile.json, problems.json (docs/architecture.md)."""

import hashlib
import json
import os
import shutil
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from pydantic import ValidationError

from trainer.data.content import Content, divide, look, mend, read_files
from trainer.data.profiling import ORDER, find_problems, label_counts
from trainer.data.splitting import PARTS
from trainer.errors import DataError, SpecError
from trainer.events import Emit, silent
from trainer.spec import SplitSpec

HASHED_ROWS = 50_000


def inspect(
    files: Sequence[Path],
    out: Path,
    *,
    task: str | None = None,
    columns: dict[str, str] | None = None,
    split: dict[str, Any] | None = None,
    fixes: Sequence[str] = (),
    emit: Emit = silent,
) -> dict[str, Any]:
    """Write a version folder from files, or from another version's folder; what the result event says."""
    started = time.monotonic()
    if out.exists():
        raise SpecError(f"{out} exists already.", code="exists", hint="A version is written once: name a new folder.")
    if not files:
        raise SpecError("No file was named.", code="no_file", hint="Name a CSV, JSONL or Parquet file.")
    wanted = split_spec(split)
    if len(files) == 1 and files[0].is_dir():
        content = read_version(files[0], columns, wanted)
    else:
        content = read_files(list(files), columns=columns, split=wanted, emit=emit)
    for action in fixes:
        mend(content, action, wanted)
    emit("progress", stage="look", fraction=0.8, done=content.rows, unit="rows", eta_seconds=1)
    result = write(content, out, task, wanted)
    emit("progress", stage="look", fraction=1.0, done=content.rows, unit="rows", eta_seconds=0)
    return result | {"seconds": round(time.monotonic() - started, 2)}


def split_spec(split: dict[str, Any] | None) -> SplitSpec:
    try:
        return SplitSpec.model_validate(split or {})
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise SpecError(
            f"split.{where}: {first['msg']}.", hint='It looks like {"test": 0.2, "validation": 0.1, "seed": 0}.'
        ) from error


def read_version(folder: Path, columns: dict[str, str] | None, wanted: SplitSpec) -> Content:
    """A version's rows again, maybe under other roles. Parts that the upload gave stay as given."""
    try:
        table = pq.read_table(folder / "data.parquet")
        before = json.loads((folder / "profile.json").read_text("utf-8"))
        problems = json.loads((folder / "problems.json").read_text("utf-8"))
        parts = pq.read_table(folder / "split.parquet").column("split").to_pylist()
    except (OSError, ValueError) as error:
        raise DataError(
            f"{folder.name} is no dataset version.", code="no_file", hint="Name a folder that `inspect` wrote."
        ) from error
    lasting = [one for one in problems if one["code"] in ("bad_rows", "columns_differ", "garbled_characters")]
    content = Content(table, before["source"], lasting)
    look(content, columns or before["suggestion"]["columns"] or None)
    given = bool(before["split"].get("given"))
    divide(content, wanted, np.array([part or "" for part in parts], dtype="U10") if given else None)
    if given:
        content.split_how = before["split"]["how"]
    return content


def write(content: Content, out: Path, task: str | None, wanted: SplitSpec) -> dict[str, Any]:
    """Everything into a temporary folder, then one rename: a version is whole or not there."""
    part = out.with_name(out.name + ".part")
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(parents=True)
    profile, problems = describe(content, task, wanted)
    content.keys = None
    split = split_table(content.split)
    profile["sha256"] = content_hash(content, split)
    pq.write_table(content.table, part / "data.parquet", compression="zstd", row_group_size=100_000)
    pq.write_table(split, part / "split.parquet", compression="zstd")
    (part / "profile.json").write_text(json.dumps(profile, ensure_ascii=False), "utf-8")
    (part / "problems.json").write_text(json.dumps(problems, ensure_ascii=False), "utf-8")
    os.replace(part, out)
    told = ("rows", "sha256", "columns", "suggestion", "labels", "split", "source")
    return {name: profile[name] for name in told} | {"problems": problems}


def split_table(split: np.ndarray) -> pa.Table:
    """One string column; null for a row that is not used."""
    column = pa.array(split, pa.string()) if len(split) else pa.array([], pa.string())
    return pa.table({"split": pc.if_else(pc.equal(column, ""), None, column)})


def describe(content: Content, task: str | None, wanted: SplitSpec) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """The fields of profile.json without the hash, and problems.json."""
    problems, labels = list(content.problems), []
    suggestion: dict[str, Any] = {"task": None, "columns": {}, "sentence": why_no_roles(content)}
    if content.keys is not None:
        roles = content.roles
        labels = label_counts(content.keys)
        texts = content.table.column(roles["text"])
        problems += find_problems(content.table, texts, content.keys, content.split, content.given_split)
        sentence = f"Read {roles['text']}, answer with one of the {len(labels)} values of {roles['label']}."
        suggestion = {"task": task or "text-classification", "columns": roles, "sentence": sentence}
    counts = {name: int((content.split == name).sum()) for name in PARTS}
    split = counts | {
        "unused": content.rows - sum(counts.values()),
        "seed": wanted.seed,
        "how": content.split_how,
        "given": content.given_split,
    }
    profile = {
        "rows": content.rows,
        "columns": content.profile,
        "suggestion": suggestion,
        "labels": labels,
        "split": split,
        "source": content.sources,
    }
    return profile, sorted(problems, key=lambda one: ORDER[one["severity"]])


def why_no_roles(content: Content) -> str:
    """What to tell somebody whose columns suit no task."""
    texts = [column["name"] for column in content.profile if column["kind"] == "text"]
    if len(content.profile) == 1:
        return "There is only one column; a text and its label are needed, each in a column of its own."
    if texts:
        return f"“{texts[0]}” could be read, but no column looks like its label: choose both below."
    return "These are numbers and categories; no column holds texts to read. If one does, choose it below."


def content_hash(content: Content, split: pa.Table) -> str:
    """SHA-256 over columns, cells, roles and split: the same for the same content, whatever file it came in."""
    names = json.dumps([content.names, content.roles], ensure_ascii=False, sort_keys=True)
    digest = hashlib.sha256(names.encode("utf-8", "surrogatepass"))
    for column in [*content.table.itercolumns(), split.column("split")]:
        for start in range(0, len(column), HASHED_ROWS):
            cells = pa.concat_arrays(column.slice(start, HASHED_ROWS).chunks)
            digest.update(pc.fill_null(pc.binary_length(cells), -1).cast(pa.int64()).to_numpy().astype("<i8").tobytes())
            digest.update("".join(pc.fill_null(cells, "").to_pylist()).encode())
    return digest.hexdigest()
