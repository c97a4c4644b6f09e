"""Classes that folders and columns call by ids, with their names in a file beside them."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.trainer.data_files import picture, zipped
from trainer.data.class_names import names_of_labels, parse_table, parse_text
from trainer.data.inspect import inspect
from trainer.json_types import JsonObject

FOLDERS = {
    "counted": (["0", "1", "2"], "classes.txt", b"ripe\nraw\nrotten\n"),
    "counted from 1": (["1", "2", "3"], "labels.txt", b"ripe\nraw\nrotten\n"),
    "ids by name": (["0", "1", "2"], "class_indices.json", b'{"ripe": 0, "raw": 1, "rotten": 2}'),
    "names by id": (["1", "2", "3"], "cat_to_name.json", b'{"1": "ripe", "2": "raw", "3": "rotten", "4": "gone"}'),
    "letters": (["c0", "c1", "c2"], "names.json", b'{"c0": "ripe", "c1": "raw", "c2": "rotten"}'),
    "zeros": (["00000", "00001", "00002"], "signnames.csv", b'ClassId,SignName\n0,ripe\n1,raw\n2,"rotten"\n'),
    "synsets": (["n01440764", "n01443537", "n01484850"], "words.txt", b"n01440764\tripe\nn01443537\traw\nn01484850\trotten\n"),
    "Keras": (["n01440764", "n01443537", "n01484850"], "imagenet_class_index.json", b'{"0": ["n01440764", "ripe"], "1": ["n01443537", "raw"], "2": ["n01484850", "rotten"]}'),
    "categories": (["6", "11", "12"], "label_descriptions.json", b'{"categories": [{"id": 6, "name": "ripe"}, {"id": 11, "name": "raw"}, {"id": 12, "name": "rotten"}]}'),
}  # fmt: skip


def read(tmp_path: Path, files: dict[str, bytes], **options: Any) -> JsonObject:
    return inspect([zipped(tmp_path / "photos.zip", files)], tmp_path / "version", **options)


def folders(names: list[str]) -> dict[str, bytes]:
    return {f"{name}/p{n}.png": picture(10 * place + n) for place, name in enumerate(names) for n in range(4)}


def labels(result: JsonObject) -> dict[str, int]:
    return {label["label"]: label["count"] for label in result["labels"]}


@pytest.mark.parametrize("case", FOLDERS)
def test_folders_called_by_ids_have_the_names_of_a_file_beside_them(tmp_path: Path, case: str) -> None:
    names, file, data = FOLDERS[case]
    result = read(tmp_path, folders(names) | {file: data})
    assert labels(result) == {"ripe": 4, "raw": 4, "rotten": 4}
    assert "label_names" in {reading["what"].partition(":")[0] for reading in result["reading"]}
    assert not result["left_out"]


@pytest.mark.parametrize(
    ("file", "data"),
    [
        ("readme.txt", b"Photos of fruit\ntaken in May\nby us\n"),
        ("classes.txt", b"ripe\nraw\n"),
        ("broken.json", b'{"0": "ripe"'),
        ("counts.json", b'{"0": 4, "1": 4, "2": 4}'),
    ],
)
def test_other_files_name_no_classes(tmp_path: Path, file: str, data: bytes) -> None:
    """A name a line counts only in a file that is called so, and each class has a name of its own."""
    result = read(tmp_path, folders(["0", "1", "2"]) | {file: data})
    assert set(labels(result)) == {"0", "1", "2"}


def test_a_table_of_pictures_with_ids_of_classes(tmp_path: Path) -> None:
    rows = "".join(f"{n}.png,{n % 2}\n" for n in range(8))
    files = {f"{n}.png": picture(n) for n in range(8)} | {"table.csv": b"file,class_id\n" + rows.encode()}
    assert labels(read(tmp_path, files | {"classes.txt": b"ripe\nraw\n"})) == {"ripe": 4, "raw": 4}


def test_folders_of_texts_called_by_ids(tmp_path: Path) -> None:
    texts = {
        f"{place}/t{n}.txt": f"The order number {n} of shop {place} is late.".encode()
        for place in range(2)
        for n in range(8)
    }
    result = read(tmp_path, texts | {"labels.json": b'{"0": "refund", "1": "invoice"}'})
    assert labels(result) == {"refund": 8, "invoice": 8}
    assert not result["left_out"]


def test_a_table_of_texts_with_ids_of_classes(tmp_path: Path) -> None:
    table, names = tmp_path / "table.csv", tmp_path / "classes.txt"
    table.write_text("text,class_id\n" + "".join(f"the order number {n} is late,{n % 2}\n" for n in range(8)))
    names.write_text("refund\ninvoice\n")
    assert labels(inspect([table, names], tmp_path / "version")) == {"refund": 4, "invoice": 4}


def test_forms_of_names() -> None:
    assert parse_text(b"0 ripe\n1: raw\n") == {"0": "ripe", "1": "raw"}
    assert parse_text(b"id name\n4,ripe\n5,raw\n") == {"4": "ripe", "5": "raw"}
    assert parse_text(b'0,"ripe, red",x\n1,"raw"\n') == {"0": "ripe, red", "1": "raw"}
    assert parse_text(json.dumps([{"id": 1, "name": "a"}, {"id": 2}]).encode()) == {}
    assert parse_text(b"\xff\xfe") == parse_text(b"[1, 2]") == parse_text(b"{}") == parse_text(b"") == {}
    assert parse_table(b"name;id\nripe;1\nraw;2\n") == {"id": "name", "1": "ripe", "2": "raw"}
    assert parse_table(b"id,name\n1,ripe\n1,raw\n") == parse_table(b"alone\nraw\n") == {}


def test_a_table_of_labels_is_no_file_of_names(tmp_path: Path) -> None:
    """A competition's values and labels apart, each with a key."""
    values, answers = tmp_path / "train_values.csv", tmp_path / "train_labels.csv"
    values.write_text("id,wall,floors\n" + "".join(f"{n},{'brick' if n % 3 else 'mud'},{n % 4}\n" for n in range(40)))
    answers.write_text("id,damage\n" + "".join(f"{n},{('low', 'high')[n % 2]}\n" for n in range(40)))
    assert labels(inspect([values, answers], tmp_path / "version")) == {"low": 20, "high": 20}


def test_names_are_of_all_labels_or_none() -> None:
    assert names_of_labels({"0": "a", "1": "b"}, {"0", "1"}) == {"0": "a", "1": "b"}
    assert names_of_labels({"0": "a"}, {"0", "1"}) == {}
    assert names_of_labels({"0": "a", "1": "a"}, {"0", "1"}) == {}
    assert names_of_labels({"0": "0", "1": "1"}, {"0", "1"}) == names_of_labels({}, {"0"}) == {}
