"""Changes by hand and remedies: which rows stay, what becomes of cells, and that every row keeps its part."""

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.trainer.data_made import keys_from
from trainer.data import fixes, inspect
from trainer.data.dataset import Dataset
from trainer.data.editing import apply_changes, apply_fix, keeps_all_rows
from trainer.data.fixes import KEEP_AT_LEAST, has_conflicting_label, merged_labels, order_fixes, rows_kept
from trainer.data.intake import read_files
from trainer.data.mislabels import cross_validate_labels
from trainer.data.row_keys import Keys, find_copies, normalise_text
from trainer.errors import DataError
from trainer.spec import SplitSpec

QUICK = settings(max_examples=80, deadline=None, derandomize=True)
ROWS = st.lists(
    st.tuples(st.sampled_from(["Hello", "hello!", "bye", "", "B y e", "n/a"]), st.sampled_from(["a", "A ", "b", ""])),
    min_size=1,
    max_size=25,
)


def keys_of(rows: list[tuple[str, str]]) -> Keys:
    return keys_from([text for text, _label in rows], [label for _text, label in rows])


def written(rows: list[tuple[str, ...]], folder: Path, header: str = "text,label") -> Path:
    path = folder / "rows.csv"
    path.write_text("\n".join([header, *(",".join(f'"{cell}"' for cell in row) for row in rows)]), "utf-8")
    return path


def messages(folder: Path, count: int = 30, split: SplitSpec | None = None) -> Dataset:
    rows = [(f"message number {number} about the order", "ab"[number % 2]) for number in range(count)]
    return read_files([written(rows, folder)], split=split)


# Remedies of rows, beside plain dictionaries


@QUICK
@given(ROWS)
def test_of_each_text_the_first_usable_row_stays(rows: list[tuple[str, str]]) -> None:
    keys = keys_of(rows)
    seen: set[str] = set()
    wanted = []
    for (text, _label), usable in zip(rows, keys.usable, strict=True):
        wanted.append(not usable or normalise_text(text) not in seen)
        if usable:
            seen.add(normalise_text(text))
    assert rows_kept("drop_duplicates", keys).tolist() == wanted


@QUICK
@given(ROWS)
def test_conflicts_are_texts_with_two_labels(rows: list[tuple[str, str]]) -> None:
    keys = keys_of(rows)
    labels: dict[str, set[str]] = {}
    for (text, label), usable in zip(rows, keys.usable, strict=True):
        if usable:
            labels.setdefault(normalise_text(text), set()).add(label.strip())
    wanted = [
        bool(usable) and len(labels[normalise_text(text)]) > 1
        for (text, _label), usable in zip(rows, keys.usable, strict=True)
    ]
    assert has_conflicting_label(keys).tolist() == wanted
    assert rows_kept("drop_conflicting", keys).tolist() == [not conflict for conflict in wanted]


@QUICK
@given(ROWS)
def test_after_a_remedy_there_is_nothing_left_for_it(rows: list[tuple[str, str]]) -> None:
    for action in fixes.ACTIONS:
        kept = [row for row, is_kept in zip(rows, rows_kept(action, keys_of(rows)), strict=True) if is_kept]
        if kept:
            assert rows_kept(action, keys_of(kept)).all(), action


@pytest.mark.parametrize(("rows", "stays"), [(KEEP_AT_LEAST - 1, False), (KEEP_AT_LEAST, True)])
def test_a_label_needs_three_rows_that_can_be_used(rows: int, stays: bool) -> None:
    """A row without a text does not count for its label; a row without a label is no rare class."""
    pairs = [(f"text {row}", "rare") for row in range(rows)] + [("", "rare"), ("alone", "")]
    pairs += [(f"other {row}", "common") for row in range(9)]
    kept = rows_kept("drop_rare_classes", keys_of(pairs))
    assert kept[: rows + 1].tolist() == [stays] * (rows + 1)
    assert kept[rows + 1 :].all()


def test_labels_are_merged_into_their_commonest_spelling() -> None:
    keys = keys_from([f"text {row}" for row in range(7)], ["Spam", "spam", "spam", "s-p-a-m", "ham", "HAM", "spam "])
    merged = dict(zip(keys.labels, merged_labels(keys), strict=True))
    assert merged == {"Spam": "spam", "spam": "spam", "s-p-a-m": "spam", "ham": "ham", "HAM": "ham"}


def test_labels_of_nothing_but_signs_are_not_one_label() -> None:
    keys = keys_from(["a", "b", "c"], ["+", "-", "+"])
    assert merged_labels(keys) == ["+", "-"]


def test_safe_remedies_come_first_and_each_once() -> None:
    wanted = ["drop_missing", "drop_duplicates", "drop_near_duplicates", "folds", "drop_conflicting"]
    asked = ["folds", "drop_near_duplicates", "drop_conflicting", "drop_missing", "folds", "drop_duplicates"]
    assert order_fixes(asked) == wanted
    assert order_fixes([]) == []


def test_an_unknown_remedy_is_refused_and_the_known_ones_are_named() -> None:
    with pytest.raises(DataError) as refused:
        rows_kept("drop_everything", keys_of([("a", "b")]))
    assert refused.value.code == "bad_fix"
    assert all(action in str(refused.value.hint) for action in (*fixes.ACTIONS, fixes.MERGE, *fixes.ELSEWHERE))


@pytest.mark.parametrize("action", [*fixes.ACTIONS, fixes.MERGE, *fixes.ELSEWHERE])
def test_remedies_of_columns_leave_every_row(action: str, tmp_path: Path) -> None:
    dataset = messages(tmp_path)
    numbers = dataset.table.column("text").to_pylist()
    apply_fix(dataset, action, dataset.split_spec)
    if keeps_all_rows(action):
        assert dataset.table.column("text").to_pylist() == numbers
    assert len(dataset.split) == dataset.rows
    assert (dataset.folds is not None) == (action == "folds")


@QUICK
@given(ROWS)
def test_copies_are_found_as_by_counting(rows: list[tuple[str, str]]) -> None:
    keys = keys_of(rows)
    counts = Counter(keys.texts[keys.usable].tolist())
    wanted = [row for row in range(len(rows)) if keys.usable[row] and counts[int(keys.texts[row])] > 1]
    assert find_copies(keys).tolist() == wanted


# Cells set and rows dropped by hand


def test_cells_are_set_before_rows_are_dropped_and_parts_stay(tmp_path: Path) -> None:
    dataset = messages(tmp_path)
    parts = dataset.split.copy()
    changes = {
        "set": [{"row": 30, "column": "label", "value": "b"}, {"row": 2, "column": "text", "value": "new"}],
        "drop": [1, 3, 3],
    }
    apply_changes(dataset, changes)
    texts = dataset.table.column("text").to_pylist()
    assert (len(texts), texts[0], texts[1]) == (28, "new", "message number 3 about the order")
    assert dataset.table.column("label").to_pylist()[-1] == "b"
    assert dataset.split.tolist() == np.delete(parts, [0, 2]).tolist()


@pytest.mark.parametrize(
    ("value", "cell"),
    [
        (None, None),
        ("x", "x"),
        ("", ""),
        (5, "5"),
        (5.0, "5"),
        (2.5, "2.5"),
        (True, "true"),
        (["a", 1], '["a", 1]'),
        ({"名": "猫"}, '{"名": "猫"}'),
        ("a\0b", "ab"),
        ("a\ud800b", "a?b"),
        (float("nan"), None),
    ],
)
def test_a_cell_set_by_hand_is_as_one_that_was_read(value: object, cell: str | None, tmp_path: Path) -> None:
    """No NUL and no half character, which databases and files refuse."""
    dataset = messages(tmp_path)
    apply_changes(dataset, {"set": [{"row": 1, "column": "label", "value": value}]})
    assert dataset.table.column("label")[0].as_py() == cell
    assert (dataset.split[0] == "") == (cell in (None, ""))


def test_a_row_that_can_be_used_again_is_learned_from(tmp_path: Path) -> None:
    rows = [(f"message {number}", "ab"[number % 2] if number else "") for number in range(30)]
    dataset = read_files([written(rows, tmp_path)])
    assert dataset.split[0] == ""
    apply_changes(dataset, {"set": [{"row": 1, "column": "label", "value": "a"}]})
    assert dataset.split[0] == "train"


def test_a_row_that_can_be_used_again_has_a_fold(tmp_path: Path) -> None:
    rows = [(f"message {number}", "ab"[number % 2] if number else "") for number in range(30)]
    dataset = read_files([written(rows, tmp_path)], split=SplitSpec(folds=5))
    assert dataset.folds is not None
    assert dataset.folds[0] == -1
    apply_changes(dataset, {"set": [{"row": 1, "column": "label", "value": "a"}], "drop": [2]})
    assert dataset.folds is not None
    assert dataset.folds[0] == 0
    assert len(dataset.folds) == len(dataset.split) == 29


@pytest.mark.parametrize(
    "changes",
    [
        {"set": 5},
        {"set": "abc"},
        {"set": [5]},
        {"set": [["row", 1]]},
        {"set": [{}]},
        {"set": [{"row": 1}]},
        {"set": [{"column": "label"}]},
        *({"set": [{"row": row, "column": "label", "value": "x"}]} for row in (0, 31, -1, 1.7, True, None, "x", "²")),
        *({"set": [{"row": float(row), "column": "label", "value": "x"}]} for row in ("nan", "inf", "1e300")),
        {"set": [{"row": "9" * 5000, "column": "label", "value": "x"}]},
        {"set": [{"row": 1, "column": "nowhere", "value": "x"}]},
        {"set": [{"row": 1, "column": ["label"], "value": "x"}]},
        *({"drop": rows} for rows in ("abc", {"row": 1}, [0], [31], [-1], [True], [1.0], [None], [[1]], True)),
        {"drop": list(range(1, 31))},
    ],
    ids=repr,
)
def test_a_change_without_sense_is_refused_and_changes_nothing(changes: Any, tmp_path: Path) -> None:
    dataset = messages(tmp_path)
    table = dataset.table
    with pytest.raises(DataError) as refused:
        apply_changes(dataset, changes)
    assert refused.value.code in ("bad_change", "no_column")
    assert dataset.rows == table.num_rows


@pytest.mark.parametrize("changes", [{}, {"set": []}, {"drop": None}, {"other": 1}, {"drop": {}}])
def test_no_change_changes_nothing(changes: Any, tmp_path: Path) -> None:
    dataset = messages(tmp_path)
    table, parts = dataset.table, dataset.split.tolist()
    apply_changes(dataset, changes)
    assert dataset.table.equals(table)
    assert dataset.split.tolist() == parts


def test_one_change_alone_is_a_list_of_one(tmp_path: Path) -> None:
    dataset = messages(tmp_path)
    apply_changes(dataset, {"set": {"row": "2", "column": "label", "value": "z"}, "drop": 1})
    assert (dataset.rows, dataset.table.column("label")[0].as_py()) == (29, "z")


# What the reading of hard files leaves behind


def test_of_a_failed_reading_no_new_folder_is_left(tmp_path: Path) -> None:
    (tmp_path / "kept").mkdir()
    for out in (tmp_path / "a" / "b" / "v1", tmp_path / "kept" / "c" / "v1", tmp_path / "v1"):
        with pytest.raises(DataError):
            inspect.inspect([tmp_path / "nothing.csv"], out)
    assert [path.name for path in tmp_path.iterdir()] == ["kept"]
    assert not list((tmp_path / "kept").iterdir())


def test_texts_of_single_letters_are_looked_at_letter_by_letter() -> None:
    """Bases of DNA, answers of a quiz: scikit-learn's words have two letters, and none of these is one."""
    generator = np.random.default_rng(0)
    truth = np.arange(120) % 2
    texts = [" ".join(generator.choice(list("ac" if answer else "gt"), 9)) for answer in truth]
    guessed = cross_validate_labels(texts, truth, ["one", "other"])
    assert guessed is not None
    assert guessed.right > 0.95


@pytest.mark.parametrize("texts", [["! ? !", "? ! ?"], ["🙂 🙃", "🙃 🙂 🙂"]])
def test_texts_without_a_letter_break_nothing(texts: list[str]) -> None:
    guessed = cross_validate_labels(texts * 60, np.arange(120) % 2, ["a", "b"])
    assert guessed is not None
    assert guessed.right > 0.95


def test_a_split_by_times_that_no_usable_row_has(tmp_path: Path) -> None:
    rows = [(f"message {number}", "ab"[number % 2], "") for number in range(20)]
    rows += [(f"other {number}", "", f"2024-01-{number + 1:02}") for number in range(20)]
    dataset = read_files([written(rows, tmp_path, "text,label,day")], split=SplitSpec(time="day"))
    assert Counter(dataset.split.tolist()) == {"train": 20, "": 20}
