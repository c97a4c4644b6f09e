"""Labels as people keep them: Python's lists in cells, several labels between marks, a column of 0 and 1 for each label, a column for
each annotator, numbers with a file of names beside. Each becomes a column that a task can learn, and is told as a reading."""

import json
import re
from collections import Counter
from collections.abc import Callable, Sequence

import pyarrow as pa
import pyarrow.compute as pc

from trainer.columns import is_missing, number_of
from trainer.data.class_names import NUMBERED, names_of_most, names_reading
from trainer.data.dataset import Dataset
from trainer.data.flag_columns import binary_columns, nearly_binary, small_cells, tell_odd
from trainer.data.label_votes import (
    DOUBT,
    VOTES,
    YES,
    free_name,
    may_be_votes,
    read_numbered,
    read_votes,
    voters_of,
)
from trainer.data.literals import parse_literal
from trainer.data.mixed_lists import read_mixed_lists
from trainer.data.readings import Choice, Choices, Reading, readings_as_json
from trainer.data.soft_labels import read_probabilities
from trainer.messages import Message, _, ngettext
from trainer.numerals import THOUSANDS

SAMPLE = 2_000
SEPARATORS = (";", "|", "\n", ",", "/", "#", " ")
NAMES_OF_MARKS = {"\n": "newline", " ": "space"}
"""How a choice names a mark that cannot be seen."""
WORD = re.compile(r"[^\W\d][\w-]*")
KEEP = "keep"
LABEL_NAME = re.compile(
    r"(^|[ _.-])(labels?|tags?|categor(y|ies)|topics?|genres?|classes|intents?|issues?|keywords|emotions?|kategorien?|themen|标签|类别)$"
)
MAX_LABELS, MAX_LABEL_CHARACTERS = 500, 60
MIN_SEVERAL = 0.03
"""Share of the cells with a separator from which a column may have several labels in a cell."""
IDS = re.compile(r"\d{1,4}( ?, ?\d{1,4})*")
MIN_LONG = 2
"""Cells with three ids and more by which commas between whole numbers are known for marks between labels."""
MIN_COLUMNS = 3
"""So many columns of 0 and 1 beside one text are its labels."""
MAX_IDS = 50_000


def read_labels(dataset: Dataset, choices: Choices, names: dict[str, str] | None = None) -> None:
    """Turn labels of the forms above into columns of labels; what was read how goes to the dataset's readings."""
    read_mixed_lists(dataset)
    readings: list[Reading] = []
    for name in dataset.names:
        if name in dataset.kinds:
            continue
        sample = [cell.strip() for cell in dataset.column(name).slice(0, SAMPLE).to_pylist() if cell and cell.strip()]
        if sample and all(cell[0] in "[({" for cell in sample):
            readings += read_literals(dataset, name, sample)
        elif (
            sample
            and names
            and (NUMBERED.search(name.strip().lower()) or is_headless(name, sample, names))
            and (named := read_names(dataset, name, names))
        ) or (names and may_list_ids(name, sample) and (named := name_listed(dataset, name, names))):
            readings += named
        elif are_lists_of_ids(sample):
            readings += name_listed(dataset, name, names or {}) or read_separated(dataset, name, sample, choices)
        elif sample and (LABEL_NAME.search(name.strip().lower()) or is_checked(dataset, sample)):
            readings += read_separated(dataset, name, sample, choices)
    readings += (
        read_probabilities(dataset, choices)
        or read_numbered(dataset, choices)
        or read_votes(dataset, choices)
        or read_indicators(dataset, choices)
    )
    dataset.readings += readings_as_json(readings)


def is_headless(name: str, sample: Sequence[str], names: dict[str, str]) -> bool:
    """Whether a column without a name may be of ids: most of those in the file of names occur."""
    return re.fullmatch(r"column[_ ]\d+", name) is not None and len(set(sample)) >= 0.5 * len(names)


def is_checked(dataset: Dataset, sample: Sequence[str]) -> bool:
    """Whether cells are the boxes that people checked in a form of Google, with commas between them."""
    return any(source.get("export") == "google_forms" for source in dataset.sources) and guess_separator(sample) == ","


def may_list_ids(name: str, sample: Sequence[str]) -> bool:
    """Whether cells may be ids between commas, by the column's name and by all of them."""
    is_named = LABEL_NAME.search(name.strip().lower()) or re.fullmatch(r"column[_ ]\d+", name)
    return bool(is_named) and any("," in cell for cell in sample) and all(map(IDS.fullmatch, sample))


def replace_cells(dataset: Dataset, name: str, change: Callable[[str], str | None]) -> None:
    """A column with each different cell changed once."""
    column = dataset.column(name).combine_chunks()
    coded = column.dictionary_encode() if isinstance(column, pa.Array) else pa.concat_arrays(column.chunks).dictionary_encode()  # fmt: skip
    changed = pa.array([None if cell is None else change(cell) for cell in coded.dictionary.to_pylist()], pa.string())
    cells = pc.take(changed, coded.indices)
    dataset.table = dataset.table.set_column(dataset.names.index(name), name, pa.chunked_array([cells], pa.string()))


# Lists as Python writes them


def is_json(cell: str) -> bool:
    try:
        json.loads(cell)
    except (ValueError, RecursionError):
        return False
    return True


def read_literals(dataset: Dataset, name: str, sample: Sequence[str]) -> list[Reading]:
    few = sample[:200]
    if all(map(is_json, few)) or any(len(cell) < 2 or parse_literal(cell) is None for cell in few if not is_json(cell)):
        return []
    failed = 0

    def change(cell: str) -> str | None:
        nonlocal failed
        if not cell.strip() or is_json(cell):
            return cell
        value = parse_literal(cell)
        failed += value is None
        try:
            return cell if value is None else json.dumps(value, ensure_ascii=False)
        except (TypeError, ValueError):  # a key or a number that JSON does not have
            failed += 1
            return cell

    replace_cells(dataset, name, change)
    sentence: Message = _("“%(column)s” holds lists as Python writes them", column=name)
    return [Reading("list", "python", sentence, column=name)]


# Several labels in a cell


def split_cell(cell: str, separator: str) -> list[str]:
    return list(dict.fromkeys(part.strip() for part in cell.split(separator) if part.strip()))


def guess_separator(cells: Sequence[str]) -> str | None:
    """The mark between labels: parts that come again in other cells, alone or in other company."""
    distinct = set(cells)
    for separator in SEPARATORS:
        several = [cell for cell in cells if len(split_cell(cell, separator)) > 1]
        if len(several) < max(3, MIN_SEVERAL * len(cells)):
            continue
        spread = Counter(part for cell in distinct for part in split_cell(cell, separator))
        parts = {part for cell in set(several) for part in split_cell(cell, separator)}
        again = sum(spread[part] > 1 for part in parts)
        is_short = all(len(part) <= MAX_LABEL_CHARACTERS for part in spread)
        # One-word labels between blanks come in more combinations than there are labels; words of names do not.
        least = 0.9 if separator == " " else 0.6
        is_mixed = separator != " " or (len(distinct) > len(spread) and all(map(WORD.fullmatch, spread)))
        if (
            is_short
            and is_mixed
            and len(spread) <= MAX_LABELS
            and again >= least * len(parts)
            and len(parts) <= 2 * len(set(several))
        ):
            return separator
    return None


def are_lists_of_ids(cells: Sequence[str]) -> bool:
    """Whether the commas between whole numbers can be no decimal marks and no thousands' marks: `3,10` and `3,10,27` in one column,
    no number twice in a cell."""
    if not all(map(IDS.fullmatch, cells)):
        return False
    lists = [split_cell(cell, ",") for cell in cells]
    is_set = all(len(parts) == cell.count(",") + 1 for parts, cell in zip(lists, cells, strict=True))
    long = [cell for cell, parts in zip(cells, lists, strict=True) if len(parts) > 2 and not THOUSANDS.fullmatch(cell)]
    return is_set and len(long) >= MIN_LONG and guess_separator(cells) == ","


def name_listed(dataset: Dataset, name: str, names: dict[str, str]) -> list[Reading]:
    """Lists of names in place of lists of ids, where a file beside names each of them."""
    counts = Counter[str]()
    for cell, count in count_cells(dataset, name).items():
        counts.update(dict.fromkeys(split_cell(cell, ","), count))
    named = names_of_most(names, counts)
    if not named:
        return []

    def change(cell: str) -> str:
        return json.dumps([named.get(part, part) for part in split_cell(cell, ",")], ensure_ascii=False)

    replace_cells(dataset, name, lambda cell: cell if is_missing(cell) else change(cell))
    sentence = _("Several labels in a cell of “%(column)s”, separated by “%(mark)s”", column=name, mark=",")
    return [names_reading(name, counts.keys() - named.keys()), Reading("separator", ",", sentence, [], column=name)]


def possible_separator(cells: Sequence[str]) -> str | None:
    """A mark that divides some cells, though too few labels come again for it to be sure."""
    for separator in (";", "|", "\n", ",", "/"):
        several = [split_cell(cell, separator) for cell in set(cells) if len(split_cell(cell, separator)) > 1]
        counts = Counter(part for cell in set(cells) for part in split_cell(cell, separator))
        is_short = all(len(part) <= MAX_LABEL_CHARACTERS for part in counts)
        shared = any(counts[part] > 1 for parts in several for part in parts)
        if len(several) >= 2 and is_short and len(counts) <= MAX_LABELS and shared:
            return separator
    return None


def split_at(separator: str) -> Message:
    return _("Split at “%(mark)s”", mark=shown_mark(separator))


def shown_mark(separator: str) -> str:
    """Line breaks and blanks as signs that can be seen."""
    return {"\n": "↵", " ": "␣"}.get(separator, separator)


def read_separated(dataset: Dataset, name: str, sample: Sequence[str], choices: Choices) -> list[Reading]:
    guessed = guess_separator(sample)
    marks = {NAMES_OF_MARKS.get(mark, mark): mark for mark in SEPARATORS} | {KEEP: KEEP}
    picked = choices.pick("separator", marks, column=name)
    asked = marks[picked] if picked else None
    separator = asked or guessed
    if separator in (None, KEEP) and guessed is None and (possible := possible_separator(sample)):
        shown = _("Each cell of “%(column)s” is one label", column=name)
        return [
            Reading(
                "separator",
                KEEP,
                shown,
                [Choice(NAMES_OF_MARKS.get(possible, possible), split_at(possible))],
                1.0 if asked else 0.7,
                column=name,
                is_asked=bool(asked),
            )
        ]
    if separator is None:
        return []
    label = _("Keep each cell as one label")
    if separator == KEEP:
        others = [Choice(NAMES_OF_MARKS.get(guessed, guessed), split_at(guessed))] if guessed else []
        sentence: Message = _("Each cell of “%(column)s” is one label", column=name)
        return [Reading("separator", KEEP, sentence, others, column=name, is_asked=True)]

    def change(cell: str) -> str | None:
        return cell if is_missing(cell) else json.dumps(split_cell(cell, separator), ensure_ascii=False)

    replace_cells(dataset, name, change)
    sentence = _(
        "Several labels in a cell of “%(column)s”, separated by “%(mark)s”", column=name, mark=shown_mark(separator)
    )
    confidence = 1.0 if asked else 0.6 if separator == " " else 0.85
    return [
        Reading(
            "separator",
            NAMES_OF_MARKS.get(separator, separator),
            sentence,
            [Choice(KEEP, label)],
            confidence,
            column=name,
            is_asked=bool(asked),
        )
    ]


# A column for each label


def is_text(dataset: Dataset, name: str) -> bool:
    cells = [cell for cell in dataset.column(name).slice(0, 200).to_pylist() if cell]
    return bool(cells) and sum(len(cell.split()) >= 3 for cell in cells) > 0.5 * len(cells)


def read_indicators(dataset: Dataset, choices: Choices) -> list[Reading]:
    """Columns of 0 and 1 beside one text or one picture become a list of labels, or one label where each row has exactly one."""
    columns = binary_columns(dataset)
    odd = nearly_binary(dataset, columns)
    columns = [name for name in dataset.names if name in odd or name in columns]
    may_vote = len(columns) > 1 and set(voters_of(columns)) == set(columns) and may_be_votes(columns)
    asked = choices.pick("label_columns", ("labels", VOTES, KEEP) if may_vote else ("labels", KEEP))
    if len(columns) < MIN_COLUMNS - 1:
        return []
    others = [name for name in dataset.names if name not in columns]
    if asked is None and any(is_label_column(dataset, name) for name in others):
        return []
    inputs = [name for name in others if name in dataset.kinds or is_text(dataset, name)]
    has_numbers = any(number_of(cell) is not None for name in others if name not in dataset.kinds and not is_identifier(dataset, name) for cell in dataset.column(name).slice(0, 20).to_pylist() if cell)  # fmt: skip
    if len(inputs) != 1 or (has_numbers and not dataset.kinds and asked is None):
        return []
    names = ", ".join(columns[:4]) + (" …" if len(columns) > 4 else "")
    labels = {"labels": _("Read as labels"), KEEP: _("Keep the columns")}
    labels |= {VOTES: _("The majority's label")} if may_vote else {}
    is_few = len(columns) < MIN_COLUMNS
    if is_few and (not is_text(dataset, inputs[0]) or len(others) > 1):
        return []
    chosen = asked or (KEEP if is_few else "labels")
    offered = [Choice(other, labels[other]) for other in labels if other != chosen]
    confidence = 1.0 if asked else DOUBT if may_vote else 0.7 if is_few else 0.85
    if chosen == KEEP:
        sentence: Message = _("Columns of yes and no are kept: %(names)s", names=names)
        return [Reading("label_columns", KEEP, sentence, offered, confidence, is_asked=bool(asked))]
    flags = [[(cell or "").strip().lower() in YES for cell in dataset.column(name).to_pylist()] for name in columns]
    rows = [[name for name, is_set in zip(columns, row, strict=True) if is_set] for row in zip(*flags, strict=True)]
    unread = {row for own in odd.values() for row in own} | unlabelled_rows(dataset, columns)
    is_single = all(len(names) == 1 for row, names in enumerate(rows) if row not in unread)
    written = [names[0] if is_single and names else json.dumps(names, ensure_ascii=False) for names in rows]
    cells = [None if row in unread else cell for row, cell in enumerate(written)]
    tell_odd(dataset, odd)
    table = dataset.table.select(others)
    name = free_name(others, "label" if is_single else "labels")
    dataset.table = table.append_column(name, pa.chunked_array([pa.array(cells, pa.string())]))
    sentence = ngettext(
        "%(count)s column of yes and no is a label: %(names)s",
        "%(count)s columns of yes and no are labels: %(names)s",
        len(columns),
        names=names,
    )
    return [Reading("label_columns", "labels", sentence, offered, confidence, is_asked=bool(asked))]


def unlabelled_rows(dataset: Dataset, columns: Sequence[str]) -> set[int]:
    """Rows with -1 in every column of flags, where others have 0: nobody has labelled them, as in the tests of competitions."""
    listed = [dataset.column(name) for name in columns]
    if not all("-1" in small_cells(column) and "0" in small_cells(column) for column in listed):
        return set()
    rows = zip(*(column.to_pylist() for column in listed), strict=True)
    return {place for place, row in enumerate(rows) if all((cell or "").strip() == "-1" for cell in row)}


def is_label_column(dataset: Dataset, name: str) -> bool:
    """Whether a column that is called so holds a few labels already."""
    if name in dataset.kinds or not (NUMBERED.search(name.strip().lower()) or LABEL_NAME.search(name.strip().lower())):
        return False
    values = [value for value in pc.unique(dataset.column(name).slice(0, SAMPLE)).to_pylist() if value]
    return 2 <= len(values) <= MAX_LABELS and not is_identifier(dataset, name)


def is_identifier(dataset: Dataset, name: str) -> bool:
    """Whether every cell is another one."""
    column = dataset.column(name)
    return int(pc.count_distinct(column).as_py()) >= 0.95 * len(column)


# Numbers with their names in a file beside


def read_names(dataset: Dataset, name: str, names: dict[str, str]) -> list[Reading]:
    """Names instead of the ids of a column of labels nearly all of whose ids are in the file of names."""
    counts = Counter[str]()
    for cell, count in count_cells(dataset, name).items():
        counts[own_id(cell)] += count
    named = names_of_most(names, counts)
    if not named:
        return []
    replace_cells(dataset, name, lambda cell: named.get(own_id(cell), cell))
    return [names_reading(name, counts.keys() - named.keys())]


def own_id(cell: str) -> str:
    return re.sub(r"\.0$", "", cell.strip())


def count_cells(dataset: Dataset, name: str) -> dict[str, int]:
    """How often each cell of a column comes, blank ones left out; {} where there are more than ids of labels would be."""
    counted = pc.value_counts(dataset.column(name))
    if len(counted) > MAX_IDS:
        return {}
    return {each["values"]: each["counts"] for each in counted.to_pylist() if not is_missing(each["values"])}
