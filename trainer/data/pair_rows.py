"""Rows of texts that belong together: which can be used, and what is wrong with the others."""

from collections import defaultdict
from collections.abc import Sequence
from typing import NamedTuple, Protocol

import numpy as np

from trainer.data.cells import is_missing_mask, parse_numbers
from trainer.data.dataset import Dataset
from trainer.data.loaded_rows import LoadedRows
from trainer.data.problems import DELETE_ROWS, Problem, join_names, problem, sample_texts
from trainer.data.row_keys import hash_texts
from trainer.errors import DataError
from trainer.json_types import JsonObject
from trainer.messages import _, ngettext
from trainer.number_forms import guess_form
from trainer.numerals import form_of as number_form
from trainer.numerals import number_of
from trainer.similarity import forms
from trainer.similarity.forms import SEARCHED, Scale, scale_of, words_as_scores

LONG_TEXT = 20_000
"""Characters from which a text is told to be cut, whatever the model reads of it."""


class LoadedPairs(LoadedRows, Protocol):
    """With what is declared of their columns and of texts that are searched."""

    forms: dict[str, JsonObject]

    @property
    def documents(self) -> list[tuple[str, int]]: ...


class Scores(NamedTuple):
    """`values`: nan for a cell that is not a score, or lies outside the `scale`."""

    values: np.ndarray
    scale: Scale
    unread: np.ndarray
    outside: np.ndarray


def read_scores(cells: Sequence[str | None], numbers: np.ndarray) -> Scores:
    scores = words_as_scores(cells, numbers)
    scale = scale_of(scores)
    unread = np.array([bool(cell and cell.strip()) for cell in cells]) & ~np.isfinite(scores)
    outside = np.isfinite(scores) & ((scores < scale.low) | (scores > scale.high))
    return Scores(np.where(outside, np.nan, scores), scale, np.flatnonzero(unread), np.flatnonzero(outside))


# For whoever looks at the data


def scores_of_dataset(dataset: Dataset) -> Scores:
    name = dataset.roles["score"]
    column = dataset.table.column(name)
    described = next(column for column in dataset.profile if column["name"] == name)
    numbers = np.asarray(parse_numbers(column, **number_form(described)).to_numpy(), dtype=float)
    return read_scores(column.to_pylist(), numbers)


def lacking(dataset: Dataset) -> list[np.ndarray]:
    """Of each linked column, (rows,): whether a row has no text in it."""
    return [is_missing_mask(dataset.column(name)).to_numpy() for name in dataset.linked]


def form_of_dataset(dataset: Dataset) -> str:
    scores = scores_of_dataset(dataset).values if "score" in dataset.roles else np.zeros(0)
    first, second = lacking(dataset)[:2]
    alone = first & ~second
    if "score" in dataset.roles:
        alone &= is_missing_mask(dataset.column(dataset.roles["score"])).to_numpy()
    return forms.form_of(dataset.roles, scores, has_documents=bool(alone.any()))


def pair_problems(dataset: Dataset) -> list[Problem]:
    """What is wrong with the rows of a dataset of texts that belong together."""
    form = form_of_dataset(dataset)
    first, second, *others = lacking(dataset)
    problems, drop = [], ("drop_missing", DELETE_ROWS)
    documents = first & ~second if form in SEARCHED else np.zeros(dataset.rows, dtype=bool)
    half = (first ^ second) & ~documents
    for third in others:
        half |= third & ~documents & ~(first & second)
    if half.any():
        message = ngettext(
            "%(count)s row has only one of the texts that belong together, and is not used: fill in the other.",
            "%(count)s rows have only one of the texts that belong together, and are not used: fill in the other.",
            int(half.sum()),
        )
        problems.append(problem("half_pairs", "warning", message, np.flatnonzero(half), fix=drop))
    if documents.any():
        message = ngettext(
            "%(count)s text without a query is searched, and not learned from.",
            "%(count)s texts without a query are searched, and not learned from.",
            int(documents.sum()),
        )
        problems.append(problem("documents", "info", message, np.flatnonzero(documents)))
    if "score" in dataset.roles and form not in SEARCHED:
        usable = ~first & ~second
        problems += conflict_problems(dataset, usable)
    if "score" in dataset.roles:
        problems += unscored_problems(dataset, ~first & ~second)
    return problems + long_problems(dataset) + across_problems(dataset, form)


def scored_problems(dataset: Dataset) -> list[Problem]:
    """Of scores that are to be learned."""
    if "score" not in dataset.roles or form_of_dataset(dataset) in SEARCHED:
        return []
    first, second = lacking(dataset)[:2]
    return score_problems(scores_of_dataset(dataset), ~first & ~second)


def unscored_problems(dataset: Dataset, usable: np.ndarray) -> list[Problem]:
    rows = np.flatnonzero(usable & is_missing_mask(dataset.column(dataset.roles["score"])).to_numpy())
    if not len(rows):
        return []
    message = ngettext(
        "%(count)s row has no score and is not used: give it one.",
        "%(count)s rows have no score and are not used: give them one.",
        len(rows),
    )
    return [problem("missing_labels", "warning", message, rows, fix=("drop_missing", DELETE_ROWS))]


def score_problems(read: Scores, usable: np.ndarray) -> list[Problem]:
    """Scores that are none, that lie outside the scale, and that are all the same; rows from 0."""
    problems = []
    if len(read.unread):
        message = ngettext(
            "%(count)s row has a score that is not a number and is not learned from: write a number, or 0 and 1.",
            "%(count)s rows have a score that is not a number and are not learned from: write a number, or 0 and 1.",
            len(read.unread),
        )
        problems.append(problem("not_a_number", "warning", message, read.unread))
    if len(read.outside):
        message = ngettext(
            "%(count)s row has a score outside %(scale)s and is not learned from: correct it.",
            "%(count)s rows have a score outside %(scale)s and are not learned from: correct them.",
            len(read.outside),
            scale=read.scale.shown,
        )
        problems.append(problem("score_out_of_range", "warning", message, read.outside))
    left = read.values[usable & np.isfinite(read.values)]
    if not len(left) or left.min() == left.max():
        message = _("All pairs have the same score: at least two different scores are needed.")
        problems.append(problem("one_value", "error", message, count=len(left)))
    return problems


def conflict_problems(dataset: Dataset, usable: np.ndarray) -> list[Problem]:
    """Pairs that come again with another score."""
    scores = scores_of_dataset(dataset).values
    by_pair: defaultdict[int, list[int]] = defaultdict(list)
    keys = dataset.mapped_keys.texts
    for row in np.flatnonzero(usable & np.isfinite(scores)).tolist():
        by_pair[int(keys[row])].append(row)
    rows = [row for same in by_pair.values() if len({scores[row] for row in same}) > 1 for row in same]
    if not rows:
        return []
    message = ngettext(
        "%(count)s row repeats a pair with another score: keep one of them.",
        "%(count)s rows repeat a pair with another score: keep one of them.",
        len(rows),
    )
    texts = dataset.column(dataset.linked[0])
    return [problem("conflicting_scores", "warning", message, rows, sample_texts(np.array(rows), texts))]


def long_problems(dataset: Dataset) -> list[Problem]:
    import pyarrow.compute as pc

    long = np.zeros(dataset.rows, dtype=bool)
    for name in dataset.linked:
        long |= pc.fill_null(pc.utf8_length(dataset.column(name)), 0).to_numpy() > LONG_TEXT
    if not long.any():
        return []
    message = ngettext(
        "%(count)s row has a text of more than %(limit)s characters; only its beginning is read. Divide it into several.",
        "%(count)s rows have a text of more than %(limit)s characters; only its beginning is read. Divide it into several.",
        int(long.sum()),
        limit=f"{LONG_TEXT:,}",
    )
    return [problem("very_long_texts", "info", message, np.flatnonzero(long))]


def across_problems(dataset: Dataset, form: str) -> list[Problem]:
    """Test rows that share a text (in a search: the query) with rows learned from, in a split that was given or kept."""
    names = dataset.linked[:1] if form in SEARCHED else dataset.linked
    texts = np.stack([hash_texts(dataset.column(name)) for name in names])
    test, learned = dataset.split == "test", np.isin(dataset.split, ("train", "validation"))
    shares = test & np.isin(texts, np.unique(texts[:, learned])).any(axis=0)
    if not shares.any():
        return []
    message = ngettext(
        "%(count)s test row shares a text with the training rows: the score may be too optimistic. Draw another split to part them.",
        "%(count)s test rows share a text with the training rows: the score may be too optimistic. Draw another split to part them.",
        int(shares.sum()),
    )
    return [problem("texts_across_split", "warning", message, np.flatnonzero(shares))]


# For whoever learns


def read_pairs(loaded: LoadedPairs) -> None:
    """Scores become numbers; rows whose score cannot be used are left out and told by number. `DataError` where nothing can be
    told apart."""
    if "score" not in loaded.columns:
        return
    cells = [str(cell) for cell in loaded.values["score"]]
    settled = loaded.forms.get(loaded.columns["score"])
    written = number_form(settled) if settled else guess_form(cells)
    numbers = np.array([np.nan if (value := number_of(cell, **written)) is None else value for cell in cells])
    read = read_scores(cells, numbers)
    form = forms.form_of(loaded.columns, read.values, has_documents=bool(loaded.documents))
    for each in score_problems(read, np.ones(len(cells), dtype=bool)) if form not in SEARCHED else []:
        if each["severity"] == "error":
            raise DataError(each["message"], code=each["code"], hint=_("Check which column was chosen."))
        lines = [loaded.row_numbers[row - 1] for row in each["rows"]]
        message = _(
            "%(message)s Rows: %(rows)s.", message=each["message"], rows=join_names([str(row) for row in lines])
        )
        loaded.problems.append(each | {"message": message, "rows": lines, "i18n": {"message": message.source}})
    is_scored = np.isfinite(read.values)
    loaded.keep(is_scored)
    loaded.values["score"] = read.values[is_scored].tolist()
