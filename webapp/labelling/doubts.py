"""Labels that may be wrong: rows that have one are asked about again, beside the label that something else would give them."""

from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from webapp.answers.labelled import Labelling, as_cell
from webapp.datasets.models import DatasetVersion
from webapp.datasets.rows import Cursor, connect, file_of, filtered, names_of, read, rows_sql
from webapp.labelling.models import Decision
from webapp.labelling.queue import (
    CHARACTERS,
    Item,
    Suggestion,
    answer_column,
    check_can_be_labelled,
    check_has_classes,
    item_of,
    label_column,
    labelling_of,
    suggestion_of,
)

SUSPECTS, MISTAKES, LABEL, DISPUTED = "suspects", "mistakes", "label", "disputed"
AGAIN = (LABEL, DISPUTED)
"""Queues that ask about labels of people too."""
MOST_OF_LABEL = 1_000
"""Rows of a label that are asked about again."""


@dataclass(frozen=True)
class Doubt:
    """A row, from 1, whose label may be `other`, "" where nothing says which; `score`: 0 to 1, how sure a model is of that, None where
    it does not say."""

    row: int
    other: str
    score: float | None = None


Source = Callable[[DatasetVersion, str], list[Doubt]]


def suspects(version: DatasetVersion, _about: str = "") -> list[Doubt]:
    """What the reader found (`trainer.data.mislabels`), none that a person has looked at."""
    problems = [problem for problem in version.problems if problem["code"] == "probable_mislabels"]
    return [
        Doubt(suggestion["row"], suggestion.get("cell", suggestion["suggested"]))
        for each in problems
        for suggestion in each.get("suggestions") or []
    ]


def of_label(version: DatasetVersion, about: str) -> list[Doubt]:
    """All rows with this label, to divide them among others."""
    if not about:
        return []
    with connect() as cursor:
        is_one = label_column(version) is not None
        rows = filtered(cursor, version, about, "", MOST_OF_LABEL, 0) if is_one else rows_with(cursor, version, about)
    return [Doubt(row + 1, "") for row in rows]


def rows_with(cursor: Cursor, version: DatasetVersion, label: str) -> list[int]:
    """Numbers from 0 of rows that have the label among several."""
    labelling, names = kind_to_look_at(version), names_of(version)
    place = names.index(answer_column(version) or "")
    may_have = f"contains(c{place}, ?) OR contains(c{place}, chr(92))"  # as it is, or with what JSON escapes
    query = f"SELECT n, c{place} FROM {rows_sql(names)} WHERE {may_have} ORDER BY n"  # noqa: S608
    cursor.execute(query, [file_of(version, "data"), label])
    matching: list[int] = []
    while len(matching) < MOST_OF_LABEL and (cells := cursor.fetchmany(MOST_OF_LABEL)):
        matching += [row for row, cell in cells if label in labelling.labels(cell)]
    return matching[:MOST_OF_LABEL]


SOURCES: dict[str, Source] = {SUSPECTS: suspects, LABEL: of_label}
"""By the name of the queue: (version, what it is about) -> doubts, the surest first. Apps on the right add theirs."""


def items(version: DatasetVersion, order: str, about: str, count: int, without: Collection[int] = ()) -> list[Item]:
    """The next rows whose label is doubted: those that still have another one, and that nobody has looked at."""
    if order not in queues_of(version):
        check_has_classes(version)
    labelling = kind_to_look_at(version)
    doubts_in_order = SOURCES[order](version, about)
    decided = Decision.objects.filter(version=version).values_list("row", flat=True)
    with connect() as cursor:
        taken = {*decided, *without, *(confirmed_rows(cursor, version) if order not in AGAIN else ())}
        doubts = {
            doubt.row: doubt for doubt in doubts_in_order if doubt.row not in taken and 1 <= doubt.row <= version.rows
        }
        labels = labels_of_rows(cursor, version, list(doubts))
        rows = [row for row, doubt in doubts.items() if row in labels and differs(labelling, labels[row], doubt)]
        shown = read(cursor, version, names_of(version), [row - 1 for row in rows[:count]], CHARACTERS)
    return [item_in_doubt(version, row, doubts[row["number"]], labels[row["number"]]) for row in shown]


def queues_of(version: DatasetVersion) -> tuple[str, ...]:
    """The queues of rows that are looked at again, of such answers."""
    labelling = kind_to_look_at(version)
    if labelling.is_suggested:
        return tuple(SOURCES)
    return (DISPUTED, SUSPECTS, MISTAKES, LABEL) if labelling.is_in_bulk else (DISPUTED,)


def kind_to_look_at(version: DatasetVersion) -> Labelling:
    check_can_be_labelled(version)
    labelling = labelling_of(version)
    assert labelling is not None, "its column is known"
    return labelling


def differs(labelling: Labelling, label: str, doubt: Doubt) -> bool:
    """Whether the row still has another answer than the doubt says."""
    if not doubt.other:
        return True
    answer, other = (labelling.compared(labelling.normal(cell)) for cell in (label, doubt.other))
    return answer != other


def item_in_doubt(version: DatasetVersion, row: dict[str, Any], doubt: Doubt, label: str) -> Item:
    labelling = kind_to_look_at(version)
    if labelling.is_suggested:
        return item_of(version, row, Suggestion(doubt.other, doubt.score) if doubt.other else None, "", label)
    other = as_cell(labelling.value(doubt.other)) if doubt.other else None
    suggestion = suggestion_of(version, other, doubt.score) if other else None
    item = item_of(version, row, suggestion, "", label)
    inputs = {cell.role: cell.value for cell in item.cells}
    if suggestion is not None:
        suggestion = replace(suggestion, label=labelling.text_in_row(doubt.other, inputs))
    text, value = labelling.text_in_row(label, inputs), labelling.value(label)
    fields = as_cell(labelling.fields(value))
    return replace(item, suggestion=suggestion, label_text=text, label_value=value, fields=fields)


def labels_of_rows(cursor: Cursor, version: DatasetVersion, rows: list[int]) -> dict[int, str]:
    """{row from 1: the answer that it has, as a cell in its normal form (a label, of one out of a few)}, without those that have none."""
    column, labelling = answer_column(version), labelling_of(version)
    if column is None or labelling is None:
        return {}
    place = names_of(version).index(column)
    numbers = [row - 1 for row in rows if 1 <= row <= version.rows]
    labels = [(row["number"], row["cells"][place]) for row in read(cursor, version, names_of(version), numbers)]
    return {row: labelling.normal(label) for row, label in labels if (label or "").strip()}


def confirmed_rows(cursor: Cursor, version: DatasetVersion) -> set[int]:
    """Rows, from 1, whose label a person gave here, or looked at and kept."""
    path = file_of(version, "label_sources")
    if not Path(path).exists():
        return set()
    query = "SELECT row FROM read_parquet(?) WHERE source IN ('file', 'person') AND NOT left_out"
    return {row[0] for row in cursor.execute(query, [path]).fetchall()}
