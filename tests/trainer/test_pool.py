"""Rows without a label: kept as the pool, never learned from; and what becomes of the labels that they are given."""

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

from tests.trainer.data_made import keys_from
from trainer import tasks
from trainer.data.inspect import inspect
from trainer.data.loading import load
from trainer.data.pool import ONE_IN, SOURCES_FILE, draw_parts, read_sources
from trainer.errors import DataError
from trainer.spec import DatasetSpec

LABELLED, UNLABELLED = 40, 400


def write_rows(path: Path, labelled: int = LABELLED, unlabelled: int = UNLABELLED, more: str = "") -> Path:
    lines = [f"order number {row} has come,{'good' if row % 2 else 'bad'}" for row in range(labelled)]
    lines += [f"question number {row} about it," for row in range(unlabelled)]
    path.write_text("\n".join(["text,label", *lines]) + more, "utf-8")
    return path


def first_version(folder: Path, **options: Any) -> tuple[Path, dict[str, Any]]:
    columns = {"text": "text", "label": "label"}
    result = inspect(
        [write_rows(folder / "a.csv", **options)], folder / "v1", task="text-classification", columns=columns
    )
    return folder / "v1", result


def decided(rows: range, source: str = "person") -> list[dict[str, Any]]:
    return [
        {
            "row": row,
            "value": "good" if row % 2 else "bad",
            "source": source,
            "person": "7",
            "at": "2026-01-01T00:00:00Z",
        }
        for row in rows
    ]


def parts_of(folder: Path) -> list[str | None]:
    parts: list[str | None] = pq.read_table(folder / "split.parquet").column("split").to_pylist()
    return parts


def test_rows_without_a_label_are_the_pool(tmp_path: Path) -> None:
    folder, result = first_version(tmp_path, more='\n,good\n"",""\n')
    assert parts_of(folder)[LABELLED : LABELLED + UNLABELLED] == ["pool"] * UNLABELLED
    assert (result["split"]["pool"], result["split"]["unused"]) == (UNLABELLED, result["rows"] - LABELLED - UNLABELLED)
    assert parts_of(folder)[LABELLED + UNLABELLED] is None, "a label without a text is not a row of the pool"


def test_the_pool_is_neither_learned_from_nor_tested_on(tmp_path: Path) -> None:
    folder, _result = first_version(tmp_path)
    loaded = load(DatasetSpec(path=str(folder)), tasks.get("text-classification"))
    assert sorted(loaded.row_numbers) == list(range(1, LABELLED + 1))
    assert set(loaded.split) == {"train", "validation", "test"}


def test_the_hash_does_not_change_with_the_name_of_the_pool(tmp_path: Path) -> None:
    """A version read before there was a pool has null for these rows: it opens, and its content is the same."""
    folder, result = first_version(tmp_path)
    table = pq.read_table(folder / "split.parquet")
    nulls = [None if part == "pool" else part for part in parts_of(folder)]
    pq.write_table(table.set_column(0, "split", [nulls]), folder / "split.parquet")
    again = inspect([folder], tmp_path / "v2")
    assert again["sha256"] == result["sha256"]
    assert again["split"] == result["split"]


def test_labels_come_into_a_version_with_their_sources(tmp_path: Path) -> None:
    folder, before = first_version(tmp_path)
    rows = range(LABELLED + 1, LABELLED + 301)
    after = inspect([folder], tmp_path / "v2", changes={"labels": decided(rows)})
    assert after["label_rows"] == LABELLED + 300
    assert after["split"]["pool"] == UNLABELLED - 300
    sources = read_sources(tmp_path / "v2")
    assert list(sources) == [row - 1 for row in rows]
    assert sources[LABELLED] == {"source": "person", "person": "7", "at": "2026-01-01T00:00:00Z", "left_out": False}
    old, new = parts_of(folder), parts_of(tmp_path / "v2")
    assert new[:LABELLED] == old[:LABELLED], "every row keeps its part"
    joined = after["split"]["test"] - before["split"]["test"]
    assert 300 / ONE_IN / 2 < joined < 300 / ONE_IN * 2
    assert after["split"]["validation"] == before["split"]["validation"]
    assert not (folder / SOURCES_FILE).exists()


def test_the_sources_go_on_to_later_versions_and_with_their_rows(tmp_path: Path) -> None:
    folder, _result = first_version(tmp_path)
    inspect([folder], tmp_path / "v2", changes={"labels": decided(range(LABELLED + 1, LABELLED + 4))})
    inspect([tmp_path / "v2"], tmp_path / "v3", changes={"drop": [1, 2, LABELLED + 2]})
    assert sorted(read_sources(tmp_path / "v3")) == [LABELLED - 2, LABELLED - 1]
    by = {"person": "8", "at": "2026-01-02T00:00:00Z"}
    cell = {"row": 1, "column": "label", "value": "bad"}
    inspect([tmp_path / "v3"], tmp_path / "v4", changes={"set": [cell], "by": by})
    assert read_sources(tmp_path / "v4")[0] == {**by, "source": "person", "left_out": False}


def test_the_order_of_asking_does_not_matter_for_the_test(tmp_path: Path) -> None:
    folder, _result = first_version(tmp_path)
    some, others = range(LABELLED + 1, LABELLED + 200), range(LABELLED + 200, LABELLED + 401)
    for name, batches in {"a": (some, others), "b": (others, some)}.items():
        inspect([folder], tmp_path / f"{name}1", changes={"labels": decided(batches[0])})
        inspect([tmp_path / f"{name}1"], tmp_path / f"{name}2", changes={"labels": decided(batches[1])})
    assert parts_of(tmp_path / "a2") == parts_of(tmp_path / "b2")


def test_a_suggestion_is_never_tested_on(tmp_path: Path) -> None:
    folder, before = first_version(tmp_path)
    rows = range(LABELLED + 1, LABELLED + 301)
    after = inspect([folder], tmp_path / "v2", changes={"labels": decided(rows, "suggestion")})
    assert after["split"]["test"] == before["split"]["test"]
    assert after["split"]["train"] == before["split"]["train"] + 300


def test_without_a_test_the_first_labels_are_divided_anew(tmp_path: Path) -> None:
    folder, before = first_version(tmp_path, labelled=0)
    assert before["split"]["pool"] == UNLABELLED
    few = inspect([folder], tmp_path / "few", changes={"labels": decided(range(1, 21))})
    assert few["split"]["test"] == 4, "a share of them, as long as too few are drawn for the test"
    after = inspect([folder], tmp_path / "v2", changes={"labels": decided(range(1, 101))})
    assert 100 / ONE_IN / 2 < after["split"]["test"] < 100 / ONE_IN * 2
    later = inspect([tmp_path / "few"], tmp_path / "later", changes={"labels": decided(range(21, 101))})
    assert parts_of(tmp_path / "later") == parts_of(tmp_path / "v2"), "what is drawn takes the place of the share"
    assert later["split"] == after["split"]
    assert after["split"]["validation"] > 0
    assert after["suggestion"]["trainable"]
    suggested = inspect([folder], tmp_path / "v3", changes={"labels": decided(range(1, 101), "suggestion")})
    assert suggested["split"]["test"] == 0


def test_what_is_left_out_stays_and_is_asked_about_no_more(tmp_path: Path) -> None:
    folder, before = first_version(tmp_path)
    entry = {"row": LABELLED + 1, "value": None, "left_out": True, "person": "7"}
    after = inspect([folder], tmp_path / "v2", changes={"labels": [entry]})
    assert after["rows"] == before["rows"]
    assert after["split"]["pool"] == UNLABELLED - 1
    assert parts_of(tmp_path / "v2")[LABELLED] is None
    later = inspect([tmp_path / "v2"], tmp_path / "v3", split={"test": 0.3})
    assert later["split"]["pool"] == UNLABELLED - 1


def test_a_copy_goes_where_its_text_is() -> None:
    keys = keys_from(["one", "two", "ONE", "two!", "three"], ["a"] * 5)
    parts = np.array(["test", "validation", "", "", ""], dtype=object)
    assert draw_parts(keys, parts, np.array([2, 3]), 0, takes_test=True) == ["test", "validation"]
    assert draw_parts(keys, parts, np.array([2, 4]), 0, takes_test=False) == ["test", "train"]


def test_of_a_split_that_came_with_the_file_the_test_stays(tmp_path: Path) -> None:
    for name in ("train", "test"):
        write_rows(tmp_path / f"{name}.csv", unlabelled=100 if name == "train" else 0)
    first = inspect([tmp_path / "train.csv", tmp_path / "test.csv"], tmp_path / "v1")
    assert first["split"]["given"]
    after = inspect(
        [tmp_path / "v1"], tmp_path / "v2", changes={"labels": decided(range(LABELLED + 1, LABELLED + 101))}
    )
    assert after["split"]["test"] == first["split"]["test"] == LABELLED
    assert after["split"]["train"] + after["split"]["validation"] == LABELLED + 100


@pytest.mark.parametrize(
    "entry", [{"row": 0, "value": "x"}, {"value": "x"}, {"row": 1}, "good", {"row": 9999, "value": "a"}]
)
def test_a_label_that_is_none_is_refused(entry: Any, tmp_path: Path) -> None:
    folder, _result = first_version(tmp_path)
    with pytest.raises(DataError) as refused:
        inspect([folder], tmp_path / "v2", changes={"labels": [entry]})
    assert refused.value.code == "bad_change"
