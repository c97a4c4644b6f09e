"""A column is judged by all of its cells: the decimal mark, its currencies and its time zones; and wide tables have one limit."""

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.trainer.command import write_lines
from trainer.data.inspect import inspect
from trainer.data.loading import load
from trainer.data.mixed_checks import count_currencies, count_zones
from trainer.data.profiling import SAMPLE_CELLS
from trainer.spec import DatasetSpec
from trainer.tasks.tabular_classification import TabularClassification


def of_column(told: dict[str, Any], name: str) -> dict[str, Any]:
    return next(column for column in told["columns"] if column["name"] == name)


def test_the_decimal_mark_is_that_of_the_whole_column(tmp_path: Path) -> None:
    """The first cells tell nothing, or the opposite of most."""
    cells = ["1.5"] * 50 + ["1.234"] * SAMPLE_CELLS + [f"{row % 90},25" for row in range(500)]
    lines = [f"{cell};{'ab'[row % 2]}" for row, cell in enumerate(cells)]
    path = tmp_path / "a.csv"
    path.write_text("\n".join(["price;label", *lines]), "utf-8")
    told = inspect([path], tmp_path / "v1")
    assert of_column(told, "price")["decimal"] == ","
    reading = next(one for one in told["reading"] if one["what"] == "decimal:price")
    assert reading["doubt"]
    assert "50 cells of the column" in reading["sentence"]
    loaded = load(DatasetSpec(path=str(tmp_path / "v1")), TabularClassification)
    assert loaded.forms["price"]["decimal"] == ","


def test_several_currencies_in_a_column_are_told(tmp_path: Path) -> None:
    cells = pa.chunked_array([["$1.5", "€ 2", "USD 3", "4 EUR", "5", "£7", None]])
    assert count_currencies(cells) == {"USD": 2, "EUR": 2, "GBP": 1}
    rows = [{"price": f"{'$€'[row % 2]}{row}.50", "label": "ab"[row % 2]} for row in range(40)]
    told = inspect([write_lines(tmp_path / "a.jsonl", rows)], tmp_path / "v1")
    message = next(problem["message"] for problem in told["problems"] if problem["code"] == "mixed_currencies")
    assert "USD (20)" in message
    assert "EUR (20)" in message


@pytest.mark.parametrize(("other", "severity"), [("+08:00", "info"), ("", "warning")])
def test_several_time_zones_in_a_column_are_told(tmp_path: Path, other: str, severity: str) -> None:
    times = pa.chunked_array(
        [["2026-01-01T10:00:00Z", "2026-01-01T10:00:00+00:00", "2026-01-01 10:00 CET", "2026-01-01", None]]
    )
    assert count_zones(times) == {"UTC": 2, "CET": 1}
    rows = [
        {
            "when": f"2026-01-{row % 28 + 1:02d}T10:00:00{'Z' if row % 2 else other}",
            "n": row % 7,
            "label": "ab"[row % 2],
        }
        for row in range(40)
    ]
    told = inspect([write_lines(tmp_path / "a.jsonl", rows)], tmp_path / "v1")
    assert {problem["code"]: problem["severity"] for problem in told["problems"]}["mixed_time_zones"] == severity


@pytest.mark.parametrize("form", ["parquet", "arrow", "jsonl"])
def test_a_wide_table_has_the_same_limit_in_every_format(tmp_path: Path, form: str) -> None:
    row = {f"f{place}": f"{place}" for place in range(2_100)} | {"label": "x"}
    table = pa.Table.from_pylist([row | {"label": "ab"[number % 2]} for number in range(12)])
    path = tmp_path / f"a.{form}"
    if form == "parquet":
        pq.write_table(table, path)
    elif form == "arrow":
        with pa.ipc.new_file(path, table.schema) as file:
            file.write_table(table)
    else:
        write_lines(path, table.to_pylist())
    told = inspect([path], tmp_path / "v1")
    assert (len(told["columns"]), told["rows"]) == (2_000, 12)
    assert told["columns"][-1]["name"] == "label"
    assert "left_out_columns" in {problem["code"] for problem in told["problems"]}
