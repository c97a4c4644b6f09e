"""The golden set: up to a hundred inputs of a prototype with their right answers. A model that fails one of them is not put in
front of people; only going back to a model that was live before asks nothing of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from trainer.columns import canonical_label
from webapp.answers.labelled import check_label
from webapp.core.problems import Conflict, Problem
from webapp.datasets.models import DatasetVersion
from webapp.datasets.rows import connect, names_of, read
from webapp.endpoints import serving_client
from webapp.endpoints.models import GoldenRow
from webapp.labelling.queue import check_has_classes, inputs_of
from webapp.prototypes.models import Prototype
from webapp.runs import storage
from webapp.runs.models import Run

MOST_ROWS = 100
LONGEST_INPUT = 20_000
"""Characters."""
AT_ONCE = 50
SHOWN = 60
"""Characters of an input in a sentence."""


@dataclass(frozen=True)
class Entry:
    """`input`: a text, or an object of several inputs."""

    input: Any
    answer: str


@dataclass(frozen=True)
class Failure:
    row: GoldenRow
    got: str


def rows_of(prototype: Prototype) -> list[GoldenRow]:
    return list(GoldenRow.objects.filter(prototype=prototype))


def entries_of(version: DatasetVersion, numbers: Sequence[int]) -> list[Entry]:
    """Rows of the data, by their numbers from 1, with the labels that they have; `Problem` for what cannot be one."""
    label, columns = check_has_classes(version), inputs_of(version)
    kinds = {column["name"]: column["kind"] for column in version.columns}
    if any(kinds.get(name) in ("image", "audio") for _role, name in columns):
        raise bad_row(_("Rows with images or audio cannot be in the golden set."))
    missing = next((number for number in numbers if not 1 <= number <= version.rows), None)
    if missing is not None:
        raise bad_row(_("There is no row %(row)s.") % {"row": str(missing)[:20]})
    names = names_of(version)
    with connect() as cursor:
        rows = read(cursor, version, names, [number - 1 for number in numbers], LONGEST_INPUT)
    return [entry_of(dict(zip(names, row["cells"], strict=True)), label, columns, row["number"]) for row in rows]


def entry_of(cells: dict[str, str | None], label: str, columns: list[tuple[str, str]], number: int) -> Entry:
    answer = canonical_label(cells[label] or "")
    if not answer:
        raise bad_row(_("Row %(row)d has no label.") % {"row": number})
    if len(columns) == 1 and columns[0][0]:
        return Entry(cells[columns[0][1]] or "", answer)
    return Entry({role or name: cells[name] for role, name in columns if cells[name] is not None}, answer)


def add(prototype: Prototype, entries: Sequence[Entry]) -> int:
    """How many are new."""
    before = [Entry(row.input, row.answer) for row in rows_of(prototype)]
    new = [entry for entry in different(entries) if entry not in before]
    replace(prototype, [*before, *new])
    return len(new)


def different(entries: Sequence[Entry]) -> list[Entry]:
    distinct: list[Entry] = []
    for entry in entries:
        if entry not in distinct:
            distinct.append(entry)
    return distinct


@transaction.atomic
def replace(prototype: Prototype, entries: Sequence[Entry]) -> None:
    """The whole set; `Problem` for too many, and for what cannot be one."""
    if len(entries) > MOST_ROWS:
        raise bad_row(_("A golden set has at most %(limit)d rows.") % {"limit": MOST_ROWS})
    for entry in entries:
        check_input(entry.input)
        check_label(entry.answer)
    GoldenRow.objects.filter(prototype=prototype).delete()
    for entry in entries:  # one by one: their order is that of their times
        GoldenRow.objects.create(
            workspace=prototype.workspace,
            prototype=prototype,
            input=entry.input,
            answer=canonical_label(entry.answer),
        )


def check_input(value: object) -> None:
    cells = list(value.values()) if isinstance(value, dict) else [value]
    if (
        not cells
        or any(isinstance(cell, (dict, list)) for cell in cells)
        or not any(str(cell).strip() for cell in cells)
    ):
        raise bad_row(_("An input is a text, or an object of columns and single values."))
    if sum(len(str(cell)) for cell in cells) > LONGEST_INPUT:
        raise bad_row(_("An input has at most %(limit)d characters.") % {"limit": LONGEST_INPUT})


def bad_row(message: str) -> Problem:
    return Problem(message, code="bad_golden_row", hint=_("Choose other rows."), field="rows")


def failures(run: Run, rows: Sequence[GoldenRow]) -> list[Failure]:
    """The rows that the run's model answers otherwise. `Problem` where it cannot be asked."""
    failed: list[Failure] = []
    for start in range(0, len(rows), AT_ONCE):
        some = rows[start : start + AT_ONCE]
        answer = serving_client.predict_artifact(storage.local_model(run), [row.input for row in some], "golden")
        answers = [str(output.get("label", "")) for output in answer["outputs"]]
        failed += [
            Failure(row, got) for row, got in zip(some, answers, strict=True) if canonical_label(got) != row.answer
        ]
    return failed


def check(run: Run) -> None:
    """`Conflict` where the run fails its prototype's golden set."""
    rows = rows_of(run.prototype)
    failed = failures(run, rows) if rows else []
    if not failed:
        return
    first = failed[0]
    facts = {"run": run, "failed": len(failed), "rows": len(rows), "input": shortened(first.row.words)}
    raise Conflict(
        _("%(run)s fails %(failed)d of %(rows)d golden rows: “%(input)s” should be %(answer)s, and is %(got)s.")
        % {**facts, "answer": first.row.answer, "got": first.got or "–"},
        code="golden_failed",
        hint=_("Train again, or take the row out of the golden set if it is wrong."),
    )


def shortened(text: str) -> str:
    return text if len(text) <= SHOWN else f"{text[: SHOWN - 1]}…"
