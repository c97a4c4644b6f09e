"""Rows of Parquet that hold several pictures each: a row for each of them, on one side of the split, or the first alone."""

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.trainer.data_files import picture
from tests.trainer.test_data_uploads import rows_of
from trainer.data.inspect import inspect

STRUCT = pa.struct([("bytes", pa.binary()), ("path", pa.string())])


def as_struct(number: int) -> dict[str, Any]:
    return {"bytes": picture(number), "path": f"{number}.png"}


def written(place: Path, lists: list[list[Any] | None], kind: pa.DataType) -> Path:
    table = pa.table({"images": pa.array(lists, pa.list_(kind)), "label": [("cat", "dog")[n % 2] for n in range(len(lists))]})  # fmt: skip
    pq.write_table(table, place)
    return place


@pytest.mark.parametrize(("kind", "make"), [(STRUCT, as_struct), (pa.binary(), picture)], ids=["struct", "bytes"])
def test_each_picture_is_a_row(kind: pa.DataType, make: Any, tmp_path: Path) -> None:
    path = written(tmp_path / "a.parquet", [[make(2 * n), make(2 * n + 1)] for n in range(20)], kind)
    found = inspect([path], tmp_path / "v1")
    rows = rows_of(tmp_path / "v1")
    assert (found["rows"], found["suggestion"]["task"]) == (40, "image-classification")
    assert [row["record"] for row in rows[:4]] == ["1", "1", "2", "2"]
    assert (tmp_path / "v1/media" / rows[3]["image"]).read_bytes() == picture(3)
    told = next(entry for entry in found["reading"] if entry["what"] == "media_lists")
    assert (told["chosen"], told["others"], told["doubt"]) == ("each", ["first"], True)
    assert found["split"]["how"] == "by group"
    found = inspect([path], tmp_path / "v2", readings={"media_lists": "first"})
    assert (found["rows"], sum(entry["count"] for entry in found["left_out"])) == (20, 20)


def test_lists_of_one_are_read_like_single_pictures(tmp_path: Path) -> None:
    path = written(tmp_path / "a.parquet", [[as_struct(n)] for n in range(20)], STRUCT)
    found = inspect([path], tmp_path / "v1")
    assert (found["rows"], [entry["what"] for entry in found["reading"]]) == (20, [])
    assert "record" not in rows_of(tmp_path / "v1")[0]


def test_a_late_second_picture_and_empty_lists_are_not_lost(tmp_path: Path) -> None:
    lists: list[list[Any] | None] = [[as_struct(n)] for n in range(30)]
    lists += [[], None, [as_struct(40), {"bytes": b"none", "path": None}], [as_struct(41), as_struct(42)]]
    found = inspect([written(tmp_path / "a.parquet", lists, STRUCT)], tmp_path / "v1")
    assert (found["rows"], sum(entry["count"] for entry in found["left_out"])) == (33, 3)
