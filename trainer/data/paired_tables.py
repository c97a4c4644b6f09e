"""Two files whose rows belong together by their order alone, as their names say: X_train.csv and y_train.csv, features.csv and
labels.csv. They become one table."""

import re
from collections.abc import Iterator
from itertools import chain, islice

from trainer.data.readings import Choice, Choices, LeftOut, Reading
from trainer.data.tables.table import Columns, Table, display_name
from trainer.messages import _, ngettext

WHAT, JOIN, APART = "rows", "join", "apart"
INPUTS, ANSWERS = frozenset({"x", "features", "inputs", "data", "texts", "values"}), frozenset({"y", "labels", "label", "targets", "target", "outputs"})  # fmt: skip
MOST_COLUMNS = 3
"""A file of answers has no more."""


def words_of(name: str) -> list[str]:
    stem = display_name(name).rpartition("/")[2].partition(".")[0].lower()
    return [word for word in re.split(r"[\W_]+", stem) if word]


def is_pair(inputs: Table, answers: Table) -> bool:
    """Whether the names differ in nothing but that one says inputs and the other answers, and no column is in both."""
    first, second = words_of(inputs.name), words_of(answers.name)
    if len(first) != len(second) or len(answers.columns) > MOST_COLUMNS or set(inputs.columns) & set(answers.columns):
        return False
    other = [(one, two) for one, two in zip(first, second, strict=True) if one != two]
    return len(other) == 1 and other[0][0] in INPUTS and other[0][1] in ANSWERS


def describe(inputs: Table, answers: Table, choices: Choices) -> Reading:
    asked = choices.pick(WHAT, (JOIN, APART), answers.name)
    labels = {
        JOIN: _(
            "The rows of %(name)s stand beside those of %(name2)s, in their order", name=answers.name, name2=inputs.name
        ),
        APART: _("The rows of %(name)s are others than those of %(name2)s", name=answers.name, name2=inputs.name),
    }
    chosen = asked or JOIN
    other = APART if chosen == JOIN else JOIN
    confidence = 1.0 if asked else 0.85
    return Reading(
        WHAT,
        chosen,
        labels[chosen],
        [Choice(other, labels[other])],
        confidence,
        answers.name,
        is_asked=asked is not None,
    )


def join_rows(inputs: Table, answers: Table) -> None:
    """The inputs with the columns of the answers; rows of these that stand beside none are told."""
    width = len(answers.columns)
    inputs.columns = [*inputs.columns, *answers.columns]
    inputs.batches = beside(inputs.batches, inputs, answers, width)
    inputs.readings += answers.readings


def beside(before: Iterator[Columns], inputs: Table, answers: Table, width: int) -> Iterator[Columns]:
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
            "%(count)s row of %(name)s stands beside no row of %(name2)s.",
            "%(count)s rows of %(name)s stand beside no row of %(name2)s.",
            unused,
            name=answers.name,
            name2=inputs.name,
        )
        inputs.left_out.append(LeftOut("no_partner", unused, sentence, answers.name))
