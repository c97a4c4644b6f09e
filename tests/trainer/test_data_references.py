"""What is counted of data, beside those who count it everywhere: scikit-learn, scipy, pandas-like counting by hand, the
tokenizer itself, and every order of a few rows."""

import itertools
import statistics
from collections import Counter
from math import comb

import numpy as np
import pyarrow as pa
import pytest
from scipy import stats
from sklearn.linear_model import LinearRegression, SGDClassifier
from sklearn.metrics import r2_score
from sklearn.model_selection import PredefinedSplit, StratifiedKFold, cross_val_predict, train_test_split
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from tests.trainer.data_made import keys_from
from trainer import leaks, models, tables
from trainer.columns import is_missing, number_of
from trainer.data import column_statistics, mislabels
from trainer.data.cells import is_missing_mask, parse_numbers, select_cells
from trainer.data.profiling import label_counts, profile_column
from trainer.data.row_keys import find_copies, hash_text, normalise_text, shuffle_keys
from trainer.data.splitting import fold_rows, split_by_time, split_rows
from trainer.spec import SplitSpec


def column(*cells: str | None) -> pa.ChunkedArray:
    return pa.chunked_array([pa.array(list(cells), pa.string())])


# Splits


@pytest.mark.parametrize("seed", range(4))
def test_a_split_has_as_many_rows_of_each_class_as_scikit_learn_s(seed: int) -> None:
    generator = np.random.default_rng(seed)
    labels = generator.choice(list("abcd"), 600, p=[0.5, 0.3, 0.15, 0.05]).tolist()
    keys = keys_from([f"text {number}" for number in range(600)], labels)
    ours = split_rows(keys, SplitSpec(test=0.2, validation=0.1, seed=seed))
    _rest, theirs = train_test_split(labels, test_size=0.2, stratify=labels, random_state=seed)
    tested = Counter(label for label, part in zip(labels, ours, strict=True) if part == "test")
    assert all(abs(tested[label] - count) <= 1 for label, count in Counter(theirs).items())
    assert Counter(ours)["validation"] == pytest.approx(60, abs=4)


@pytest.mark.parametrize("folds", [3, 5, 10])
def test_folds_have_as_many_rows_of_each_class_as_scikit_learn_s(folds: int) -> None:
    labels = ["a"] * 61 + ["b"] * 37 + ["c"] * 12
    ours = fold_rows(keys_from([f"text {number}" for number in range(110)], labels), folds, 0)
    theirs = [Counter(np.array(labels)[test]) for _train, test in StratifiedKFold(folds).split(labels, labels)]
    for label in "abc":
        counts = sorted(Counter(np.array(labels)[ours == fold])[label] for fold in range(folds))
        assert counts == sorted(count[label] for count in theirs)


def test_the_newest_rows_are_those_that_sorting_puts_last() -> None:
    generator = np.random.default_rng(3)
    times = generator.permutation(200).astype(float)
    keys = keys_from([f"text {number}" for number in range(200)], ["a", "b"] * 100)
    parts = split_by_time(keys, SplitSpec(test=0.25, validation=0.1), times)
    newest = np.argsort(times)
    assert set(newest[-50:]) == set(np.flatnonzero(parts == "test"))
    assert set(newest[-70:-50]) == set(np.flatnonzero(parts == "validation"))


def test_the_order_of_keys_is_as_good_as_chance() -> None:
    """Neighbours in, strangers out: the low and the high bits of shuffled keys are spread evenly, whatever the seed."""
    keys = np.arange(1, 20_001, dtype=np.uint64)
    for seed in (0, 1, -5):
        shuffled = shuffle_keys(keys, seed)
        assert len(np.unique(shuffled)) == len(keys)
        for bits in (shuffled % np.uint64(64), shuffled >> np.uint64(58)):
            assert stats.chisquare(np.bincount(bits.astype(int), minlength=64)).pvalue > 1e-4
        assert abs(stats.spearmanr(keys, shuffled).statistic) < 0.03


# Copies and labels


def test_copies_are_those_of_a_dictionary() -> None:
    texts = ["Where is it?", "where is IT", "lost", "Lost!", "found", "", "  ", "Ｗhere is it"]
    keys = keys_from(texts, ["a"] * 8)
    groups: dict[str, list[int]] = {}
    for row, text in enumerate(texts):
        if text.strip():
            groups.setdefault(normalise_text(text), []).append(row)
    assert find_copies(keys).tolist() == sorted(row for rows in groups.values() if len(rows) > 1 for row in rows)
    assert hash_text("Where is it?") == hash_text("where is it") != hash_text("where was it")


def test_labels_are_counted_as_a_counter_counts_them() -> None:
    labels = ["spam", " spam ", "1.0", "1", "ham", "", "n/a", "spam"]
    counted = label_counts(keys_from([f"text {number}" for number in range(8)], labels))
    assert {one["label"]: one["count"] for one in counted["labels"]} == {"spam": 3, "1": 2, "ham": 1}
    assert (counted["label_total"], counted["label_rows"]) == (3, 6)
    assert label_counts(None) == {"labels": [], "label_total": 0, "label_rows": 0}


# Columns


def test_a_profile_is_what_python_counts() -> None:
    generator = np.random.default_rng(0)
    words = ["parcel", "late", "refund", "我的包裹", "n/a", "", "  ", "NaN"]
    cells = [" ".join(generator.choice(words, generator.integers(1, 9))) for _row in range(500)] + ["", "N/A", " "]
    profile = profile_column("message", column(*cells, None))
    present = [cell for cell in cells if not is_missing(cell)]
    lengths = [len(cell) for cell in present]
    assert (profile["there"], profile["missing"]) == (len(present), len(cells) + 1 - len(present))
    assert profile["distinct"] == len(set(present))
    assert profile["length"]["mean"] == round(statistics.fmean(lengths), 1)
    assert (profile["length"]["min"], profile["length"]["max"]) == (min(lengths), max(lengths))
    assert profile["length"]["median"] == int(statistics.median(lengths))
    assert profile["examples"][0] == present[0].strip()


CELLS = [
    "1", "1.5", "-3", "+4", "1e3", ".5", "5.", "$1,200.00", "7 %", "(45.10)", "1 234", "−8", "0012", "1,2,3", "", "n/a", "12 kg",
    "١٢", "1_000", "inf", "--1", "1.2.3", "€ 9", "9 EUR", "1,234", "1.234,5", "12,5",
]  # fmt: skip


@pytest.mark.parametrize("decimal", [".", ","])
def test_a_column_of_numbers_is_read_as_cell_by_cell(decimal: str) -> None:
    assert parse_numbers(column(*CELLS, None), decimal).to_pylist() == [
        None if cell is None else number_of(cell, decimal) for cell in (*CELLS, None)
    ]


def test_missing_cells_of_a_column_are_those_of_single_ones() -> None:
    cells = ["", " ", "NaN", "null", "N/A", "#n/a", "<NA>", "\\N", "none", "NA", "0", "x", None]
    assert is_missing_mask(column(*cells)).to_pylist() == [is_missing(cell) for cell in cells]
    assert select_cells(column(*cells), np.array([9, 12])) == ["NA", ""]


def test_tokens_are_those_of_the_model_s_own_tokenizer() -> None:
    from transformers import AutoTokenizer

    texts = ["Where is my parcel?", "我的包裹在哪里", "naïve façade", "a " * 300, "supercalifragilistic", ""]
    tokenizer = AutoTokenizer.from_pretrained(models.resolve(column_statistics.TOKENIZER))
    counts, estimated = column_statistics.count_tokens(texts)
    assert not estimated
    assert counts.tolist() == [len(tokenizer(text)["input_ids"]) for text in texts]


def test_estimated_tokens_are_near_the_counted_ones() -> None:
    texts = ["Where is my parcel, and when will it come?", "I want my money back for the blue one", "我的包裹在哪里"]
    counts, _estimated = column_statistics.count_tokens(texts)
    for text, count in zip(texts, counts, strict=True):
        assert column_statistics.estimate_tokens(text) == pytest.approx(count, rel=0.4)


# Labels that look wrong


def test_doubts_rest_on_the_probabilities_that_scikit_learn_cross_validates() -> None:
    from sklearn.feature_extraction.text import TfidfVectorizer

    generator = np.random.default_rng(0)
    words = {0: ["refund", "money", "charged"], 1: ["parcel", "late", "courier"], 2: ["password", "login", "locked"]}
    targets = np.repeat([0, 1, 2], 40)
    texts = [" ".join(generator.choice(words[code] + ["please", "help", "the"], 6)) for code in targets]
    targets[0] = 1  # a refund called a parcel
    guessed = mislabels.cross_validate_labels(texts, targets, ["refund", "parcel", "login"])
    assert guessed is not None
    vectors = TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True, max_features=40_000).fit_transform(texts)
    reference = cross_val_predict(
        SGDClassifier(loss="log_loss", alpha=3e-5, max_iter=mislabels.STEPS // 80, tol=None, random_state=0),
        vectors,
        targets,
        cv=StratifiedKFold(3, shuffle=True, random_state=0),
        method="predict_proba",
    )
    np.testing.assert_allclose(guessed.probabilities, reference, atol=1e-6)
    assert guessed.right == pytest.approx(np.mean(reference.argmax(1) == targets))
    doubted = {int(guessed.rows[index]) for index in guessed.doubted()}
    surely = (reference.max(1) > mislabels.SURE) & (reference[np.arange(120), targets] < mislabels.DOUBTED)
    assert doubted == set(np.flatnonzero(surely & (reference.argmax(1) != targets)).tolist()) == {0}


# Columns that give the answer away


def test_the_line_of_a_leak_is_a_linear_regression() -> None:
    generator = np.random.default_rng(1)
    values = generator.normal(size=300) * 50 + 1e6
    targets = 3 * values + generator.normal(size=300) * 20
    fold = generator.permutation(300) % leaks.FOLDS
    predicted = cross_val_predict(LinearRegression(), values[:, None], targets, cv=PredefinedSplit(fold))
    ours = leaks.explained_variance(targets, fold, values, leaks.predict_by_line)
    assert ours == pytest.approx(r2_score(targets, predicted), abs=1e-6)


def test_the_value_of_a_leak_is_answered_by_the_mean_of_its_rows() -> None:
    generator = np.random.default_rng(2)
    values, targets = generator.integers(-1, 6, 200), generator.normal(size=200)
    queries = np.array([-1, 0, 3, 5, 7])
    expected = [targets[values == one].mean() if (values == one).any() else targets.mean() for one in queries]
    np.testing.assert_allclose(leaks.predict_by_value(values, targets, queries), expected)


@pytest.mark.parametrize("parts", [[0, 0, 0, 1, 1, 1, 1], [0, 0, 1, 1, 2, 2, 2], [0, 1, 2, 3, 3, 3, 3]])
def test_parts_that_chance_makes_pure_are_no_leak(parts: list[int]) -> None:
    """How often labels in random order give each part one label alone, counted over every order of seven rows."""
    targets = [1 if part == 3 or (part == 1 and 3 not in parts) else 0 for part in parts]
    orders = list(itertools.permutations(targets))
    pure = sum(len(set(zip(parts, order, strict=True))) == len(set(parts)) for order in orders)
    assert pure / len(orders) > leaks.CHANCE
    assert not leaks.is_beyond_chance(np.array(parts), np.array(targets), 1)


@pytest.mark.parametrize("each", range(3, 12))
def test_a_leak_of_few_rows_is_less_likely_than_chance(each: int) -> None:
    """Two parts of two labels: two of all the ways to choose the rows of one label are pure."""
    targets = np.repeat([0, 1], each)
    exact = 2 / comb(2 * each, each)
    for columns in (1, 30):
        if leaks.is_beyond_chance(targets, targets, columns):
            assert columns * exact <= leaks.CHANCE
    assert leaks.is_beyond_chance(targets, targets, 1) == (2 * exact <= leaks.CHANCE), "four by its bound, of two"


def test_enough_rows_are_beyond_chance_and_many_columns_ask_for_more() -> None:
    targets = np.repeat([0, 1], 8)
    assert leaks.is_beyond_chance(targets, targets, 1)
    assert not leaks.is_beyond_chance(targets, targets, 300)


# Rows of a table as numbers


def test_numbers_are_scaled_and_categories_spread_out_as_by_scikit_learn() -> None:
    generator = np.random.default_rng(4)
    amounts = generator.normal(40, 9, 80)
    amounts[::9] = np.nan
    colours = generator.choice(["red", "green", "blue"], 80)
    rows = [
        {"amount": None if np.isnan(amount) else repr(float(amount)), "colour": str(colour)}
        for amount, colour in zip(amounts, colours, strict=True)
    ]
    descriptions = []
    for name in ("amount", "colour"):
        counts = Counter(row[name] for row in rows)
        description, reason = tables.learn(name, list(counts), np.array(list(counts.values())))
        assert description is not None, reason
        descriptions.append(description)
    features = [feature for description in descriptions for feature in tables.features_of(description)]
    matrix = tables.encode(descriptions, rows)
    scales = tables.scales_of(features, matrix)
    scaled = tables.scaled(scales, matrix)
    reference = StandardScaler().fit_transform(amounts[:, None])[:, 0]
    np.testing.assert_allclose(scaled[:, 0], np.nan_to_num(reference.clip(-8, 8)), atol=1e-9)
    assert scaled[:, 1].tolist() == np.isnan(amounts).astype(float).tolist()
    levels = descriptions[1]["levels"]
    spread_out = OneHotEncoder(categories=[levels], sparse_output=False).fit_transform(colours[:, None])
    np.testing.assert_array_equal(tables.expanded(scales, matrix)[:, 3:6], spread_out)
