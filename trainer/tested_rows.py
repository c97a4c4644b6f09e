"""The rows that artifacts were tested on: whether two were tested on the same, and where their answers part. The rows are those
of predictions.parquet, and pyarrow is loaded only where one is read."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal, NamedTuple

from trainer import answers

MOST_CHANGED = 200
LEAST_UNCHANGED = 0.9
"""Share of the test rows of two versions whose right answer must be the same, for their runs to be compared: some were corrected in
between, and these are left out of the comparison."""
MOST_SCORED = 5_000
"""Rows whose answers are scored one by one, for kinds of answers that are neither a label nor a number."""


def have_same_rows(first: Path, second: Path, *, same_version: bool) -> bool | None:
    """Whether two artifacts were tested on rows that they share; None where that is not known. Rows of one version are told
    by their numbers, those of two versions by what is in them."""
    rows = test_rows(first, numbers_only=same_version)
    others = test_rows(second, numbers_only=same_version)
    if rows is None or others is None:
        return None
    if not same_version:
        unchanged = sum(row.get("truth") == other.get("truth") for row, other in zip(rows, others, strict=False))
        if len(rows) != len(others) or unchanged < LEAST_UNCHANGED * len(rows):
            return False
        return all(map(is_same_row, rows, others))
    return bool({row.get("row") for row in rows} & {row.get("row") for row in others})


def is_same_row(first: dict[str, Any], second: dict[str, Any]) -> bool:
    """Of a table's row the columns that both models read are compared: between the runs some may have been ignored. What is right
    may have been corrected."""
    first, second = ({name: value for name, value in row.items() if name != "truth"} for row in (first, second))
    if first == second:
        return True
    columns = [columns_of(row.get("input")) for row in (first, second)]
    shared = columns[0].keys() & columns[1].keys()
    rest = [{name: value for name, value in row.items() if name != "input"} for row in (first, second)]
    return bool(shared) and rest[0] == rest[1] and all(columns[0][name] == columns[1][name] for name in shared)


def columns_of(cell: str | None) -> dict[str, Any]:
    """{column: cell} of a table's row, as predictions.parquet keeps it; empty for any other input."""
    try:
        cells = json.loads(cell or "")
    except (TypeError, ValueError, RecursionError):
        return {}
    return cells if isinstance(cells, dict) else {}


def test_rows(artifact: Path, *, numbers_only: bool) -> list[dict[str, Any]] | None:
    """The rows that an artifact was tested on, without its answers; None where they were not kept or cannot be read."""
    own = {column for kind in answers.kinds().values() for column in kind.predictions}
    return read_rows(artifact, lambda name: name == "row" if numbers_only else name not in own)


def read_rows(artifact: Path, is_wanted: Callable[[str], bool]) -> list[dict[str, Any]] | None:
    """Columns of predictions.parquet, a row each; None where it was not kept or cannot be read."""
    import pyarrow.parquet as pq

    path = artifact / "predictions.parquet"
    try:
        names = [name for name in pq.read_schema(path).names if is_wanted(name)]
        rows: list[dict[str, Any]] = pq.read_table(path, columns=names).to_pylist()
    except (OSError, ValueError):
        return None
    return rows


class Changed(NamedTuple):
    """A row whose answer is better in one of two artifacts. `asked`: its inputs by their names in predictions.parquet; `truth`,
    `first` and `second` as kept there; `gap`: how much better, in the unit of the answer for numbers, otherwise 0 to 1."""

    row: int
    asked: dict[str, Any]
    truth: Any
    first: Any
    second: Any
    better: Literal["first", "second"]
    gap: float


class Changes(NamedTuple):
    """`rows`: at most `MOST_CHANGED`, the widest gaps first; `first` and `second`: on how many rows each answers better, of
    `looked_at` rows that both were tested on."""

    rows: list[Changed]
    first: int
    second: int
    looked_at: int


def changed_rows(kind: str, first: Path, second: Path) -> Changes | None:
    """On which shared test rows one of two artifacts, whose answers are of one kind, answers better than the other; None where
    their answers were not kept."""
    tables = [read_rows(folder, lambda name: name not in ("probabilities", "detections")) for folder in (first, second)]
    if tables[0] is None or tables[1] is None:
        return None
    own = {column for each in answers.kinds().values() for column in each.predictions} | {"row", "split", "truth"}
    others = {row["row"]: row for row in tables[1]}
    pairs = [(row, others[row["row"]]) for row in tables[0] if row["row"] in others]
    pairs = [pair for pair in pairs if pair[0]["truth"] == pair[1]["truth"]]
    goodness = goodness_of(kind)
    changed, scored = [], 0
    for row, other_row in pairs:
        if row["predicted"] == other_row["predicted"]:
            continue
        scored += 1
        if scored > MOST_SCORED and answers.get(kind).cells not in ("label", "number"):
            break
        gap = goodness(row["predicted"], row["truth"]) - goodness(other_row["predicted"], other_row["truth"])
        if gap:
            asked = {name: cell for name, cell in row.items() if name not in own}
            answered = (row["truth"], row["predicted"], other_row["predicted"])
            changed.append(Changed(row["row"], asked, *answered, "first" if gap > 0 else "second", abs(gap)))
    better = sum(change.better == "first" for change in changed)
    changed.sort(key=lambda change: (-change.gap, change.row))
    return Changes(changed[:MOST_CHANGED], better, len(changed) - better, len(pairs))


def goodness_of(kind: str) -> Callable[[Any, Any], float]:
    """(an answer, the truth) → how good it is, more is better: of a label whether it is right, of a number how near it is,
    of anything else what its kind of answer scores it by."""
    if answers.get(kind).cells == "label":
        return lambda predicted, truth: float(predicted == truth)
    from trainer.answers.base_scoring import scoring_of

    scoring = scoring_of(kind)

    return lambda predicted, truth: (
        -abs(float(predicted) - float(truth))
        if isinstance(truth, int | float)
        else scoring.score([predicted], [truth], labels_in(predicted, truth))
    )


def labels_in(*cells: object) -> list[str]:
    """The labels that cells of lists or boxes name, for a score of one row."""
    labels: set[str] = set()
    for cell in cells:
        entries = (
            cell if isinstance(cell, list) else json.loads(cell) if isinstance(cell, str) and cell[:1] == "[" else []
        )
        labels |= {str(entry["label"] if isinstance(entry, dict) and "label" in entry else entry) for entry in entries}
    return sorted(labels)
