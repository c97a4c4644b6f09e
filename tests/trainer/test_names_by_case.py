"""Files whose names differ by case alone, and names that are written otherwise than the files': each finds its own."""

import json
import unicodedata
from pathlib import Path

from tests.trainer.data_files import picture, zipped
from tests.trainer.test_data_uploads import rows_of
from trainer.data.inspect import inspect

NAMES = [f"{letter}{number}.png" for number in range(4) for letter in ("A", "a")]


def test_a_table_names_the_file_of_its_case(tmp_path: Path) -> None:
    table = "file,label\n" + "".join(f"{name},{'large' if name[0] == 'A' else 'small'}\n" for name in NAMES)
    files = {f"img/{name}": picture(number) for number, name in enumerate(NAMES)} | {"t.csv": table.encode()}
    found = inspect([zipped(tmp_path / "a.zip", files)], tmp_path / "v1")
    assert (found["rows"], found["left_out"]) == (len(NAMES), [])
    labels = {row["file"]: row["label"] for row in rows_of(tmp_path / "v1")}
    assert labels == {f"img/{name}": "large" if name[0] == "A" else "small" for name in NAMES}


def test_annotations_name_the_picture_of_their_case(tmp_path: Path) -> None:
    document = {
        "images": [{"id": number, "file_name": name, "width": 24, "height": 16} for number, name in enumerate(NAMES)],
        "annotations": [
            {"id": number, "image_id": number, "category_id": 1, "bbox": [number, 1, 9, 9]} for number in range(len(NAMES))
        ],
        "categories": [{"id": 1, "name": "bolt"}],
    }  # fmt: skip
    files = {f"img/{name}": picture(number) for number, name in enumerate(NAMES)}
    path = zipped(tmp_path / "a.zip", files | {"coco.json": json.dumps(document).encode()})
    inspect([path], tmp_path / "v1")
    lefts = {row["file"]: json.loads(row["objects"])[0]["box"][0] for row in rows_of(tmp_path / "v1")}
    assert lefts == {f"img/{name}": float(number) for number, name in enumerate(NAMES)}


def test_accents_in_two_pieces_and_capitals_find_their_file(tmp_path: Path) -> None:
    names = [f"äpfel {number}.JPG" for number in range(6)]
    written = [unicodedata.normalize("NFD", name).lower() for name in names]
    table = "file,label\n" + "".join(f"{name},{'ab'[number % 2]}\n" for number, name in enumerate(written))
    files = {f"img/{name}": picture(number, form="JPEG") for number, name in enumerate(names)} | {
        "t.csv": table.encode()
    }
    found = inspect([zipped(tmp_path / "a.zip", files)], tmp_path / "v1")
    assert (found["rows"], found["left_out"]) == (6, [])
