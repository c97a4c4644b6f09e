"""Changes to the rows of a version: cells set by hand, and the remedies of findings."""

import os
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from trainer.data import fixes as remedies
from trainer.data import leakage, mislabels, near_copies
from trainer.data.column_checks import COLUMN_FAULTS, columns_with, spelled_missing
from trainer.data.columns import look
from trainer.data.dataset import Dataset
from trainer.data.fixes import FOLDS
from trainer.data.splitting import divide, keep_split, named_column
from trainer.errors import DataError
from trainer.messages import _
from trainer.spec import FOLD_COUNT, SplitSpec

PERSONAL = ("mask_personal", "pseudonymise_personal")


def change(content: Dataset, changes: dict[str, Any]) -> None:
    """Set cells, then drop rows, both by numbers from 1; every row that stays keeps its part."""
    parts = content.split
    by_column: dict[str, dict[int, str | None]] = {}
    for one in changes.get("set") or []:
        try:
            row, column, value = int(one["row"]), str(one["column"]), one.get("value")
        except (KeyError, TypeError, ValueError) as error:
            raise bad_change(_('A cell to set looks like {"row": 1, "column": "label", "value": "x"}.')) from error
        by_column.setdefault(column, {})[checked_row(row, content)] = None if value is None else str(value)
    for name, cells in by_column.items():
        values = named_column(content, name).to_pylist()
        for row, value in cells.items():
            values[row] = value
        content.table = content.table.set_column(content.names.index(name), name, pa.array(values, pa.string()))
    kept = np.ones(content.rows, dtype=bool)
    for row in changes.get("drop") or []:
        kept[checked_row(row, content)] = False
    if not kept.any():
        raise bad_change(_("No row would be left."))
    content.table = content.table.filter(pa.array(kept))
    look(content, content.roles, content.task)
    usable = content.keys.usable if content.keys is not None else np.zeros(content.rows, dtype=bool)
    parts = parts[kept]
    content.split = np.where(usable, np.where(parts == "", "train", parts), "")
    if content.folds is not None:
        folds = content.folds[kept]
        content.folds = np.where(usable, np.maximum(folds, 0), -1).astype(np.int8)


def checked_row(row: Any, content: Dataset) -> int:
    if not isinstance(row, int) or not 1 <= row <= content.rows:
        raise bad_change(
            _("There is no row %(row)s: they are counted from 1 to %(rows)s.", row=row, rows=f"{content.rows:,}")
        )
    return row - 1


def bad_change(message: str) -> DataError:
    return DataError(message, code="bad_change", hint=_("Look at the rows of this version and name them again."))


def keeps_rows(action: str) -> bool:
    """Whether a remedy is one of columns, or of cells that hold nothing: rows and answers stay."""
    return action in ("empty_missing", "drop_leaking_columns") or action.removeprefix("drop_") in COLUMN_FAULTS


def rows_after(content: Dataset, action: str) -> np.ndarray:
    """True for each row that a remedy keeps; a remedy of columns is done here."""
    kept = np.ones(content.rows, dtype=bool)
    if action == "drop_near_duplicates":
        kept[near_copies.near_copy_rows(content)] = False
        return kept
    if action == "drop_mislabels":
        kept[list(mislabels.mislabelled_rows(content))] = False
        return kept
    if action == "drop_leaking_columns":
        content.table = content.table.drop_columns(leakage.leaking_columns(content))
        return kept
    if action.removeprefix("drop_") in COLUMN_FAULTS:
        content.table = content.table.drop_columns(columns_with(content, action.removeprefix("drop_")))
        return kept
    if action == "empty_missing":
        empty_missing(content)
        return kept
    assert content.keys is not None
    return remedies.rows_kept(action, content.keys)


def accept_mislabels(content: Dataset) -> None:
    """Rows whose label looks wrong get the one that a simple model is sure of; every row keeps its part."""
    answer = content.roles[content.shape.answer] if content.shape else ""
    suggested = mislabels.mislabelled_rows(content)
    cells = [{"row": row + 1, "column": answer, "value": label} for row, label in suggested.items()]
    if cells:
        change(content, {"set": cells})


def empty_missing(content: Dataset) -> None:
    """Cells that say in letters that there is no value become empty."""
    for at, name in enumerate(content.names):
        column = content.table.column(name)
        if name not in content.kinds:
            content.table = content.table.set_column(at, name, pc.if_else(spelled_missing(column), None, column))


def replace_personal(content: Dataset, action: str) -> None:
    """Mask what is found in every column, or put stand-ins in its place: the same ones throughout the dataset, by a key
    that the site gives in MAQUETTE_PSEUDONYM_KEY."""
    from trainer.data import privacy

    secret = os.environ.get("MAQUETTE_PSEUDONYM_KEY", "").encode() or os.urandom(32)
    for at, name in enumerate(content.names):
        column = content.table.column(name)
        if name in content.kinds:
            continue
        new = privacy.mask(column, name) if action == "mask_personal" else privacy.pseudonymise(column, secret, name)
        content.table = content.table.set_column(at, name, new)


def mend(content: Dataset, action: str, wanted: SplitSpec) -> None:
    """Apply one remedy. Parts that were given stay, drawn ones where no row goes; otherwise the rows are divided anew."""
    if action == FOLDS:
        content.wanted = wanted.model_copy(update={"folds": FOLD_COUNT})
        divide(content, content.wanted)
        return
    if content.keys is None and action not in PERSONAL:
        raise DataError(_("No columns were chosen yet."), code="no_column", hint=_("Choose what each column is first."))
    if action == "accept_mislabels":
        accept_mislabels(content)
        return
    if action in PERSONAL:
        parts = content.split
        replace_personal(content, action)
        look(content, content.roles, content.task)
        content.split = parts
        return
    kept = rows_after(content, action)
    if action == remedies.MERGE:
        labels = np.array([*remedies.merged_labels(content.keys), None], dtype=object)[content.keys.codes]
        answer = content.roles[content.shape.answer] if content.shape else ""
        content.table = content.table.set_column(content.names.index(answer), answer, pa.array(labels, pa.string()))
    given, how, before = content.given_split, content.split_how, (content.task, content.roles)
    parts = content.split[kept]
    parts[parts == ""] = "train"
    content.table = content.table.filter(pa.array(kept))
    look(content, content.roles, content.task)
    if not given and keeps_rows(action) and (content.task, content.roles) == before and content.folds is None:
        keep_split(content, parts, how)
        return
    if not given:
        divide(content, wanted)
        return
    divide(content, SplitSpec(test=0, validation=0, seed=wanted.seed), parts)
    content.given_split, content.split_how = given, how
