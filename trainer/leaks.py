"""Columns of a table that decide the answer alone: usually something that is known only afterwards.

Each column by itself, as simply as can be: a threshold on a number (for more labels, as many thresholds as part them), the
commonest answer of each value, of a number that has few values too, or whether there is a value at all. Judged by
cross-validation, so that a small table raises no false alarm; below 50 rows a column must decide every row, and better than
chance could do in any column. Put to people as a question: some columns may decide alone and be known in time.

Needs numpy and pyarrow alone. The cost is bounded by the rows drawn, whatever the table's size.
"""

from collections.abc import Callable, Iterator
from math import lgamma, log
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from trainer.data.cells import is_missing_mask, parse_dates, parse_numbers
from trainer.messages import Message, _, ngettext

MOST_ROWS, FEWEST_ROWS, FEWEST_OF_A_LABEL = 4_000, 30, 8
FEW_ROWS = 50
"""Below so many rows a column must decide each of them."""
CHANCE = 0.001
"""How likely at most one of all columns decides so few rows by chance."""
MOST_LABELS, MOST_COLUMNS = 20, 300
"""With more labels, only the commonest answer of each value is looked at."""
FOLDS = 5
DECIDES = 0.98
"""Balanced accuracy on rows held back from which a column decides alone."""
DECIDES_NUMBER = 0.99
"""The same for numbers, as the share of variance explained (R²)."""
MOST_VALUES = 0.2
"""Different values a row: with more, a column names things and is remembered instead of decided by."""
MOST_CODES = 50
"""Different values of a number that may be a code for something."""
ONE_LABEL = 10
"""Rows of a label, of more than two, from which one value may stand for it."""
BINS = 64
Cut = Callable[[np.ndarray, np.ndarray, np.ndarray], list[float]]
"""(numbers, their labels, weight of each label) → the thresholds that part them."""
Predict = Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray]
"""(values, their answers, other values) → answers to the other values."""


def find(
    table: pa.Table, kinds: dict[str, str], truth: np.ndarray, labels: list[str] | None, seed: int = 0
) -> list[dict[str, Any]]:
    """[{column, score, rule}], the strongest first. `kinds`: {column: kind} of those to look at; `truth`: a code into
    `labels` a row, or numbers (`labels` None); `rule` says in a few words how it decides, or is None."""
    rows = drawn(truth, labels is not None, seed)
    if len(rows) < FEWEST_ROWS:
        return []
    truth = truth[rows]
    mask = np.zeros(table.num_rows, dtype=bool)
    mask[rows] = True
    chosen = table.select(list(kinds)[:MOST_COLUMNS]).filter(pa.array(mask))
    if labels is not None:
        present, truth = np.unique(truth, return_inverse=True)
        names = [labels[code] for code in present]
        if len(names) < 2:
            return []
    fold = np.random.default_rng(seed).permutation(len(rows)) % FOLDS
    found = []
    for name in chosen.column_names:
        values, is_number = values_of(chosen.column(name), kinds[name])
        if values is None:
            continue
        if labels is not None:
            score, rule = class_score(values, is_number, truth, names, fold, len(chosen.column_names))
            decides = score >= DECIDES
        else:
            score, rule = number_score(values, is_number, truth, fold), None
            decides = score >= DECIDES_NUMBER
        if decides:
            found.append({"column": name, "score": round(float(score), 4), "rule": rule and f"{name} {rule}"})
    return sorted(found, key=lambda one: -one["score"])


def not_looked_at(kinds: dict[str, str], truth: np.ndarray, labels: list[str] | None, seed: int = 0) -> list[Message]:
    """Sentences on what `find` passes over: too few rows, rare labels, columns beyond the first 300."""
    rows = drawn(truth, labels is not None, seed)
    if len(rows) < FEWEST_ROWS:
        least, count = FEWEST_ROWS, len(rows)
        if labels is None:
            return [
                _(
                    "Columns that decide the answer alone were not looked for: that takes %(least)s rows, there are %(count)s.",
                    least=least,
                    count=count,
                )
            ]
        return [
            _(
                "Columns that decide the answer alone were not looked for: that takes %(least)s rows of labels with %(each)s "
                "rows each, there are %(count)s.",
                least=least,
                each=FEWEST_OF_A_LABEL,
                count=count,
            )
        ]
    told = []
    rare = len(np.setdiff1d(truth[truth >= 0], truth[rows])) if labels is not None else 0
    if rare:
        told.append(
            ngettext(
                "%(count)s label has fewer than %(each)s rows that were looked at: no column that decides it alone was looked for.",
                "%(count)s labels have fewer than %(each)s rows that were looked at: no column that decides them alone was "
                "looked for.",
                rare,
                each=FEWEST_OF_A_LABEL,
            )
        )
    if len(kinds) > MOST_COLUMNS:
        told.append(
            _(
                "Of %(columns)s columns the first %(most)s were looked at for one that decides the answer alone.",
                columns=f"{len(kinds):,}",
                most=MOST_COLUMNS,
            )
        )
    return told


def drawn(truth: np.ndarray, labelled: bool, seed: int) -> np.ndarray:
    """Rows to look at, ascending: those with an answer, of labels with a few rows each."""
    usable = np.flatnonzero(truth >= 0) if labelled else np.flatnonzero(np.isfinite(truth))
    if len(usable) > MOST_ROWS:
        usable = np.random.default_rng(seed).permutation(usable)[:MOST_ROWS]
    if labelled and len(usable):
        usable = usable[np.bincount(truth[usable])[truth[usable]] >= FEWEST_OF_A_LABEL]
    return np.sort(usable)


def values_of(column: pa.ChunkedArray, kind: str) -> tuple[np.ndarray | None, bool]:
    """(numbers with nan, True), or (codes with -1, False) where a cell is missing; (None, False) for what cannot decide."""
    cells = pc.if_else(is_missing_mask(column), None, pc.utf8_trim_whitespace(column))
    if kind == "number":
        from trainer.columns import decimal_of

        decimal = decimal_of(cells.drop_null().slice(0, 500).to_pylist())
        return parse_numbers(cells, decimal).to_numpy().astype(float), True
    if kind == "date":
        seconds = parse_dates(cells)
        return (None, False) if seconds is None else (seconds, True)
    if kind not in ("category", "boolean", "text"):
        return None, False
    codes = pc.fill_null(cells.combine_chunks().dictionary_encode().indices, -1).to_numpy(zero_copy_only=False)
    if len(np.unique(codes)) > MOST_VALUES * len(codes):
        codes = np.where(codes < 0, -1, 0)  # whether there is a value may decide all the same
    return codes, False


def class_score(
    values: np.ndarray, is_number: bool, truth: np.ndarray, names: list[str], fold: np.ndarray, columns: int
) -> tuple[float, str | None]:
    """(balanced accuracy, how it decides): of all labels, or where there are more than two, of one label by one value.
    `columns`: how many are looked at."""
    count, is_small = len(names), len(truth) < FEW_ROWS
    weight = 1 / (count * np.bincount(truth, minlength=count))
    codes = codes_of(values) if is_number else values
    for parts, cut, rule in ways(values, is_number, codes, truth, names, weight):
        if fit_score(parts, truth, weight) < DECIDES or (is_small and not is_beyond_chance(parts, truth, columns)):
            continue
        score = held_back(values if cut else parts, truth, weight, fold, cut)
        if score >= DECIDES:
            return score, rule
    if not 2 < count <= MOST_LABELS or is_small:
        return 0.0, None
    looked_at = [as_values(values)] if is_number else []
    found = [one_label(one, truth, names) for one in (*looked_at, codes) if one is not None]
    return max(found, key=lambda one: one[0])


def ways(
    values: np.ndarray,
    is_number: bool,
    codes: np.ndarray | None,
    truth: np.ndarray,
    names: list[str],
    weight: np.ndarray,
) -> Iterator[tuple[np.ndarray, Cut | None, str | None]]:
    """(the part of each row, what finds cuts among other rows or None, how it decides): thresholds, values, a gap."""
    if is_number and len(names) <= MOST_LABELS:
        cuts = thresholds(values, truth, weight)
        yield leaf_of(values, cuts), thresholds, threshold_rule(values, truth, names, cuts)
    if codes is not None:
        yield codes, None, None
    if len(names) == 2:
        yield np.where(np.isnan(values) if is_number else values < 0, 0, 1), None, "is there or not"


def codes_of(numbers: np.ndarray) -> np.ndarray | None:
    """Numbers of few different values as codes, -1 for a gap; None for those of many."""
    there = ~np.isnan(numbers)
    different, codes = np.unique(numbers[there], return_inverse=True)
    if not 0 < len(different) <= min(MOST_CODES, MOST_VALUES * len(numbers)):
        return None
    found = np.full(len(numbers), -1)
    found[there] = codes
    return found


def is_beyond_chance(parts: np.ndarray, truth: np.ndarray, columns: int) -> bool:
    """Whether each part has one label alone, and labels given to the rows at random would in no column do so: of all their
    orders, at most (labels to the power of parts) do."""
    labels, counts = np.unique(truth, return_counts=True)
    pairs = len(np.unique(np.stack([parts, truth]), axis=1).T)
    if pairs > len(np.unique(parts)):
        return False
    orders = lgamma(len(truth) + 1) - sum(lgamma(count + 1) for count in counts)
    return pairs * log(len(labels)) + log(max(columns, 1)) - orders <= log(CHANCE)


def as_values(numbers: np.ndarray) -> np.ndarray:
    """-1 for a gap, 0 for the commonest number, 1 for any other."""
    there = numbers[~np.isnan(numbers)]
    if not len(there):
        return np.full(len(numbers), -1)
    different, counts = np.unique(there, return_counts=True)
    return np.where(np.isnan(numbers), -1, np.where(numbers == different[counts.argmax()], 0, 1))


def one_label(values: np.ndarray, truth: np.ndarray, names: list[str]) -> tuple[float, str | None]:
    """One value that stands for one label, or for all but it, both ways nearly without exception."""
    best: tuple[float, str | None] = (0.0, None)
    for value in np.unique(values)[:200]:
        has = values == value
        if min(has.sum(), (~has).sum()) < ONE_LABEL:
            continue
        for code, name in enumerate(names):
            own = truth == code
            if own.sum() < ONE_LABEL:
                continue
            for shown in (has, ~has):
                score = float((shown[own].mean() + (~shown[~own]).mean()) / 2)
                if score > best[0]:
                    best = (score, f"decides “{name}” alone")
    return best


def thresholds(values: np.ndarray, truth: np.ndarray, weight: np.ndarray) -> list[float]:
    """The cuts, one fewer than there are labels at most, that part them best, found one after the other."""
    there = ~np.isnan(values)
    order = values[there].argsort(kind="stable")
    ordered, codes = values[there][order], truth[there][order]
    gained = np.zeros((len(ordered), len(weight)))
    gained[np.arange(len(ordered)), codes] = weight[codes]
    total = np.concatenate([np.zeros((1, len(weight))), gained.cumsum(axis=0)])
    edges = np.flatnonzero(np.diff(ordered) > 0) + 1
    leaves, cuts = [(0, len(ordered))], []
    for _cut in range(len(weight) - 1):
        best = (1e-9, 0, 0)
        for at, (start, end) in enumerate(leaves):
            inner = edges[(edges > start) & (edges < end)]
            if len(inner):
                left, right = total[inner] - total[start], total[end] - total[inner]
                gain = left.max(axis=1) + right.max(axis=1) - (total[end] - total[start]).max()
                if gain.max() > best[0]:
                    best = (float(gain.max()), at, int(inner[gain.argmax()]))
        if not best[1] and not best[2]:
            break
        _gain, at, place = best
        start, end = leaves.pop(at)
        leaves += [(start, place), (place, end)]
        cuts.append(float((ordered[place - 1] + ordered[place]) / 2))
    return sorted(cuts)


def leaf_of(values: np.ndarray, cuts: list[float]) -> np.ndarray:
    """Which interval a number lies in, -1 for a gap."""
    return np.where(np.isnan(values), -1, np.searchsorted(cuts, np.nan_to_num(values), side="right"))


def fit_score(parts: np.ndarray, truth: np.ndarray, weight: np.ndarray) -> float:
    """Balanced accuracy on the rows themselves: no held-back score is better."""
    table = np.zeros((int(parts.max()) + 2, len(weight)))
    np.add.at(table, (parts + 1, truth), weight[truth])
    return float(table.max(axis=1).sum())


def held_back(
    values: np.ndarray, truth: np.ndarray, weight: np.ndarray, fold: np.ndarray, cut: Cut | None = None
) -> float:
    """Balanced accuracy of each fold's rows by the commonest label of their leaf among the other folds' rows."""
    score = 0.0
    for number in range(FOLDS):
        held = fold == number
        leaves = leaf_of(values, cut(values[~held], truth[~held], weight)) if cut else values
        places = leaves + 1
        table = np.zeros((int(places.max()) + 1, len(weight)))
        np.add.at(table, (places[~held], truth[~held]), weight[truth[~held]])
        answers = np.where(table.any(axis=1), table.argmax(axis=1), -1)[places[held]]
        score += weight[truth[held]][answers == truth[held]].sum()
    return float(score)


def threshold_rule(values: np.ndarray, truth: np.ndarray, names: list[str], cuts: list[float]) -> str | None:
    """“> 12.5: yes” for two labels."""
    if len(names) != 2 or not cuts:
        return None
    above = truth[leaf_of(values, cuts) == 1]
    return f"> {cuts[0]:.6g}: {names[int(np.bincount(above, minlength=2).argmax())]}"


def number_score(values: np.ndarray, is_number: bool, truth: np.ndarray, fold: np.ndarray) -> float:
    """R² of each fold's rows by a line, or by the mean of their place among the values, over the other folds' rows."""
    if not truth.std():
        return 0.0
    codes = codes_of(values) if is_number else values
    ways = [line, binned] if is_number else []
    scores = [explained(truth, fold, values, way) for way in ways]
    return max([*scores, explained(truth, fold, codes, by_value) if codes is not None else 0.0])


def explained(truth: np.ndarray, fold: np.ndarray, values: np.ndarray, predict: Predict) -> float:
    answers = np.empty(len(truth))
    for number in range(FOLDS):
        held = fold == number
        answers[held] = predict(values[~held], truth[~held], values[held])
    return float(1 - ((truth - answers) ** 2).mean() / truth.var())


def line(values: np.ndarray, truth: np.ndarray, asked: np.ndarray) -> np.ndarray:
    there = ~np.isnan(values)
    if there.sum() < 2 or not values[there].std():
        return np.full(len(asked), truth.mean())
    middle, spread = values[there].mean(), values[there].std()
    slope = ((values[there] - middle) / spread * (truth[there] - truth[there].mean())).mean()
    on_line = truth[there].mean() + slope * (asked - middle) / spread
    return np.asarray(np.where(np.isnan(asked), truth.mean(), on_line))


def binned(values: np.ndarray, truth: np.ndarray, asked: np.ndarray) -> np.ndarray:
    there = values[~np.isnan(values)]
    if not len(there):
        return np.full(len(asked), truth.mean())
    edges = np.unique(np.quantile(there, np.linspace(0, 1, min(BINS, len(there) // 5 + 1) + 1)[1:-1]))
    return by_value(leaf_of(values, edges.tolist()), truth, leaf_of(asked, edges.tolist()))


def by_value(values: np.ndarray, truth: np.ndarray, asked: np.ndarray) -> np.ndarray:
    places, wanted = values + 1, asked + 1
    width = int(max(places.max(), wanted.max())) + 1
    sums, counts = np.bincount(places, truth, width), np.bincount(places, minlength=width)
    means: np.ndarray = np.where(counts > 0, sums / counts.clip(min=1), truth.mean())
    return np.asarray(means[wanted])
