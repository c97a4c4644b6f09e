"""What may name a file or a part and may be anything else: numbers in cells, lists beside folders. Taken with the doubt told, or not."""

from pathlib import Path

import pyarrow.parquet as pq
import pytest

from tests.trainer.data_files import picture, zipped
from trainer.data.inspect import inspect
from trainer.errors import DataError
from trainer.json_types import JsonObject

KINDS = ("dog", "cat")


def read(tmp_path: Path, files: dict[str, bytes], **choices: str) -> JsonObject:
    result: JsonObject = inspect([zipped(tmp_path / "a.zip", files)], tmp_path / "v", readings=choices)
    return result


def readings(result: JsonObject, what: str) -> list[JsonObject]:
    return [entry for entry in result["reading"] if entry["what"].partition(":")[0] == what]


def rows_of(tmp_path: Path) -> list[JsonObject]:
    rows = pq.read_table(tmp_path / "v/data.parquet").to_pylist()
    parts = pq.read_table(tmp_path / "v/split.parquet").column("split").to_pylist()
    return [row | {"split": part} for row, part in zip(rows, parts, strict=True)]


def pictures(form: str, count: int = 30) -> dict[str, bytes]:
    return {form.format(n): picture(n * 7) for n in range(count)}


def table(header: str, firsts: list[int]) -> bytes:
    return "\n".join([header, *(f"{cell},{KINDS[n % 2]}" for n, cell in enumerate(firsts))]).encode()


# Numbers that may be names


@pytest.mark.parametrize("form", ["{:03}.png", "{}.png"])
@pytest.mark.parametrize("column", ["age", "count", "class_size", "label_nr"])
@pytest.mark.parametrize("firsts", [list(range(29, -1, -1)), [n * 7 % 9 for n in range(30)]])
def test_numbers_are_no_names_by_their_values_alone(form: str, column: str, firsts: list[int], tmp_path: Path) -> None:
    if column == "label_nr":
        firsts = [n % 9 for n in firsts]
    with pytest.raises(DataError):
        read(tmp_path, pictures(form) | {"people.csv": table(f"{column},label", firsts)})


@pytest.mark.parametrize(
    ("form", "column", "doubt"),
    [
        ("{:03}.png", "id", True),
        ("{:03}.png", "image", True),
        ("{}.png", "ImageId", False),
        ("{}.png", "nr", True),
        ("{}.png", "file name", False),
    ],
)
def test_numbers_are_names_in_columns_that_are_called_so(form: str, column: str, doubt: bool, tmp_path: Path) -> None:
    files = pictures(form) | {"labels.csv": table(f"{column},label", list(range(30)))}
    result = read(tmp_path, files)
    told = readings(result, "file_numbers")
    assert [(entry["doubt"], entry["others"], entry["column"]) for entry in told] == [(doubt, ["none"], column)]
    assert {(int(Path(row["file"]).stem) % 2, row["label"]) for row in rows_of(tmp_path)} == {(0, "dog"), (1, "cat")}


def test_numbers_can_be_said_to_be_names_and_to_be_none(tmp_path: Path) -> None:
    files = pictures("{:03}.png") | {"labels.csv": table("age,label", list(range(30)))}
    result = read(tmp_path, files, **{"file_numbers:age": "names"})
    assert [entry["asked"] for entry in readings(result, "file_numbers")] == [True]
    files = pictures("{:03}.png") | {"labels.csv": table("id,label", list(range(30)))}
    (tmp_path / "other").mkdir()
    with pytest.raises(DataError):
        read(tmp_path / "other", files, **{"file_numbers:id": "none"})


def test_a_list_of_numbers_that_come_again_names_no_files(tmp_path: Path) -> None:
    lines = "\n".join(f"{n % 6} {KINDS[n % 2]}" for n in range(30)).encode()
    with pytest.raises(DataError):
        read(tmp_path, pictures("{:03}.png") | {"people.txt": lines})


def test_folders_that_numbers_name_are_a_doubt(tmp_path: Path) -> None:
    files = {f"{n // 3}/{n}.png": picture(n * 7) for n in range(30)}
    files["sites.csv"] = table("site,label", list(range(10)))
    (told,) = readings(read(tmp_path, files), "folders_of_table")
    assert (told["doubt"], told["others"]) == (True, ["none"])


# Lists beside folders


def divided() -> dict[str, bytes]:
    paths = [f"{part}/{kind}/{n}.png" for part in ("train", "test") for kind in KINDS for n in range(12)]
    return {path: picture(place * 5) for place, path in enumerate(paths)}


def parts_of(tmp_path: Path) -> dict[str, set[str]]:
    parts: dict[str, set[str]] = {}
    for row in rows_of(tmp_path):
        parts.setdefault(row["file"].partition("/")[0], set()).add(row["split"])
    return parts


def test_a_list_of_one_part_leaves_the_other_folders_where_they_are(tmp_path: Path) -> None:
    named = [f"train/{kind}/{n}.png" for kind in KINDS for n in range(2)]
    result = read(tmp_path, divided() | {"val_list.txt": "\n".join(named).encode()})
    assert parts_of(tmp_path) == {"train": {"train", "validation"}, "test": {"test"}}
    assert sum(row["split"] == "validation" for row in rows_of(tmp_path)) == 4
    (told,) = readings(result, "part_lists")
    assert (told["chosen"], told["others"], told["doubt"]) == ("lists", ["folders"], True)
    assert told["sentence"] == (
        "Lists give the split: val_list.txt; 4 files are in another part than their folders say"
    )


def test_the_folders_count_where_somebody_says_so(tmp_path: Path) -> None:
    named = "\n".join(f"test/{kind}/{n}.png" for kind in KINDS for n in range(12)).encode()
    result = read(tmp_path, divided() | {"train_list.txt": named}, part_lists="folders")
    assert parts_of(tmp_path)["test"] == {"test"}
    assert [entry["asked"] for entry in readings(result, "part_lists")] == [True]


def test_lists_of_what_folders_do_not_divide_are_no_doubt(tmp_path: Path) -> None:
    files = {
        f"{kind}/{n}.png": picture(n * 5 + len(kind) * place) for place, kind in enumerate(KINDS) for n in range(20)
    }
    files["testing_list.txt"] = "\n".join(f"{kind}/{n}.png" for kind in KINDS for n in range(4)).encode()
    result = read(tmp_path, files)
    assert [entry["doubt"] for entry in readings(result, "part_lists")] == [False]
    tested = {row["file"] for row in rows_of(tmp_path) if row["split"] == "test"}
    assert tested == {f"{kind}/{n}.png" for kind in KINDS for n in range(4)}
