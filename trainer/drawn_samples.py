"""Sample sets made by code: sounds, pictures with objects, pictures with texts. The same on every machine."""

import csv
import io
import json
import wave
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from trainer.json_types import JsonObject

if TYPE_CHECKING:
    from PIL import Image

RATE, SECONDS = 8000, 0.5
TONES = {
    "rising": lambda times: 350 + 600 * times,
    "falling": lambda times: 650 - 600 * times,
    "steady": lambda times: 500 + 0 * times,
    "warbling": lambda times: 500 + 40 * np.sin(2 * np.pi * 12 * times) * 12 * times,
}
"""Kind of sound → its frequency in hertz over the seconds."""
TONES_EACH = 40
SHAPE_PICTURES, SHAPE_SIDE = 120, 96
COLOURS = {"red": (200, 60, 50), "green": (70, 150, 70), "blue": (60, 90, 190), "yellow": (220, 180, 60)}
HARVEST_EACH, HARVEST_SIDE = 50, 64
RIPE, GREEN = (205, 60, 45), (105, 160, 70)
NOTES = {
    "kitchen": (
        "wanted for the soup tonight",
        "the cook asked for a crate",
        "for sauce, looks do not matter",
        "the canteen takes all of it",
        "to be chopped and frozen",
        "kitchen order, second floor",
    ),
    "market": (
        "goes to the stall on Saturday",
        "a shop in town will display it",
        "customers choose it by hand",
        "for the front of the counter",
        "market order, two crates",
        "sold by the piece",
    ),
}
DAYS = ("", "monday: ", "tuesday: ", "on thursday, ", "urgent, ", "as last week, ")
DONE = {
    (True, "kitchen"): "cook now",
    (False, "kitchen"): "cook later",
    (True, "market"): "sell now",
    (False, "market"): "sell later",
}


def tones(target: Path) -> JsonObject:
    """160 sounds of half a second: rising, falling, steady and warbling, at many pitches and loudnesses."""
    generator = np.random.default_rng(0)
    with zipfile.ZipFile(target, "w") as archive:
        for kind, pitch in TONES.items():
            for number in range(TONES_EACH):
                add_file(archive, f"{kind}/{number:03d}.wav", make_sound(pitch, generator))
    return {"rows": len(TONES) * TONES_EACH, "task": "audio-classification"}


def make_sound(pitch: Callable[[np.ndarray], np.ndarray], generator: np.random.Generator) -> bytes:
    """A WAV of 16 bits with a little noise."""
    times = np.arange(int(RATE * SECONDS)) / RATE
    phase = 2 * np.pi * np.cumsum(pitch(times) * generator.uniform(0.7, 1.6)) / RATE
    levels = generator.uniform(0.2, 0.7) * np.sin(phase) + generator.normal(0, 0.03, len(times))
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes((levels.clip(-1, 1) * 32_000).astype("<i2").tobytes())
    return buffer.getvalue()


def shapes(target: Path) -> JsonObject:
    """120 drawings with up to four discs and squares, and their boxes as COCO keeps them."""
    from PIL import Image, ImageDraw

    generator = np.random.default_rng(0)
    images: list[JsonObject] = []
    boxes: list[JsonObject] = []
    with zipfile.ZipFile(target, "w") as archive:
        for number in range(SHAPE_PICTURES):
            image = Image.fromarray(draw_background(SHAPE_SIDE, generator))
            draw = ImageDraw.Draw(image)
            for _ in range(generator.integers(1, 5)):
                kind, side = int(generator.integers(2)), int(generator.integers(14, 34))
                left, top = (int(value) for value in generator.integers(0, SHAPE_SIDE - side, 2))
                shade = list(COLOURS.values())[generator.integers(len(COLOURS))]
                (draw.ellipse if kind else draw.rectangle)((left, top, left + side - 1, top + side - 1), fill=shade)
                boxes.append(
                    {"id": len(boxes), "image_id": number, "category_id": kind, "bbox": [left, top, side, side]}
                )
            name = f"{number:03d}.png"
            images.append({"id": number, "file_name": name, "width": SHAPE_SIDE, "height": SHAPE_SIDE})
            add_file(archive, f"images/{name}", to_png(image))
        kinds = [{"id": 0, "name": "square"}, {"id": 1, "name": "disc"}]
        add_file(
            archive, "boxes.json", json.dumps({"images": images, "annotations": boxes, "categories": kinds}).encode()
        )
    return {"rows": SHAPE_PICTURES, "task": "object-detection"}


def harvest(target: Path) -> JsonObject:
    """200 drawn tomatoes with a note each: the picture tells whether it is ripe, the note who wants it, and what is to
    be done takes both."""
    generator = np.random.default_rng(0)
    table = io.StringIO()
    writer = csv.writer(table)
    writer.writerow(["file_name", "text", "label"])
    rows = [case for case in DONE for _ in range(HARVEST_EACH)]
    with zipfile.ZipFile(target, "w") as archive:
        for number, index in enumerate(generator.permutation(len(rows))):
            ripe, buyer = rows[index]
            note = DAYS[generator.integers(len(DAYS))] + NOTES[buyer][generator.integers(len(NOTES[buyer]))]
            writer.writerow([f"{number:03d}.png", note, DONE[ripe, buyer]])
            add_file(archive, f"{number:03d}.png", draw_tomato(RIPE if ripe else GREEN, generator))
        add_file(archive, "metadata.csv", table.getvalue().encode())
    return {"rows": len(rows), "task": "image-text-classification"}


def draw_tomato(shade: tuple[int, int, int], generator: np.random.Generator) -> bytes:
    from PIL import Image, ImageDraw

    image = Image.fromarray(draw_background(HARVEST_SIDE, generator))
    draw = ImageDraw.Draw(image)
    radius = int(generator.integers(12, 26))
    x, y = (int(value) for value in generator.integers(radius, HARVEST_SIDE - radius, 2))
    skin = tuple(int(value) for value in np.clip(np.array(shade) + generator.integers(-25, 26, 3), 0, 255))
    draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill=skin)
    draw.line((x, y - radius, x + int(generator.integers(-5, 6)), y - radius - 8), fill=(70, 110, 50), width=3)
    return to_png(image)


def draw_background(side: int, generator: np.random.Generator) -> np.ndarray:
    """A light or dark ground with some noise."""
    ground = generator.integers(30, 230) + generator.normal(0, 8, (side, side, 3))
    return ground.clip(0, 255).astype(np.uint8)


def to_png(image: "Image.Image") -> bytes:
    file = io.BytesIO()
    image.save(file, "PNG")
    return file.getvalue()


def add_file(archive: zipfile.ZipFile, name: str, content: bytes) -> None:
    """With a date of its own, so that the archive is the same every time."""
    archive.writestr(zipfile.ZipInfo(name, (2026, 1, 1, 0, 0, 0)), content)
