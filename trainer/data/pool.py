"""The pool: rows that lack nothing but their label. And the labels that people give them, with where each comes from."""

from pathlib import Path
from typing import TypedDict

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from trainer.columns import canonical_label
from trainer.data.cells import is_missing_mask
from trainer.data.columns import map_columns
from trainer.data.dataset import Dataset, LabelSource
from trainer.data.linked_rows import link_rows
from trainer.data.passage_rows import context_of
from trainer.data.row_keys import NO_TEXT, Keys, shuffle_keys
from trainer.data.splitting import group_keys, split_dataset, split_rows
from trainer.errors import DataError
from trainer.label_lists import read_labels, write_labels
from trainer.messages import _

POOL = "pool"
FILE, PERSON, SUGGESTION = "file", "person", "suggestion"
"""Where a label comes from; what the file of sources does not name came with the `FILE`."""
RULE = "rule:"
"""Begins the source of a label that a rule gave, before the name of the rule."""
ONE_IN = 10
"""Of so many rows that get a label, one joins the test."""
FEWEST_TESTED = 5
"""Rows from which those that were drawn for it are the test; before, too few have a label."""
SOURCES_FILE = "label_sources.parquet"


class LabelEntry(TypedDict, total=False):
    """A decision about one row, counted from 1: its label, or that it is never to be asked about again (`left_out`).
    `kept`: it has the label already, whatever its cell looks like."""

    row: int
    value: str | None
    left_out: bool
    kept: bool
    source: str
    person: str
    at: str


def pool_rows(dataset: Dataset) -> np.ndarray:
    """True for each row that has every input and no label, unless somebody left it out."""
    answer = dataset.roles.get(dataset.shape.answer) if dataset.shape else None
    if dataset.keys is None or dataset.shape is None or answer is None:
        return np.zeros(dataset.rows, dtype=bool)
    keys = dataset.keys
    in_pool: np.ndarray = ~keys.usable & (keys.texts != NO_TEXT) & missing(dataset, answer)
    for name in {dataset.roles[role] for role in dataset.shape.reads if role in dataset.roles} - {answer}:
        in_pool &= ~missing(dataset, name)
    in_pool[[row for row, source in dataset.label_sources.items() if source["left_out"]]] = False
    return in_pool


def missing(dataset: Dataset, name: str) -> np.ndarray:
    mask: np.ndarray = is_missing_mask(dataset.column(name)).to_numpy()
    return mask


def apply_labels(dataset: Dataset, entries: list[LabelEntry]) -> None:
    """Give rows their labels and part. Those that have a part keep it; of the others one in ten joins the test, if it was drawn.
    Where there is no test yet, all are divided anew. A label that was only suggested is never tested on. A label that somebody
    has looked at and kept comes from where it came from, with who looked at it; one that another rule gives too comes from that."""
    (values, answer), parts, is_list = answers_of(dataset), dataset.split, dataset.has_label_lists
    for entry in entries:
        row = entry["row"] - 1
        source = source_of(entry)
        is_same = is_kept(values[row], entry, is_list)
        if is_same and not source["source"].startswith(RULE):
            source["source"] = kept_source(dataset.label_sources.get(row))
        dataset.label_sources[row] = source
        if not entry.get("left_out") and not is_same:
            values[row] = entry["value"]
    dataset.table = dataset.table.set_column(dataset.names.index(answer), answer, pa.array(values, pa.string()))
    map_columns(dataset, dataset.roles, dataset.task)
    divide_labelled(dataset, parts)


def is_kept(value: str | None, entry: LabelEntry, is_list: bool = False) -> bool:
    """Whether the decision is that the label which the row has stays; of several, in whatever order."""
    given = None if entry.get("left_out") else entry["value"]
    if not value or not given:
        return False
    if entry.get("kept"):
        return True
    if is_list:
        return read_labels(value) == read_labels(given)
    return canonical_label(str(value)) == canonical_label(str(given))


def kept_source(before: LabelSource | None) -> str:
    """Of a label that stays. A suggestion that a person has seen is that person's."""
    source = before["source"] if before else FILE
    return PERSON if is_unseen(source) else source


def is_unseen(source: str) -> bool:
    """Whether a program gave a label, and no person has looked at it: such rows are never tested on."""
    return source == SUGGESTION or source.startswith(RULE)


def rename_labels(dataset: Dataset, names: dict[str, str]) -> None:
    """{label: what it is called from now on}; labels that get one name are merged. Parts and sources stay."""
    values, answer = answers_of(dataset)
    new = {canonical_label(before): after for before, after in names.items()}
    rename = rename_listed if dataset.has_label_lists else rename_cell
    set_answers(dataset, answer, [value if value is None else rename(value, new) for value in values])


def rename_cell(cell: str, names: dict[str, str]) -> str:
    return names.get(canonical_label(cell), cell)


def rename_listed(cell: str, names: dict[str, str]) -> str:
    """As it is where none of its labels has another name."""
    labels = read_labels(cell)
    if not any(label in names for label in labels):
        return cell
    return write_labels(sorted({names.get(label, label) for label in labels}))


def take_labels_back(dataset: Dataset, source: str) -> None:
    """Rows whose label comes from there go back to the pool."""
    values, answer = answers_of(dataset)
    rows = [row for row, label in dataset.label_sources.items() if label["source"] == source]
    for row in rows:
        values[row] = None
        del dataset.label_sources[row]
    set_answers(dataset, answer, values)


def answers_of(dataset: Dataset) -> tuple[list[str | None], str]:
    """(what every row is answered with, its column)."""
    answer = dataset.roles.get(dataset.shape.answer) if dataset.shape else None
    if answer is None:
        raise DataError(
            _("No column holds the labels."), code="no_column", hint=_("Choose the column of the labels first.")
        )
    return dataset.column(answer).to_pylist(), answer


def set_answers(dataset: Dataset, answer: str, values: list[str | None]) -> None:
    """Every row that is still used keeps its part."""
    parts = dataset.split
    dataset.table = dataset.table.set_column(dataset.names.index(answer), answer, pa.array(values, pa.string()))
    map_columns(dataset, dataset.roles, dataset.task)
    usable = dataset.mapped_keys.usable
    dataset.split = np.where(usable, np.where(parts == "", "train", parts), "").astype(object)
    if dataset.folds is not None:
        dataset.folds = np.where(usable, np.maximum(dataset.folds, 0), -1).astype(np.int8)


def confirmed_rows(dataset: Dataset) -> set[int]:
    """Rows, from 0, whose label a person gave here, or looked at and kept."""
    return {
        row
        for row, source in dataset.label_sources.items()
        if source["source"] in (FILE, PERSON) and not source["left_out"]
    }


def source_of(entry: LabelEntry) -> LabelSource:
    return {
        "source": entry.get("source") or PERSON,
        "person": entry.get("person") or "",
        "at": entry.get("at") or "",
        "left_out": bool(entry.get("left_out")),
    }


def divide_labelled(dataset: Dataset, parts: np.ndarray) -> None:
    """A part for each row that has just become usable; `parts`: those of the rows before."""
    usable, keys = dataset.mapped_keys.usable, keys_to_divide(dataset)
    if dataset.folds is not None or not has_test(dataset, parts):
        divide_anew(dataset, keys)
    else:
        dataset.split = np.where(usable, parts, "").astype(object)
        rows = np.flatnonzero(usable & (parts == ""))
        dataset.split[rows] = draw_parts(keys, dataset.split, rows, dataset.split_spec.seed, takes_test(dataset))
    suggested = [row for row, source in dataset.label_sources.items() if is_unseen(source["source"])]
    if suggested and dataset.folds is None:
        shares_text = np.isin(keys.texts, keys.texts[suggested])
        dataset.split[shares_text & (dataset.split == "test")] = "train"


def has_test(dataset: Dataset, parts: np.ndarray) -> bool:
    """Whether there is a test to keep: one that came with the files, or was drawn by what rows are drawn for it."""
    if dataset.given_split:
        return True
    tested = np.flatnonzero(dataset.mapped_keys.usable & (parts == "test"))
    sources = dataset.label_sources
    of_file = [row for row in tested.tolist() if row not in sources or sources[row]["source"] == FILE]
    return bool(of_file) or (len(tested) >= FEWEST_TESTED and bool(drawn_rows(dataset)[tested].all()))


def divide_anew(dataset: Dataset, keys: Keys) -> None:
    """Where nothing is tested on yet. Which rows were asked about says nothing of which come later, so only those that were
    drawn for it are the test; as long as these are too few, it is a share of all labels."""
    split_dataset(dataset, dataset.split_spec)
    drawn = drawn_rows(dataset)
    if dataset.folds is not None or dataset.given_split or not takes_test(dataset) or drawn.sum() < FEWEST_TESTED:
        return
    fixed = np.where(drawn, "test", "").astype(object)
    dataset.split = split_rows(keys, dataset.split_spec, fixed)


def drawn_rows(dataset: Dataset) -> np.ndarray:
    """True for rows that a person has labelled here and that are drawn for the test."""
    people = np.zeros(dataset.rows, dtype=bool)
    people[[row for row, source in dataset.label_sources.items() if source["source"] == PERSON]] = True
    drawn = is_drawn_for_test(keys_to_divide(dataset).texts, dataset.split_spec.seed)
    drawn &= people & dataset.mapped_keys.usable
    return drawn


def takes_test(dataset: Dataset) -> bool:
    """Whether rows that get a label may join the test."""
    return dataset.folds is None and not dataset.given_split and dataset.split_how != "by time"


def is_drawn_for_test(texts: np.ndarray, seed: int) -> np.ndarray:
    """True for one of ONE_IN keys (`Keys.texts`), whichever are asked about and when."""
    drawn: np.ndarray = shuffle_keys(texts, seed) % np.uint64(ONE_IN) == 0
    return drawn


def draw_parts(keys: Keys, parts: np.ndarray, rows: np.ndarray, seed: int, takes_test: bool) -> list[str]:
    """A copy goes where its text is already. The others are drawn by a hash of their text and the seed, so that it does not
    matter in which order they were asked about."""
    known = np.flatnonzero(np.isin(keys.texts, keys.texts[rows]) & (parts != ""))
    part_of = {int(keys.texts[row]): str(parts[row]) for row in known}
    drawn = takes_test & is_drawn_for_test(keys.texts[rows], seed)
    return [
        part_of.get(int(keys.texts[row]), "test" if is_test else "train")
        for row, is_test in zip(rows, drawn, strict=True)
    ]


def keys_to_divide(dataset: Dataset) -> Keys:
    """Rows with one key stay together, as in `split_dataset`."""
    group = dataset.split_spec.group or context_of(dataset)
    return group_keys(dataset, group) if group else link_rows(dataset).keys


def keep_sources(dataset: Dataset, is_kept: np.ndarray) -> None:
    """The sources of the rows that are kept, under their new numbers."""
    numbers = np.cumsum(is_kept) - 1
    dataset.label_sources = {int(numbers[row]): source for row, source in dataset.label_sources.items() if is_kept[row]}


def write_sources(dataset: Dataset, folder: Path) -> None:
    """The column of sources beside the rows: one for each label that did not come with the file."""
    if not dataset.label_sources:
        return
    rows = sorted(dataset.label_sources)
    sources = [dataset.label_sources[row] for row in rows]
    columns = {
        "row": pa.array([row + 1 for row in rows], pa.int64()),
        **{name: pa.array([source[name] for source in sources], pa.string()) for name in ("source", "person", "at")},
        "left_out": pa.array([source["left_out"] for source in sources], pa.bool_()),
    }
    pq.write_table(pa.table(columns), folder / SOURCES_FILE, compression="zstd")


def read_sources(folder: Path) -> dict[int, LabelSource]:
    """{row from 0: source}; none of a version whose labels all came with the file."""
    path = folder / SOURCES_FILE
    if not path.exists():
        return {}
    return {
        row["row"] - 1: LabelSource(source=row["source"], person=row["person"], at=row["at"], left_out=row["left_out"])
        for row in pq.read_table(path).to_pylist()
    }
