"""Tables of one kind whose names tell them apart (positive.csv and negative.csv, spam.mbox and ham.mbox): what a file is called may be
the label of its rows. It is a doubt: the names may be those of months, places or people."""

import re
from collections.abc import Iterator, Sequence

from trainer.columns import ROLE_NAMES, SPLIT_NAMES, split_name
from trainer.data.file_parts import part_and_rest
from trainer.data.label_votes import free_name
from trainer.data.line_files import count_shared
from trainer.data.readings import Choice, Choices, Reading, preview_of
from trainer.data.tables.table import Columns, Table, first_batch
from trainer.date_words import MONTH_OF
from trainer.messages import Message, _

WHAT, NAMES, NONE = "file_labels", "names", "none"
LABEL = "label"
MAX_LABELS = 50
ENDING = re.compile(r"(\.[A-Za-z]\w{0,7}){1,2}$")
DIGITS = re.compile(r"\d+")
LOOKED_AT, FEW = 200, 20
SAYS_NOTHING = frozenset(
    [
        "data",
        "dataset",
        "export",
        "page",
        "part",
        "batch",
        "chunk",
        "file",
        "sheet",
        "table",
        "copy",
        "new",
        "old",
        "final",
        "all",
        "list",
        "messages",
        "chat",
        "result",
        "results",
        "untitled",
        "a",
        "b",
        "c",
        "x",
        "y",
        "one",
        "two",
        "three",
        "first",
        "second",
        "left",
        "right",
        "main",
        "extra",
        "more",
        "other",
        "source",
        "target",
        "inbox",
        "sent",
        "drafts",
        "archive",
        "all_mail",
    ]
)


def label_by_files(tables: Sequence[Table], parts: Sequence[str | None], choices: Choices) -> Reading | None:
    """Give the rows of each table the label that its name tells, where no column does; the reading, or None where no name tells one."""
    labels = labels_of([table.name for table in tables], parts)
    if not labels or any(set(table.columns) != set(tables[0].columns) for table in tables):
        return None
    if any(tells_labels(tables[0], place) for place in range(len(tables[0].columns))):
        return None
    asked = choices.pick(WHAT, (NAMES, NONE))
    chosen = asked or (NAMES if is_of_texts(tables) else NONE)
    confidence = 1.0 if asked else 0.75 if chosen == NAMES else 0.7
    listed = ", ".join(dict.fromkeys(f"“{label}”" for label in labels))[:200]
    sentences: dict[str, Message] = {
        NAMES: _("The name of its file is the label of each row: %(names)s", names=listed),
        NONE: _("The names of the files are not labels: %(names)s", names=listed),
    }
    texts = {NAMES: _("The names of the files are labels"), NONE: _("The names of the files say nothing")}
    shown = preview_of(["file", LABEL], [[table.name, label] for table, label in zip(tables, labels, strict=True)])
    if chosen == NAMES:
        name = free_name(tables[0].columns, LABEL)
        for table, label in zip(tables, labels, strict=True):
            add_label(table, name, label)
    other = NONE if chosen == NAMES else NAMES
    others = [Choice(other, texts[other], shown if other == NAMES else None)]
    preview = shown if chosen == NAMES else None
    return Reading(WHAT, chosen, sentences[chosen], others, confidence, preview=preview, is_asked=asked is not None)


def tells_labels(table: Table, place: int) -> bool:
    """Whether a column is called as labels or parts are, and has some."""
    named = split_name(table.columns[place]) & (ROLE_NAMES["label"] | SPLIT_NAMES)
    return bool(named) and any(first_batch(table)[place])


def labels_of(names: Sequence[str], parts: Sequence[str | None]) -> list[str]:
    """What is left of each name without the words that all share, that name a part, or that number files; [] where that is nothing, or a
    date."""
    if len(names) < 2:
        return []
    words = [words_of(name) for name in names]
    begin = count_shared(words)
    words = [own[begin:] for own in words]
    end = count_shared([own[::-1] for own in words])
    words = [own[: len(own) - end] for own in words]
    labels = [" ".join(own) for own in words]
    classes = set(labels)
    is_few = 2 <= len(classes) <= MAX_LABELS
    # a label that only one part has is not a label of both
    alike = all(
        {label for label, part in zip(labels, parts, strict=True) if part == own_part} == classes
        for own_part in set(parts)
    )
    if not is_few or not alike or any(not own or set(own) <= SAYS_NOTHING or is_date(own) for own in words):
        return []
    return labels


def words_of(name: str) -> list[str]:
    """The words of a path in small letters, without its ending, numbers and those of a part."""
    _part, rest = part_and_rest(name)
    path = ENDING.sub("", name).lower()
    words = [DIGITS.sub("", word) for word in re.split(r"[\s/._()-]+", path)]
    known = set(rest)
    return [word for word in words if word and (word in known or not word.isascii())]


def is_date(words: Sequence[str]) -> bool:
    return all(word in MONTH_OF or word in ("q", "kw", "week", "fy") for word in words)


def is_of_texts(tables: Sequence[Table]) -> bool:
    """Whether the first table has texts, of more than two words each, in few columns besides."""
    cells = [[cell for cell in column[:LOOKED_AT] if cell] for column in first_batch(tables[0])]
    long = [sum(len(cell.split()) > 2 for cell in column) > 0.5 * len(column) for column in cells if column]
    return any(long) and len(tables[0].columns) <= FEW


def add_label(table: Table, name: str, label: str) -> None:
    before = table.batches

    def labelled() -> Iterator[Columns]:
        for batch in before:
            yield [*batch, [label] * len(batch[0])]

    table.batches, table.columns = labelled(), [*table.columns, name]
    table.suggested = {**{role: own for role, own in table.suggested.items() if role == "text"}, "label": name}
