"""Which level of folders tells the part, the class and the group: every reading scored, the doubt told, another asked for."""

from itertools import product
from pathlib import Path

import pytest

from tests.trainer.data_files import picture, zipped
from trainer.data.folder_levels import read_roles
from trainer.data.inspect import inspect
from trainer.errors import UserError

RIPE = ("ripe", "unripe")
CAMERAS = ("cam1", "cam2", "cam3", "cam4", "cam5")


def grid(*levels: tuple[str, ...], each: int = 4) -> list[list[str]]:
    return [list(path) for path in product(*levels) for _file in range(each)]


@pytest.mark.parametrize(
    ("folders", "labels", "parts", "groups"),
    [
        (grid(("train", "val"), ("images",), RIPE), RIPE, ("train", "validation"), ()),
        (grid(CAMERAS, RIPE), RIPE, ("",), CAMERAS),
        (grid(RIPE, CAMERAS), RIPE, ("",), CAMERAS),
        (grid(("train", "test"), CAMERAS, RIPE), RIPE, ("train", "test"), CAMERAS),
        (grid(("farm north", "farm south"), RIPE), RIPE, ("",), ("farm north", "farm south")),
        (grid(RIPE, ("2024-05-01", "2024-05-02")), RIPE, ("",), ("2024-05-01", "2024-05-02")),
        (grid(("Monday", "Tuesday"), RIPE), RIPE, ("",), ("Monday", "Tuesday")),
        (grid(("train", "bus", "car")), ("train", "bus", "car"), ("",), ()),
        (grid(("train", "test"), ("train", "bus")), ("train", "bus"), ("train", "test"), ()),
        (grid(("prod", "test")), ("prod", "test"), ("",), ()),
        (grid(("train", "test", "extra"), RIPE), RIPE, ("train", "test", ""), ()),
        (grid(("train_images", "Test Set"), RIPE), RIPE, ("train", "test"), ()),
        (grid(RIPE, ("train", "test")), RIPE, ("train", "test"), ()),
        (grid(("0", "1", "2")), ("0", "1", "2"), ("",), ()),
        (grid(("grade_1", "grade_2")), ("grade_1", "grade_2"), ("",), ()),
        (grid(("person1", "person2"), RIPE, ("take1", "take2")), RIPE, ("",), ("person1", "person2")),
    ],
)
def test_levels_are_parts_classes_and_groups(
    folders: list[list[str]], labels: tuple[str, ...], parts: tuple[str, ...], groups: tuple[str, ...]
) -> None:
    roles = read_roles(folders)
    assert (set(roles.labels), set(roles.parts), set(roles.groups)) == (set(labels), set(parts), set(groups))
    assert roles.is_sure


def test_kinds_of_kinds_are_a_doubt_and_either_can_be_asked_for() -> None:
    folders = grid(("animals",), ("cat", "dog")) + grid(("vehicles",), ("car", "bus"))
    roles = read_roles(folders)
    assert not roles.is_sure
    assert {level.value for _points, level in roles.scored} == {"1", "2"}
    assert set(read_roles(folders, "2").labels) == {"cat", "dog", "car", "bus"}
    assert set(read_roles(folders, "1").labels) == {"animals", "vehicles"}


def test_cameras_divide_the_rows_and_the_sentence_says_so(tmp_path: Path) -> None:
    files = {
        f"{camera}/{label}/{n}.png": picture(100 * place + 10 * n + len(label))
        for place, camera in enumerate(CAMERAS)
        for label in RIPE
        for n in range(4)
    }
    result = inspect([zipped(tmp_path / "a.zip", files)], tmp_path / "v1")
    assert result["split"]["how"] == "by group"
    assert result["suggestion"]["roles"]["camera"] == "group"
    assert {entry["label"] for entry in result["labels"]} == set(RIPE)
    (reading,) = result["reading"]
    assert (reading["what"], reading["chosen"], reading["others"]) == ("label_folder", "2", ["1"])
    assert "camera" in reading["sentence"]
    other = inspect([tmp_path / "a.zip"], tmp_path / "v2", readings={"label_folder": "1"})
    assert {entry["label"] for entry in other["labels"]} == set(CAMERAS)
    drawn = inspect([tmp_path / "a.zip"], tmp_path / "v3", split={"group": None})
    assert drawn["split"]["how"] != "by group"
    with pytest.raises(UserError) as caught:
        inspect([tmp_path / "a.zip"], tmp_path / "v4", readings={"label_folder": "7"})
    assert caught.value.code == "bad_reading"
