"""Rows that were added to a dataset stay when its files are read anew in another way."""

import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from tests.trainer.data_files import rows, write_csv
from trainer.__main__ import parser
from trainer.data.inspect import inspect
from trainer.errors import DataError


def added(folder: Path, *records: dict[str, str]) -> Path:
    path = folder / "added.jsonl"
    path.write_text("".join(json.dumps(record) + "\n" for record in records), "utf-8")
    return path


def test_rows_join_those_of_files(tmp_path: Path) -> None:
    more = added(tmp_path, {"label": "good", "text": "one more"})
    result = inspect([write_csv(tmp_path / "a.csv", rows())], tmp_path / "v1", append=[more])
    assert (result["rows"], pq.read_table(tmp_path / "v1/data.parquet").to_pylist()[-1]["text"]) == (61, "one more")
    assert pq.read_table(tmp_path / "v1/split.parquet").column("split").to_pylist()[-1] == "train"


def test_without_a_header_they_go_by_the_places_of_the_columns(tmp_path: Path) -> None:
    more = added(tmp_path, {"label": "good", "text": "one more"})
    files = [write_csv(tmp_path / "a.csv", rows())]
    inspect(files, tmp_path / "v1", header=0, append=[more], columns_before=["text", "label"])
    assert pq.read_table(tmp_path / "v1/data.parquet").to_pylist()[-1] == {"column_1": "one more", "column_2": "good"}


@pytest.mark.parametrize("before", [["text"], ["name", "age"]])
def test_rows_that_fit_no_column_any_more_are_told(before: list[str], tmp_path: Path) -> None:
    more = added(tmp_path, {"label": "good", "text": "one more"})
    files = [write_csv(tmp_path / "a.csv", rows())]
    result = inspect(files, tmp_path / "v1", header=0, append=[more], columns_before=before)
    assert (result["rows"], result["left_out"][0]["reason"], result["left_out"][0]["count"]) == (61, "added_rows", 1)
    with pytest.raises(DataError, match="none of the columns"):
        inspect(files, tmp_path / "v2", header=0, append=[more])


def test_rows_of_another_sheet_do_not_go_by_place(tmp_path: Path) -> None:
    more = added(tmp_path, {"label": "late", "text": "where is my parcel"})
    other = write_csv(tmp_path / "b.csv", [(f"town {n}", str(n)) for n in range(60)], "city,price")
    result = inspect([other], tmp_path / "v1", append=[more], columns_before=[])
    assert (result["rows"], result["left_out"][0]["reason"], result["left_out"][0]["count"]) == (60, "added_rows", 1)


def test_what_of_added_files_cannot_be_read_is_told(tmp_path: Path) -> None:
    (tmp_path / "more.csv").write_text("text,label\nnew,good\nlost\nnewer,bad,too,many\nlast,bad\n" * 3, "utf-8")
    inspect([write_csv(tmp_path / "a.csv", rows())], tmp_path / "v1")
    result = inspect([tmp_path / "v1"], tmp_path / "v2", append=[tmp_path / "more.csv"])
    told = sum(entry["count"] for entry in result["left_out"])
    copies = sum(entry["count"] for entry in result["problems"] if entry["code"] == "test_copies")
    assert result["rows"] - 60 + told + copies == 3 * 5 - 1


def test_the_command_takes_the_columns_as_json(tmp_path: Path) -> None:
    arguments = ["inspect", "a.csv", "--out=v1", "--append=b.csv"]
    assert parser().parse_args([*arguments, '--columns-before=["a", "b"]']).columns_before == ["a", "b"]
    assert parser().parse_args(arguments).columns_before is None
    (tmp_path / "columns.json").write_text('["a", "b"]', "utf-8")
    by_file = f"--columns-before=@{tmp_path / 'columns.json'}"
    assert parser().parse_args([*arguments, by_file]).columns_before == ["a", "b"]
    for wrong in ("[1]", "{}", "x", "@nowhere"):
        with pytest.raises(SystemExit):
            parser().parse_args([*arguments, f"--columns-before={wrong}"])
