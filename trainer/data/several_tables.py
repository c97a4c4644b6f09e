"""Several tables of one upload: headers compared, columns of the same name in another spelling joined, tables of other records and
examples of what to hand in set apart. Whatever is decided is a reading; whatever is not used is counted."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from trainer.columns import ROLE_NAMES, number_of, split_name
from trainer.data import keyed_tables, paired_tables
from trainer.data.competitions import find_answer, is_submission
from trainer.data.exports.known import fold_name
from trainer.data.named_files import label_by_files
from trainer.data.problems import Problem, problem
from trainer.data.readings import Choice, Choices, LeftOut, Reading, preview_of
from trainer.data.same_names import is_same_name
from trainer.data.tables.table import Table, first_batch, numbered
from trainer.errors import DataError
from trainer.messages import Message, _, ngettext

MIN_SHARED = 0.5
"""Share of the columns of the narrower of two tables that the other must have for their rows to be of one kind."""


class Reopen(Protocol):
    """Opens a table of the upload again by its place; `row`: another header, 0 for none."""

    def __call__(self, place: int, row: int | None = None) -> Table: ...


@dataclass
class Several:
    """Tables that are read as one. `tables`, `parts` and `places` are of one length."""

    tables: list[Table]
    parts: list[str | None]
    places: list[int]
    """Where each stood among those that were sent."""
    readings: list[Reading] = field(default_factory=list)
    left_out: list[LeftOut] = field(default_factory=list)
    answer: str = ""
    """The column to predict, where the files say it by what they have and lack."""

    def drop(self, index: int) -> None:
        """Take out a table whose columns are in another one now."""
        del self.tables[index], self.parts[index], self.places[index]

    def leave(self, table: Table, reason: str, sentence: Callable[[int], Message]) -> None:
        """Take a table out and count its rows."""
        place = next(index for index, other in enumerate(self.tables) if other is table)
        self.drop(place)
        count = sum(len(batch[0]) for batch in table.batches) + table.bad_count
        if count:
            self.left_out.append(LeftOut(reason, count, sentence(count), table.name))


def join_tables(
    tables: list[Table],
    parts: list[str | None],
    choices: Choices,
    reopen: Reopen,
    *,
    is_fixed: bool = False,
) -> Several:
    """`is_fixed`: somebody said which file is the test, so that none
    may be left out: `DataError` for one of other columns."""
    several = Several(list(tables), list(parts), list(range(len(tables))))
    if len(tables) < 2:
        return several
    answer = find_answer(several.tables, several.parts)
    leave_submissions(several)
    compare_headers(several, choices, reopen)
    match_columns(several, choices)
    join_by_keys(several, choices)
    join_by_order(several, choices, reopen)
    choose_files(several, choices, is_fixed)
    tell_differences(several)
    if answer is None and not is_fixed and (reading := label_by_files(several.tables, several.parts, choices)):
        several.readings.append(reading)
    if answer is not None and any(answer.chosen in table.columns for table in several.tables):
        several.answer = answer.chosen
        several.readings.append(answer)
    return several


def compare_headers(several: Several, choices: Choices, reopen: Reopen) -> None:
    """A file whose first row is a record where other files of its width have their header: its columns are theirs, in their
    order."""
    for index, table in enumerate(several.tables):
        reference, asked = reference_of(table, several.tables), choices.number("header", table.name)
        if reference is None or asked:
            continue
        if table.columns != numbered(len(table.columns)):
            bare = reopen(several.places[index], 0)
            if len(bare.columns) != len(reference.columns):
                continue
            several.tables[index] = table = bare
        table.columns = list(reference.columns)
        sentence = _(
            "No header: the columns of %(name)s are those of %(name2)s, in their order",
            name=table.name,
            name2=reference.name,
        )
        preview = preview_of(table.columns, rows_shown(table))
        others = [Choice("1", _("Header in row 1"))]
        table.readings = [reading for reading in table.readings if reading.what != "header"]
        confidence = 0.8 if asked is None else 1.0
        table.readings.append(
            Reading(
                "header", "0", sentence, others, confidence, table.name, preview=preview, is_asked=asked is not None
            )
        )


def reference_of(table: Table, tables: Sequence[Table]) -> Table | None:
    """The table whose header a table without one shares: of those of its width, the header that most files have; of two that
    differ, the one whose names are not cells of the other."""
    is_bare = table.columns == numbered(len(table.columns))
    headers = Counter(
        tuple(other.columns)
        for other in tables
        if len(other.columns) == len(table.columns)
        and not set(other.columns) & set(table.columns)
        and other.columns != numbered(len(other.columns))
    )
    if not headers:
        return None
    header, votes = headers.most_common(1)[0]
    reference = next(other for other in tables if tuple(other.columns) == header)
    first = [column[0] if column else None for column in first_batch(table)] if is_bare else table.columns
    if not is_record(first, reference, needs_proof=not is_bare):
        return None
    own = sum(other.columns == table.columns for other in tables)
    if not is_bare and (own > votes or (own == votes and is_record(reference.columns, table))):
        return None
    return reference


def is_record(row: Sequence[str | None], table: Table, needs_proof: bool = True) -> bool:
    """Whether a row may be one of a table's: numbers where it has numbers; with a proof, one of them, or a cell that comes again."""
    cells = first_batch(table)
    is_numeric = [
        bool(some := [cell for cell in column[:50] if cell]) and all(map(is_number, some)) for column in cells
    ]
    if any(numeric and cell and not is_number(cell) for cell, numeric in zip(row, is_numeric, strict=True)):
        return False
    again = any(cell in set(column[:5_000]) for cell, column in zip(row, cells, strict=True))
    if needs_proof and len(row) == 1 and is_sentence(row[0]) and not is_sentence(table.columns[0]):
        return 2 * sum(map(is_sentence, cells[0][:200])) > len(cells[0][:200])
    return not needs_proof or again or any(numeric and cell for cell, numeric in zip(row, is_numeric, strict=True))


def is_sentence(cell: str | None) -> bool:
    return len((cell or "").split()) > 2


def is_number(cell: str | None) -> bool:
    return number_of(cell or "") is not None


def rows_shown(table: Table) -> list[tuple[str | None, ...]]:
    return list(zip(*(column[:3] for column in first_batch(table)), strict=True))


def leave_submissions(several: Several) -> None:
    """An example of what a competition wants handed in holds no answers."""
    for table in list(several.tables):
        others = [other for other in several.tables if other is not table]
        if others and is_submission(table.name):
            name = table.name

            def sentence(count: int, name: str = name) -> Message:
                return ngettext(
                    "%(count)s row of %(name)s was left out: it is an example of what to hand in, and no answer.",
                    "%(count)s rows of %(name)s were left out: they are an example of what to hand in, and no answers.",
                    count,
                    name=name,
                )

            several.leave(table, "submission", sentence)


def match_columns(several: Several, choices: Choices) -> None:
    """The same column in another case, with other marks, or with one letter wrong, has the first file's name; unless a person
    said that it is another."""
    names = dict.fromkeys(several.tables[0].columns)
    for table in several.tables[1:]:
        free = [name for name in names if name not in table.columns]
        renamed: dict[str, str] = {}
        for name in table.columns:
            known = None if name in names else next((other for other in free if is_same_name(name, other)), None)
            if known is None and len(table.columns) == len(several.tables[0].columns) == 1 and are_texts(name, *free):
                known = free[0]  # “review” of one file and “comment” of another, each the only column
            if known is not None:
                renamed[name] = known
                free.remove(known)
        if renamed:
            asked = choices.pick("spelling", ("join", "apart"), table.name)
            sentence = _(
                "Columns of %(name)s are the same in another spelling: %(names)s",
                name=table.name,
                names=", ".join(f"“{name}” → “{known}”" for name, known in list(renamed.items())[:6]),
            )
            close = all(fold_name(name) == fold_name(known) for name, known in renamed.items())
            other = ("apart", _("They are other columns")) if asked != "apart" else ("join", _("They are the same"))
            several.readings.append(
                Reading(
                    "spelling",
                    asked or "join",
                    sentence,
                    [Choice(*other)],
                    1.0 if asked else 0.85 if close else 0.7,
                    table.name,
                    is_asked=asked is not None,
                )
            )
            if asked != "apart":
                table.columns = [renamed.get(name, name) for name in table.columns]
                table.suggested = {role: renamed.get(name, name) for role, name in table.suggested.items()}
        names.update(dict.fromkeys(table.columns))


def are_texts(*names: str) -> bool:
    return len(names) == 2 and all(split_name(name) & ROLE_NAMES["text"] for name in names)


def join_by_keys(several: Several, choices: Choices) -> None:
    """Tables of one part that tell of the same records become one, unless a person says that they are others."""
    for index in range(len(several.tables) - 1, 0, -1):
        for place in range(index):
            table, other = several.tables[place], several.tables[index]
            parts = {several.parts[place], several.parts[index]} - {None}
            if len(parts) > 1:
                continue
            pair = keyed_tables.find_pair(table, other, first_batch(table), first_batch(other))
            if pair is not None and is_joined(several, pair, choices):
                several.tables[place], several.parts[place] = pair.base, next(iter(parts), None)
                several.drop(index)
                break


def is_joined(several: Several, pair: keyed_tables.Pair, choices: Choices) -> bool:
    """Whether two tables became one by a key, which is told."""
    reading = keyed_tables.describe(pair, choices)
    several.readings.append(reading)
    if reading.chosen == keyed_tables.JOIN:
        keyed_tables.join_pair(pair)
    return reading.chosen == keyed_tables.JOIN


def join_by_order(several: Several, choices: Choices, reopen: Reopen) -> None:
    """Inputs and answers in two files of one part, where their names say so: by a column that names the rows in both, else row by
    row."""
    for answers in list(several.tables):
        index = next(place for place, table in enumerate(several.tables) if table is answers)
        for place, inputs in enumerate(several.tables):
            if several.parts[place] != several.parts[index] or not paired_tables.is_pair(inputs, answers):
                continue
            cells = first_batch(inputs), first_batch(answers)
            pair = keyed_tables.find_answers(inputs, answers, *cells)
            if pair is not None:
                is_taken = is_joined(several, pair, choices)
            else:
                is_taken = not paired_tables.is_legend(*cells) and are_beside(several, place, index, choices, reopen)
            if is_taken:
                several.drop(index)
            break


def are_beside(several: Several, place: int, index: int, choices: Choices, reopen: Reopen) -> bool:
    """Whether the answers at `index` became columns of the inputs at `place`, which is told."""
    inputs, answers = several.tables[place], several.tables[index]
    again = reopen(several.places[place], 0 if is_bare(inputs) else None)
    rows, answered = paired_tables.count_rows(again), paired_tables.held_rows(answers)
    if answered.number != rows.number and choices.number("header", answers.name) is None and not is_bare(answers):
        bare = reopen(several.places[index], 0)
        counted = paired_tables.held_rows(bare)
        column = first_batch(bare)[0]
        if counted.number == rows.number and column[0] in column[1:] and paired_tables.is_pair(inputs, bare):
            answers, answered = bare, counted  # its first label was taken for a header
            answers.readings = [reading for reading in bare.readings if reading.what != "header"]
            others = [Choice("1", _("Header in row 1"))]
            answers.readings.append(Reading("header", "0", _("No header"), others, 0.8, bare.name))
    reading = paired_tables.describe(inputs, answers, rows, answered, choices)
    several.readings.append(reading)
    if reading.chosen == paired_tables.JOIN:
        paired_tables.join_rows(inputs, answers)
    return reading.chosen == paired_tables.JOIN


def is_bare(table: Table) -> bool:
    """Whether it was read as one without a header."""
    return any(reading.what == "header" and reading.chosen == "0" for reading in table.readings)


def choose_files(several: Several, choices: Choices, is_fixed: bool) -> None:
    """Tables that share too few columns are of other records: one kind of them is read, the largest unless a person says which."""
    groups = group_tables(several.tables)
    if len(groups) < 2:
        return
    if is_fixed:
        raise differing(groups[1][0], groups[0][0])
    options = {group[0].name: group for group in groups}
    asked = choices.pick("files", [*options, "all"])
    if asked == "all":
        several.readings.append(files_reading("all", _("All files are read as one table"), options, asked))
        return
    chosen = options[asked] if asked else max(groups, key=lambda group: sum(table.bytes for table in group))
    name = chosen[0].name
    sentence = _("%(name)s is read; the other files have other columns", name=name)
    several.readings.append(files_reading(name, sentence, options, asked))
    chosen_ids = {id(table) for table in chosen}
    for table in [table for table in several.tables if id(table) not in chosen_ids]:

        def left(count: int, table: Table = table) -> Message:
            return ngettext(
                "%(count)s row of %(name)s was left out: its columns are others (%(names)s).",
                "%(count)s rows of %(name)s were left out: its columns are others (%(names)s).",
                count,
                name=table.name,
                names=", ".join(table.columns[:6]),
            )

        several.leave(table, "other_columns", left)


def differing(table: Table, first: Table) -> DataError:
    return DataError(
        _(
            "%(name)s has other columns than %(name2)s: %(names)s.",
            name=table.name,
            name2=first.name,
            names=", ".join(table.columns[:8]),
        ),
        code="columns_differ",
        hint=_("Give all files the same header, or send them one by one."),
    )


def files_reading(chosen: str, sentence: Message, options: dict[str, list[Table]], asked: str | None) -> Reading:
    previews = {name: preview_of(group[0].columns, rows_shown(group[0])) for name, group in options.items()}
    others = [Choice(name, name, previews[name]) for name in options if name != chosen]
    if chosen != "all":
        others.append(Choice("all", _("All of them as one table")))
    confidence = 1.0 if asked else 0.5
    return Reading(
        "files", chosen, sentence, others, confidence, preview=previews.get(chosen), is_asked=asked is not None
    )


def group_tables(tables: Sequence[Table]) -> list[list[Table]]:
    """Tables whose columns are mostly the same, the first of each group first."""
    groups: list[list[Table]] = []
    for table in tables:
        names = set(table.columns)
        for group in groups:
            shared = [
                len(names & set(other.columns)) / max(min(len(names), len(set(other.columns))), 1) for other in group
            ]
            if max(shared) >= MIN_SHARED:
                group.append(table)
                break
        else:
            groups.append([table])
    return groups


def tell_differences(several: Several) -> None:
    """Which columns only some of the files have."""
    names = dict.fromkeys(name for table in several.tables for name in table.columns)
    only = {
        name: [table.name for table in several.tables if name in table.columns]
        for name in names
        if not all(name in table.columns for table in several.tables)
    }
    if only:
        listed = "; ".join(f"“{name}”: {', '.join(files[:3])}" for name, files in list(only.items())[:6])
        sentence = _("The files are joined by the names of their columns; only some have %(names)s", names=listed)
        several.readings.append(Reading("join", "names", sentence, (), 0.95))


def left_out_problems(left_out: Sequence[LeftOut]) -> list[Problem]:
    """A warning for each file that was not read."""
    return [
        problem("left_out_files", "warning", entry.sentence, examples=[entry.file], count=entry.count)
        for entry in left_out
    ]
