"""Tables beside folders: a row for each folder of a patient or site, names of files with other endings and without their zeros, lists of
parts, files beside each image, and folders that say a part and a class at once or only a part."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from tests.trainer.data_files import picture, workbook, zipped
from trainer.data.folder_levels import divide_folders, read_roles
from trainer.data.inspect import inspect
from trainer.json_types import JsonObject

RIPE = ("ripe", "raw")


def pictures(*names: str) -> dict[str, bytes]:
    return {name: picture(number + 1) for number, name in enumerate(names)}


def labels(result: JsonObject) -> dict[str, int]:
    return {label["label"]: label["count"] for label in result["labels"]}


def read(tmp_path: Path, files: dict[str, bytes], **apart: bytes) -> JsonObject:
    """`apart`: files sent beside the archive, `_` for the dot."""
    paths = [zipped(tmp_path / "a.zip", files)]
    for name, data in apart.items():
        paths.append(tmp_path / name.replace("_", "."))
        paths[-1].write_bytes(data)
    return inspect(paths, tmp_path / "v1")


def table(rows: list[tuple[Any, ...]]) -> bytes:
    return "\n".join(",".join(map(str, row)) for row in rows).encode()


PATIENTS = [("patient_id", "diagnosis", "age"), *((f"p{n:02}", RIPE[n % 2], 40 + n) for n in range(8))]
BY_PATIENT = [f"p{n:02}/{shot}.png" for n in range(8) for shot in range(3)]


@pytest.mark.parametrize("form", ["inside", "apart", "workbook"])
def test_a_row_for_each_folder(form: str, tmp_path: Path) -> None:
    files = pictures(*BY_PATIENT) | ({"patients.csv": table(PATIENTS)} if form == "inside" else {})
    sheet = workbook({"S": [list(row) for row in PATIENTS]})
    apart = {"apart": {"patients_csv": table(PATIENTS)}, "workbook": {"patients_xlsx": sheet}}.get(form, {})
    result = read(tmp_path, files, **apart)
    assert labels(result) == {"ripe": 12, "raw": 12}
    assert result["split"]["wanted"]["group"] == "patient_id"
    assert any(entry["what"] == "folders_of_table" for entry in result["reading"])
    rows = pq.read_table(tmp_path / "v1/data.parquet").to_pylist()
    assert all(row["patient_id"] == row["file"][:3] for row in rows)


def test_folders_by_number_with_files_by_number(tmp_path: Path) -> None:
    """A row for each folder and not for the files of the same names, of which each folder has one."""
    files = pictures(*(f"{n}/{shot}.png" for n in range(4) for shot in range(4)))
    result = read(tmp_path, files, labels_csv=table([("id", "state"), *((n, RIPE[n % 2]) for n in range(4))]))
    assert (result["rows"], labels(result)) == (16, {"ripe": 8, "raw": 8})


def test_folders_that_are_not_there_are_told(tmp_path: Path) -> None:
    result = read(tmp_path, pictures(*BY_PATIENT) | {"patients.csv": table([*PATIENTS, ("p99", "ripe", 9)])})
    assert [problem["count"] for problem in result["problems"] if problem["code"] == "bad_rows"] == [1]


def test_files_of_folders_that_the_table_does_not_name_are_told(tmp_path: Path) -> None:
    result = read(tmp_path, pictures(*BY_PATIENT) | {"patients.csv": table(PATIENTS[:-1])})
    assert [(entry["reason"], entry["count"]) for entry in result["left_out"]] == [("unnamed", 3)]


NAMED: dict[str, tuple[Callable[[int], str], Callable[[int], str]]] = {
    "without zeros": (lambda n: f"{n:05}.png", str),
    "another ending": (lambda n: f"a{n}.png", lambda n: f"a{n}.jpg"),
    "another path and ending": (lambda n: f"a{n}.png", lambda n: f"C:\\photos\\a{n}.JPEG"),
    "without an ending": (lambda n: f"a{n}.png", lambda n: f"a{n}"),
}


@pytest.mark.parametrize("case", NAMED)
def test_names_of_files_as_tables_have_them(case: str, tmp_path: Path) -> None:
    file, cell = NAMED[case]
    rows = [("id", "label"), *((cell(n), RIPE[n % 2]) for n in range(12))]
    assert labels(read(tmp_path, pictures(*map(file, range(12))), labels_csv=table(rows))) == {"ripe": 6, "raw": 6}


def test_numbers_that_two_files_share_name_none_of_them(tmp_path: Path) -> None:
    files = pictures(*(f"{RIPE[n % 2]}/{n // 2:03}.png" for n in range(12)))
    rows = [("id", "weight"), *((n, 3 * n) for n in range(6))]
    assert labels(read(tmp_path, files | {"weights.csv": table(rows)})) == {"ripe": 6, "raw": 6}


def test_lists_of_parts_divide_the_images(tmp_path: Path) -> None:
    lists = {"train.txt": range(12), "val.txt": range(12, 16)}
    listed = {name: "".join(f"images/{n}.png {n % 2}\n" for n in some).encode() for name, some in lists.items()}
    files = pictures(*(f"images/{n}.png" for n in range(16))) | listed | {"classes.txt": b"ripe\nraw\n"}
    result = read(tmp_path, files)
    assert labels(result) == {"ripe": 8, "raw": 8}
    assert (result["split"]["given"], result["split"]["validation"]) == (True, 4)


def test_images_and_their_files_in_two_archives(tmp_path: Path) -> None:
    images = zipped(tmp_path / "images.zip", pictures(*(f"{n}.png" for n in range(12))))
    texts = zipped(tmp_path / "texts.zip", {f"{n}.txt": RIPE[n % 2].encode() for n in range(12)})
    assert labels(inspect([images, texts], tmp_path / "v1")) == {"ripe": 6, "raw": 6}


@pytest.mark.parametrize("ending", [".json", ".supplemental-metadata.json", ".supplemental-me.json"])
def test_descriptions_of_google_takeout_beside_class_folders(ending: str, tmp_path: Path) -> None:
    names = [f"{ripe}/{n}.png" for ripe in RIPE for n in range(6)]
    described = {
        f"{name}{ending}": json.dumps({"title": name.rpartition("/")[2], "views": n}).encode()
        for n, name in enumerate(names)
    }
    result = read(tmp_path, pictures(*names) | described)
    assert labels(result) == {"ripe": 6, "raw": 6}
    assert "title" not in [column["name"] for column in result["columns"]]
    assert result["suggestion"]["task"] == "image-classification"


def test_images_to_test_on_without_a_class_are_told(tmp_path: Path) -> None:
    files = pictures(
        *(f"train/{ripe}/{n}.png" for ripe in RIPE for n in range(8)), *(f"test/{n}.png" for n in range(5))
    )
    result = read(tmp_path, files)
    assert labels(result) == {"ripe": 8, "raw": 8}
    assert [problem["count"] for problem in result["problems"] if problem["code"] == "given_part_unanswered"] == [5]


def test_folders_that_say_part_and_class_at_once(tmp_path: Path) -> None:
    result = read(
        tmp_path, pictures(*(f"{part}_{ripe}/{n}.png" for part in ("train", "Test") for ripe in RIPE for n in range(5)))
    )
    assert labels(result) == {"ripe": 10, "raw": 10}
    assert (result["split"]["given"], result["split"]["test"]) == (True, 10)


@pytest.mark.parametrize(
    "names",
    [
        ("train_images", "test_images"),
        ("test positive", "test negative"),
        ("train_a", "test_b"),
        ("train_ripe", "test_ripe"),
        ("bus", "train_ripe", "test_ripe"),
    ],
)
def test_folders_that_are_no_part_and_class(names: tuple[str, ...]) -> None:
    paths = [[name] for name in names for _file in range(3)]
    assert divide_folders(paths) == paths


def test_the_folder_in_which_each_file_lies_is_no_part() -> None:
    roles = read_roles([*[["train", ripe] for ripe in RIPE for _n in range(4)], *[["test"]] * 3])
    assert roles.labels == ["ripe"] * 4 + ["raw"] * 4 + [""] * 3
    assert set(roles.parts) == {"train", "test"}
    assert len(roles.scored) == 1


@pytest.mark.parametrize(
    ("files", "words"),
    [
        (
            {"l.csv": table([("file", "red", "big", "old"), *((f"{n}.png", n % 2, n % 3 // 2, 1) for n in range(12))])},
            "holds several labels in a cell",
        ),
        (
            {f"{n}.txt": f"a photo of number {n} on a table".encode() for n in range(12)},
            "describes each image in words",
        ),
    ],
)
def test_what_no_task_learns_of_images_is_said(files: dict[str, bytes], words: str, tmp_path: Path) -> None:
    result = read(tmp_path, pictures(*(f"{n}.png" for n in range(12))) | files)
    assert result["suggestion"]["task"] is None
    assert words in result["suggestion"]["sentence"]
