"""A text file a picture: YOLO, KITTI and DOTA, told apart by their lines."""

import re
from collections.abc import Callable, Iterator
from typing import NamedTuple

from trainer import columns as kinds
from trainer.data import media
from trainer.data.annotations import Boxes, Size, parse_numbers
from trainer.data.archives import Archive, Entry, EntryError
from trainer.data.box_formats.references import PictureIndex
from trainer.data.box_formats.source import Annotated, Finder, Pictures
from trainer.data.box_formats.yolo import LINE, is_named_line, read_yolo, split_fields, yolo_key_points, yolo_names

MAX_TEXT_BYTES = 16 * 1024**2
SNIFFED_FILES, MAX_OPENED = 20, 500
MIN_SHARE_PAIRED = 0.3
"""Of the pictures that have a text file of their name; fewer are notes."""
MIN_BACKGROUNDS = 0.5
"""Of the pictures that have a text file, from which those without have no objects, and are not just unlabelled."""
KITTI_LINE = re.compile(r"\S+(\s+-?[\d.]+(e[-+]?\d+)?){14,15}", re.IGNORECASE)
CALIBRATION = frozenset({"calib", "velodyne", "oxts", "planes"})
"""Folders of KITTI whose files say where cameras stood, beside those of its labels."""
DOTA_LINE = re.compile(r"(-?[\d.]+\s+){8}[^\d\s]\S*(\s+[012])?")
DOTA_HEADER = re.compile(r"(imagesource|gsd)\s*:", re.IGNORECASE)


def read_kitti(text: str, path: str, boxes: Boxes, name: str) -> None:
    """Lines of type, truncation, occlusion, angle, left, top, right, bottom, and seven numbers of space, which are passed over."""
    boxes.objects[path]
    for number, line in enumerate(text.splitlines(), 1):
        fields = line.split()
        if not fields:
            continue
        where = f"line {number} of {name}"
        edges = parse_numbers(fields[4:8], 4)
        if edges is None:
            boxes.refuse(f"{where} is not a line of KITTI")
        elif fields[0] == "DontCare":
            boxes.crowds.append(where)
        else:
            boxes.add(path, fields[0], [edges[0], edges[1], edges[2] - edges[0], edges[3] - edges[1]], None, where)


def read_dota(text: str, path: str, boxes: Boxes, name: str) -> None:
    """Lines of four corners in pixels, a class, and how difficult it is."""
    boxes.objects[path]
    for number, line in enumerate(text.splitlines(), 1):
        fields = line.split()
        if not fields or DOTA_HEADER.match(line):
            continue
        where = f"line {number} of {name}"
        edges = parse_numbers(fields[:8], 8)
        if edges is None or len(fields) < 9:
            boxes.refuse(f"{where} is not four corners and a class")
        else:
            boxes.add_points(path, fields[8], list(zip(edges[::2], edges[1::2], strict=True)), None, where)


class Pair(NamedTuple):
    """A text file and the picture of its name."""

    text: Entry
    picture: Entry


def read_text_files(pictures: Pictures, index: PictureIndex) -> Annotated | None:
    pairs = pair_files(pictures, index)
    if not pairs or len(pairs) < MIN_SHARE_PAIRED * len(pictures.media):
        return None
    layout = recognise_lines(pictures.archive, pairs)
    if layout is None:
        return None
    into = Annotated(layout, {"yolo": "YOLO", "kitti": "KITTI", "dota": "DOTA"}[layout])
    into.has_backgrounds = len(pairs) >= MIN_BACKGROUNDS * len(pictures.media)
    into.used = {pair.text.name for pair in pairs}
    if layout == "kitti":
        pairs = [pair for pair in pairs if not CALIBRATION & {part.lower() for part in pair.text.parts[:-1]}]
    read_line: Callable[[str, Entry, str], None]
    if layout == "yolo":
        read_line = yolo_reader(pictures, into)
    elif layout == "kitti":
        read_line = lambda text, picture, name: read_kitti(text, picture.name, into.boxes, name)  # noqa: E731
    else:
        read_line = lambda text, picture, name: read_dota(text, picture.name, into.boxes, name)  # noqa: E731
    for pair in pairs:
        read_line(read_text(pictures.archive, pair.text), pair.picture, pair.text.name)
    read_lists(pictures, index, into)
    return into


def yolo_reader(pictures: Pictures, into: Annotated) -> Callable[[str, Entry, str], None]:
    """Reads one file of YOLO under the class names that lie in the archive."""
    described = [*pictures.with_suffix(".names", ".yaml", ".yml", ".labels")]
    described += [
        entry
        for entry in pictures.with_suffix(".txt")
        if entry.parts[-1].lower().endswith(("classes.txt", "labels.txt")) and entry.name not in into.used
    ]
    texts = {entry.parts[-1].lower(): read_text(pictures.archive, entry) for entry in described}
    names, key_points = yolo_names(texts), yolo_key_points(list(texts.values()))
    into.used |= {entry.name for entry in described}

    def read(text: str, picture: Entry, name: str) -> None:
        size = read_image_size(pictures.archive, picture)
        if size is None:
            into.boxes.objects[picture.name]  # the picture is named when it is decoded
        else:
            read_yolo(text, picture.name, size, names, into.boxes, name, key_points)

    return read


def pair_files(pictures: Pictures, index: PictureIndex) -> list[Pair]:
    """Text files beside a picture of the same name, or in a folder of labels beside one of images."""
    by_name = {entry.name.casefold(): entry for entry in pictures.media}
    by_path = {entry.name.rpartition(".")[0].casefold(): entry for entry in pictures.media}
    pairs = []
    for entry in pictures.with_suffix(".txt"):
        stem = entry.name.rpartition(".")[0].casefold()
        swapped = re.sub(r"(^|/)labels(txt)?(?=/)", r"\1images", stem)
        picture = by_path.get(stem) or by_path.get(swapped)
        if picture is None and "/" in stem:
            path = Finder(index, entry.parts)(stem.rpartition("/")[2])
            picture = by_name.get(path.casefold()) if path else None
        if picture is not None:
            pairs.append(Pair(entry, picture))
    return pairs


def recognise_lines(archive: Archive, pairs: list[Pair]) -> str | None:
    """yolo, kitti or dota, whichever most lines of the first files that are not empty look like; None where most look like none."""
    lines = list(first_lines(archive, pairs))
    patterns = {"kitti": KITTI_LINE, "dota": DOTA_LINE}
    counts = {
        layout: sum(pattern.fullmatch(line) is not None for line in lines) for layout, pattern in patterns.items()
    }
    counts["yolo"] = sum(is_yolo_line(line) for line in lines)
    counts["yolo"] -= sum(KITTI_LINE.fullmatch(line) is not None and not line[0].isdigit() for line in lines)
    best = max(counts, key=lambda layout: counts[layout])
    return best if lines and counts[best] >= 0.5 * len(lines) else None


def is_yolo_line(line: str) -> bool:
    """A class and at least four numbers, also behind a name or between commas."""
    spaced = " ".join(split_fields(line))
    return LINE.fullmatch(spaced) is not None or is_named_line(spaced)


def first_lines(archive: Archive, pairs: list[Pair]) -> Iterator[str]:
    filled = 0
    for pair in pairs[:MAX_OPENED]:
        lines = [line.strip() for line in read_text(archive, pair.text).splitlines() if line.strip()]
        yield from (line for line in lines[:200] if not DOTA_HEADER.match(line))
        filled += bool(lines)
        if filled >= SNIFFED_FILES:
            return


def read_lists(pictures: Pictures, index: PictureIndex, into: Annotated) -> None:
    """train.txt, val.txt and so on, which list pictures of a part."""
    for entry in pictures.with_suffix(".txt"):
        part = kinds.SPLIT_VALUES.get(entry.parts[-1].rpartition(".")[0].lower())
        if not part or entry.name in into.used:
            continue
        paths = [
            index.find(line, entry.parts) for line in read_text(pictures.archive, entry).splitlines() if line.strip()
        ]
        if paths and sum(path is not None for path in paths) >= 0.5 * len(paths):
            into.used.add(entry.name)
            into.boxes.parts |= {path: part for path in paths if path}


def read_text(archive: Archive, entry: Entry) -> str:
    try:
        return archive.read(entry, MAX_TEXT_BYTES).decode("utf-8", "replace").lstrip("\ufeff").replace("\r\n", "\n")
    except EntryError:
        return ""


def read_image_size(archive: Archive, entry: Entry) -> Size | None:
    """Declared size in pixels as the picture is seen, EXIF's turning counted in, read from the head of the file."""
    from PIL import Image

    try:
        with archive.open(entry) as file, Image.open(file, formats=media.IMAGE_FORMATS) as image:
            width, height = float(image.width), float(image.height)
            return (height, width) if media.orientation(image) in media.ROTATED else (width, height)
    except Exception:  # decoders raise many kinds; the picture is refused by name when it is decoded
        return None
