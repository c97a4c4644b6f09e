"""Columns of a table that decide the answer alone: usually something that is known only afterwards.

Each column by itself, as simply as can be: a threshold on a number (for more labels, as many thresholds as part them), the
commonest answer of each value, of a number that has few values too, or whether there is a value at all; of a text, whether one
word stands for a label or the label itself is named (`trainer.text_leaks`). Judged by
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
from trainer.number_forms import guess_form
from trainer.numerals import form_of
from trainer.text_leaks import text_score

MAX_ROWS, MIN_ROWS, MIN_ROWS_PER_LABEL = 4_000, 30, 8
FEW_ROWS = 50
"""Below so many rows a column must decide each of them."""
CHANCE = 0.001
"""How likely at most one of all columns decides so few rows by chance."""
MAX_LABELS, MAX_COLUMNS = 20, 300
"""With more labels, only the commonest answer of each value is looked at."""
FOLDS = 5
MIN_ACCURACY = 0.98
"""Balanced accuracy on rows held back from which a column decides alone."""
MIN_R2 = 0.99
"""The same for numbers, as the share of variance explained (R²)."""
MAX_DISTINCT_SHARE = 0.2
"""Different values a row: with more, a column names things and is remembered instead of decided by."""
MAX_CODES = 50
"""Different values of a number that may be a code for something."""
MIN_ROWS_OF_ONE_LABEL = 10
"""Rows of a label, of more than two, from which one value may stand for it."""
BINS = 64
Cut = Callable[[np.ndarray, np.ndarray, np.ndarray], list[float]]
"""(numbers, their labels, weight of each label) → the thresholds that part them."""
Predict = Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray]
"""(values, their answers, other values) → answers to the other values."""


def find_leaks(
    table: pa.Table,
    kinds: dict[str, str],
    targets: np.ndarray,
    labels: list[str] | None,
    seed: int = 0,
    forms: dict[str, dict[str, Any]] | None = None,
) -> list[dict[str, Any]]:
    """[{column, score, rule}], the strongest first. `kinds`: {column: kind} of those to look at, `forms`: how they are
    written; `targets`: a code
    into `labels` a row, or numbers (`labels` None); `rule` says in a few words how it decides, or is None."""
    rows = draw_rows(targets, labels is not None, seed)
    if len(rows) < MIN_ROWS:
        return []
    targets = targets[rows]
    mask = np.zeros(table.num_rows, dtype=bool)
    mask[rows] = True
    chosen = table.select(list(kinds)[:MAX_COLUMNS]).filter(pa.array(mask))
    if labels is not None:
        present, targets = np.unique(targets, return_inverse=True)
        names = [labels[code] for code in present]
        if len(names) < 2:
            return []
    fold = np.random.default_rng(seed).permutation(len(rows)) % FOLDS
    leaks = []
    for name in chosen.column_names:
        if kinds[name] == "text" and labels is not None:
            texts = [cell or "" for cell in chosen.column(name).to_pylist()]
            score, rule = text_score(texts, targets, names)
            if score >= (1.0 if len(targets) < FEW_ROWS else MIN_ACCURACY):
                leaks.append({"column": name, "score": round(float(score), 4), "rule": rule and f"{name} {rule}"})
                continue
        values, is_number = read_values(chosen.column(name), kinds[name], (forms or {}).get(name))
        if values is None:
            continue
        if labels is not None:
            score, rule = class_score(values, is_number, targets, names, fold, len(chosen.column_names))
            decides = score >= MIN_ACCURACY
        else:
            score, rule = number_score(values, is_number, targets, fold), None
            decides = score >= MIN_R2
        if decides:
            leaks.append({"column": name, "score": round(float(score), 4), "rule": rule and f"{name} {rule}"})
    return sorted(leaks, key=lambda leak: -leak["score"])


def describe_unchecked(
    kinds: dict[str, str], targets: np.ndarray, labels: list[str] | None, seed: int = 0
) -> list[Message]:
    """Sentences on what `find_leaks` passes over: too few rows, rare labels, columns beyond the first 300."""
    rows = draw_rows(targets, labels is not None, seed)
    if len(rows) < MIN_ROWS:
        least, count = MIN_ROWS, len(rows)
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
                each=MIN_ROWS_PER_LABEL,
                count=count,
            )
        ]
    sentences = []
    rare = len(np.setdiff1d(targets[targets >= 0], targets[rows])) if labels is not None else 0
    if rare:
        sentences.append(
            ngettext(
                "%(count)s label has fewer than %(each)s rows that were looked at: no column that decides it alone was looked for.",
                "%(count)s labels have fewer than %(each)s rows that were looked at: no column that decides them alone was "
                "looked for.",
                rare,
                each=MIN_ROWS_PER_LABEL,
            )
        )
    if len(kinds) > MAX_COLUMNS:
        sentences.append(
            _(
                "Of %(columns)s columns the first %(most)s were looked at for one that decides the answer alone.",
                columns=f"{len(kinds):,}",
                most=MAX_COLUMNS,
            )
        )
    return sentences


def draw_rows(targets: np.ndarray, labelled: bool, seed: int) -> np.ndarray:
    """Rows to look at, ascending: those with an answer, of labels with a few rows each."""
    usable = np.flatnonzero(targets >= 0) if labelled else np.flatnonzero(np.isfinite(targets))
    if len(usable) > MAX_ROWS:
        usable = np.random.default_rng(seed).permutation(usable)[:MAX_ROWS]
    if labelled and len(usable):
        usable = usable[np.bincount(targets[usable])[targets[usable]] >= MIN_ROWS_PER_LABEL]
    return np.sort(usable)


def read_values(
    column: pa.ChunkedArray, kind: str, form: dict[str, Any] | None = None
) -> tuple[np.ndarray | None, bool]:
    """(numbers with nan, True), or (codes with -1, False) where a cell is missing; (None, False) for what cannot decide."""
    cells = pc.if_else(is_missing_mask(column), None, pc.utf8_trim_whitespace(column))
    if kind == "number":
        written = form_of(form) if form else guess_form(cells.drop_null().slice(0, 500).to_pylist())
        return parse_numbers(cells, **written).to_numpy().astype(float), True
    if kind == "date":
        seconds = parse_dates(cells, (form or {}).get("form"))
        return (None, False) if seconds is None else (seconds, True)
    if kind not in ("category", "boolean", "text"):
        return None, False
    codes = pc.fill_null(cells.combine_chunks().dictionary_encode().indices, -1).to_numpy(zero_copy_only=False)
    if len(np.unique(codes)) > MAX_DISTINCT_SHARE * len(codes):
        codes = np.where(codes < 0, -1, 0)  # whether there is a value may decide all the same
    return codes, False


def class_score(
    values: np.ndarray, is_number: bool, targets: np.ndarray, names: list[str], fold: np.ndarray, columns: int
) -> tuple[float, str | None]:
    """(balanced accuracy, how it decides): of all labels, or where there are more than two, of one label by one value.
    `columns`: how many are looked at."""
    count, is_small = len(names), len(targets) < FEW_ROWS
    weight = 1 / (count * np.bincount(targets, minlength=count))
    codes = encode_numbers(values) if is_number else values
    for parts, cut, rule in candidate_parts(values, is_number, codes, targets, names, weight):
        if fit_score(parts, targets, weight) < MIN_ACCURACY or (
            is_small and not is_beyond_chance(parts, targets, columns)
        ):
            continue
        score = cross_validate(values if cut else parts, targets, weight, fold, cut)
        if score >= MIN_ACCURACY:
            return score, rule
    if not 2 < count <= MAX_LABELS or is_small:
        return 0.0, None
    looked_at = [encode_commonest(values)] if is_number else []
    scored = [score_one_label(parts, targets, names) for parts in (*looked_at, codes) if parts is not None]
    return max(scored, key=lambda pair: pair[0])


def candidate_parts(
    values: np.ndarray,
    is_number: bool,
    codes: np.ndarray | None,
    targets: np.ndarray,
    names: list[str],
    weight: np.ndarray,
) -> Iterator[tuple[np.ndarray, Cut | None, str | None]]:
    """(the part of each row, what finds cuts among other rows or None, how it decides): thresholds, values, a gap."""
    if is_number and len(names) <= MAX_LABELS:
        cuts = find_thresholds(values, targets, weight)
        yield assign_leaves(values, cuts), find_thresholds, threshold_rule(values, targets, names, cuts)
    if codes is not None:
        yield codes, None, None
    if len(names) == 2:
        yield np.where(np.isnan(values) if is_number else values < 0, 0, 1), None, "is there or not"


def encode_numbers(numbers: np.ndarray) -> np.ndarray | None:
    """Numbers of few different values as codes, -1 for a gap; None for those of many."""
    is_present = ~np.isnan(numbers)
    different, codes = np.unique(numbers[is_present], return_inverse=True)
    if not 0 < len(different) <= min(MAX_CODES, MAX_DISTINCT_SHARE * len(numbers)):
        return None
    codes_with_gaps = np.full(len(numbers), -1)
    codes_with_gaps[is_present] = codes
    return codes_with_gaps


def is_beyond_chance(parts: np.ndarray, targets: np.ndarray, columns: int) -> bool:
    """Whether each part has one label alone, and labels given to the rows at random would in no column do so: of all their
    orders, at most (labels to the power of parts) do."""
    labels, counts = np.unique(targets, return_counts=True)
    pairs = len(np.unique(np.stack([parts, targets]), axis=1).T)
    if pairs > len(np.unique(parts)):
        return False
    orders = lgamma(len(targets) + 1) - sum(lgamma(count + 1) for count in counts)
    return pairs * log(len(labels)) + log(max(columns, 1)) - orders <= log(CHANCE)


def encode_commonest(numbers: np.ndarray) -> np.ndarray:
    """-1 for a gap, 0 for the commonest number, 1 for any other."""
    present = numbers[~np.isnan(numbers)]
    if not len(present):
        return np.full(len(numbers), -1)
    different, counts = np.unique(present, return_counts=True)
    return np.where(np.isnan(numbers), -1, np.where(numbers == different[counts.argmax()], 0, 1))


def score_one_label(values: np.ndarray, targets: np.ndarray, names: list[str]) -> tuple[float, str | None]:
    """One value that stands for one label, or for all but it, both ways nearly without exception."""
    best: tuple[float, str | None] = (0.0, None)
    for value in np.unique(values)[:200]:
        has = values == value
        if min(has.sum(), (~has).sum()) < MIN_ROWS_OF_ONE_LABEL:
            continue
        for code, name in enumerate(names):
            is_label = targets == code
            if is_label.sum() < MIN_ROWS_OF_ONE_LABEL:
                continue
            for predicted in (has, ~has):
                score = float((predicted[is_label].mean() + (~predicted[~is_label]).mean()) / 2)
                if score > best[0]:
                    best = (score, f"decides “{name}” alone")
    return best


def find_thresholds(values: np.ndarray, targets: np.ndarray, weight: np.ndarray) -> list[float]:
    """The cuts, one fewer than there are labels at most, that part them best, found one after the other."""
    is_present = ~np.isnan(values)
    order = values[is_present].argsort(kind="stable")
    ordered, codes = values[is_present][order], targets[is_present][order]
    gained = np.zeros((len(ordered), len(weight)))
    gained[np.arange(len(ordered)), codes] = weight[codes]
    total = np.concatenate([np.zeros((1, len(weight))), gained.cumsum(axis=0)])
    edges = np.flatnonzero(np.diff(ordered) > 0) + 1
    leaves, cuts = [(0, len(ordered))], []
    for _cut in range(len(weight) - 1):
        best = (1e-9, 0, 0)
        for index, (start, end) in enumerate(leaves):
            inner = edges[(edges > start) & (edges < end)]
            if len(inner):
                left, right = total[inner] - total[start], total[end] - total[inner]
                gain = left.max(axis=1) + right.max(axis=1) - (total[end] - total[start]).max()
                if gain.max() > best[0]:
                    best = (float(gain.max()), index, int(inner[gain.argmax()]))
        if not best[1] and not best[2]:
            break
        _gain, index, place = best
        start, end = leaves.pop(index)
        leaves += [(start, place), (place, end)]
        cuts.append(float((ordered[place - 1] + ordered[place]) / 2))
    return sorted(cuts)


def assign_leaves(values: np.ndarray, cuts: list[float]) -> np.ndarray:
    """Which interval a number lies in, -1 for a gap."""
    return np.where(np.isnan(values), -1, np.searchsorted(cuts, np.nan_to_num(values), side="right"))


def fit_score(parts: np.ndarray, targets: np.ndarray, weight: np.ndarray) -> float:
    """Balanced accuracy on the rows themselves: no held-back score is better."""
    table = np.zeros((int(parts.max()) + 2, len(weight)))
    np.add.at(table, (parts + 1, targets), weight[targets])
    return float(table.max(axis=1).sum())


def cross_validate(
    values: np.ndarray, targets: np.ndarray, weight: np.ndarray, fold: np.ndarray, cut: Cut | None = None
) -> float:
    """Balanced accuracy of each fold's rows by the commonest label of their leaf among the other folds' rows."""
    score = 0.0
    for number in range(FOLDS):
        held_out = fold == number
        leaves = assign_leaves(values, cut(values[~held_out], targets[~held_out], weight)) if cut else values
        places = leaves + 1
        table = np.zeros((int(places.max()) + 1, len(weight)))
        np.add.at(table, (places[~held_out], targets[~held_out]), weight[targets[~held_out]])
        answers = np.where(table.any(axis=1), table.argmax(axis=1), -1)[places[held_out]]
        score += weight[targets[held_out]][answers == targets[held_out]].sum()
    return float(score)


def threshold_rule(values: np.ndarray, targets: np.ndarray, names: list[str], cuts: list[float]) -> str | None:
    """“> 12.5: yes” for two labels."""
    if len(names) != 2 or not cuts:
        return None
    above = targets[assign_leaves(values, cuts) == 1]
    return f"> {cuts[0]:.6g}: {names[int(np.bincount(above, minlength=2).argmax())]}"


def number_score(values: np.ndarray, is_number: bool, targets: np.ndarray, fold: np.ndarray) -> float:
    """R² of each fold's rows by a line, or by the mean of their place among the values, over the other folds' rows."""
    if not targets.std():
        return 0.0
    codes = encode_numbers(values) if is_number else values
    ways = [predict_by_line, predict_by_bin] if is_number else []
    scores = [explained_variance(targets, fold, values, way) for way in ways]
    return max([*scores, explained_variance(targets, fold, codes, predict_by_value) if codes is not None else 0.0])


def explained_variance(targets: np.ndarray, fold: np.ndarray, values: np.ndarray, predict: Predict) -> float:
    answers = np.empty(len(targets))
    for number in range(FOLDS):
        held_out = fold == number
        answers[held_out] = predict(values[~held_out], targets[~held_out], values[held_out])
    return float(1 - ((targets - answers) ** 2).mean() / targets.var())


def predict_by_line(values: np.ndarray, targets: np.ndarray, queries: np.ndarray) -> np.ndarray:
    is_present = ~np.isnan(values)
    if is_present.sum() < 2 or not values[is_present].std():
        return np.full(len(queries), targets.mean())
    middle, spread = values[is_present].mean(), values[is_present].std()
    slope = ((values[is_present] - middle) / spread * (targets[is_present] - targets[is_present].mean())).mean()
    on_line = targets[is_present].mean() + slope * (queries - middle) / spread
    return np.asarray(np.where(np.isnan(queries), targets.mean(), on_line))


def predict_by_bin(values: np.ndarray, targets: np.ndarray, queries: np.ndarray) -> np.ndarray:
    present = values[~np.isnan(values)]
    if not len(present):
        return np.full(len(queries), targets.mean())
    edges = np.unique(np.quantile(present, np.linspace(0, 1, min(BINS, len(present) // 5 + 1) + 1)[1:-1]))
    return predict_by_value(assign_leaves(values, edges.tolist()), targets, assign_leaves(queries, edges.tolist()))


def predict_by_value(values: np.ndarray, targets: np.ndarray, queries: np.ndarray) -> np.ndarray:
    places, query_places = values + 1, queries + 1
    width = int(max(places.max(), query_places.max())) + 1
    sums, counts = np.bincount(places, targets, width), np.bincount(places, minlength=width)
    means: np.ndarray = np.where(counts > 0, sums / counts.clip(min=1), targets.mean())
    return np.asarray(means[query_places])
