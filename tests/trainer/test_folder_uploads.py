"""Folders as browsers pack them and as computers leave them: hidden files, empty folders, names written in two ways."""

import io
import tarfile
import unicodedata
from pathlib import Path

from tests.trainer.data_files import classes, picture, zipped
from trainer.data.intake import read_files


def tarred(path: Path, files: dict[str, bytes], folders: tuple[str, ...] = ()) -> Path:
    with tarfile.open(path, "w", format=tarfile.USTAR_FORMAT) as archive:
        for name in folders:
            info = tarfile.TarInfo(name)
            info.type = tarfile.DIRTYPE
            archive.addfile(info)
        for name, data in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return path


def test_hidden_files_are_counted_and_empty_folders_named(tmp_path: Path) -> None:
    photos = {f"photos/{name}": data for name, data in classes().items()}
    junk = {"photos/.DS_Store": b"", "photos/cat/Thumbs.db": b"", "photos/.git/objects/ab": b""}
    dataset = read_files([tarred(tmp_path / "photos.tar", photos | junk, ("photos", "photos/cat", "photos/bird"))])
    assert [(entry["reason"], entry["count"]) for entry in dataset.left_out] == [("hidden", 3)]
    [problem] = [problem for problem in dataset.problems if problem["code"] == "empty_folders"]
    assert (problem["count"], problem["examples"]) == (1, ["photos/bird"])
    assert dataset.rows == len(photos)


def test_a_zip_that_lists_its_folders_has_no_empty_one(tmp_path: Path) -> None:
    files = {"photos/": b"", "photos/cat/": b"", "photos/dog/": b""}
    photos = {f"photos/{name}": data for name, data in classes().items()}
    dataset = read_files([zipped(tmp_path / "photos.zip", files | photos)])
    assert not [problem for problem in dataset.problems if problem["code"] == "empty_folders"]
    assert not dataset.left_out


def test_accents_are_the_same_however_a_computer_writes_them(tmp_path: Path) -> None:
    mac = unicodedata.normalize("NFD", "café")
    files = {f"train/café/{number}.png": picture(number) for number in range(8)}
    files |= {f"test/{mac}/{number}.png": picture(number + 20) for number in range(4)}
    files |= {f"train/thé/{number}.png": picture(number + 40) for number in range(8)}
    dataset = read_files([tarred(tmp_path / "places.tar", files)])
    assert set(dataset.column("label").to_pylist()) == {"café", "thé"}


def test_a_table_names_files_as_another_computer_writes_them(tmp_path: Path) -> None:
    mac = unicodedata.normalize("NFD", "é")
    files = {f"{mac}{number}.png": picture(number) for number in range(12)}
    table = "file_name,label\n" + "".join(f"é{number}.png,{'ab'[number % 2]}\n" for number in range(12))
    dataset = read_files([zipped(tmp_path / "photos.zip", files | {"metadata.csv": table.encode()})])
    assert dataset.rows == 12


def test_each_level_that_may_be_the_label_is_previewed(tmp_path: Path) -> None:
    files = {
        f"{fruit}/{colour}/{number}.png": picture(9 * number + place)
        for place, (fruit, colour) in enumerate(
            (fruit, colour) for fruit in ("apple", "pear") for colour in ("red", "green")
        )
        for number in range(4)
    }
    dataset = read_files([zipped(tmp_path / "fruit.zip", files)])
    [reading] = [reading for reading in dataset.readings if reading["what"] == "label_folder"]
    [other] = reading["choices"]
    previews = {reading["chosen"]: reading["preview"], other["choice"]: other["preview"]}
    assert previews["1"] == {
        "columns": ["file", "label"],
        "rows": [["apple/red/0.png", "apple"], ["pear/red/0.png", "pear"]],
    }
    assert [row[1] for row in previews["2"]["rows"]] == ["red", "green"]
