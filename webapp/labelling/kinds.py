"""What people say of rows as cells of the data, by the kind of answer (`webapp.answers.labelled`), and the answers that there are."""

from collections import Counter
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

from webapp.answers.labelled import Labelling, Row
from webapp.core.problems import Problem
from webapp.datasets.media import size_in
from webapp.datasets.models import DatasetVersion
from webapp.datasets.rows import connect, file_of, names_of, rows_sql
from webapp.labelling.models import Decision, Source
from webapp.labelling.queue import check_can_be_labelled, filled, inputs_of, labelling_of, suggestions_of

MOST_CELLS = 5_000
"""Rows with an answer that are looked at for its labels."""
KEPT_VERSIONS = 32


@dataclass(frozen=True)
class Entry:
    """What somebody says of a row, from 1: its answer, or null to skip it, or that it is left out."""

    row: int
    value: object
    left_out: bool = False
    source: str = Source.PERSON
    before: Any = None
    """The answer that it has, of a row that is looked at again: as a cell, or as the API has it."""


def kind_of(version: DatasetVersion) -> Labelling:
    check_can_be_labelled(version)
    labelling = labelling_of(version)
    assert labelling is not None, "its column was found"
    return labelling


def as_cells(version: DatasetVersion, entries: list[Entry]) -> list[Entry]:
    """With their answers as the data has them; `Problem` for the first that cannot be one."""
    labelling = kind_of(version)
    given = [entry.row for entry in entries if says_something(entry)]
    rows = rows_of(version, given) if labelling.needs_row else {}
    usual = answers_like(version)
    return [as_cell_of(labelling, entry, rows.get(entry.row, usual)) for entry in entries]


def as_cell_of(labelling: Labelling, entry: Entry, row: Row) -> Entry:
    """What is said of a row that has an answer already, and says the same, is that answer as it is written."""
    before = entry.before
    if before is not None:
        before = labelling.normal(before if isinstance(before, str) else labelling.cell(before, row))
    value = labelling.cell(entry.value, row) if says_something(entry) else None
    if value is not None and before is not None and labelling.normal(value) == before:
        value = before
    return replace(entry, value=value, before=before)


def suggested_cells(version: DatasetVersion, rows: list[int]) -> dict[int, object]:
    """{row: the cell that a finished model's suggestion becomes}; none of labels out of a few, whose suggestions a person has seen
    beside others, nor of what cannot be an answer."""
    labelling = kind_of(version)
    if labelling.is_suggested or not rows:
        return {}
    with connect() as cursor:
        suggested = {
            row: suggestion.value
            for row, (suggestion, _why) in suggestions_of(cursor, version, rows).items()
            if suggestion
        }
    inputs = rows_of(version, list(suggested)) if labelling.needs_row and suggested else {}
    usual = answers_like(version)
    cells: dict[int, object] = {}
    for row, value in suggested.items():
        with suppress(Problem):
            cells[row] = labelling.cell(value, inputs.get(row, usual))
    return cells


def says_something(entry: Entry) -> bool:
    return entry.value is not None and not entry.left_out


def answers_like(version: DatasetVersion) -> Row:
    """What is known of every row that has no answer yet: how the answers are written."""
    name = check_can_be_labelled(version)
    profile = next((column for column in version.columns if column["name"] == name), None)
    return Row(column=dict(profile or {}), cells=lambda: cells_there(version))


def rows_of(version: DatasetVersion, rows: list[int]) -> dict[int, Row]:
    """{row from 1: its inputs in full}."""
    names, usual = names_of(version), answers_like(version)
    cells = ", ".join(f"c{names.index(name)}" for _role, name in inputs_of(version))
    query = f"SELECT n + 1, {cells} FROM {rows_sql(names)} WHERE n + 1 IN (SELECT unnest(?::BIGINT[]))"  # noqa: S608
    with connect() as cursor:
        records = cursor.execute(query, [file_of(version, "data"), rows]).fetchall()
    roles = [role for role, _name in inputs_of(version)]
    return {row: with_inputs(usual, version, dict(zip(roles, inputs, strict=True))) for row, *inputs in records}


def with_inputs(usual: Row, version: DatasetVersion, inputs: Mapping[str, str | None]) -> Row:
    return replace(usual, inputs=inputs, size=lambda: size_in(version, inputs.get("image") or ""))


def cells_there(version: DatasetVersion) -> tuple[str, ...]:
    """Answers that the version has, of its first rows."""
    place = names_of(version).index(check_can_be_labelled(version))
    return cells_in(file_of(version, "data"), tuple(names_of(version)), place)


@lru_cache(maxsize=KEPT_VERSIONS)  # a version never changes
def cells_in(path: str, names: tuple[str, ...], place: int) -> tuple[str, ...]:
    query = f"SELECT c{place} FROM {rows_sql(list(names))} WHERE {filled(place)} ORDER BY n LIMIT {MOST_CELLS}"  # noqa: S608
    with connect() as cursor:
        return tuple(row[0] for row in cursor.execute(query, [path]).fetchall())


@lru_cache(maxsize=KEPT_VERSIONS)
def counted(labelling: Labelling, cells: tuple[str, ...]) -> tuple[tuple[str, int], ...]:
    """(label, how often it is there), the commonest first."""
    return tuple(Counter(label for cell in cells for label in labelling.labels(cell)).most_common())


def labels_of(version: DatasetVersion) -> list[tuple[str, int]]:
    """(label, how often it is there, with what is pending), those of the version first, so that keys stay the same."""
    labelling = kind_of(version)
    if labelling.is_suggested:
        counts = Counter({entry["label"]: entry["count"] for entry in version.labels})
    else:
        counts = Counter(dict(counted(labelling, cells_there(version))))
    given = Decision.objects.pending(version).filter(value__isnull=False).order_by("decided_at", "pk")
    for value, before in given.values_list("value", "before"):
        counts.update(labelling.labels(value or ""))
        counts.subtract(labelling.labels(before or ""))
    return list(counts.items())


def names_in(version: DatasetVersion) -> set[str]:
    """The labels that its rows have; of others than one out of a few those of its first rows."""
    labelling = kind_of(version)
    if labelling.is_suggested:
        return {entry["label"] for entry in version.labels}
    return {label for label, _rows in counted(labelling, cells_there(version))}


def labelled_rows(version: DatasetVersion) -> int:
    """Rows of the version that have an answer."""
    if kind_of(version).is_suggested:
        return version.label_rows
    return sum(version.split.get(part) or 0 for part in ("train", "validation", "test"))
