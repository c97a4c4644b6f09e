"""Values that JSON, Parquet and workbooks can hold and databases, floats or strict JSON cannot."""

import contextlib
import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some

from tests.trainer import data_files
from trainer.data.inspect import inspect
from trainer.errors import UserError

ODD = (
    "a\0b", "\0", "a\ud800b", "\udfff", 10**299, 10**399, -(10**308), 10**4299, 1e308, -1.7e308, 5e-324, float("inf"),
    float("nan"), True, None, [["\0"]], {"k\0": ["\ud800", {"deep": 10**400}]}, "1e400", "nan", "9" * 310,
)  # fmt: skip


def read_strictly(path: Path, out: Path) -> dict[str, Any]:
    """Inspect, and prove that what was written is strict JSON without what PostgreSQL refuses, and text in UTF-8."""
    result = inspect([path], out)
    json.dumps(result, allow_nan=False)
    for name in ("profile.json", "problems.json"):
        text = (out / name).read_text("utf-8")
        json.loads(text, parse_constant=pytest.fail)
        assert "\\u0000" not in text.replace("\\\\", "")
    for column in pq.read_table(out / "data.parquet").itercolumns():
        for cell in column.to_pylist():
            assert "\0" not in (cell or "")
            (cell or "").encode("utf-8")
    return result


@pytest.mark.parametrize("value", ODD, ids=lambda value: str(type(value).__name__))
@pytest.mark.parametrize("form", ["lines", "document"])
def test_odd_values_are_read_from_json(tmp_path: Path, value: Any, form: str) -> None:
    rows = [{"text": f"message {n} of the day", "odd": value, "label": f"x{n % 2}"} for n in range(30)]
    lines = [json.dumps(row) for row in rows]
    path = tmp_path / "rows.json"
    path.write_text("\n".join(lines) if form == "lines" else f"[{','.join(lines)}]", "utf-8")
    result = read_strictly(path, tmp_path / "v1")
    assert result["rows"] == 30
    assert result["suggestion"]["task"]


@settings(max_examples=20, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(some.lists(some.tuples(some.sampled_from(ODD), some.sampled_from(ODD)), min_size=5, max_size=60))
def test_any_mixture_is_read_or_refused(tmp_path: Path, cells: list[tuple[Any, Any]]) -> None:
    folder = tmp_path / str(len(list(tmp_path.iterdir())))
    folder.mkdir()
    rows = [{"a": one, "b": other, "target": number % 3} for number, (one, other) in enumerate(cells)]
    (folder / "rows.jsonl").write_text("\n".join(json.dumps(row) for row in rows), "utf-8")
    with contextlib.suppress(UserError):
        read_strictly(folder / "rows.jsonl", folder / "v1")


@pytest.mark.parametrize("digits", [300, 308, 309, 400])
@pytest.mark.parametrize("count", [20, 60])
def test_whole_numbers_of_many_digits_are_read(tmp_path: Path, digits: int, count: int) -> None:
    big = "9" * (digits - 2)
    lines = [f"{n},{big}{n % 13:02d}" for n in range(count)]
    (tmp_path / "rows.csv").write_text("\n".join(["a,target", *lines]))
    result = read_strictly(tmp_path / "rows.csv", tmp_path / "v1")
    assert (result["rows"], [column["name"] for column in result["columns"]]) == (count, ["a", "target"])
    assert not result["problems"] or all(problem["message"] for problem in result["problems"])


def test_a_table_of_nothing_but_identifiers_says_so(tmp_path: Path) -> None:
    (tmp_path / "rows.csv").write_text("\n".join(["id,target", *(f"{10**9 + n},{'xyz'[n % 3]}" for n in range(80))]))
    result = read_strictly(tmp_path / "rows.csv", tmp_path / "v1")
    if result["suggestion"]["task"]:
        assert "no_columns" in {one["code"] for one in result["problems"] if one["severity"] == "error"}


def test_zero_bytes_of_parquet_and_workbooks_are_left_out(tmp_path: Path) -> None:
    cells = [f"a\0b {n} words of a message" for n in range(30)]
    pq.write_table(pa.table({"text": cells, "label": [f"x\0{n % 2}" for n in range(30)]}), tmp_path / "rows.parquet")
    assert read_strictly(tmp_path / "rows.parquet", tmp_path / "v1")["labels"][0]["label"] == "x0"
    sheet = [["text", "label"], *([f"a_x0000_b {n} words", f"x_x0000_{n % 2}"] for n in range(30))]
    (tmp_path / "rows.xlsx").write_bytes(data_files.workbook({"Rows": sheet}))
    read_strictly(tmp_path / "rows.xlsx", tmp_path / "v2")
