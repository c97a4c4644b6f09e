"""Rows that lack a cell, and rows that repeat or contradict others."""

import numpy as np
import pyarrow as pa

from trainer.data.cells import is_missing_mask
from trainer.data.fixes import has_conflicting_label
from trainer.data.problems import DELETE_ROWS, REMOVE_DUPLICATES, Problem, problem, sample_texts
from trainer.data.row_keys import NO_TEXT, Keys, find_copies
from trainer.messages import Message, _, joined, ngettext


def missing_problems(
    table: pa.Table, texts: pa.ChunkedArray, keys: Keys, noun: Message, labelled: bool
) -> list[Problem]:
    """Rows that are empty, that have no input, and that have no answer."""
    problems = []
    without_text = keys.texts == NO_TEXT
    empty = empty_rows(table, np.flatnonzero(without_text & (keys.codes < 0)))
    no_text = np.setdiff1d(np.flatnonzero(without_text), empty)
    no_label = np.flatnonzero(~without_text & (keys.codes < 0))
    drop = ("drop_missing", DELETE_ROWS)
    if len(empty):
        message = ngettext(
            "%(count)s row is empty and will not be used.", "%(count)s rows are empty and will not be used.", len(empty)
        )
        problems.append(problem("empty_rows", "warning", message, empty, fix=drop))
    if len(no_text):
        message = ngettext(
            "%(count)s row has no %(noun)s and will not be used.",
            "%(count)s rows have no %(noun)s and will not be used.",
            len(no_text),
            noun=noun,
        )
        problems.append(problem("missing_text", "warning", message, no_text, fix=drop))
    if len(no_label) and not (labelled and len(no_label) == len(keys)):  # that none has one is told by itself
        message = ngettext(
            "%(count)s row has no %(noun)s and will not be used.",
            "%(count)s rows have no %(noun)s and will not be used.",
            len(no_label),
            noun=_("label") if labelled else _("answer"),
        )
        problems.append(problem("missing_labels", "warning", message, no_label, sample_texts(no_label, texts), drop))
    return problems


def empty_rows(table: pa.Table, candidates: np.ndarray) -> np.ndarray:
    """Of some rows, in order, those without a value in any column. A filter goes chunk by chunk; `take` would join them."""
    mask = np.zeros(table.num_rows, dtype=bool)
    mask[candidates] = True
    empty = np.ones(len(candidates), dtype=bool)
    for column in table.filter(pa.array(mask)).itercolumns():
        empty &= is_missing_mask(column).to_numpy()
    return candidates[empty]


def copy_problems(
    texts: pa.ChunkedArray,
    keys: Keys,
    split: np.ndarray,
    given_split: bool,
    noun: Message,
    labelled: bool,
    *,
    kept_split: bool = False,
) -> list[Problem]:
    """Repeated texts, repeated texts with different labels, and copies on both sides of a split that was given, or kept from
    when other columns were read."""
    rows = find_copies(keys)
    if not len(rows):
        return []
    _unique, first, groups = np.unique(keys.texts[rows], return_index=True, return_inverse=True)
    extra = rows[first[groups] != np.arange(len(rows))]
    problems: list[Problem] = []
    across = across_problems(texts, rows, groups, split) if given_split or kept_split else []
    if len(extra):
        message = ngettext(
            "%(count)s row repeats an earlier %(noun)s.",
            "%(count)s rows repeat an earlier %(noun)s.",
            len(extra),
            noun=noun,
        )
        if not given_split and not across:
            message = joined([message, _("Copies are kept on one side of the split.")])
        fix = ("drop_duplicates", REMOVE_DUPLICATES)
        problems.append(problem("duplicates", "warning", message, extra, sample_texts(extra, texts), fix))
    conflicts = np.flatnonzero(has_conflicting_label(keys))
    if len(conflicts) and labelled:
        message = ngettext(
            "%(count)s row has the same %(noun)s as another but a different label. No model can get these right.",
            "%(count)s rows have the same %(noun)s as another but a different label. No model can get these right.",
            len(conflicts),
            noun=noun,
        )
        fix = ("drop_conflicting", DELETE_ROWS)
        problems.append(
            problem("conflicting_labels", "warning", message, conflicts, sample_texts(conflicts, texts), fix)
        )
    return problems + across


def across_problems(texts: pa.ChunkedArray, rows: np.ndarray, groups: np.ndarray, split: np.ndarray) -> list[Problem]:
    """Test rows whose text is also among the rows learned from or tuned with."""
    test = split[rows] == "test"
    elsewhere = np.zeros(int(groups.max()) + 1, dtype=bool)
    elsewhere[groups[~test]] = True
    across = rows[test & elsewhere[groups]]
    if not len(across):
        return []
    message = ngettext(
        "%(count)s test row is also in the training rows: the score will be too optimistic.",
        "%(count)s test rows are also in the training rows: the score will be too optimistic.",
        len(across),
    )
    fix = ("drop_duplicates", REMOVE_DUPLICATES)
    return [problem("duplicates_across_split", "warning", message, across, sample_texts(across, texts), fix)]
