"""Rows of tokens and tags: which cannot be read, and the others as texts with passages."""

import json
from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from trainer.data.dataset import Dataset
from trainer.data.loaded_rows import LoadedRows
from trainer.data.problems import Problem, join_names, problem
from trainer.errors import DataError
from trainer.messages import _, ngettext
from trainer.tagging.schemes import Scheme, read_tags, scheme_of
from trainer.tagging.units import text_of, words_of

MOST_TYPES = 500
"""Of passages: each step of the best path compares every two of twice as many tags."""
NAMES = {
    "IOB1": "IOB1",
    "BIOES": "BIOES (BILOU)",
    "BMES": "BMES",
    "plain": _("names without a prefix, each run of one name as one passage"),
}
"""Schemes other than IOB2, as they are called."""


class Tags(NamedTuple):
    """What the cells of two columns say, by row. `pairs`: (tokens, tags), None for a row that cannot be read."""

    pairs: list[tuple[list[str], list[str]] | None]
    scheme: Scheme
    unequal: list[int]
    unread: list[int]
    repaired: list[int]


def read_cells(tokens: Sequence[str | None], tags: Sequence[str | None], used: Sequence[bool] | None = None) -> Tags:
    """`used`: rows to look at; all unless said."""
    pairs: list[tuple[list[str], list[str]] | None] = []
    unequal, unread = [], []
    for row, (own, marks) in enumerate(zip(tokens, tags, strict=True)):
        lists = (words_of(own), words_of(marks)) if used is None or used[row] else (None, None)
        pairs.append(None)
        if lists[0] is None or lists[1] is None:
            if used is None or used[row]:
                unread.append(row)
        elif len(lists[0]) != len(lists[1]):
            unequal.append(row)
        else:
            pairs[-1] = (lists[0], lists[1])
    scheme = scheme_of(pair[1] for pair in pairs if pair)
    repaired = [row for row, pair in enumerate(pairs) if pair and read_tags(pair[1], scheme).repaired]
    return Tags(pairs, scheme, unequal, unread, repaired)


# For whoever looks at the data


def tag_problems(dataset: Dataset) -> list[Problem]:
    """What the tags of a dataset have wrong, each with its rows."""
    tokens, tags = (dataset.table.column(dataset.roles[role]).to_pylist() for role in ("tokens", "tags"))
    usable = dataset.mapped_keys.usable
    read = read_cells(tokens, tags, usable.tolist())
    problems = row_problems(read)
    labels = Counter(
        label for pair in read.pairs if pair for _first, _last, label in read_tags(pair[1], read.scheme).passages
    )
    if not any(read.pairs):
        message = _("No row has a list of tokens and one of tags: are these the right columns?")
        problems.append(problem("no_rows", "error", message, count=int(usable.sum())))
    elif not labels:
        message = _("No row marks anything: every tag is O. Check which column holds the tags.")
        problems.append(problem("one_value", "error", message, count=int(usable.sum())))
    elif len(labels) > MOST_TYPES:
        message = _(
            "There are %(labels)s different tags, and at most %(most)s can be learned: join tags, or check which column holds them.",
            labels=f"{len(labels):,}",
            most=f"{MOST_TYPES:,}",
        )
        problems.append(problem("too_many_labels", "error", message, examples=list(labels)[:3], count=len(labels)))
    elif sum(labels.values()) < 2 * len(labels):
        message = _(
            "There are %(labels)s different tags, most of which occur once: is this the right column?",
            labels=f"{len(labels):,}",
        )
        problems.append(problem("few_rows_a_label", "error", message, examples=list(labels)[:3], count=len(labels)))
    return problems


def row_problems(read: Tags) -> list[Problem]:
    """The rows left out or repaired, and how the tags are written; rows from 0."""
    problems = []
    if read.unequal:
        message = ngettext(
            "%(count)s row has not as many tags as tokens and is not learned from: give each token one tag.",
            "%(count)s rows have not as many tags as tokens and are not learned from: give each token one tag.",
            len(read.unequal),
        )
        problems.append(problem("unequal_tags", "warning", message, read.unequal))
    if read.unread:
        message = ngettext(
            '%(count)s row has no list of tokens or of tags and is not learned from: write both as ["…", "…"].',
            '%(count)s rows have no list of tokens or of tags and are not learned from: write both as ["…", "…"].',
            len(read.unread),
        )
        problems.append(problem("unread_tags", "warning", message, read.unread))
    if read.repaired:
        message = ngettext(
            "%(count)s row has tags that do not follow each other, such as an I- that no B- begins; they are read as new passages.",
            "%(count)s rows have tags that do not follow each other, such as an I- that no B- begins; they are read as new passages.",
            len(read.repaired),
        )
        problems.append(problem("repaired_tags", "info", message, read.repaired))
    if read.scheme in NAMES:
        message = _("The tags are read as %(scheme)s.", scheme=NAMES[read.scheme])
        problems.append(problem("tag_scheme", "info", message, count=sum(pair is not None for pair in read.pairs)))
    return problems


# For whoever learns


def read_loaded(loaded: LoadedRows) -> None:
    """Tokens become texts, and tags JSON lists of {start, end, label} in their characters; rows that cannot be read are left
    out and told by number."""
    read = read_cells(loaded.values["tokens"], loaded.answers)
    for each in row_problems(read):
        numbers = [loaded.row_numbers[row - 1] for row in each["rows"]]
        if numbers:
            message = _(
                "%(message)s Rows: %(rows)s.", message=each["message"], rows=join_names([str(row) for row in numbers])
            )
            loaded.problems.append(each | {"message": message, "rows": numbers, "i18n": {"message": message.source}})
    loaded.keep(np.array([pair is not None for pair in read.pairs]))
    pairs = [pair for pair in read.pairs if pair is not None]
    texts, answers = [], []
    for tokens, tags in pairs:
        text, places = text_of(tokens)
        texts.append(text)
        answers.append(written(tags, places, read.scheme))
    loaded.values["tokens"], loaded.values[loaded.answer] = texts, answers


def read_learned(loaded: LoadedRows) -> None:
    """`read_loaded`; `DataError` where nothing is marked, so that there is nothing to learn."""
    read_loaded(loaded)
    if loaded.answers and not any(answer != "[]" for answer in loaded.answers):
        raise DataError(
            _("No row marks anything: every tag is O."),
            code="one_value",
            hint=_("Check which column holds the tags."),
        )


def written(tags: list[str], places: list[tuple[int, int]], scheme: Scheme) -> str:
    passages = [
        {"start": places[first][0], "end": places[last - 1][1], "label": label}
        for first, last, label in read_tags(tags, scheme).passages
        if places[last - 1][1] > places[first][0]
    ]
    return json.dumps(passages, ensure_ascii=False)
