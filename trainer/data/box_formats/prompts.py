"""Boxes as words of language models that see (PaliGemma, Florence-2, as Roboflow writes them), and lines of Keras' YOLO: a picture's
name and its boxes in one line."""

import re

from trainer.data.annotations import parse_numbers
from trainer.data.archives import Entry
from trainer.data.box_formats.box_columns import CORNERS
from trainer.data.box_formats.json_base import picture_or_refuse
from trainer.data.box_formats.references import PictureIndex
from trainer.data.box_formats.source import Annotated, BoxRow, BoxTable, Finder, Pictures
from trainer.data.box_formats.text_files import read_text
from trainer.data.splitting import part_of_name
from trainer.json_types import Json

PALIGEMMA = re.compile(r"((?:<loc\d{4}>){4})\s*([^<;]+)")
FLORENCE = re.compile(r"([^<>]+)((?:<loc_\d{1,4}>){4})")
BINS = {"paligemma": 1024, "florence": 1000}
"""Into how many steps a side of the picture is divided."""


def is_prompts(document: Json) -> bool:
    records = document[:50] if isinstance(document, list) else []
    return bool(records) and any(
        isinstance(record, dict) and "image" in record and "<loc" in str(record.get("suffix")) for record in records
    )


def read_prompts(document: list[Json], entry: Entry, find: Finder, into: Annotated) -> None:
    made = BoxTable(entry.name, CORNERS, unit="shares")
    part = into.file_parts.get(entry.name) or part_of_name(entry.parts[-1].split(".")[-2])
    for number, record in enumerate(document, 1):
        if not isinstance(record, dict):
            into.boxes.refuse(f"line {number} of {entry.name} is not an object")
            continue
        path = picture_or_refuse([str(record.get("image") or "")], find, into.boxes, entry.name)
        if path is None:
            continue
        if part:
            into.boxes.parts[path] = part
        made.rows += [
            BoxRow(path, label, values, None, number) for label, values in parse_prompt(str(record.get("suffix")))
        ]
    into.waiting.append(made)


def parse_prompt(text: str) -> list[tuple[str, list[float]]]:
    """(label, left, top, right, bottom in shares): PaliGemma names the rows of pixels first."""
    objects: list[tuple[str, list[float]]] = []
    for places, label in PALIGEMMA.findall(text):
        top, left, bottom, right = (int(place) / BINS["paligemma"] for place in re.findall(r"\d+", places))
        objects.append((label.strip(), [left, top, right, bottom]))
    if not objects:
        for label, places in FLORENCE.findall(text):
            objects.append((label.strip(), [int(place) / BINS["florence"] for place in re.findall(r"\d+", places)]))
    return objects


BOXES = r"(?:\s+-?[\d.]+(?:,-?[\d.]+){4})"
BOX_LINE = re.compile(rf"(\S.*?)({BOXES}*)\s*")
MIN_MATCHED = 0.5


def read_box_lines(pictures: Pictures, index: PictureIndex) -> Annotated | None:
    """Text files with lines of `image.jpg left,top,right,bottom,class …`, whose classes a file of names beside tells."""
    into = Annotated("keras", "YOLO for Keras")
    texts = pictures.with_suffix(".txt")
    named = next((entry for entry in texts if entry.parts[-1].lower().endswith("classes.txt")), None)
    names = [line.strip() for line in read_text(pictures.archive, named).splitlines() if line.strip()] if named else []
    for entry in texts:
        if entry is named or entry.size > MAX_BYTES:
            continue
        find = Finder(index, entry.parts)
        lines = [
            match
            for line in read_text(pictures.archive, entry).splitlines()
            if line.strip() and (match := BOX_LINE.fullmatch(line))
        ]
        has_boxes = [line for line in lines[:200] if line[2]]
        if not has_boxes or sum(find(line[1]) is not None for line in lines[:200]) < MIN_MATCHED * len(lines[:200]):
            continue
        into.used.add(entry.name)
        for number, line in enumerate(lines, 1):
            add_box_line(line, f"line {number} of {entry.name}", find, names, into)
    if named and into.used:
        into.used |= {entry.name for entry in texts if entry.parts[-1] == named.parts[-1]}
    return into if into.used else None


MAX_BYTES = 16 << 20


def add_box_line(line: re.Match[str], where: str, find: Finder, names: list[str], into: Annotated) -> None:
    path = find(line[1])
    if path is None:
        into.boxes.refuse(f"{where} names “{line[1][:80]}”, which is not in the archive")
        return
    into.boxes.objects[path]
    for written in line[2].split():
        values = parse_numbers(written.split(","), 5)
        if values is None:
            into.boxes.refuse(f"{where} is not four numbers and a class")
            continue
        left, top, right, bottom, number = values
        label = names[int(number)] if 0 <= number < len(names) else str(int(number))
        into.boxes.add(path, label, [left, top, right - left, bottom - top], None, where)
