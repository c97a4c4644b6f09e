"""Damaged and odd pictures and sounds go the whole way: what cannot be used is listed, the rest is learned from."""

import io
import json
import random
import wave
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tests.trainer import command
from tests.trainer.data_files import MESSY
from trainer.tasks.audio import sample_tone
from trainer.tasks.object_detection import ObjectDetection

pytestmark = pytest.mark.slow
PICTURES = {"model": "scratch:cnn-64-128-1024", "method": "scratch", "params": {"epochs": 1, "resolution": 32}}
SOUNDS = {"model": "scratch:cnn-logmel", "method": "scratch", "params": {"epochs": 1}}
BOXES = {"model": "scratch:points", "method": "scratch", "params": {"epochs": 2, "resolution": 64}}


def learn(archive: Path, folder: Path, **fields: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """(what inspecting found, the last event of the run)."""
    code, events = command.call(folder, "inspect", archive, "--out", folder / "version")
    assert code == 0, events[-1]
    found = events[-1]
    spec = {"dataset": {"path": str(folder / "version")}, "task": found["suggestion"]["task"]}
    (folder / "spec.json").write_text(json.dumps(spec | fields), "utf-8")
    code, events = command.call(folder, "run", folder / "spec.json", "--out", folder / "out")
    assert code == 0, events[-1]
    return found, events[-1]


def problem(found: dict[str, Any], code: str) -> dict[str, Any]:
    return next(one for one in found["problems"] if one["code"] == code)


def picture(mode: str, colour: int, kind: str = "PNG") -> bytes:
    file = io.BytesIO()
    noise = np.random.default_rng(colour).integers(0, 40, (24, 32), dtype=np.uint8) + np.uint8(colour)
    image = Image.fromarray(noise)
    if mode == "I;16":
        image = Image.fromarray(noise.astype(np.uint16) * 256)
    elif mode != "L":
        image = image.convert("RGB").convert(mode)
    image.save(file, kind)
    return file.getvalue()


def test_pictures(tmp_path: Path) -> None:
    """Odd modes are pictures like others; a JPEG cut short, a page of text and no bytes at all are listed."""
    modes = [
        ("RGB", "PNG"),
        ("L", "PNG"),
        ("P", "PNG"),
        ("RGBA", "PNG"),
        ("CMYK", "JPEG"),
        ("I;16", "PNG"),
        ("1", "PNG"),
    ]
    with zipfile.ZipFile(tmp_path / "pictures.zip", "w") as archive:
        for label, colour in (("dark", 10), ("light", 200)):
            for number in range(21):
                mode, kind = modes[number % len(modes)]
                content = picture(mode, colour + number % 10, kind)
                archive.writestr(f"{label}/{number}.{kind.lower()}", content)
        cut = picture("RGB", 100, "JPEG")
        archive.writestr("dark/cut.jpg", cut[: len(cut) // 2])
        archive.writestr("dark/text.png", b"this is not a picture")
        archive.writestr("light/empty.png", b"")
        archive.writestr("light/notes.txt", "not for learning")
    found, result = learn(tmp_path / "pictures.zip", tmp_path, **PICTURES)
    assert problem(found, "corrupt_media")["count"] == 3
    assert result["metrics"]["accuracy"] >= 0.5


def test_sounds(tmp_path: Path) -> None:
    """Any rate and stereo are heard; what is not a sound, and one cut short, is listed."""
    generator = random.Random(0)
    with zipfile.ZipFile(tmp_path / "sounds.zip", "w") as archive:
        for label, hertz in (("low", 300.0), ("high", 1500.0)):
            for number in range(20):
                content = sample_tone(hertz, generator)
                archive.writestr(f"{label}/{number}.wav", louder(content, rate=(8000, 22050, 44100)[number % 3]))
        archive.writestr("low/noise.wav", b"RIFF, but nothing of the kind")
        archive.writestr("high/empty.wav", b"")
        content = sample_tone(300.0, generator)
        archive.writestr("low/cut.wav", content[: len(content) * 2 // 3])
    found, result = learn(tmp_path / "sounds.zip", tmp_path, **SOUNDS)
    assert problem(found, "corrupt_media")["count"] == 3
    assert result["metrics"]["accuracy"] >= 0.5


def louder(content: bytes, rate: int) -> bytes:
    """The same sound on two channels at another rate."""
    with wave.open(io.BytesIO(content)) as file:
        samples = np.frombuffer(file.readframes(file.getnframes()), np.int16)
    at = np.linspace(0, len(samples) - 1, len(samples) * rate // 8000)
    mono = np.interp(at, np.arange(len(samples)), samples).astype(np.int16)
    out = io.BytesIO()
    with wave.open(out, "wb") as file:
        file.setnchannels(2)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(np.stack([mono, mono // 2], 1).tobytes())
    return out.getvalue()


def test_boxes(tmp_path: Path) -> None:
    """Boxes without a size, outside the picture or of no category, and a picture that is not there, are listed."""
    images, boxes = [], []
    with zipfile.ZipFile(tmp_path / "boxes.zip", "w") as archive:
        for number, row in enumerate(ObjectDetection.sample()):
            archive.writestr(f"images/{number}.png", row["image"])
            images.append({"id": number, "file_name": f"{number}.png", "width": 48, "height": 48})
            (found,) = json.loads(row["objects"])
            boxes.append((number, 1 + (found["label"] == "light"), found["box"]))
        archive.writestr("images/torn.png", ObjectDetection.sample()[0]["image"][:100])
        images += [{"id": 90, "file_name": "gone.png", "width": 48, "height": 48}]
        images += [{"id": 91, "file_name": "torn.png", "width": 48, "height": 48}]
        boxes += [(0, 1, [5, 5, 0, 10]), (1, 1, [5, 5, -4, 10]), (2, 2, [400, 400, 10, 10]), (3, 77, [5, 5, 10, 10])]
        boxes += [(90, 1, [5, 5, 10, 10]), (91, 1, [5, 5, 10, 10])]
        document = {
            "images": images,
            "categories": [{"id": 1, "name": "dark"}, {"id": 2, "name": "light"}],
            "annotations": [
                {"id": at, "image_id": image, "category_id": kind, "bbox": box}
                for at, (image, kind, box) in enumerate(boxes)
            ],
        }
        archive.writestr("annotations.json", json.dumps(document))
    found, result = learn(tmp_path / "boxes.zip", tmp_path, **BOXES)
    assert problem(found, "corrupt_media")["count"] == 1
    assert problem(found, "bad_boxes")["count"] == 6
    assert set(result["metrics"]) == {"map_50", "map"}


@pytest.mark.skipif(not MESSY.is_dir(), reason="the messy uploads are not on this machine")
@pytest.mark.parametrize(("name", "corrupt"), [("corrupt_images.zip", 5), ("odd_image_modes.zip", 0)])
def test_the_shared_sets(name: str, corrupt: int, tmp_path: Path) -> None:
    found, result = learn(MESSY / name, tmp_path, **PICTURES)
    assert sum(one["count"] for one in found["problems"] if one["code"] == "corrupt_media") == corrupt
    assert result["metrics"]["accuracy"] >= 0
