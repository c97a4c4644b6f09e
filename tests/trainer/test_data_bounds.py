"""Every bound from which something is said about rows, on both of its sides; and what pools of tokens are averaged over."""

from types import SimpleNamespace

import numpy as np
import pyarrow as pa
import pytest
import torch
from torch import Tensor, nn

from tests.trainer.data_made import keys_from
from trainer.data import answer_checks
from trainer.data.answer_checks import class_problems, few_rows_problems, label_problems, part_problems
from trainer.data.column_checks import column_message, is_spelled_missing
from trainer.data.languages import LANGUAGE_NAMES, detect_script, language_problems
from trainer.data.near_copies import MIN_SIMILARITY, SHINGLE, equal_runs, find_near_copies, shingles
from trainer.data.problems import Problem
from trainer.data.row_checks import copy_problems, empty_rows, missing_problems
from trainer.data.row_keys import Keys, keys_of_texts
from trainer.families.text.encoder import EncoderClassifier
from trainer.messages import _

TEXT = _("text")


def labelled(*counts: int) -> Keys:
    """So many rows of each label, every text another."""
    labels = [f"l{label}" for label, count in enumerate(counts) for _row in range(count)]
    return keys_from([f"text {row}" for row in range(len(labels))], labels)


def codes_of(problems: list[Problem]) -> dict[str, int]:
    return {problem["code"]: problem["count"] for problem in problems}


def column(*cells: str | None) -> pa.ChunkedArray:
    return pa.chunked_array([pa.array(list(cells), pa.string())])


# Labels and how many


@pytest.mark.parametrize(
    ("counts", "codes"),
    [
        ((), {"no_rows": 0}),
        ((20,), {"one_class": 20}),
        ((5, 4), {"too_few_rows": 9}),
        ((5, 5), {}),
        ((1,) * 9, {"too_few_rows": 9}),
        ((1,) * 12, {"all_unique_label": 12}),
        ((1,) * 11 + (2,), {"few_rows_a_label": 12}),
        ((2,) * 12, {}),
        ((2,) * 1_001, {"too_many_labels": 1_001}),
    ],
)
def test_what_makes_classes_impossible_to_learn(counts: tuple[int, ...], codes: dict[str, int]) -> None:
    problems = class_problems(labelled(*counts))
    assert codes_of(problems) == codes
    assert all(problem["severity"] == "error" for problem in problems)


@pytest.mark.parametrize(("rows", "is_few"), [(answer_checks.FEW_ROWS - 1, True), (answer_checks.FEW_ROWS, False)])
def test_fifty_rows_are_no_longer_few(rows: int, is_few: bool) -> None:
    assert bool(few_rows_problems(rows)) is is_few


@pytest.mark.parametrize(
    ("counts", "codes"),
    [
        ((50, 10), {}),
        ((50, 9), {"rare_classes": 1}),
        ((50, 9, 1), {"rare_classes": 2}),
        ((90, 10), {}),
        ((91, 9), {"rare_classes": 1, "skewed_classes": 91}),
        ((910, 90), {"skewed_classes": 910}),
        ((900, 100), {}),
    ],
)
def test_rare_and_skewed_labels(counts: tuple[int, ...], codes: dict[str, int]) -> None:
    assert codes_of(label_problems(labelled(*counts))) == codes


@pytest.mark.parametrize(
    ("counts", "can_be_removed"), [((50, 50, 2), True), ((50, 50, 3), False), ((50, 2), False), ((50, 3, 1), True)]
)
def test_labels_too_rare_to_keep_can_be_removed_while_two_are_left(
    counts: tuple[int, ...], can_be_removed: bool
) -> None:
    rare = next(problem for problem in label_problems(labelled(*counts)) if problem["code"] == "rare_classes")
    assert (rare["fix"] is not None) is can_be_removed


@pytest.mark.parametrize(
    ("labels", "variants"),
    [(["Spam", "spam", "ham"], 2), (["a b", "ab", "a-b", "c"], 3), (["+", "-"], 0), (["C", "C++", "C#"], 2), (["ß", "SS"], 2)],
)  # fmt: skip
def test_spellings_of_one_label_are_named(labels: list[str], variants: int) -> None:
    keys = keys_from([f"text {row}" for row in range(20 * len(labels))], labels * 20)
    named = [problem for problem in label_problems(keys) if problem["code"] == "label_variants"]
    assert [len(problem["examples"]) for problem in named] == ([min(variants, 3)] if variants else [])


@pytest.mark.parametrize(
    ("tested", "given_split", "folds", "codes"),
    [
        (0, False, False, {"no_test_rows": 0}),
        (29, False, False, {"small_test": 29}),
        (30, False, False, {}),
        (5, True, False, {}),
        (0, False, True, {}),
    ],
)
def test_thirty_test_rows_are_enough(tested: int, given_split: bool, folds: bool, codes: dict[str, int]) -> None:
    split = np.array(["test"] * tested + ["train"] * (100 - tested), dtype=object)
    keys = keys_from([f"text {row}" for row in range(100)], ["a", "b"] * 50)
    assert codes_of(part_problems(keys, split, given_split, folds=folds)) == codes


@pytest.mark.parametrize(
    ("train", "test", "codes"),
    [
        ("ab", "ab", {}),
        ("ab", "abc", {"unseen_labels": 1}),
        ("ab", "cde", {"unseen_labels": 3}),
        ("a", "ab", {"one_class": 40}),
        ("abc", "a", {}),
    ],
)
def test_labels_of_the_test_that_nothing_was_learned_of(train: str, test: str, codes: dict[str, int]) -> None:
    labels = [train[row % len(train)] for row in range(40)] + [test[row % len(test)] for row in range(40)]
    keys = keys_from([f"text {row}" for row in range(80)], labels)
    split = np.array(["train"] * 40 + ["test"] * 40, dtype=object)
    assert codes_of(part_problems(keys, split, True)) == codes


# Rows that lack something or come again


@pytest.mark.parametrize(
    ("rows", "codes"),
    [
        ([("a", "x"), ("b", "y")], {}),
        ([("", "x"), ("b", "y")], {"missing_text": 1}),
        ([("a", None), ("b", "n/a"), ("c", "x")], {"missing_labels": 2}),
        ([("a", None), ("b", "n/a")], {}),
        ([("", ""), (None, "null"), ("b", "y")], {"empty_rows": 2}),
        ([("", "x"), ("a", ""), ("", "")], {"empty_rows": 1, "missing_text": 1, "missing_labels": 1}),
    ],
)
def test_what_a_row_lacks_is_told_apart(rows: list[tuple[str | None, str | None]], codes: dict[str, int]) -> None:
    texts, labels = column(*(text for text, _label in rows)), column(*(label for _text, label in rows))
    table = pa.table({"text": texts, "label": labels})
    assert codes_of(missing_problems(table, texts, keys_of_texts(texts, labels), TEXT, True)) == codes


def test_a_row_with_any_other_cell_is_not_empty() -> None:
    table = pa.table({"a": column("", None, "n/a", ""), "b": column("", "x", "", None)})
    assert empty_rows(table, np.arange(4)).tolist() == [0, 2, 3]
    assert empty_rows(table, np.array([], dtype=int)).tolist() == []


@pytest.mark.parametrize(
    ("split", "given_split", "kept_split", "codes"),
    [
        (["train", "train", "test"], False, False, {"duplicates": 1}),
        (["train", "test", "test"], True, False, {"duplicates": 1, "duplicates_across_split": 1}),
        (["train", "test", "test"], False, True, {"duplicates": 1, "duplicates_across_split": 1}),
        (["test", "test", "train"], True, False, {"duplicates": 1}),
        (["validation", "test", "train"], True, False, {"duplicates": 1, "duplicates_across_split": 1}),
    ],
)
def test_copies_on_both_sides_are_told_where_a_split_was_given(
    split: list[str], given_split: bool, kept_split: bool, codes: dict[str, int]
) -> None:
    keys = keys_from(["Hello", "hello!", "bye"], ["a", "a", "b"])
    parts = np.array(split, dtype=object)
    problems = copy_problems(
        column("Hello", "hello!", "bye"), keys, parts, given_split, TEXT, True, kept_split=kept_split
    )
    assert codes_of(problems) == codes


def test_copies_with_two_labels_are_told_of_labels_alone() -> None:
    keys, texts = keys_from(["a", "A", "b"], ["x", "y", "x"]), column("a", "A", "b")
    split = np.array(["train"] * 3, dtype=object)
    assert codes_of(copy_problems(texts, keys, split, False, TEXT, True)) == {"duplicates": 1, "conflicting_labels": 2}
    assert codes_of(copy_problems(texts, keys, split, False, TEXT, False)) == {"duplicates": 1}


# Near copies


def test_texts_alike_in_four_of_five_shingles_are_near_copies() -> None:
    """Both sides of the bound, the similarity counted by hand."""
    base = "the quick brown fox jumps over the lazy dog and runs away from the farm at night"
    near = []
    for tail in ("s", " again and again and again", " again and again and again and then once more"):
        first, second = (shingles(text.replace(" ", "")) for text in (base, base + tail))
        near.append(len(first & second) / len(first | second) >= MIN_SIMILARITY)
        rows = find_near_copies([base, base + tail], np.array([3, 8]), np.array([False, True]))
        assert rows.tolist() == ([8] if near[-1] else [])
    assert near == [True, True, False]


@pytest.mark.parametrize(
    ("texts", "test"),
    [
        ([], []),
        (["a text that is long enough"] * 2, [False, True]),
        (["a text that is long enough", "a text that is long enough!!"], [True, True]),
        (["short", "shorts"], [False, True]),
        (["", ""], [False, True]),
    ],
)
def test_exact_copies_short_texts_and_one_side_alone_are_no_near_copies(texts: list[str], test: list[bool]) -> None:
    assert find_near_copies(texts, np.arange(len(texts)), np.array(test, dtype=bool)).tolist() == []


@pytest.mark.parametrize(
    ("ordered", "runs"), [([], []), ([1], []), ([1, 1], [(0, 2)]), ([1, 2, 2, 3, 3, 3], [(1, 3), (3, 6)])]
)
def test_runs_of_equal_values(ordered: list[int], runs: list[tuple[int, int]]) -> None:
    assert equal_runs(np.array(ordered)) == runs
    assert shingles("x" * (SHINGLE - 1)) == frozenset()


# Languages


@pytest.mark.parametrize(
    ("english", "german", "is_mixed"), [(57, 3, True), (58, 2, False), (95, 5, True), (96, 4, False), (16, 3, False), (17, 3, True)]
)  # fmt: skip
def test_a_second_language_counts_from_three_texts_and_one_in_twenty(english: int, german: int, is_mixed: bool) -> None:
    texts = ["the order is on the way to you and it was sent with care"] * english
    texts += ["ich habe das paket nicht und es ist auf dem weg zu mir"] * german
    problems = language_problems(texts)
    assert bool(problems) is is_mixed
    if is_mixed:
        assert problems[0]["count"] == german


@pytest.mark.parametrize(
    ("text", "script"),
    [
        ("hello", "Latin"),
        ("naïve", "Latin"),
        ("привет", "Cyrillic"),
        ("我的 iPhone", "Latin"),
        ("東京で", "Kana"),
        ("東京", "Han"),
        ("안녕", "Hangul"),
        ("123 !?", None),
        ("", None),
        ("🙂", None),
    ],
)
def test_a_script_is_that_of_most_letters(text: str, script: str | None) -> None:
    assert detect_script(text) == script


def test_every_language_has_one_name() -> None:
    assert len(set(LANGUAGE_NAMES.values())) == len(LANGUAGE_NAMES)


# Columns


@pytest.mark.parametrize("code", ["empty_columns", "constant_columns", "identifier_columns"])
def test_one_column_and_several_are_said_in_grammar(code: str) -> None:
    one, several = str(column_message(code, ["a"])), str(column_message(code, ["a", "b"]))
    assert one.startswith("a ")
    assert several.startswith("a, b ")
    assert one != several


def test_only_what_is_written_out_is_spelled_missing() -> None:
    cells = ["n/a", " NaN ", "NULL", "", "  ", None, "x", "na", "0"]
    assert is_spelled_missing(column(*cells)).to_pylist() == [True, True, True, *[False] * 6]


# Texts as vectors


class Tokens(nn.Module):
    """An encoder whose vectors are given by the token alone."""

    def __init__(self) -> None:
        super().__init__()
        self.config = SimpleNamespace(hidden_size=2)
        self.table = nn.Embedding.from_pretrained(torch.tensor([[9.0, 9.0], [1.0, 0.0], [0.0, 2.0], [3.0, 4.0]]))

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> SimpleNamespace:
        return SimpleNamespace(last_hidden_state=self.table(input_ids))


@pytest.mark.parametrize(
    ("pooling", "normalise", "vectors"),
    [
        ("mean", False, [[0.5, 1.0], [3.0, 4.0], [0.0, 0.0]]),
        ("cls", False, [[1.0, 0.0], [3.0, 4.0], [9.0, 9.0]]),
        ("mean", True, [[0.4472, 0.8944], [0.6, 0.8], [0.0, 0.0]]),
    ],
)
def test_a_text_is_the_mean_of_its_tokens_without_padding(
    pooling: str, normalise: bool, vectors: list[list[float]]
) -> None:
    model = EncoderClassifier(Tokens(), ["a", "b"], pooling=pooling, normalise=normalise).eval()
    ids, mask = torch.tensor([[1, 2, 0], [3, 0, 0], [0, 0, 0]]), torch.tensor([[1, 1, 0], [1, 0, 0], [0, 0, 0]])
    features = model.features(ids, mask)
    assert features.tolist() == [pytest.approx(vector, abs=1e-4) for vector in vectors]
    assert torch.equal(model(ids, mask), model.head(features))
