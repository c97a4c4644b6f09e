"""One-click remedies: which rows a fault's mending keeps, and what their labels become."""

from collections.abc import Callable, Sequence

import numpy as np

from trainer.data.row_keys import Keys, find_copies, spelling_of
from trainer.errors import DataError
from trainer.messages import _

KEEP_AT_LEAST = 3
"""Rows of a label that `drop_rare_classes` keeps: enough to learn from and to test on."""


def drop_missing(keys: Keys) -> np.ndarray:
    return keys.usable


def drop_duplicates(keys: Keys) -> np.ndarray:
    """The first of each text; rows without text or label stay as they are."""
    is_kept = np.ones(len(keys), dtype=bool)
    rows = find_copies(keys)
    _unique, first = np.unique(keys.texts[rows], return_index=True)
    is_kept[rows] = False
    is_kept[rows[first]] = True
    return is_kept


def has_conflicting_label(keys: Keys) -> np.ndarray:
    """True for rows whose text occurs with more than one label."""
    is_conflicting = np.zeros(len(keys), dtype=bool)
    rows = find_copies(keys)
    if len(rows):
        _unique, groups, sizes = np.unique(keys.texts[rows], return_inverse=True, return_counts=True)
        lowest, highest = np.full(len(sizes), len(keys.labels)), np.full(len(sizes), -1)
        np.minimum.at(lowest, groups, keys.codes[rows])
        np.maximum.at(highest, groups, keys.codes[rows])
        is_conflicting[rows] = (lowest != highest)[groups]
    return is_conflicting


def drop_conflicting(keys: Keys) -> np.ndarray:
    return ~has_conflicting_label(keys)


def drop_rare_classes(keys: Keys) -> np.ndarray:
    """Rows of labels with enough rows; rows without a label stay as they are."""
    enough: np.ndarray = np.append(keys.counts() >= KEEP_AT_LEAST, True)[keys.codes]
    return enough


ACTIONS: dict[str, Callable[[Keys], np.ndarray]] = {
    "drop_missing": drop_missing,
    "drop_duplicates": drop_duplicates,
    "drop_conflicting": drop_conflicting,
    "drop_rare_classes": drop_rare_classes,
}
MERGE = "merge_label_variants"
ELSEWHERE = (
    "drop_near_duplicates",
    "drop_mislabels",
    "accept_mislabels",
    "drop_leaking_columns",
    "drop_empty_columns",
    "drop_constant_columns",
    "drop_identifier_columns",
    "empty_missing",
    "folds",
    "mask_personal",
    "pseudonymise_personal",
)
"""Remedies that look at more than keys (`trainer.data.editing`)."""


SAFE = (
    "drop_missing",
    "drop_duplicates",
    MERGE,
    "empty_missing",
    "drop_empty_columns",
    "drop_constant_columns",
    "drop_near_duplicates",
)
"""Remedies that take nothing away that could be learned from, in the order in which they are applied together."""


def order_fixes(actions: Sequence[str]) -> list[str]:
    """Several remedies as they are applied to one version: the safe ones first, each once."""
    return sorted(dict.fromkeys(actions), key=lambda action: SAFE.index(action) if action in SAFE else len(SAFE))


def rows_kept(action: str, keys: Keys) -> np.ndarray:
    """True for each row that a remedy keeps; `DataError` for one that does not exist."""
    if action == MERGE:
        return np.ones(len(keys), dtype=bool)
    if action not in ACTIONS:
        names = ", ".join([*ACTIONS, MERGE, *ELSEWHERE])
        raise DataError(
            _("There is no fix “%(action)s”.", action=action),
            code="bad_fix",
            hint=_("Choose one of: %(names)s.", names=names),
        )
    return ACTIONS[action](keys)


def merged_labels(keys: Keys) -> list[str]:
    """For each label of `keys.labels` the commonest of its spellings."""
    counts = keys.counts(usable_only=False)
    commonest: dict[str, str] = {}
    for code in np.argsort(-counts, kind="stable").tolist():
        commonest.setdefault(spelling_of(keys.labels[code]), keys.labels[code])
    return [commonest[spelling_of(label)] for label in keys.labels]


FOLDS = "folds"
"""The remedy for few test rows: as many as FOLD_COUNT."""
