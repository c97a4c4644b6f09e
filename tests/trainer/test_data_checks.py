"""Each check of the rows by itself, over a dataset made in memory: what it says, of which rows, and which fix it offers."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from tests.trainer.data_made import dataset, keys_from, texts
from trainer.data import fixes
from trainer.data.answer_checks import (
    MIN_ROWS,
    answer_numbers,
    class_problems,
    label_problems,
    number_problems,
    part_problems,
    unseen_labels_problem,
)
from trainer.data.archive_listing import name_decoder
from trainer.data.archives import common_folder
from trainer.data.checks import find_problems
from trainer.data.column_checks import column_problems, columns_with, spelling_problems
from trainer.data.columns import map_columns, reconcile_roles
from trainer.data.idx import IdxFile, check_pictures, find_labels, read_idx
from trainer.data.indexing import rank_cells
from trainer.data.problems import EXAMPLES, ROWS_SHOWN, fix_of, join_names, problem, shorten
from trainer.data.row_checks import copy_problems, missing_problems
from trainer.data.splitting import keep_split
from trainer.data.version import merge_roles
from trainer.errors import DataError
from trainer.messages import _
from trainer.paths import safe_path
from trainer.spec import SplitSpec


def codes(problems: Sequence[dict]) -> list[str]:
    return [found["code"] for found in problems]


# What a problem is


def test_a_problem_shows_its_first_rows_from_one_and_counts_them_all() -> None:
    found = problem(
        "x", "warning", _("Read this."), np.arange(50), ["a" * 300, "b", "c", "d"], ("drop_missing", "Drop")
    )
    assert found["rows"] == list(range(1, ROWS_SHOWN + 1))
    assert (found["count"], len(found["examples"])) == (50, EXAMPLES)
    assert found["examples"][0] == shorten("a" * 300)
    assert found["fix"] == {"action": "drop_missing", "label": "Drop", "safe": True}
    assert found["i18n"] == {"message": {"text": "Read this."}}
    assert "i18n" not in problem("x", "info", "plain")
    assert fix_of("drop_mislabels", "Exclude")["safe"] is False


def test_long_lists_of_names_end_in_dots() -> None:
    assert join_names(["a", "b"]) == "a, b"
    assert join_names([str(number) for number in range(9)]) == "0, 1, 2, 3, 4, 5 …"


# Answers


@pytest.mark.parametrize(
    ("labels", "code"),
    [
        ([], "no_rows"),
        (["a"] * 20, "one_class"),
        (["a", "b"] * 2, "too_few_rows"),
        ([f"label {number}" for number in range(20)], "all_unique_label"),
        (["a", "b"] * 10, None),
    ],
)
def test_labels_that_cannot_be_learned_are_errors(labels: list[str], code: str | None) -> None:
    found = class_problems(keys_from(texts(len(labels)), labels))
    assert codes(found) == ([code] if code else [])
    assert all(one["severity"] == "error" for one in found)


def test_spellings_of_a_label_rare_labels_and_skewed_ones_are_told() -> None:
    labels = ["spam"] * 95 + ["Spam "] * 2 + ["SPAM!"] + ["ham"] * 2
    found = {one["code"]: one for one in label_problems(keys_from(texts(100), labels))}
    assert found["label_variants"]["count"] == 98, "rows, of three spellings"
    assert found["label_variants"]["fix"]["action"] == fixes.MERGE
    assert found["rare_classes"]["count"] == 3, "labels"
    assert found["skewed_classes"]["examples"] == ["spam"]


def test_few_test_rows_offer_folds_and_unseen_labels_are_named() -> None:
    keys = keys_from(texts(40), ["a", "b"] * 19 + ["c", "c"])
    split = np.array(["train"] * 38 + ["test"] * 2, dtype=object)
    found = {one["code"]: one for one in part_problems(keys, split, given_split=False)}
    assert found["small_test"]["fix"]["action"] == "folds"
    assert found["unseen_labels"] == unseen_labels_problem(["c"])
    assert codes(part_problems(keys, split, given_split=True)) == ["unseen_labels"], "a split that was given is settled"
    none = np.array(["train"] * 40, dtype=object)
    assert codes(part_problems(keys, none, given_split=False)) == ["no_test_rows"]


@pytest.mark.parametrize(
    ("cells", "code"),
    [
        (["7"] * 30, "one_value"),
        ([str(number * 1.5) for number in range(30)], None),
        (["1.5", "2.5", "9"], "too_few_rows"),
    ],
)
def test_numbers_that_cannot_be_learned_are_errors(cells: list[str], code: str | None) -> None:
    made = dataset("text-regression", text=texts(len(cells)), target=cells)
    made.roles = {"text": "text", "target": "target"}
    map_columns(made, made.roles, "text-regression")
    assert codes(number_problems(made)) == ([code] if code else [])
    assert answer_numbers(made).tolist() == [float(cell) for cell in cells]


# Rows and columns


def test_rows_are_empty_or_lack_their_text_or_their_label() -> None:
    cells = [*texts(12), None, "no label here at all", None]
    labels = ["a", "b"] * 6 + ["a", None, None]
    made = dataset("text-classification", text=cells, label=labels)
    found = {
        one["code"]: one["rows"]
        for one in missing_problems(made.table, made.column("text"), made.mapped_keys, _("text"), labelled=True)
    }
    assert found == {"missing_text": [13], "missing_labels": [14], "empty_rows": [15]}
    kept = fixes.drop_missing(made.mapped_keys)
    assert np.flatnonzero(~kept).tolist() == [12, 13, 14]


def test_copies_conflicts_and_copies_across_a_given_split() -> None:
    keys = keys_from(["one", "One!", "two", "two", "three"], ["a", "a", "a", "b", "b"])
    column = pa.chunked_array([pa.array(["one", "One!", "two", "two", "three"])])
    split = np.array(["train", "test", "train", "train", "test"], dtype=object)
    found = {one["code"]: one["rows"] for one in copy_problems(column, keys, split, True, _("text"), True)}
    assert found == {"duplicates": [2, 4], "conflicting_labels": [3, 4], "duplicates_across_split": [2]}
    drawn = copy_problems(column, keys, split, False, _("text"), True)
    assert codes(drawn) == ["duplicates", "conflicting_labels"], "a drawn split keeps copies on one side"
    assert "one side" in drawn[0]["message"]
    assert fixes.drop_duplicates(keys).tolist() == [True, False, True, False, True]
    assert fixes.drop_conflicting(keys).tolist() == [True, True, False, False, True]


def test_fixes_are_applied_safe_ones_first_and_an_unknown_one_is_refused() -> None:
    assert fixes.order_fixes(["drop_mislabels", "drop_duplicates", "drop_missing", "drop_duplicates"]) == [
        "drop_missing",
        "drop_duplicates",
        "drop_mislabels",
    ]
    keys = keys_from(texts(5), ["a", "a", "a", "b", "b"])
    assert fixes.drop_rare_classes(keys).tolist() == [True, True, True, False, False]
    assert fixes.merged_labels(keys_from(texts(3), ["Yes", "yes!", "Yes"])) == ["Yes", "Yes"]
    with pytest.raises(DataError, match="no fix"):
        fixes.rows_kept("drop_everything", keys)


def test_columns_that_say_nothing_are_told_by_name() -> None:
    rows = 60
    made = dataset(
        "tabular-classification",
        row=[f"customer-{number:04}-{number * 7919 % 1000}" for number in range(rows)],
        empty=[None] * rows,
        country=["CH"] * rows,
        amount=[str(number * 37 % 41) for number in range(rows)],
        churned=["yes", "no"] * (rows // 2),
    )
    assert columns_with(made, "empty_columns") == ["empty"]
    assert columns_with(made, "constant_columns") == ["country"]
    assert columns_with(made, "identifier_columns") == ["row"]
    assert codes(column_problems(made)) == ["empty_columns", "constant_columns", "identifier_columns"]
    assert all(one["fix"]["action"].startswith("drop_") for one in column_problems(made))


def test_cells_that_spell_out_that_they_are_empty() -> None:
    made = dataset("text-classification", text=[*texts(20), "N/A", "nan"], label=["a", "b"] * 11)
    (found,) = spelling_problems(made)
    assert (found["count"], found["rows"], found["examples"]) == (2, [21, 22], ["N/A", "nan"])


def test_all_checks_together_are_sorted_the_worst_first() -> None:
    made = dataset("text-classification", text=[*texts(MIN_ROWS - 2), None], label=["a"] * (MIN_ROWS - 1))
    found = find_problems(made)
    assert found[0]["code"] == "one_class"
    severities = [one["severity"] for one in found]
    assert severities == sorted(severities, key=("error", "warning", "info").index)


# Roles and splits


def test_roles_and_split_say_the_same() -> None:
    chosen, split = reconcile_roles({"customer": "group", "day": "time"}, None)
    assert (split.group, split.time) == ("customer", "day")
    chosen, split = reconcile_roles({"customer": "group", "note": "ignore"}, SplitSpec(group="household"))
    assert (chosen, split.group) == ({"note": "ignore"}, "household")
    before = {"a": "answer", "b": "ignore", "c": "input"}
    assert merge_roles(before, {"d": "answer"}, {"c"}) == {"b": "ignore", "d": "answer"}


def test_a_column_that_is_not_there_is_refused_with_those_that_are() -> None:
    made = dataset("text-classification", text=texts(20), label=["a", "b"] * 10)
    with pytest.raises(DataError, match="no column “topic”") as caught:
        map_columns(made, {"label": "topic"})
    assert "text, label" in str(caught.value.hint)


def test_rows_keep_the_parts_that_they_had() -> None:
    made = dataset("text-classification", text=[*texts(20), None], label=["a", "b"] * 10 + ["a"])
    keep_split(made, np.array(["test"] * 5 + [""] * 16, dtype=object), "by group")
    assert made.split.tolist() == ["test"] * 5 + ["train"] * 15 + [""]
    assert not made.kept_split, "only a drawn split may divide copies"


# Files inside archives, and idx files


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("a/./b//c.png", "a/b/c.png"),
        ("a\\b.png", "a/b.png"),
        ("../b.png", None),
        ("/etc/passwd", None),
        ("C:\\b.png", None),
        ("a\x00b", None),
        ("", None),
        ("/".join("a" * 41), None),
    ],
)
def test_only_paths_that_stay_inside_are_safe(name: str, path: str | None) -> None:
    assert safe_path(name) == path


def test_names_without_a_mark_are_decoded_as_they_were_meant() -> None:
    for name, encoding in (("猫和狗.png", "gb18030"), ("фото.png", "utf-8")):
        raw = name.encode(encoding).decode("cp437")
        assert name_decoder([raw])(raw) == name
    assert name_decoder(["plain.png"])("plain.png") == "plain.png"


def test_the_folder_that_packing_adds_does_not_count() -> None:
    from trainer.data.archives import Entry

    def entries(*names: str) -> list[Entry]:
        return [Entry(name, 1, None) for name in names]  # type: ignore[arg-type]

    assert common_folder(entries("data/cat/1.png", "data/dog/2.png")) == 1
    assert common_folder(entries("cat/1.png", "dog/2.png")) == 0
    assert common_folder(entries("a/b/1.png", "a/b/2.png")) == 2


def test_idx_files_are_read_and_find_their_labels(tmp_path: Path) -> None:
    pixels = np.arange(2 * 3 * 4, dtype=np.uint8).reshape(2, 3, 4)
    path = tmp_path / "train-images-idx3-ubyte"
    path.write_bytes(b"\0\0\x08\x03" + np.array(pixels.shape, ">u4").tobytes() + pixels.tobytes())
    array = read_idx(path, path.name)
    assert array is not None
    np.testing.assert_array_equal(array, pixels)
    pictures = IdxFile(path.name, array, None)
    check_pictures([pictures])
    assert pictures.part == "train"
    own = IdxFile("train-labels", np.array([3, 7], np.uint8), None)
    other = IdxFile("t10k-labels", np.array([1, 2], np.uint8), None)
    assert find_labels(pictures, [other, own]).tolist() == [3, 7]
    assert find_labels(pictures, [other]).tolist() == [1, 2], "as many, where the names say nothing better"
    with pytest.raises(DataError, match="labels"):
        find_labels(pictures, [IdxFile("labels", np.zeros(5, np.uint8), None)])
    with pytest.raises(DataError, match="no pictures"):
        check_pictures([])


# What pages sort by


def test_numbers_are_ranked_as_numbers_and_gaps_have_no_rank() -> None:
    column = pa.chunked_array([pa.array(["10", "9", None, "9", "x"])])
    number = rank_cells(column, {"name": "n", "kind": "number", "missing": 1, "distinct": 4})
    assert number.to_pylist() == [2, 1, None, 1, None]
    text = rank_cells(column, {"name": "n", "kind": "text", "missing": 1, "distinct": 4})
    assert text.to_pylist() == [1, 2, None, 2, 3]
