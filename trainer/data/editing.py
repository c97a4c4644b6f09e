"""Changes to the rows of a version: cells set by hand, and the remedies of findings."""

import os
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from trainer.data import fixes as remedies
from trainer.data import leakage, mislabels, near_copies
from trainer.data.column_checks import COLUMN_PROBLEMS, columns_with, is_spelled_missing
from trainer.data.columns import map_columns
from trainer.data.dataset import Dataset
from trainer.data.fixes import FOLDS
from trainer.data.pool import (
    PERSON,
    SUGGESTION,
    LabelEntry,
    apply_labels,
    keep_sources,
    rename_labels,
    source_of,
    take_labels_back,
)
from trainer.data.splitting import keep_split, split_dataset
from trainer.data.tables.table import as_text
from trainer.errors import DataError
from trainer.json_types import JsonObject
from trainer.messages import _
from trainer.spec import FOLD_COUNT, SplitSpec

PERSONAL = ("mask_personal", "pseudonymise_personal")


def apply_changes(dataset: Dataset, changes: JsonObject) -> None:
    """Set cells, then drop rows, both by numbers from 1; every row that stays keeps its part. `labels`, decisions about the rows
    of the pool, come first (`trainer.data.pool.LabelEntry`), then labels that are renamed (`rename`: {label: name}) and those of a source
    that are taken back (`take_back`); `by` says who else set cells of the answer, and when."""
    if labels := label_entries(changes, dataset):
        apply_labels(dataset, labels)
    if names := changes.get("rename"):
        rename_labels(dataset, names_in(names))
    if source := changes.get("take_back"):
        take_labels_back(dataset, str(source))
    if not changes.get("set") and not changes.get("drop"):
        return
    parts = dataset.split
    set_cells(dataset, changes)
    is_kept = np.ones(dataset.rows, dtype=bool)
    for row in listed(changes, "drop"):
        is_kept[row_index(row, dataset)] = False
    if not is_kept.any():
        raise bad_change(_("No row would be left."))
    dataset.table = dataset.table.filter(pa.array(is_kept))
    keep_sources(dataset, is_kept)
    map_columns(dataset, dataset.roles, dataset.task)
    usable = dataset.keys.usable if dataset.keys is not None else np.zeros(dataset.rows, dtype=bool)
    parts = parts[is_kept]
    dataset.split = np.where(usable, np.where(parts == "", "train", parts), "")
    if dataset.folds is not None:
        folds = dataset.folds[is_kept]
        dataset.folds = np.where(usable, np.maximum(folds, 0), -1).astype(np.int8)


def set_cells(dataset: Dataset, changes: JsonObject) -> None:
    """What `set` asks for; labels that are set come from whom `by` names."""
    by_column: dict[str, dict[int, str | None]] = {}
    for edit in listed(changes, "set"):
        try:
            row, column, value = edit["row"], str(edit["column"]), edit.get("value")
        except (KeyError, TypeError) as error:
            raise bad_change(_('A cell to set looks like {"row": 1, "column": "label", "value": "x"}.')) from error
        by_column.setdefault(column, {})[row_index(row, dataset)] = as_text(value)
    for name, cells in by_column.items():
        values = dataset.column(name).to_pylist()
        for row, value in cells.items():
            values[row] = value
        dataset.table = dataset.table.set_column(dataset.names.index(name), name, pa.array(values, pa.string()))
        if dataset.shape and name == dataset.roles.get(dataset.shape.answer):
            dataset.label_sources |= dict.fromkeys(cells, source_of(changes.get("by") or {"source": PERSON}))


def label_entries(changes: JsonObject, dataset: Dataset) -> list[LabelEntry]:
    """The decisions among the changes, each with a row that there is."""
    entries = listed(changes, "labels")
    for entry in entries:
        if not isinstance(entry, dict) or not {"row", "value"} <= set(entry):
            raise bad_change(_('A label looks like {"row": 1, "value": "x"}.'))
        entry["row"] = row_index(entry["row"], dataset) + 1
        entry["value"] = as_text(entry["value"])
    return entries


def names_in(names: object) -> dict[str, str]:
    """{label: its new name}."""
    if not isinstance(names, dict) or not all(isinstance(name, str) and name for name in names.values()):
        raise bad_change(_('Labels to rename look like {"old": "new"}.'))
    return names


def listed(changes: JsonObject, name: str) -> list[Any]:
    """The entries of one kind of change; one that stands alone is a list of one."""
    entries = changes.get(name) or []
    return entries if isinstance(entries, list) else [entries]


def row_index(row: object, dataset: Dataset) -> int:
    """Of a row's number from 1, where it is; `DataError` for what is not a row."""
    if isinstance(row, str) and row.isdecimal() and len(row) < 16:
        row = int(row)
    if not isinstance(row, int) or isinstance(row, bool) or not 1 <= row <= dataset.rows:
        raise bad_change(
            _("There is no row %(row)s: they are counted from 1 to %(rows)s.", row=row, rows=f"{dataset.rows:,}")
        )
    return row - 1


def bad_change(message: str) -> DataError:
    return DataError(message, code="bad_change", hint=_("Look at the rows of this version and name them again."))


def keeps_all_rows(action: str) -> bool:
    """Whether a remedy is one of columns, or of cells that hold nothing: rows and answers stay."""
    return action in ("empty_missing", "drop_leaking_columns") or action.removeprefix("drop_") in COLUMN_PROBLEMS


def apply_to_rows(dataset: Dataset, action: str) -> np.ndarray:
    """True for each row that a remedy keeps; a remedy of columns is done here."""
    is_kept = np.ones(dataset.rows, dtype=bool)
    if action == "drop_near_duplicates":
        is_kept[near_copies.find_near_copy_rows(dataset)] = False
        return is_kept
    if action == "drop_mislabels":
        is_kept[list(mislabels.suggest_labels(dataset))] = False
        return is_kept
    if action == "drop_leaking_columns":
        dataset.table = dataset.table.drop_columns(leakage.leaking_columns(dataset))
        return is_kept
    if action.removeprefix("drop_") in COLUMN_PROBLEMS:
        dataset.table = dataset.table.drop_columns(columns_with(dataset, action.removeprefix("drop_")))
        return is_kept
    if action == "empty_missing":
        empty_missing(dataset)
        return is_kept
    assert dataset.keys is not None
    return remedies.rows_kept(action, dataset.keys)


def accept_mislabels(dataset: Dataset) -> None:
    """Rows whose label looks wrong get the one that a simple model is sure of; every row keeps its part."""
    answer = dataset.roles[dataset.shape.answer] if dataset.shape else ""
    suggested = mislabels.suggest_labels(dataset)
    cells = [{"row": row + 1, "column": answer, "value": label} for row, label in suggested.items()]
    if cells:
        apply_changes(dataset, {"set": cells, "by": {"source": SUGGESTION}})


def merge_label_variants(dataset: Dataset) -> None:
    """Every label in the commonest of its spellings."""
    keys, answer = dataset.mapped_keys, dataset.roles[dataset.mapped_shape.answer]
    merged: list[str | None] = [*remedies.merged_labels(keys), None]
    cells = pa.array([merged[code] for code in keys.codes.tolist()], pa.string())
    dataset.table = dataset.table.set_column(dataset.names.index(answer), answer, cells)


def empty_missing(dataset: Dataset) -> None:
    """Cells that say in letters that there is no value become empty."""
    for index, name in enumerate(dataset.names):
        column = dataset.table.column(name)
        if name not in dataset.kinds:
            dataset.table = dataset.table.set_column(index, name, pc.if_else(is_spelled_missing(column), None, column))


def replace_personal(dataset: Dataset, action: str) -> None:
    """Mask what is found in every column, or put stand-ins in its place: the same ones throughout the dataset, by a key
    that the site gives in MAQUETTE_PSEUDONYM_KEY."""
    from trainer.data import privacy

    secret = os.environ.get("MAQUETTE_PSEUDONYM_KEY", "").encode() or os.urandom(32)
    for index, name in enumerate(dataset.names):
        column = dataset.table.column(name)
        if name in dataset.kinds:
            continue
        new = (
            privacy.mask_column(column, name)
            if action == "mask_personal"
            else privacy.pseudonymise_column(column, secret, name)
        )
        dataset.table = dataset.table.set_column(index, name, new)


def apply_fix(dataset: Dataset, action: str, split_spec: SplitSpec) -> None:
    """Apply one remedy. Parts that were given stay, drawn ones where no row goes; otherwise the rows are divided anew."""
    if action == FOLDS:
        dataset.split_spec = split_spec.model_copy(update={"folds": FOLD_COUNT})
        split_dataset(dataset, dataset.split_spec)
        return
    if dataset.keys is None and action not in PERSONAL:
        raise DataError(_("No columns were chosen yet."), code="no_column", hint=_("Choose what each column is first."))
    if action == "accept_mislabels":
        accept_mislabels(dataset)
        return
    if action in PERSONAL:
        parts = dataset.split
        replace_personal(dataset, action)
        map_columns(dataset, dataset.roles, dataset.task)
        dataset.split = parts
        return
    is_kept = apply_to_rows(dataset, action)
    if action == remedies.MERGE:
        merge_label_variants(dataset)
    was_given, how, before = dataset.given_split, dataset.split_how, (dataset.task, dataset.roles)
    parts = dataset.split[is_kept]
    parts[parts == ""] = "train"
    dataset.table = dataset.table.filter(pa.array(is_kept))
    keep_sources(dataset, is_kept)
    map_columns(dataset, dataset.roles, dataset.task)
    if not was_given and keeps_all_rows(action) and (dataset.task, dataset.roles) == before and dataset.folds is None:
        keep_split(dataset, parts, how)
        return
    if not was_given:
        split_dataset(dataset, split_spec)
        return
    split_dataset(dataset, SplitSpec(test=0, validation=0, seed=split_spec.seed), parts)
    dataset.given_split, dataset.split_how = was_given, how
