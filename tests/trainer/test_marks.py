"""A mark and blanks are yes and no, and how they were read is told with the other choice."""

from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from trainer.data.inspect import inspect


def read(cells: list[str], place: Path, name: str, **options: Any) -> tuple[dict[str, Any], list[str]]:
    rows = [f'"{cell}",{number % 7},{"yes" if number % 3 else "no"}' for number, cell in enumerate(cells)]
    (place / "data.csv").write_text("\n".join([f"{name},visits,bought", *rows]), "utf-8")
    version = place / f"version{len(list(place.glob('version*')))}"
    result = inspect([place / "data.csv"], version, **options)
    return result, pq.read_table(version / "data.parquet").column(name).to_pylist()


def kind_of(result: dict[str, Any], name: str) -> str:
    return next(column["kind"] for column in result["columns"] if column["name"] == name)


def reading_of(result: dict[str, Any], what: str) -> dict[str, Any]:
    return next(reading for reading in result["reading"] if reading["what"] == what)


def test_a_mark_and_a_blank_are_yes_and_no(tmp_path: Path) -> None:
    cells = ["x" if number % 3 else "" for number in range(60)]
    result, stored = read(cells, tmp_path, "member")
    assert (kind_of(result, "member"), set(stored)) == ("boolean", {"yes", "no"})
    reading = reading_of(result, "marks:member")
    assert (reading["chosen"], reading["others"]) == ("yes-no", ["keep"])
    result, kept = read(cells, tmp_path, "member", readings={"marks:member": "keep"})
    assert [cell or "" for cell in kept] == cells
