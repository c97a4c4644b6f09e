"""More rows for a version: those of other files, with columns matched by name. The test stays as it is."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa

from trainer.data.columns import map_columns
from trainer.data.dataset import Dataset
from trainer.data.gathering import gather_rows
from trainer.data.intake import open_tables
from trainer.data.pool import keys_to_divide
from trainer.data.problems import Problem, problem
from trainer.data.readings import Choices, LeftOut
from trainer.data.row_keys import NO_TEXT
from trainer.data.same_names import is_same_name
from trainer.data.splitting import split_dataset
from trainer.data.uploads import unpack_uploads
from trainer.errors import DataError
from trainer.events import Emit
from trainer.messages import _, ngettext

APPENDED = ("rows_added", "columns_added", "columns_lacking", "test_copies")
"""Codes of the findings that say what was joined and what was not."""


def append_rows(
    dataset: Dataset, files: Sequence[Path], emit: Emit, columns_before: Sequence[str] | None = None
) -> None:
    """Join the rows of these tables. Those with a label are learned from; copies of rows that are validated or tested on are left
    out. `DataError` where no column has a name of the dataset's.

    `columns_before`: the dataset's columns when the rows were added, where its files are read anew since with another header; none
    of them where they are read anew in another way, after which a place says nothing. Then rows that fit no column any more are
    told and left out."""
    if dataset.media is not None:
        raise DataError(
            _("Rows with images or audio cannot be joined."),
            code="media_rows",
            hint=_("Upload all files together as a new dataset."),
        )
    added = read_added(files, emit)
    matched = match_columns(dataset.names, added.names)
    if columns_before is not None:
        matched = match_renamed(dataset.names, list(columns_before), added.names, matched)
        if not any(matched.values()):
            leave_out_added(dataset, added)
            return
    else:
        check_matched(dataset, matched)
    parts, before = dataset.split, dataset.rows
    dataset.table = pa.concat_tables([dataset.table, under_names(added.table, matched)])
    map_columns(dataset, dataset.roles, dataset.task)
    copies = copies_of_held(dataset, parts)
    dataset.table = dataset.table.filter(pa.array(~copies))
    map_columns(dataset, dataset.roles, dataset.task)
    divide_added(dataset, parts)
    dataset.sources = [*dataset.sources, *added.sources]
    dataset.left_out = [*dataset.left_out, *added.left_out]
    problems = [each for each in dataset.problems if each["code"] not in APPENDED]
    problems += [each for each in added.problems if each["code"] in LOST]
    dataset.problems = problems + added_problems(dataset.rows - before, int(copies.sum()), matched, added.names)


LOST = ("bad_rows", "left_out_rows", "left_out_columns", "late_fields", "garbled_characters")
"""Codes of the findings that say what of the added files was not read."""


def match_renamed(
    names: Sequence[str], before: Sequence[str], added: Sequence[str], matched: dict[str, str | None]
) -> dict[str, str | None]:
    """`match_columns` for columns that were called otherwise `before`: those that no name finds go by their place, where there
    are as many."""
    if len(names) != len(before):
        return matched
    earlier = match_columns(before, added)
    taken = set(matched.values())
    for name, old in zip(names, before, strict=True):
        if matched[name] is None and earlier[old] not in taken:
            matched[name] = earlier[old]
    return matched


def leave_out_added(dataset: Dataset, added: Dataset) -> None:
    """Tell of rows that have none of the columns."""
    sentence = ngettext(
        "%(count)s row that was added later has none of the columns: %(names)s.",
        "%(count)s rows that were added later have none of the columns: %(names)s.",
        added.rows,
        names=", ".join(added.names[:10]),
    )
    dataset.left_out.append(
        LeftOut("added_rows", added.rows, sentence, str(added.sources[0].get("name", ""))).as_dict()
    )
    dataset.problems.append(problem("left_out_rows", "warning", sentence, count=added.rows))


def read_added(files: Sequence[Path], emit: Emit) -> Dataset:
    choices = Choices()
    with unpack_uploads(list(files), [None] * len(files), None, emit, choices) as sources:
        if sources.dataset is not None or not sources.tables:
            raise DataError(
                _("Only the rows of tables can be joined."),
                code="media_rows",
                hint=_("Send a table: CSV, Excel, JSON lines or Parquet."),
            )
        tables = open_tables(sources, choices)
        dataset, _parts = gather_rows(tables, [None] * len(tables), emit)
    return dataset


def match_columns(names: Sequence[str], added: Sequence[str]) -> dict[str, str | None]:
    """{column of the dataset: that of the added rows}, None for none: of the same name, else of one that differs in capitals,
    spaces or a slip of the pen."""
    free = [name for name in added if name not in names]
    matched: dict[str, str | None] = {name: name if name in added else None for name in names}
    for name in names:
        if matched[name] is None and (like := next((other for other in free if is_same_name(name, other)), None)):
            matched[name] = like
            free.remove(like)
    return matched


def check_matched(dataset: Dataset, matched: dict[str, str | None]) -> None:
    """`DataError` where the rows lack every column that is read."""
    inputs = dataset.inputs or dataset.names
    if not any(matched[name] for name in inputs):
        raise DataError(
            _("The added rows have none of the columns that are read: %(names)s.", names=", ".join(inputs[:10])),
            code="other_columns",
            hint=_("Name their columns as in this dataset."),
        )


def under_names(table: pa.Table, matched: dict[str, str | None]) -> pa.Table:
    nothing = pa.nulls(table.num_rows, pa.string())
    cells = {name: table.column(other) if other else nothing for name, other in matched.items()}
    return pa.table(cells, schema=pa.schema([(name, pa.string()) for name in matched]))


def copies_of_held(dataset: Dataset, parts: np.ndarray) -> np.ndarray:
    """True for each added row whose text a row of the validation or the test has."""
    copies = np.zeros(dataset.rows, dtype=bool)
    if dataset.keys is None:
        return copies
    texts, before = keys_to_divide(dataset).texts, len(parts)
    held = texts[:before][np.isin(parts, ("validation", "test"))]
    copies[before:] = np.isin(texts[before:], held[held != NO_TEXT])
    return copies


def divide_added(dataset: Dataset, parts: np.ndarray) -> None:
    """Rows from before keep their parts, and the others are learned from; all are divided anew where nothing was tested on."""
    if dataset.keys is None or dataset.folds is not None or not (parts == "test").any():
        split_dataset(dataset, dataset.split_spec)
        return
    usable = dataset.keys.usable
    added = np.full(dataset.rows - len(parts), "train", dtype=object)
    dataset.split = np.where(usable, np.concatenate([parts, added]), "").astype(object)


def added_problems(rows: int, copies: int, matched: dict[str, str | None], names: Sequence[str]) -> list[Problem]:
    """What was joined, and how the columns differ."""
    message = ngettext(
        "%(count)s row was added to the version before.", "%(count)s rows were added to the version before.", rows
    )
    problems = [problem("rows_added", "info", message, count=rows)]
    taken = set(matched.values())
    if extra := [name for name in names if name not in taken]:
        message = _("Columns that the dataset does not have were left out: %(names)s.", names=", ".join(extra[:10]))
        problems.append(problem("columns_added", "warning", message, count=len(extra)))
    if lacking := [name for name, other in matched.items() if other is None]:
        message = _("The added rows lack columns, which are empty there: %(names)s.", names=", ".join(lacking[:10]))
        problems.append(problem("columns_lacking", "warning", message, count=len(lacking)))
    if copies:
        message = ngettext(
            "%(count)s added row is a copy of a test or validation row and was left out.",
            "%(count)s added rows are copies of test or validation rows and were left out.",
            copies,
        )
        problems.append(problem("test_copies", "warning", message, count=copies))
    return problems
