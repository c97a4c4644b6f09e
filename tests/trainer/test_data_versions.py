"""What a version is made of: roles and splits that agree, parts that stay, ranks to sort by, a hash of the content alone."""

import hashlib
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import rankdata

from tests.trainer.data_made import keys_from
from trainer.data import indexing, profiling
from trainer.data.columns import reconcile_roles
from trainer.data.dataset import Dataset
from trainer.data.indexing import SEPARATOR, rank_cells, write_indices, write_search_text
from trainer.data.intake import read_files
from trainer.data.problems import EXAMPLE_CHARACTERS, EXAMPLES, ROWS_SHOWN, join_names, problem, shorten
from trainer.data.profiling import label_counts, profile_column
from trainer.data.row_keys import NO_TEXT, hash_rows, hash_text, hash_texts, keys_of_rows, shuffle_keys
from trainer.data.splitting import keep_split, shares_of, split_by_time, split_dataset, split_rows
from trainer.data.version import group_rows, hash_dataset, merge_roles, merge_split, split_table
from trainer.errors import DataError
from trainer.spec import SplitSpec

QUICK = settings(max_examples=60, deadline=None, derandomize=True)


def column(*cells: str | None, chunks: int = 2) -> pa.ChunkedArray:
    pieces = np.array_split(np.arange(len(cells)), chunks)
    return pa.chunked_array([pa.array([cells[row] for row in piece], pa.string()) for piece in pieces])


def dataset_of(folder: Path, rows: int = 30, split: SplitSpec | None = None) -> Dataset:
    lines = [f"message number {row},{'ab'[row % 2]},2024-01-{row % 28 + 1:02},c{row % 7}" for row in range(rows)]
    (folder / "a.csv").write_text("\n".join(["text,label,day,customer", *lines]), "utf-8")
    return read_files([folder / "a.csv"], split=split)


# Roles and split


@pytest.mark.parametrize(
    ("chosen", "split", "roles", "group", "time"),
    [
        ({}, None, {}, None, None),
        ({"c": "group"}, None, {"c": "group"}, "c", None),
        ({"c": "group", "d": "time"}, None, {"c": "group", "d": "time"}, "c", "d"),
        ({"c": "group"}, SplitSpec(group="c"), {"c": "group"}, "c", None),
        ({"c": "group"}, SplitSpec(), {}, None, None),
        ({"c": "group", "x": "ignore"}, SplitSpec(time="d"), {"x": "ignore"}, None, "d"),
    ],
)
def test_roles_and_split_say_the_same(
    chosen: dict[str, str], split: SplitSpec | None, roles: dict[str, str], group: str | None, time: str | None
) -> None:
    agreed, spec = reconcile_roles(chosen, split)
    assert agreed == roles
    assert (spec.group, spec.time) == (group, time)


@pytest.mark.parametrize(
    ("before", "now", "named", "merged"),
    [
        ({"a": "ignore"}, {}, set(), {"a": "ignore"}),
        ({"a": "ignore"}, {"a": "input"}, set(), {"a": "input"}),
        ({"a": "answer"}, {"b": "answer"}, set(), {"b": "answer"}),
        ({"a": "group", "x": "ignore"}, {"b": "group"}, set(), {"x": "ignore", "b": "group"}),
        ({"a": "ignore", "b": "ignore"}, {}, {"a"}, {"b": "ignore"}),
        ({"a": "ignore"}, {"b": "ignore"}, set(), {"a": "ignore", "b": "ignore"}),
    ],
)
def test_one_column_has_a_role_that_only_one_can_have(
    before: dict[str, str], now: dict[str, str], named: set[str], merged: dict[str, str]
) -> None:
    assert merge_roles(before, now, named) == merged


@pytest.mark.parametrize(
    ("before", "chosen", "roles", "group", "time"),
    [
        (SplitSpec(group="c", seed=7), {}, {}, "c", None),
        (SplitSpec(group="c", seed=7), {"d": "group"}, {"d": "group"}, "d", None),
        (SplitSpec(group="c", seed=7), {}, {"c": "input"}, None, None),
        (SplitSpec(time="d", seed=7), {"c": "group"}, {"c": "group"}, "c", "d"),
    ],
)
def test_a_split_follows_the_columns_chosen_for_it(
    before: SplitSpec, chosen: dict[str, str], roles: dict[str, str], group: str | None, time: str | None
) -> None:
    merged = merge_split(before, chosen, roles)
    assert (merged.group, merged.time, merged.seed) == (group, time, 7)


# Parts


@pytest.mark.parametrize(
    ("spec", "rows", "validation"),
    [
        (SplitSpec(), 100, SplitSpec().validation),
        (SplitSpec(), 10_000, 500 / 10_000),
        (SplitSpec(validation=0.1), 10_000, 0.1),
        (SplitSpec(validation=0.3), 100, 0.3),
        (SplitSpec(), 0, SplitSpec().validation),
    ],
)
def test_validation_is_held_to_500_rows_unless_somebody_asked_for_more(
    spec: SplitSpec, rows: int, validation: float
) -> None:
    assert shares_of(spec, rows) == {"test": spec.test, "validation": pytest.approx(validation)}


@QUICK
@given(st.lists(st.none() | st.integers(0, 9), min_size=1, max_size=60), st.floats(0, 0.5), st.floats(0, 0.5))
def test_a_split_by_time_never_looks_ahead(times: list[int | None], test: float, validation: float) -> None:
    moments = np.array([np.nan if time is None else time for time in times])
    keys = keys_from([f"text {row}" for row in range(len(times))], ["a"] * len(times))
    parts = split_by_time(keys, SplitSpec(test=test, validation=validation), moments)
    assert set(parts) <= {"train", "validation", "test"}
    assert set(parts[np.isnan(moments)]) <= {"train"}
    known = ~np.isnan(moments)
    for earlier, later in (("train", "validation"), ("validation", "test"), ("train", "test")):
        before, after = moments[known & (parts == earlier)], moments[known & (parts == later)]
        if len(before) and len(after):
            assert before.max() < after.min()
    assert (parts == "test").sum() <= round(known.sum() * test)


@pytest.mark.parametrize("given_parts", [["test", "", "", ""], ["test", "train", "validation", ""], ["train"] * 4])
def test_parts_that_are_given_stay_and_only_the_others_are_drawn(given_parts: list[str]) -> None:
    fixed = np.array(given_parts * 25, dtype=object)
    keys = keys_from([f"text {row}" for row in range(100)], ["a", "b"] * 50)
    parts = split_rows(keys, SplitSpec(), fixed)
    assert (parts[fixed == "test"] == "test").all()
    assert (parts[fixed == "validation"] == "validation").all()
    if "test" in given_parts:
        assert (parts[fixed == ""] != "test").all()
    if "validation" in given_parts:
        assert (parts[fixed == ""] != "validation").all()
    if given_parts == ["train"] * 4:  # nothing to test on was given, so it is drawn
        assert (parts == "test").sum() == 20


def test_a_kept_split_moves_no_row_but_those_without_a_part(tmp_path: Path) -> None:
    dataset = dataset_of(tmp_path)
    parts = np.array(["test", "validation", ""] * 10, dtype=object)
    keep_split(dataset, parts, "by file")
    assert dataset.split.tolist() == ["test", "validation", "train"] * 10
    assert (dataset.split_how, dataset.kept_split) == ("by file", False)


@pytest.mark.parametrize("folds", [2, 5, 10])
def test_folds_leave_no_test_part_and_every_row_has_one(folds: int, tmp_path: Path) -> None:
    dataset = dataset_of(tmp_path, split=SplitSpec(folds=folds))
    assert dataset.folds is not None
    assert sorted(set(dataset.folds.tolist())) == list(range(folds))
    assert set(dataset.split) == {"train"}
    table = split_table(dataset.split, dataset.folds)
    assert table.column("fold").to_pylist() == dataset.folds.tolist()


def test_folds_by_group_keep_a_customer_together(tmp_path: Path) -> None:
    dataset = dataset_of(tmp_path, 70, SplitSpec(folds=5, group="customer"))
    customers = dataset.table.column("customer").to_pylist()
    assert dataset.folds is not None
    assert len(set(zip(customers, dataset.folds.tolist(), strict=True))) == 7
    assert dataset.split_how == "in folds, by group"


def test_a_row_without_a_part_is_null_in_the_file() -> None:
    table = split_table(np.array(["train", "", "test"], dtype=object), np.array([0, -1, 2], dtype=np.int8))
    assert table.to_pylist() == [
        {"split": "train", "fold": 0},
        {"split": None, "fold": None},
        {"split": "test", "fold": 2},
    ]
    assert split_table(np.array([], dtype=object), None).num_rows == 0


@pytest.mark.parametrize("name", ["day", "customer"])
def test_a_split_by_a_column_that_is_not_there_names_those_that_are(name: str, tmp_path: Path) -> None:
    dataset = dataset_of(tmp_path)
    dataset.table = dataset.table.drop_columns([name])
    with pytest.raises(DataError) as refused:
        split_dataset(dataset, SplitSpec(time=name))
    assert refused.value.code == "no_column"
    assert "text, label" in str(refused.value.hint)


# Keys


@QUICK
@given(
    st.lists(st.none() | st.sampled_from(["a", "A!", "b", "", " ", "n/a", "猫", "猫。", "\ud83d", "12345678901234"]))
)
def test_texts_have_one_key_where_they_are_copies(cells: list[str | None]) -> None:
    cells = [cell for cell in cells if cell is None or cell.isprintable()]
    keys = hash_texts(column(*cells))
    for cell, key in zip(cells, keys.tolist(), strict=True):
        missing = cell is None or cell.strip() in ("", "n/a")
        assert key == (NO_TEXT if missing else hash_text(cell or ""))


def test_keys_are_the_same_on_every_machine() -> None:
    """Splits of versions of before depend on them."""
    digest = hashlib.blake2b(b"helloworld", digest_size=8).digest()
    assert hash_text("Hello, World!") == hash_text("helloworld") == int.from_bytes(digest, "little")
    assert hash_text("Straße") == hash_text("STRASSE")
    assert hash_text("Ｈｅｌｌｏ") == hash_text("hello")
    assert hash_text("🙂") != hash_text("🙃")
    assert hash_text("...") != hash_text("!!!")


def test_rows_of_several_columns_are_compared_cell_by_cell() -> None:
    keys = hash_rows([column("a", "ab", "", None, "a"), column("bc", "c", " ", "", "bc")], 5)
    assert keys[0] == keys[4] != keys[1]
    assert keys[2] == keys[3] == NO_TEXT


def test_a_row_that_lacks_a_needed_cell_cannot_be_used() -> None:
    keys = keys_of_rows([column("a", "b", "c")], column("x", "y", "x"), [column("1", None, "n/a")])
    assert keys.usable.tolist() == [True, False, False]
    without = keys_of_rows([], None, [column("1", None, "3")])
    assert without.usable.tolist() == [True, False, True]
    assert len(set(without.texts.tolist())) == 3


@QUICK
@given(st.lists(st.integers(0, 2**64 - 1), min_size=2, max_size=50, unique=True), st.integers(-(2**70), 2**70))
def test_shuffled_keys_stay_apart(values: list[int], seed: int) -> None:
    """splitmix64 is a bijection: no two keys become one, whatever the seed."""
    shuffled = shuffle_keys(np.array(values, dtype=np.uint64), seed)
    assert len(set(shuffled.tolist())) == len(values)


# Profiles and problems


def test_a_profile_does_not_depend_on_how_the_column_came_in_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    cells = [f"message {row % 40}" if row % 9 else None for row in range(200)]
    whole = profile_column("text", column(*cells, chunks=1))
    monkeypatch.setattr(profiling, "SLICE_ROWS", 7)
    assert profile_column("text", column(*cells, chunks=13)) == whole
    assert (whole["missing"], whole["distinct"]) == (23, 40)


def test_labels_are_listed_until_there_are_too_many_characters(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(profiling, "MAX_LABEL_CHARACTERS", 10)
    keys = keys_from([f"text {row}" for row in range(6)], ["aaaa", "aaaa", "aaaa", "bbbbbb", "bbbbbb", "c"])
    counted = label_counts(keys)
    assert counted["labels"] == [{"label": "aaaa", "count": 3}, {"label": "bbbbbb", "count": 2}]
    assert (counted["label_total"], counted["label_rows"]) == (3, 6)
    monkeypatch.setattr(profiling, "MAX_LABEL_CHARACTERS", 1)
    assert len(label_counts(keys)["labels"]) == 1, "one is always shown"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("  a  ", "a"),
        ("x" * EXAMPLE_CHARACTERS, "x" * EXAMPLE_CHARACTERS),
        ("x" * (EXAMPLE_CHARACTERS + 1), "x" * (EXAMPLE_CHARACTERS - 1) + "…"),
        ("猫" * 500, "猫" * (EXAMPLE_CHARACTERS - 1) + "…"),
        ("", ""),
    ],
)
def test_an_example_is_short(text: str, shown: str) -> None:
    assert shorten(text) == shown


def test_a_problem_names_the_first_rows_from_one_and_counts_them_all() -> None:
    made = problem(
        "code", "info", "words", np.arange(100), [str(number) for number in range(9)], ("drop_missing", "Go")
    )
    assert made["rows"] == list(range(1, ROWS_SHOWN + 1))
    assert (made["count"], len(made["examples"])) == (100, EXAMPLES)
    assert made["fix"] == {"action": "drop_missing", "label": "Go", "safe": True}
    assert problem("code", "info", "words", count=7)["count"] == 7
    assert problem("code", "info", "words")["fix"] is None


@pytest.mark.parametrize(
    ("count", "words"), [(0, ""), (1, "n0"), (6, "n0, n1, n2, n3, n4, n5"), (7, "n0, n1, n2, n3, n4, n5 …")]
)
def test_six_names_are_listed(count: int, words: str) -> None:
    assert join_names([f"n{number}" for number in range(count)]) == words


# Indices and hash


@QUICK
@given(st.lists(st.none() | st.sampled_from(["a", "b", "B", "ab", "", "猫"]), min_size=1, max_size=30))
def test_texts_are_ranked_as_by_scipy(cells: list[str | None]) -> None:
    ranks = rank_cells(column(*cells), {"name": "c", "kind": "text", "missing": 0, "distinct": 1}).to_pylist()
    present = [cell.encode() for cell in cells if cell is not None]
    order = {cell: place for place, cell in enumerate(sorted(set(present)), 1)}
    assert ranks == [None if cell is None else order[cell.encode()] for cell in cells]


@pytest.mark.parametrize(
    ("cells", "decimal"),
    [(["10", "9", "$1,000", "x", None, "-3", "9.0"], "."), (["1,5", "1.000,5", "2", "", "0,25"], ",")],
)
def test_numbers_are_ranked_as_numbers(cells: list[str | None], decimal: str) -> None:
    described = {"name": "c", "kind": "number", "missing": 0, "distinct": 1, "decimal": decimal}
    ranks = rank_cells(column(*cells), described).to_pylist()  # type: ignore[arg-type]
    values = {"10": 10, "9": 9, "$1,000": 1000, "-3": -3, "9.0": 9, "1,5": 1.5, "1.000,5": 1000.5, "2": 2, "0,25": 0.25}
    numbers = [values[cell] for cell in cells if cell in values]
    wanted = iter(rankdata(numbers, method="dense").tolist())
    assert ranks == [next(wanted) if cell in values else None for cell in cells]


def test_a_search_finds_cells_in_small_letters_beside_one_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(indexing, "BATCH_ROWS", 2)
    table = pa.table({"a": column("Über", None, "x"), "b": column("B", "C", None)})
    write_search_text(table, tmp_path / "search.parquet")
    words = pq.read_table(tmp_path / "search.parquet").column("words").to_pylist()
    assert words == [f"über{SEPARATOR}b", f"{SEPARATOR}c", f"x{SEPARATOR}"]


@pytest.mark.parametrize(("fewest", "files"), [(4, []), (3, ["order.parquet", "search.parquet"])])
def test_only_large_versions_have_indices(
    fewest: int, files: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(indexing, "FEWEST_ROWS", fewest)
    table = pa.table({"a": column("x", "y", None)})
    write_indices(table, [profile_column("a", table.column("a"))], tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == files


def test_the_hash_is_of_the_cells_and_not_of_their_pieces(tmp_path: Path) -> None:
    dataset = dataset_of(tmp_path)
    split = split_table(dataset.split, None)
    first = hash_dataset(dataset, split)
    dataset.table = pa.concat_tables([dataset.table.slice(0, 7), dataset.table.slice(7)])
    assert hash_dataset(dataset, split) == first
    cells = dataset.table.column("text").to_pylist()
    for changed in ([*cells[:-1], None], [cells[0] + cells[1][:1], cells[1][1:], *cells[2:]]):
        other = dataset.table.set_column(0, "text", pa.array(changed, pa.string()))
        dataset.table, table = other, dataset.table
        assert hash_dataset(dataset, split) != first
        dataset.table = table
    dataset.chosen = {"customer": "ignore"}
    assert hash_dataset(dataset, split) != first


@pytest.mark.parametrize(("columns", "rows"), [(1, 10_000), (50, 10_000), (51, 100_000)])
def test_few_rows_are_unpacked_together_unless_they_are_wide(columns: int, rows: int) -> None:
    assert group_rows(pa.table({str(number): ["x"] for number in range(columns)})) == rows
