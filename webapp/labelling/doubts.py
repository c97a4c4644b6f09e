"""Labels that may be wrong: rows that have one are asked about again, beside the label that something else would give them."""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path

from trainer.columns import canonical_label
from webapp.datasets.models import DatasetVersion
from webapp.datasets.rows import Cursor, connect, file_of, filtered, names_of, read
from webapp.labelling.models import Decision
from webapp.labelling.queue import CHARACTERS, Item, Suggestion, check_has_classes, item_of, label_column

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
        Doubt(suggestion["row"], suggestion["suggested"])
        for each in problems
        for suggestion in each.get("suggestions") or []
    ]


def of_label(version: DatasetVersion, about: str) -> list[Doubt]:
    """All rows with this label, to divide them among others."""
    with connect() as cursor:
        rows = filtered(cursor, version, about, "", MOST_OF_LABEL, 0) if about else []
    return [Doubt(row + 1, "") for row in rows]


SOURCES: dict[str, Source] = {SUSPECTS: suspects, LABEL: of_label}
"""By the name of the queue: (version, what it is about) -> doubts, the surest first. Apps on the right add theirs."""


def items(version: DatasetVersion, order: str, about: str, count: int, without: Collection[int] = ()) -> list[Item]:
    """The next rows whose label is doubted: those that still have another one, and that nobody has looked at."""
    check_has_classes(version)
    doubts_in_order = SOURCES[order](version, about)
    decided = Decision.objects.filter(version=version).values_list("row", flat=True)
    with connect() as cursor:
        taken = {*decided, *without, *(confirmed_rows(cursor, version) if order not in AGAIN else ())}
        doubts = {
            doubt.row: doubt for doubt in doubts_in_order if doubt.row not in taken and 1 <= doubt.row <= version.rows
        }
        labels = labels_of_rows(cursor, version, list(doubts))
        rows = [row for row, doubt in doubts.items() if row in labels and labels[row] != canonical_label(doubt.other)]
        shown = read(cursor, version, names_of(version), [row - 1 for row in rows[:count]], CHARACTERS)
    return [item_in_doubt(version, row, doubts[row["number"]], labels[row["number"]]) for row in shown]


def item_in_doubt(version: DatasetVersion, row: dict[str, object], doubt: Doubt, label: str) -> Item:
    return item_of(version, row, Suggestion(doubt.other, doubt.score) if doubt.other else None, "", label)


def labels_of_rows(cursor: Cursor, version: DatasetVersion, rows: list[int]) -> dict[int, str]:
    """{row from 1: the label that it has}, without those that have none; of one label out of a few alone."""
    column = label_column(version)
    if column is None:
        return {}
    place = names_of(version).index(column)
    numbers = [row - 1 for row in rows if 1 <= row <= version.rows]
    labels = [(row["number"], row["cells"][place]) for row in read(cursor, version, names_of(version), numbers)]
    return {row: canonical_label(label) for row, label in labels if (label or "").strip()}


def confirmed_rows(cursor: Cursor, version: DatasetVersion) -> set[int]:
    """Rows, from 1, whose label a person gave here, or looked at and kept."""
    path = file_of(version, "label_sources")
    if not Path(path).exists():
        return set()
    query = "SELECT row FROM read_parquet(?) WHERE source IN ('file', 'person') AND NOT left_out"
    return {row[0] for row in cursor.execute(query, [path]).fetchall()}
