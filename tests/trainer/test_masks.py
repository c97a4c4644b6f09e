"""Pictures that mark areas of others are no pictures to learn from, and no class; photos of faces with masks are."""

import io
import random
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from tests.trainer.data_files import zipped
from trainer.data.inspect import inspect


def photo(seed: int) -> bytes:
    image = Image.frombytes("RGB", (40, 30), random.Random(seed).randbytes(3_600))
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()


def mask(number: int) -> bytes:
    image = Image.new("L", (40, 30))
    image.paste(255, (number, 3, number + 9, 20))
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()


def read(files: dict[str, bytes], place: Path, **options: Any) -> dict[str, Any]:
    return inspect([zipped(place / "photos.zip", files)], place / "v1", **options)


def left_out(result: dict[str, Any]) -> dict[str, int]:
    return {entry["reason"]: entry["count"] for entry in result["left_out"]}


def test_masks_in_a_folder_of_their_own_are_left_out(tmp_path: Path) -> None:
    files = {f"images/{number}.png": photo(number) for number in range(8)}
    files |= {f"masks/{number}.png": mask(number) for number in range(8)}
    result = read(files, tmp_path)
    assert (result["rows"], left_out(result), result["labels"]) == (8, {"masks": 8}, [])


def test_masks_beside_pictures_of_classes_are_left_out(tmp_path: Path) -> None:
    files = {f"{label}/{label} ({n}).png": photo(n + 50 * len(label)) for label in ("benign", "malign") for n in range(5)}  # fmt: skip
    files |= {f"{label}/{label} ({n})_mask.png": mask(n) for label in ("benign", "malign") for n in range(5)}
    result = read(files, tmp_path)
    assert (result["rows"], left_out(result)) == (10, {"masks": 10})
    assert sorted(entry["label"] for entry in result["labels"]) == ["benign", "malign"]


@pytest.mark.parametrize("names", [("mask", "no_mask"), ("images", "masks")])
def test_photos_of_the_same_names_are_pictures(names: tuple[str, str], tmp_path: Path) -> None:
    files = {f"{name}/{number}.png": photo(number + 50 * place) for place, name in enumerate(names) for number in range(6)}  # fmt: skip
    result = read(files, tmp_path)
    assert (result["rows"], left_out(result)) == (12, {})


@pytest.mark.parametrize("names", [("with_mask", "without_mask"), ("labelled", "no label"), ("face", "incorrect-mask")])
def test_folders_that_say_whether_there_is_one_are_no_folders_of_masks(names: tuple[str, str], tmp_path: Path) -> None:
    files = {f"{name}/{number}.png": mask(number + place) for place, name in enumerate(names) for number in range(6)}
    assert left_out(read(files, tmp_path)) == {}


def test_grey_photos_are_no_masks(tmp_path: Path) -> None:
    """Of 256 greys they have only sixteen sixteenths."""

    def scan(seed: int) -> bytes:
        buffer = io.BytesIO()
        Image.effect_noise((40, 30), 20 + seed).save(buffer, "PNG")
        return buffer.getvalue()

    files = {f"{name}/{number}.png": scan(number) for name in ("plain", "annotations") for number in range(6)}
    assert left_out(read(files, tmp_path)) == {}


def test_masks_in_jpeg_are_masks(tmp_path: Path) -> None:
    def blurred(number: int) -> bytes:
        buffer = io.BytesIO()
        Image.open(io.BytesIO(mask(number))).save(buffer, "JPEG", quality=80)
        return buffer.getvalue()

    files = {f"images/{number}.png": photo(number) for number in range(6)}
    files |= {f"masks/{number}.jpg": blurred(number) for number in range(6)}
    assert left_out(read(files, tmp_path)) == {"masks": 6}


def test_masks_are_read_as_pictures_where_somebody_wants_it(tmp_path: Path) -> None:
    files = {f"images/{number}.png": photo(number) for number in range(6)}
    files |= {f"masks/{number}.png": mask(number) for number in range(6)}
    result = read(files, tmp_path, readings={"masks": "pictures"})
    assert (result["rows"], left_out(result)) == (12, {})
