"""Pictures, sounds and texts that nothing says the labels of are kept, so that people can label them."""

from pathlib import Path

import pytest

from tests.trainer.data_files import picture, sound, zipped
from trainer.data.inspect import inspect
from trainer.errors import DataError
from trainer.json_types import JsonObject

PICTURES = {f"IMG_{n:04}.png": picture(n + 1) for n in range(6)}


def below(folder: str, files: dict[str, bytes]) -> dict[str, bytes]:
    return {f"{folder}/{name}": data for name, data in files.items()}


def read(files: dict[str, bytes], tmp_path: Path, **options: object) -> JsonObject:
    path = zipped(tmp_path / "a.zip", files)
    return inspect([path], tmp_path / f"v{len(list(tmp_path.iterdir()))}", **options)  # type: ignore[arg-type]


def sentences(result: JsonObject) -> list[str]:
    return [entry["sentence"] for entry in result["reading"] if entry["what"] in ("unlabelled", "one_folder")]


@pytest.mark.parametrize("folders", [(), ("photos",), ("train", "test"), ("unlabeled",)])
def test_pictures_without_labels_wait_for_them(folders: tuple[str, ...], tmp_path: Path) -> None:
    names = list(PICTURES)
    files = {
        f"{folders[place % len(folders)]}/{name}" if folders else name: PICTURES[name]
        for place, name in enumerate(names)
    }
    result = read(files, tmp_path)
    assert (result["split"]["pool"], result["split"]["unused"], result["label_total"]) == (6, 0, 0)
    assert sentences(result) == ["6 pictures without labels: label them here"]
    assert result["suggestion"]["columns"] == {"image": "image", "label": "label"}
    assert result["suggestion"]["sentence"] == "Predict label from the images."
    assert not result["suggestion"]["trainable"]
    assert [entry["message"] for entry in result["problems"]] == ["No row has a label yet. Label some, then train."]


def test_sounds_without_labels_wait_for_them(tmp_path: Path) -> None:
    result = read({f"rec{n}.wav": sound(n + 1) for n in range(3)}, tmp_path)
    assert (result["suggestion"]["task"], result["split"]["pool"]) == ("audio-classification", 3)
    assert sentences(result) == ["3 recordings without labels: label them here"]


def test_one_folder_is_no_label_unless_it_is_said_to_be(tmp_path: Path) -> None:
    files = below("holiday", PICTURES)
    result = read(files, tmp_path)
    assert (result["split"]["pool"], result["label_total"]) == (6, 0)
    (reading,) = (entry for entry in result["reading"] if entry["what"] == "one_folder")
    assert (reading["others"], reading["doubt"]) == (["label"], False)
    asked = read(files, tmp_path, readings={"one_folder": "label"})
    assert [entry["label"] for entry in asked["labels"]] == ["holiday"]


@pytest.mark.parametrize(
    "folders",
    [
        ("100CANON", "101CANON"),
        ("DCIM/100_PANA", "DCIM/101_PANA"),
        ("Phone/DCIM/Camera", "Phone/Pictures/Screenshots"),
        ("2024-05-06", "2024-05-07"),
        ("20240506", "20240507"),
    ],
)
def test_folders_that_devices_name_are_no_labels_unless_it_is_said(folders: tuple[str, str], tmp_path: Path) -> None:
    files = {f"{folders[place % 2]}/{name}": data for place, (name, data) in enumerate(PICTURES.items())}
    result = read(files, tmp_path)
    assert (result["split"]["pool"], result["label_total"]) == (6, 0)
    assert sentences(result) == ["6 pictures without labels: label them here"]
    (reading,) = (entry for entry in result["reading"] if entry["what"] == "device_folders")
    assert reading["sentence"].startswith("Folders that cameras and phones name are no labels: “")
    asked = read(files, tmp_path, readings={"device_folders": "label"})
    assert asked["split"]["pool"] == 0


@pytest.mark.parametrize(
    "folder", ["{label}/100CANON", "{label}/Camera", "DCIM/101MSDCF/{label}", "{label}/2024-05-06"]
)
def test_classes_above_or_below_them_are_labels(folder: str, tmp_path: Path) -> None:
    files = {f"{folder.format(label='ab'[n % 2])}/{n}.png": picture(n + 50) for n in range(12)}
    result = read(files | below("102APPLE", PICTURES), tmp_path)
    assert [entry["label"] for entry in result["labels"]] == ["a", "b"]
    assert result["split"]["pool"] == 6


def test_a_camera_among_things_is_one_of_them(tmp_path: Path) -> None:
    files = {f"{('camera', 'chair')[n % 2]}/{n}.png": picture(n + 50) for n in range(12)}
    assert [entry["label"] for entry in read(files, tmp_path)["labels"]] == ["camera", "chair"]


def test_pictures_beside_class_folders_are_kept_without_a_label(tmp_path: Path) -> None:
    classes = {f"{'ab'[n % 2]}/{n}.png": picture(n + 50) for n in range(12)}
    result = read(classes | PICTURES, tmp_path)
    assert (result["label_total"], result["split"]["pool"], result["suggestion"]["trainable"]) == (2, 6, True)
    assert sentences(result) == ["6 pictures without labels: label them here"]


def test_labels_that_nobody_understood_are_told(tmp_path: Path) -> None:
    with pytest.raises(DataError) as caught:
        read(PICTURES | {"labels.csv": b"who,label\nx,a\ny,b\n"}, tmp_path)
    assert (caught.value.code, str(caught.value)) == ("no_labels", "labels.csv names none of the 6 pictures in a.zip.")
    assert read(PICTURES | {"README.txt": b"Pictures of holidays\n"}, tmp_path)["split"]["pool"] == 6


@pytest.mark.parametrize("folder", ["", "mails/"])
@pytest.mark.parametrize("packed", [True, False])
def test_a_few_texts_are_a_row_each(folder: str, packed: bool, tmp_path: Path) -> None:
    files = {f"{folder}mail{n}.txt": f"My order {n} has not come.\nYours, Anna".encode() for n in range(5)}
    sent = [zipped(tmp_path / "a.zip", files)] if packed else loose(files, tmp_path)
    result = inspect(sent, tmp_path / "v1")
    assert (result["rows"], result["suggestion"]["columns"]) == (5, {"text": "text"})
    assert sentences(result) == ["5 texts without labels: label them here"]


def loose(files: dict[str, bytes], tmp_path: Path) -> list[Path]:
    paths = [tmp_path / name.rpartition("/")[2] for name in files]
    for path, data in zip(paths, files.values(), strict=True):
        path.write_bytes(data)
    return paths
