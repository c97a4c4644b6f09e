"""Lists in cells that some rows have in another form: a label alone, several between marks, words and tags between blanks."""

import json
import re
from collections.abc import Callable, Sequence

import pyarrow as pa

from trainer.columns import is_missing, split_name
from trainer.data.dataset import Dataset
from trainer.data.literals import parse_literal
from trainer.data.problems import problem
from trainer.data.readings import Reading, readings_as_json
from trainer.messages import _, ngettext
from trainer.named_columns import NAMES

SAMPLE = 500
LEAST_LISTS = 0.5
"""Share of the cells that are lists, from which on the others are meant to be."""
MARKS = (";", "|", ",")
TAGS = re.compile(r"(?:[OBIESLUM](?:-\S+)?)(?:\s+(?:[OBIESLUM](?:-\S+)?))*")
LEAST_TAGGED = 0.8
"""Share of the rows with a tag for each word, from which on words and tags between blanks are read as lists."""
Change = Callable[[str], list[str] | None]


def read_mixed_lists(dataset: Dataset) -> None:
    """Make lists of what stands in another form beside lists, and of words and tags between blanks; what cannot be one is emptied.
    All of it is told."""
    read_tagged_texts(dataset)
    listed = [name for name in dataset.names if name not in dataset.kinds and is_mostly_lists(dataset, name)]
    tokens, tags = (
        next((name for name in listed if split_name(name) & {*NAMES[role].split()}), None)
        for role in ("tokens", "tags")
    )
    for name in listed:
        if name in (tokens, tags) and tokens and tags:
            apply_change(dataset, name, str.split)
        else:
            apply_change(dataset, name, labels_reader(dataset, name))


def is_mostly_lists(dataset: Dataset, name: str) -> bool:
    cells = [cell for cell in dataset.column(name).slice(0, SAMPLE).to_pylist() if cell and not is_missing(cell)]
    cells = [cell for cell in cells if cell.strip() != "[]"]  # an empty list may be one of anything
    return bool(cells) and sum(list_of(cell) is not None for cell in cells) >= LEAST_LISTS * len(cells)


def list_of(cell: str) -> list[object] | None:
    """A list of words or numbers in JSON; None for any other cell."""
    if not cell.lstrip().startswith("["):
        return None
    try:
        value = json.loads(cell)
    except (ValueError, RecursionError):
        return None
    return flat(value)


def flat(value: object) -> list[object] | None:
    """A list without lists or objects in it as it is; None for anything else."""
    if not isinstance(value, list) or any(isinstance(item, list | dict | tuple | set) for item in value):
        return None
    return value


def labels_reader(dataset: Dataset, name: str) -> Change:
    """What a cell that is no list says in a column of lists of labels: those that it has between marks, where the lists have them
    too; else one label. None for an object and for lists in lists."""
    known = {str(item) for cell in dataset.column(name).to_pylist() for item in (list_of(cell or "") or ())}

    def labels_of(cell: str) -> list[str] | None:
        text = cell.strip()
        if text[0] in "[{":
            return None
        for mark in MARKS:
            parts = [part.strip() for part in text.split(mark) if part.strip()]
            if len(parts) > 1 and known.issuperset(parts):
                return parts
        return [text]

    return labels_of


def apply_change(dataset: Dataset, name: str, change: Change) -> None:
    """Make lists of the column's other cells by `change`, and tell their rows."""
    cells = dataset.column(name).to_pylist()
    others = [row for row, cell in enumerate(cells) if cell and not is_missing(cell) and list_of(cell) is None]
    printed = {row: items for row in others if (items := flat(parse_literal(cells[row]))) is not None}
    odd = {row: change(cells[row]) for row in others if row not in printed}
    if not odd:
        return  # lists as Python writes them are read as such
    lists: dict[int, Sequence[object] | None] = {**printed, **odd}
    for row, made in lists.items():
        cells[row] = None if made is None else json.dumps(made, ensure_ascii=False)
    replace(dataset, name, cells)
    read = [row for row, items in odd.items() if items is not None]
    tell(dataset, name, read, [row for row, items in odd.items() if items is None])


def replace(dataset: Dataset, name: str, cells: Sequence[str | None]) -> None:
    made = pa.chunked_array([pa.array(cells, pa.string())])
    dataset.table = dataset.table.set_column(dataset.names.index(name), name, made)


def tell(dataset: Dataset, name: str, read: list[int], unread: list[int]) -> None:
    if read:
        message = ngettext(
            "%(count)s cell of “%(column)s” is written otherwise than the lists of the others, and was read as one: write all alike.",
            "%(count)s cells of “%(column)s” are written otherwise than the lists of the others, and were read as such: write all alike.",
            len(read),
            column=name,
        )
        dataset.problems.append(problem("mixed_lists", "warning", message, read))
    if unread:
        message = ngettext(
            "%(count)s cell of “%(column)s” is not a list of words, so it counts as empty. Write it as %(example)s.",
            "%(count)s cells of “%(column)s” are not lists of words, so they count as empty. Write them as %(example)s.",
            len(unread),
            column=name,
            example='["…", "…"]',
        )
        dataset.problems.append(problem("unread_lists", "warning", message, unread))


# Words and tags between blanks


def read_tagged_texts(dataset: Dataset) -> None:
    """A column of texts, and one with a tag for each of their words, become lists."""
    free = [name for name in dataset.names if name not in dataset.kinds]
    tags = next((name for name in free if holds_tags(dataset, name)), None)
    texts = next((name for name in free if tags and name != tags and suits(dataset, name, tags)), None)
    if not tags or not texts:
        return
    for name in (texts, tags):
        replace(dataset, name, [json.dumps(cell.split(), ensure_ascii=False) if cell and cell.strip() else None for cell in dataset.column(name).to_pylist()])  # fmt: skip
    dataset.suggested = {"tokens": texts, "tags": tags}
    sentence = _("“%(tags)s” has a tag for each word of “%(column)s”", tags=tags, column=texts)
    dataset.readings += readings_as_json([Reading("tagged_texts", "words", sentence, column=tags)])


def holds_tags(dataset: Dataset, name: str) -> bool:
    """Whether nearly all cells are tags such as O and B-person, of which some begin a passage."""
    cells = [cell.strip() for cell in dataset.column(name).slice(0, SAMPLE).to_pylist() if cell and cell.strip()]
    tagged = sum(TAGS.fullmatch(cell) is not None for cell in cells)
    return bool(cells) and tagged >= LEAST_TAGGED * len(cells) and any("B-" in cell and " " in cell for cell in cells)


def suits(dataset: Dataset, texts: str, tags: str) -> bool:
    """Whether most texts have as many words as their row has tags."""
    pairs = zip(*(dataset.column(name).slice(0, SAMPLE).to_pylist() for name in (texts, tags)), strict=True)
    counts = [len(text.split()) == len(marks.split()) for text, marks in pairs if text and marks]
    return bool(counts) and sum(counts) >= LEAST_TAGGED * len(counts)
