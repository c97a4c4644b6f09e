"""Tables of one upload that tell of the same records: train_values.csv and train_labels.csv have one column in common, which names the
rows. They become one table."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from trainer.data.readings import Choice, Choices, LeftOut, Reading
from trainer.data.tables.table import BATCH_ROWS, Columns, Table
from trainer.messages import _, ngettext

WHAT, JOIN, APART = "keys", "join", "apart"
SHARED, FULL_SHARED = 0.9, 0.2
"""Share of the shorter table's names of rows that the longer must have; less where both are too long to be seen whole."""
ALIKE = 1.25
"""How many times as many rows a table may have for the wider to be the one that the other is joined to, whichever is longer."""


class Pair(NamedTuple):
    """`details` is joined to `base` by the column `key`, which it calls `details_key`."""

    base: Table
    details: Table
    key: str
    details_key: str


def find_pair(left: Table, right: Table, first: Columns, second: Columns) -> Pair | None:
    """Two tables of the same records; `first`, `second`: their first cells by column."""
    shared = [name for name in left.columns if name in right.columns]
    if len(shared) != 1 or min(len(left.columns), len(right.columns)) < 2:
        return None
    ours, theirs = (cells[table.columns.index(shared[0])] for table, cells in ((left, first), (right, second)))
    if not name_each_other(ours, theirs):
        return None
    is_longer = len(ours) > ALIKE * len(theirs)
    is_wider = len(left.columns) >= len(right.columns) and len(theirs) <= ALIKE * len(ours)
    base, details = (left, right) if is_longer or is_wider else (right, left)
    return Pair(base, details, shared[0], shared[0])


def name_each_other(ours: Sequence[str | None], theirs: Sequence[str | None]) -> bool:
    """Whether both are names of rows, none twice, and of mostly the same ones."""
    names, others = set(ours), set(theirs)
    if len(names) < len(ours) or len(others) < len(theirs) or None in names | others:
        return False
    is_cut = len(ours) >= BATCH_ROWS and len(theirs) >= BATCH_ROWS
    least = FULL_SHARED if is_cut else SHARED
    return len(names & others) >= least * max(min(len(names), len(others)), 1)


def find_answers(inputs: Table, answers: Table, first: Columns, second: Columns) -> Pair | None:
    """`find_pair` of a file of inputs and one of their answers that call the names of the rows differently."""
    if len(answers.columns) < 2:
        return None
    for key, theirs in zip(answers.columns, second, strict=True):
        for name, ours in zip(inputs.columns, first, strict=True):
            if theirs and name_each_other(ours, theirs):
                return Pair(inputs, answers, name, key)
    return None


def describe(pair: Pair, choices: Choices) -> Reading:
    asked = choices.pick(WHAT, (JOIN, APART), pair.details.name)
    sentence = _(
        "The columns of %(name)s are joined to those of %(name2)s, row by row by “%(key)s”",
        name=pair.details.name,
        name2=pair.base.name,
        key=pair.key,
    )
    other = (
        Choice(APART, _("They are other records")) if asked != APART else Choice(JOIN, _("They are the same records"))
    )
    if asked == APART:
        sentence = _("The records of %(name)s are others than those of %(name2)s", name=pair.details.name, name2=pair.base.name)  # fmt: skip
    confidence = 1.0 if asked else 0.85
    return Reading(WHAT, asked or JOIN, sentence, [other], confidence, pair.details.name, is_asked=asked is not None)


def join_pair(pair: Pair) -> None:
    """The base with the columns of the other, which is read as a whole; rows of it that the base has no name for are told."""
    base, details = pair.base, pair.details
    place = details.columns.index(pair.details_key)
    others = [number for number in range(len(details.columns)) if number != place]
    key_index = base.columns.index(pair.key)
    base.columns = [*base.columns, *(details.columns[number] for number in others)]
    base.batches = joined_batches(base.batches, base, details, key_index, place, others)
    base.suggested = base.suggested or details.suggested
    base.readings += details.readings


def joined_batches(
    before: Iterator[Columns], base: Table, details: Table, key_index: int, place: int, others: list[int]
) -> Iterator[Columns]:
    rows, count = dict[str | None, tuple[str | None, ...]](), 0
    for batch in details.batches:
        for row in zip(*batch, strict=True):
            count += 1
            rows.setdefault(row[place], tuple(row[number] for number in others))
    seen: set[str | None] = set()
    blank: tuple[str | None, ...] = (None,) * len(others)
    for batch in before:
        keys = batch[key_index]
        seen.update(keys)
        yield [*batch, *zip(*(rows.get(key, blank) for key in keys), strict=True)]
    base.left_out += details.all_left_out()
    lost = [key for key in rows if key not in seen]
    unused = len(lost) + count - len(rows)
    if unused:
        sentence = ngettext(
            "%(count)s row of %(name)s belongs to no row of %(name2)s.",
            "%(count)s rows of %(name)s belong to no row of %(name2)s.",
            unused,
            name=details.name,
            name2=base.name,
        )
        base.left_out.append(LeftOut("no_partner", unused, sentence, details.name, examples=[str(key) for key in lost[:5]]))  # fmt: skip
