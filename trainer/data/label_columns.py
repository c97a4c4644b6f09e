"""Labels as people keep them: Python's lists in cells, several labels between marks, a column of 0 and 1 for each label, a column for
each annotator, numbers with a file of names beside. Each becomes a column that a task can learn, and is told as a reading."""

import ast
import json
import re
from collections import Counter
from collections.abc import Callable, Sequence

import pyarrow as pa
import pyarrow.compute as pc

from trainer import columns as kinds
from trainer.columns import is_missing, number_of
from trainer.data.cells import iterate_slices
from trainer.data.class_names import NUMBERED
from trainer.data.dataset import Dataset
from trainer.data.readings import Choice, Choices, Reading, readings_as_json
from trainer.data.soft_labels import read_probabilities
from trainer.messages import Message, _, ngettext

SAMPLE = 2_000
SEPARATORS = (";", "|", ",", "/", "#")
KEEP = "keep"
LABEL_NAME = re.compile(
    r"(^|[ _.-])(labels?|tags?|categor(y|ies)|topics?|genres?|classes|intents?|issues?|keywords|emotions?|kategorien?|themen|标签|类别)$"
)
MAX_LABELS, MAX_LABEL_CHARACTERS = 500, 60
MIN_SEVERAL = 0.03
"""Share of the cells with a separator from which a column may have several labels in a cell."""
MIN_COLUMNS = 3
"""So many columns of 0 and 1 beside one text are its labels."""
YES = kinds.YES | {"1", "1.0", "x"}
NO = kinds.NO | {"0", "0.0", "", "-1", "-1.0"}
ACCOUNTING = re.compile(r"\(\d[\d.]*,\d+\)")
"""A negative amount with a decimal comma, “(1.200,50)”: Python writes a blank behind the comma of a pair."""
VOTER = re.compile(r"^(annotator|annotation|rater|rating|coder|judge|vote|label|annot)[ _.-]*(\d{1,2}|[a-e])$", re.IGNORECASE)  # fmt: skip
PEOPLE = (
    re.compile(r"(label|annotation|vote|annotator|rater|coder)[ _.-]+[^\W\d_]+", re.IGNORECASE),
    re.compile(r"[^\W\d_]+[ _.'’s-]+(label|annotation|vote)", re.IGNORECASE),
)
MIN_PEOPLE = 3


def read_labels(dataset: Dataset, choices: Choices, names: dict[str, str] | None = None) -> None:
    """Turn labels of the forms above into columns of labels; what was read how goes to the dataset's readings."""
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
            and NUMBERED.search(name.strip().lower())
            and (named := read_names(dataset, name, sample, names))
        ):
            readings += named
        elif sample and LABEL_NAME.search(name.strip().lower()):
            readings += read_separated(dataset, name, sample, choices)
    readings += read_probabilities(dataset, choices) or read_votes(dataset) or read_indicators(dataset, choices)
    dataset.readings += readings_as_json(readings)


def replace_cells(dataset: Dataset, name: str, change: Callable[[str], str | None]) -> None:
    """A column with each different cell changed once."""
    column = dataset.column(name).combine_chunks()
    coded = column.dictionary_encode() if isinstance(column, pa.Array) else pa.concat_arrays(column.chunks).dictionary_encode()  # fmt: skip
    changed = pa.array([None if cell is None else change(cell) for cell in coded.dictionary.to_pylist()], pa.string())
    cells = pc.take(changed, coded.indices)
    dataset.table = dataset.table.set_column(dataset.names.index(name), name, pa.chunked_array([cells], pa.string()))


# Lists as Python writes them


def parse_literal(cell: str) -> list[object] | dict[object, object] | None:
    """A list, tuple, set or object of Python's or numpy's as JSON has them; None for what is none."""
    text = cell.strip()
    if ACCOUNTING.fullmatch(text):
        return None
    if re.fullmatch(r"\[\s*('[^']*'|\"[^\"]*\")(\s+('[^']*'|\"[^\"]*\"))+\s*\]", text):  # numpy's, without commas
        return [single or double for single, double in re.findall(r"'([^']*)'|\"([^\"]*)\"", text)]
    try:
        value = ast.literal_eval(text)
    except (ValueError, SyntaxError, RecursionError, MemoryError, TypeError):
        words = re.fullmatch(r"\[([^\[\]{}()'\"]*)\]", text)
        return None if words is None else [word.strip() for word in words[1].split(",") if word.strip()]
    if isinstance(value, set | frozenset):
        return sorted(value, key=str)
    return list(value) if isinstance(value, list | tuple) else value if isinstance(value, dict) else None


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
        if is_short and len(spread) <= MAX_LABELS and again >= 0.8 * len(parts) and len(parts) <= 2 * len(set(several)):
            return separator
    return None


def read_separated(dataset: Dataset, name: str, sample: Sequence[str], choices: Choices) -> list[Reading]:
    guessed = guess_separator(sample)
    asked = choices.pick("separator", (*SEPARATORS, KEEP), column=name)
    separator = asked or guessed
    if separator is None:
        return []
    label = _("Keep each cell as one label")
    if separator == KEEP:
        others = [Choice(guessed, _("Split at “%(mark)s”", mark=guessed))] if guessed else []
        sentence: Message = _("Each cell of “%(column)s” is one label", column=name)
        return [Reading("separator", KEEP, sentence, others, column=name, is_asked=True)]

    def change(cell: str) -> str | None:
        return cell if is_missing(cell) else json.dumps(split_cell(cell, separator), ensure_ascii=False)

    replace_cells(dataset, name, change)
    sentence = _("Several labels in a cell of “%(column)s”, separated by “%(mark)s”", column=name, mark=separator)
    confidence = 1.0 if asked else 0.85
    return [
        Reading("separator", separator, sentence, [Choice(KEEP, label)], confidence, column=name, is_asked=bool(asked))
    ]


# A column for each label


def binary_columns(dataset: Dataset) -> list[str]:
    """Columns of yes and no in some spelling, by all of their cells."""
    listed = []
    for name in dataset.names:
        values = pc.unique(dataset.column(name).slice(0, SAMPLE)).to_pylist()
        seen = {(value or "").strip().lower() for value in values}
        if name in dataset.kinds or not seen & YES or not seen <= YES | NO:
            continue
        seen = {(value or "").strip().lower() for value in pc.unique(dataset.column(name)).to_pylist()}
        if seen <= YES | NO:
            listed.append(name)
    return listed


def is_text(dataset: Dataset, name: str) -> bool:
    cells = [cell for cell in dataset.column(name).slice(0, 200).to_pylist() if cell]
    return bool(cells) and sum(len(cell.split()) >= 3 for cell in cells) > 0.5 * len(cells)


def read_indicators(dataset: Dataset, choices: Choices) -> list[Reading]:
    """Columns of 0 and 1 beside one text or one picture become a list of labels, or one label where each row has exactly one."""
    asked = choices.pick("label_columns", ("labels", KEEP))
    columns = binary_columns(dataset)
    if len(columns) < MIN_COLUMNS:
        return []
    others = [name for name in dataset.names if name not in columns]
    inputs = [name for name in others if name in dataset.kinds or is_text(dataset, name)]
    has_numbers = any(number_of(cell) is not None for name in others if name not in dataset.kinds and not is_identifier(dataset, name) for cell in dataset.column(name).slice(0, 20).to_pylist() if cell)  # fmt: skip
    if len(inputs) != 1 or (has_numbers and not dataset.kinds and asked is None):
        return []
    names = ", ".join(columns[:4]) + (" …" if len(columns) > 4 else "")
    labels = {"labels": _("Read as labels"), KEEP: _("Keep the columns")}
    chosen = asked or "labels"
    offered = [Choice(other, labels[other]) for other in labels if other != chosen]
    confidence = 1.0 if asked else 0.85
    if chosen == KEEP:
        sentence: Message = _("Columns of yes and no are kept: %(names)s", names=names)
        return [Reading("label_columns", KEEP, sentence, offered, confidence, is_asked=True)]
    flags = [[(cell or "").strip().lower() in YES for cell in dataset.column(name).to_pylist()] for name in columns]
    rows = [[name for name, is_set in zip(columns, row, strict=True) if is_set] for row in zip(*flags, strict=True)]
    is_single = all(len(row) == 1 for row in rows)
    cells = [row[0] if is_single else json.dumps(row, ensure_ascii=False) for row in rows]
    kept = dataset.table.select(others)
    name = free_name(others, "label" if is_single else "labels")
    dataset.table = kept.append_column(name, pa.chunked_array([pa.array(cells, pa.string())]))
    sentence = ngettext(
        "%(count)s column of yes and no is a label: %(names)s",
        "%(count)s columns of yes and no are labels: %(names)s",
        len(columns),
        names=names,
    )
    return [Reading("label_columns", "labels", sentence, offered, confidence, is_asked=bool(asked))]


def is_identifier(dataset: Dataset, name: str) -> bool:
    """Whether every cell is another one."""
    column = dataset.column(name)
    return int(pc.count_distinct(column).as_py()) >= 0.95 * len(column)


def free_name(names: Sequence[str], name: str) -> str:
    return name if name not in names else next(f"{name} ({n})" for n in range(2, 100) if f"{name} ({n})" not in names)


# A column for each annotator


def read_votes(dataset: Dataset) -> list[Reading]:
    """The majority of the annotators' columns as a label, and the share that chose it; the columns stay."""
    columns = voters_of(dataset.names)
    if len(columns) < 2 or free_name(dataset.names, "label") != "label":
        return []
    values = [{cell for cell in dataset.column(name).slice(0, SAMPLE).to_pylist() if not is_missing(cell)} for name in columns]  # fmt: skip
    union = set().union(*values)
    if not 2 <= len(union) <= MAX_LABELS or any(len(seen & values[0]) < 0.5 * min(len(seen), len(values[0])) for seen in values):  # fmt: skip
        return []
    labels: list[str | None] = []
    shares: list[str | None] = []
    disagreed = 0
    for slices in zip(*(iterate_slices(dataset.column(name)) for name in columns), strict=True):
        for row in zip(*slices, strict=True):
            votes = [cell for cell in row if cell is not None and not is_missing(cell)]
            best, count = Counter(votes).most_common(1)[0] if votes else (None, 0)
            labels.append(best)
            shares.append(f"{count / len(votes):.3g}" if votes else None)
            disagreed += count < len(votes)
    for name, cells in (("label", labels), ("label agreement", shares)):
        dataset.table = dataset.table.append_column(name, pa.chunked_array([pa.array(cells, pa.string())]))
    dataset.suggested = dataset.suggested or {"label": "label"}
    sentence = ngettext(
        "“label” is what most of %(names)s say; in %(count)s row they differ",
        "“label” is what most of %(names)s say; in %(count)s rows they differ",
        disagreed,
        names=", ".join(columns[:5]),
    )
    return [Reading("votes", "majority", sentence)]


def voters_of(names: Sequence[str]) -> list[str]:
    """Columns of one word with a number or letter behind it (annotator_1), or three or more of one with a name (label_Ann), or with one
    behind it (Ann label)."""
    columns = [name for name in names if VOTER.match(name.strip())]
    if len({match[1].lower() for name in columns if (match := VOTER.match(name.strip()))}) == 1:
        return columns
    named = [
        [name for name in names if form.fullmatch(name.strip()) and word in name.lower()]
        for form in PEOPLE
        for word in ("label", "annotation", "vote", "annotator", "rater", "coder")
    ]
    best = max(named, key=len)
    return best if len(best) >= MIN_PEOPLE else []


# Numbers with their names in a file beside


def read_names(dataset: Dataset, name: str, sample: Sequence[str], names: dict[str, str]) -> list[Reading]:
    """Names instead of the numbers of a label column all of whose numbers are in the file of names."""
    if not names or not all(re.sub(r"\.0$", "", cell) in names for cell in sample):
        return []
    replace_cells(dataset, name, lambda cell: names.get(re.sub(r"\.0$", "", cell.strip()), cell))
    sentence: Message = _("Labels of “%(column)s” were ids; their names come from the file beside it", column=name)
    return [Reading("label_names", "file", sentence, column=name)]
