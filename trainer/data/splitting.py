"""Which rows are learned from, tuned with and tested on: stratified, the same for the same seed, copies kept together."""

import re

import numpy as np

from trainer import columns as kinds
from trainer.data.cells import parse_dates
from trainer.data.dataset import Dataset
from trainer.data.linked_rows import leave_shared, link_rows
from trainer.data.passage_rows import context_of
from trainer.data.row_keys import NO_TEXT, Keys, hash_rows, shuffle_keys
from trainer.data.tables.table import display_name
from trainer.errors import DataError
from trainer.messages import _
from trainer.spec import SplitSpec

PARTS = ("train", "validation", "test")
MAX_VALIDATION_ROWS = 500
"""Enough to tell one epoch from the next; every further row is worth more among those learned from."""
MIN_GROUPS = {"test": 3, "validation": 4}
"""A class with fewer different texts gives none to that part."""
TRAIN, VALIDATION, TEST = range(3)
NUMBERS = {"train": TRAIN, "validation": VALIDATION, "test": TEST}


def part_names(cells: list[str | None]) -> np.ndarray:
    """The parts of split.parquet: "" for rows that are not used, and for the pool, whose rows have no label."""
    return np.array([cell if cell in PARTS else "" for cell in cells], dtype=object)


def split_rows(keys: Keys, spec: SplitSpec, fixed: "np.ndarray | None" = None) -> np.ndarray:
    """A part for each row: array of `train`, `validation`, `test`, and "" for rows that cannot be used.

    Rows with the same normalised text form a group that is never divided; groups are drawn a class at a time. A class
    keeps at least one group to learn from. `fixed` gives rows their part already ("" where it is open): with a test
    part given none is drawn, and the same holds for validation.
    """
    usable = keys.usable
    parts = np.full(len(keys), -1, dtype=np.int8)
    parts[usable] = TRAIN
    given_parts: set[str] = set()
    if fixed is not None:
        for name, number in NUMBERS.items():
            parts[usable & (fixed == name)] = number
        given_parts = {str(name) for name in np.unique(fixed[usable])}
    open_rows = np.flatnonzero(parts == TRAIN)
    if len(open_rows):
        shares = {name: share for name, share in shares_of(spec, len(open_rows)).items() if name not in given_parts}
        draw_parts(keys, open_rows, shares, spec.seed, parts)
    return np.array(["train", "validation", "test", ""], dtype=object)[parts]


def fold_rows(keys: Keys, folds: int, seed: int) -> np.ndarray:
    """The fold of each row, 0 to folds - 1, -1 for one that cannot be used: the same mix of classes in each.

    Rows with the same normalised text stay together. Classes are dealt out one after another, each group of rows, the
    largest first, to the fold that has the fewest of its class, then the fewest in all.
    """
    fold_of = np.full(len(keys), -1, dtype=np.int8)
    rows = np.flatnonzero(keys.usable)
    if not len(rows):
        return fold_of
    unique, first, inverse, sizes = np.unique(
        keys.texts[rows], return_index=True, return_inverse=True, return_counts=True
    )
    codes = keys.codes[rows][first]
    of_group, of_fold = np.zeros(len(unique), dtype=np.int8), np.zeros(folds, dtype=int)
    of_class = np.zeros((int(codes.max()) + 1, folds), dtype=int)
    for group in np.lexsort((shuffle_keys(unique, seed), -sizes, codes)).tolist():
        fold = int(np.lexsort((of_fold, of_class[codes[group]]))[0])
        of_group[group] = fold
        of_fold[fold] += sizes[group]
        of_class[codes[group], fold] += sizes[group]
    fold_of[rows] = of_group[inverse]
    return fold_of


def split_by_time(keys: Keys, spec: SplitSpec, times: np.ndarray) -> np.ndarray:
    """The newest rows are the test, those before them the validation; a row without a time (nan) is learned from.

    Rows of one moment stay together, on the earlier side.
    """
    usable = keys.usable
    parts = np.where(usable, "train", "").astype(object)
    rows = np.flatnonzero(usable & ~np.isnan(times))
    order = rows[np.argsort(times[rows], kind="stable")]
    moments = times[order]
    shares = shares_of(spec, len(order))
    end = len(order)
    for name in ("test", "validation"):
        start = max(end - round(len(order) * shares[name]), 0)
        while 0 < start < end and moments[start] == moments[start - 1]:
            start += 1
        parts[order[start:end]] = name
        end = start
    return parts


def shares_of(spec: SplitSpec, rows: int) -> dict[str, float]:
    """Shares to draw. A validation share that nobody asked for is held to MAX_VALIDATION_ROWS."""
    validation = spec.validation
    if "validation" not in spec.model_fields_set:
        validation = min(validation, MAX_VALIDATION_ROWS / max(rows, 1))
    return {"test": spec.test, "validation": validation}


def draw_parts(keys: Keys, rows: np.ndarray, shares: dict[str, float], seed: int, parts: np.ndarray) -> None:
    """Give groups of rows their parts. The order is a hash of seed and text, so adding rows moves few others."""
    unique, first, inverse, sizes = np.unique(
        keys.texts[rows], return_index=True, return_inverse=True, return_counts=True
    )
    codes = keys.codes[rows][first]
    order = np.lexsort((shuffle_keys(unique, seed), codes))
    of_group = np.zeros(len(unique), dtype=np.int8)
    for members in np.split(order, np.flatnonzero(np.diff(codes[order])) + 1):
        draw_class(members, sizes, shares, of_group)
    for name, share in shares.items():
        if share > 0 and not (of_group == NUMBERS[name]).any() and len(rows) >= 10:
            draw_across_classes(order, codes, round(len(rows) * share), NUMBERS[name], of_group)
    parts[rows] = of_group[inverse]


def draw_class(members: np.ndarray, sizes: np.ndarray, shares: dict[str, float], of_group: np.ndarray) -> None:
    """Parts of the groups of one class, in their order; a group larger than what is still wanted stays to learn from."""
    total = int(sizes[members].sum())
    groups_left = len(members)
    for name, share in shares.items():
        want = round(total * share)
        if share <= 0 or len(members) < MIN_GROUPS[name]:
            continue
        want = max(want, 1)
        taken = 0
        free = members[of_group[members] == TRAIN]
        for group, size in zip(free.tolist(), sizes[free].tolist(), strict=True):
            if taken >= want or groups_left <= 1:
                break
            if taken + size <= want:
                of_group[group] = NUMBERS[name]
                taken, groups_left = taken + size, groups_left - 1
        if not taken and groups_left > 1:
            smallest = free[np.argmin(sizes[free])]
            if sizes[smallest] <= total / 2:
                of_group[smallest] = NUMBERS[name]
                groups_left -= 1


def draw_across_classes(order: np.ndarray, codes: np.ndarray, want: int, part: int, of_group: np.ndarray) -> None:
    """Where every class is too small for a share of its own: one group of some classes that have another left."""
    groups_left = np.bincount(codes[of_group == TRAIN], minlength=int(codes.max()) + 1)
    used: set[int] = set()
    for group in map(int, order):
        code = int(codes[group])
        if len(used) >= max(want, 1):
            break
        if of_group[group] == TRAIN and groups_left[code] >= 2 and code not in used:
            of_group[group] = part
            used.add(code)
            groups_left[code] -= 1


def part_of_name(name: str) -> str | None:
    """The part that a file's name tells: banking77_test.csv → test; the last word that tells one counts."""
    words = re.split(r"[^a-z]+", display_name(name).lower())
    parts = [kinds.SPLIT_VALUES[word] for word in words if word in kinds.SPLIT_VALUES]
    return parts[-1] if parts else None


DRAWN, AT_RANDOM = "drawn, the same mix of labels in each part", "drawn at random"
"""The second where rows have no labels to mix: texts to write, conversations, scores."""


def split_dataset(dataset: Dataset, spec: SplitSpec, file_parts: np.ndarray | None = None) -> None:
    """Freeze a part for each usable row: by file, by a column that says so, else drawn. Folds are drawn when asked for."""
    dataset.folds, dataset.kept_split = None, False
    if dataset.keys is None:
        dataset.split = np.full(dataset.rows, "", dtype=object)
        return
    if spec.folds:
        group = spec.group or context_of(dataset)
        keys = group_keys(dataset, group) if group else link_rows(dataset).keys
        dataset.folds = fold_rows(keys, spec.folds, spec.seed)
        dataset.split = np.where(dataset.folds >= 0, "train", "").astype(object)
        dataset.given_split = False
        dataset.split_how = "in folds, by group" if group else "in folds"
        return
    fixed, how = file_parts, "by file"
    if fixed is None:
        fixed, how = read_split_column(dataset), "by column"
    if fixed is not None and not np.isin(fixed, ("test", "validation")).any():
        fixed = None  # rows to learn from alone: what is tested on is drawn
    dataset.given_split = fixed is not None
    if fixed is None and spec.time:
        times = parse_dates(dataset.column(spec.time), dataset.forms.get(spec.time, {}).get("form"))
        if times is None:
            raise DataError(
                _("“%(time)s” holds no dates.", time=spec.time), code="bad_split", hint=_("Choose another column.")
            )
        dataset.split, dataset.split_how = split_by_time(dataset.keys, spec, times), "by time"
        return
    group, links = spec.group or context_of(dataset), link_rows(dataset)
    keys = group_keys(dataset, group) if group else links.keys
    dataset.split = split_rows(keys, spec, fixed)
    if fixed is None and not group:
        dataset.split = leave_shared(dataset.split, links.texts)
    drawn = DRAWN if len(dataset.keys.labels) > 1 else AT_RANDOM
    dataset.split_how = how if fixed is not None else "by group" if spec.group else "by context" if group else drawn


def keep_split(dataset: Dataset, parts: np.ndarray, how: str) -> None:
    """Every usable row stays in the part that it had ("" for none: it is learned from), so that runs before and after are
    tested on the same rows. Rows that are copies only by the columns that are left may stand on two sides: a finding says
    so (`duplicates_across_split`)."""
    usable = dataset.keys.usable if dataset.keys is not None else np.zeros(dataset.rows, dtype=bool)
    dataset.split = np.where(usable, np.where(parts == "", "train", parts), "").astype(object)
    dataset.split_how, dataset.kept_split = how, how in (DRAWN, AT_RANDOM)


def group_keys(dataset: Dataset, name: str) -> Keys:
    """Rows with the same cell are one group; a row without one is divided by its own content."""
    assert dataset.keys is not None
    groups = hash_rows([dataset.column(name)], dataset.rows)
    texts = np.where((groups == NO_TEXT) | (dataset.keys.texts == NO_TEXT), dataset.keys.texts, groups)
    return Keys(texts, dataset.keys.codes, dataset.keys.labels)


def read_split_column(dataset: Dataset) -> np.ndarray | None:
    """The part that a column named split, subset or fold gives to each row; None when there is none."""
    for profile in dataset.profile:
        name = profile["name"]
        if name.strip().lower() in kinds.SPLIT_NAMES and name not in dataset.roles.values():
            cells = dataset.table.column(name).to_pylist()
            values = [kinds.SPLIT_VALUES.get((cell or "").strip().lower(), "") for cell in cells]
            if all(values) and len(set(values)) > 1:
                return np.array(values, dtype=object)
    return None
