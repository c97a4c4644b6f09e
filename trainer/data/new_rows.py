"""The command `new-rows`: of the rows of files, those that a version does not have and that were not seen before."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from trainer import tasks
from trainer.data.appending import LOST, match_columns, read_added, under_names
from trainer.data.memory import use_frugal_pool
from trainer.data.row_keys import NO_TEXT, hash_rows, hash_texts
from trainer.errors import DataError
from trainer.events import Emit
from trainer.messages import _

ROWS, SEEN = "rows.parquet", "seen.npy"
MAX_ROWS = 5_000_000


def find_new_rows(
    version: Path, files: Sequence[Path], out: Path, emit: Emit, *, seen: Path | None = None, none_new: bool = False
) -> dict[str, Any]:
    """Write the new rows (ROWS, where there are some) and the keys of all (SEEN) into `out`. `seen`: keys of an earlier call;
    `none_new`: all count as seen. {rows, new, bytes, left_out: what could not be read}. `DataError` where no column fits."""
    use_frugal_pool()
    table, inputs = rows_of(version)
    added = read_added(files, emit)
    matched = match_columns(table.column_names, added.names)
    check_columns(inputs or table.column_names, matched)
    compared = [name for name in compared_columns(inputs, table.column_names) if matched[name]]
    keys = keys_of(under_names(added.table, matched), compared)
    before = np.load(seen) if seen is not None else np.array([], dtype=np.uint64)
    known = np.union1d(before, keys_of(table, compared))
    is_new = ~np.isin(keys, known) & (keys != NO_TEXT) & (not none_new)
    out.mkdir(parents=True, exist_ok=True)
    if is_new.any():
        pq.write_table(added.table.filter(pa.array(is_new)), out / ROWS)
    remember(np.union1d(before, keys), out)
    size = (out / ROWS).stat().st_size if is_new.any() else 0
    lost = [problem for problem in added.problems if problem["code"] in LOST]
    return {"rows": added.rows, "new": int(is_new.sum()), "bytes": size, "left_out": lost}


def remember(keys: np.ndarray, out: Path) -> None:
    if len(keys) > MAX_ROWS:
        raise DataError(
            _("A source may have %(limit)s rows in all.", limit=f"{MAX_ROWS:,}"),
            code="too_many_rows",
            hint=_("Let it give the newest rows alone."),
        )
    np.save(out / SEEN, keys.astype(np.uint64))


def rows_of(version: Path) -> tuple[pa.Table, list[str]]:
    """(the rows of a version, the columns that are read)."""
    profile = json.loads((version / "profile.json").read_text("utf-8"))
    suggestion = profile["suggestion"]
    shape = tasks.shapes().get(suggestion.get("task") or "")
    mapped: dict[str, str] = suggestion.get("columns") or {}
    inputs = [mapped[role] for role in (shape.reads if shape else ()) if role in mapped]
    return pq.read_table(version / "data.parquet"), inputs


def compared_columns(inputs: Sequence[str], names: Sequence[str]) -> list[str]:
    """What two rows are the same by: the one text that is read, else all columns."""
    return list(inputs) if len(inputs) == 1 else list(names)


def keys_of(table: pa.Table, names: Sequence[str]) -> np.ndarray:
    """uint64 a row, NO_TEXT for an empty one."""
    columns = [table.column(name) for name in names]
    return hash_texts(columns[0]) if len(columns) == 1 else hash_rows(columns, table.num_rows)


def check_columns(needed: Sequence[str], matched: dict[str, str | None]) -> None:
    if not any(matched.get(name) for name in needed):
        raise DataError(
            _("The added rows have none of the columns that are read: %(names)s.", names=", ".join(needed[:10])),
            code="other_columns",
            hint=_("Name their columns as in this dataset."),
        )
