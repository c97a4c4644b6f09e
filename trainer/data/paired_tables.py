"""Two files whose rows belong together by their order alone, as their names say: X_train.csv and y_train.csv, features.csv and
labels.csv. They become one table."""

import re
from collections.abc import Iterator, Sequence
from itertools import chain, islice
from typing import NamedTuple

from trainer.data.readings import Choice, Choices, LeftOut, Reading
from trainer.data.tables.table import Columns, Table, display_name, numbered
from trainer.messages import Message, _, ngettext

WHAT, JOIN, APART = "rows", "join", "apart"
INPUTS, ANSWERS = frozenset({"x", "features", "inputs", "data", "texts", "text", "values"}), frozenset({"y", "labels", "label", "targets", "target", "outputs"})  # fmt: skip
MOST_COLUMNS = 3
"""A file of answers has no more."""


def words_of(name: str) -> list[str]:
    stem = display_name(name).rpartition("/")[2].partition(".")[0].lower()
    return [word for word in re.split(r"[\W_]+", stem) if word]


ORDERLY = frozenset({"titles", "header_rows", "comments", "footer"})
"""What a table may have left out without a row of its own having gone."""


class RowCount(NamedTuple):
    """How many rows a table has, and whether every one of its lines is among them."""

    number: int
    is_whole: bool


def is_pair(inputs: Table, answers: Table) -> bool:
    """Whether the names differ in nothing but that one says inputs and the other answers, and no column is in both; a column of
    answers without a name is called label."""
    if not are_pair_names(words_of(inputs.name), words_of(answers.name)) or len(answers.columns) > MOST_COLUMNS:
        return False
    if answers.columns == numbered(1):
        answers.columns = ["label"]
    return not set(inputs.columns) & set(answers.columns)


def are_pair_names(first: Sequence[str], second: Sequence[str]) -> bool:
    if len(first) != len(second):
        return False
    other = [(left, right) for left, right in zip(first, second, strict=True) if left != right]
    return len(other) == 1 and other[0][0] in INPUTS and other[0][1] in ANSWERS


def is_legend(inputs: Columns, answers: Columns) -> bool:
    """Whether a file of answers says what cells of a column mean: each of its first cells once, all of them in that column.
    `inputs`, `answers`: the first cells by column."""
    codes = answers[0] if len(answers) > 1 else []
    if len(set(codes)) < max(len(codes), 1):
        return False
    return any(len(codes) < len(column) and set(codes) <= set(column) for column in inputs)


def count_rows(table: Table) -> RowCount:
    """Of a table, which is used up."""
    count = sum(len(batch[0]) for batch in table.batches)
    return RowCount(count, not table.bad_count and {entry.reason for entry in table.left_out} <= ORDERLY)


def held_rows(table: Table) -> RowCount:
    """The same of a table of few columns, whose rows stay to be read."""
    batches = list(table.batches)
    table.batches = iter(batches)
    counted = count_rows(table)
    table.batches = iter(batches)
    return counted


def describe(inputs: Table, answers: Table, rows: RowCount, answered: RowCount, choices: Choices) -> Reading:
    """Joined only where both have as many rows and no line was lost, after which all others would stand beside the wrong one."""
    asked = choices.pick(WHAT, (JOIN, APART), answers.name)
    is_even = rows.number == answered.number and rows.is_whole and answered.is_whole
    chosen = asked or (JOIN if is_even else APART)
    labels = {
        JOIN: _(
            "The rows of %(name)s are joined to those of %(name2)s, in their order",
            name=answers.name,
            name2=inputs.name,
        ),
        APART: _("The rows of %(name)s are others than those of %(name2)s", name=answers.name, name2=inputs.name),
    }
    sentence = labels[chosen] if asked or is_even else why_apart(inputs, answers, rows, answered)
    other = APART if chosen == JOIN else JOIN
    confidence = 1.0 if asked else 0.85 if is_even else 0.4
    return Reading(
        WHAT,
        chosen,
        sentence,
        [Choice(other, labels[other])],
        confidence,
        answers.name,
        is_asked=asked is not None,
    )


def why_apart(inputs: Table, answers: Table, rows: RowCount, answered: RowCount) -> Message:
    if rows.number == answered.number:
        return _(
            "Lines of %(name)s or %(name2)s could not be read, so that their rows may not match",
            name=answers.name,
            name2=inputs.name,
        )
    return _(
        "%(name)s has %(count)s rows and %(name2)s has %(count2)s: which belong together is not known",
        name=answers.name,
        count=f"{answered.number:,}",
        name2=inputs.name,
        count2=f"{rows.number:,}",
    )


def join_rows(inputs: Table, answers: Table) -> None:
    """The inputs with the columns of the answers; rows of these that stand beside none are told."""
    width = len(answers.columns)
    inputs.columns = [*inputs.columns, *answers.columns]
    inputs.batches = side_by_side(inputs.batches, inputs, answers, width)
    inputs.readings += answers.readings


def side_by_side(before: Iterator[Columns], inputs: Table, answers: Table, width: int) -> Iterator[Columns]:
    rows = chain.from_iterable(zip(*batch, strict=True) for batch in answers.batches)
    blank: tuple[str | None, ...] = (None,) * width
    for batch in before:
        taken = list(islice(rows, len(batch[0])))
        taken += [blank] * (len(batch[0]) - len(taken))
        yield [*batch, *zip(*taken, strict=True)]
    unused = sum(1 for _row in rows)
    inputs.left_out += answers.all_left_out()
    if unused:
        sentence = ngettext(
            "%(count)s row of %(name)s matches no row of %(name2)s.",
            "%(count)s rows of %(name)s match no row of %(name2)s.",
            unused,
            name=answers.name,
            name2=inputs.name,
        )
        inputs.left_out.append(LeftOut("no_partner", unused, sentence, answers.name))
