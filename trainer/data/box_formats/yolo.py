"""YOLO: a text file a picture, class names in data.yaml or classes.txt. Shares of the picture's sides, in one of these forms a
line: a box, a box with its score, an outline, a rotated box by its corners, or a box with key points."""

import re

from trainer.data.annotations import Boxes, Shape, Size, parse_numbers

MAX_CLASS_DIGITS = 9
MAX_FIELDS = 40_001
LINE = re.compile(r"\d+(\.0+)?(\s+[-+\d.eE]+){4,}")
NAMED_LINE = re.compile(r"[^\W\d]\D*?(\s+(0?\.\d+|[01](\.\d*)?)){4}(\s+[-+\d.eE]+)*")
"""A line that begins with the name of its class in place of its number; shares of the picture behind it."""
MAX_SHARE = 2.0
"""A box's number above this is no share of its picture: the file counts in pixels."""


def is_named_line(line: str) -> bool:
    return line[:1].isalpha() and NAMED_LINE.fullmatch(line) is not None


def split_fields(line: str) -> list[str]:
    """The class and the numbers behind it: between blanks or commas, with a decimal point or comma; a name may be of several
    words."""
    fields = line.split()
    if "," in line:
        fields = line.replace(",", ".").split() if len(fields) >= 5 else line.replace(",", " ").split()
    numbers = next((place for place, field in enumerate(fields) if NUMBER.fullmatch(field)), len(fields))
    return [" ".join(fields[:numbers]), *fields[numbers:]] if numbers > 1 else fields


NUMBER = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?")


def read_yolo(
    text: str,
    path: str,
    size: Size,
    names: list[str],
    boxes: Boxes,
    name: str,
    key_points: tuple[int, int] | None = None,
) -> None:
    """`size`: of the picture as it is seen; `key_points`: (how many, numbers each) where data.yaml says so."""
    boxes.objects[path]
    for number, line in enumerate(text.splitlines(), 1):
        fields = split_fields(line)
        if not fields:
            continue
        where = f"line {number} of {name}"
        values = parse_numbers(fields[1:], len(fields) - 1) if 5 <= len(fields) <= MAX_FIELDS else None
        index = parse_class(fields[0])
        if values is None or (index is None and fields[0] not in names and not is_named_line(" ".join(fields))):
            boxes.refuse(f"{where} is not a class and four numbers")
        elif max(values[:4]) > MAX_SHARE:
            boxes.refuse(f"{where} counts in pixels, where YOLO has fractions of the picture")
        else:
            label = fields[0] if index is None else names[index] if index < len(names) else str(index)
            add_line(values, path, label, size, boxes, where, key_points)


def parse_class(field: str) -> int | None:
    """The number of a class, 0 or 0.0; None for a name."""
    whole = field[: field.index(".")] if re.fullmatch(r"\d+\.0+", field, re.ASCII) else field
    return int(whole) if whole.isdecimal() and len(whole) <= MAX_CLASS_DIGITS else None


def add_line(
    values: list[float],
    path: str,
    label: str,
    size: Size,
    boxes: Boxes,
    where: str,
    key_points: tuple[int, int] | None,
) -> None:
    """One object by the numbers behind its class."""
    wide, high = size
    dimensions = count_dimensions(values, key_points)
    if len(values) in (4, 5) or dimensions:
        x, y, width, height = values[:4]
        shape: Shape = {}
        if dimensions:
            marks = [values[start : start + dimensions] for start in range(4, len(values), dimensions)]
            shape = {"keypoints": [[round(m[0] * wide, 2), round(m[1] * high, 2), *(m[2:] or [2.0])] for m in marks]}
        box = [(x - width / 2) * wide, (y - height / 2) * high, width * wide, height * high]
        boxes.add(path, label, box, size, where, shape)
    elif len(values) >= 6 and len(values) % 2 == 0:
        points = [(values[start] * wide, values[start + 1] * high) for start in range(0, len(values), 2)]
        boxes.add_points(path, label, points, size, where)
    else:
        boxes.refuse(f"{where} is not a class and four numbers, nor an outline")


def count_dimensions(values: list[float], key_points: tuple[int, int] | None) -> int:
    """Numbers of each key point behind a box, 2 or 3; 0 for a box alone or an outline. Where nothing says how many there are, three
    each are known by the third, which is 0, 1 or 2."""
    rest = values[4:]
    if key_points:
        return key_points[1] if len(rest) == key_points[0] * key_points[1] else 0
    if not rest or len(rest) % 3:
        return 0
    is_seen = all(value in (0, 1, 2) for value in rest[2::3])
    return 3 if is_seen and (len(values) % 2 or len(rest) >= 6) else 0


def yolo_key_points(texts: list[str]) -> tuple[int, int] | None:
    """`kpt_shape` of a data.yaml: how many key points, and numbers each."""
    for text in texts:
        shape = re.search(r"^kpt_shape:\s*\[\s*(\d{1,4})\s*,\s*([23])\s*\]", text, re.MULTILINE) or re.search(
            r"^kpt_shape:[ \t]*\n\s*-\s*(\d{1,4})\s*\n\s*-\s*([23])\s*$", text, re.MULTILINE
        )
        if shape:
            return int(shape[1]), int(shape[2])
    return None


def yolo_names(files: dict[str, str]) -> list[str]:
    """Class names from classes.txt, obj.names or data.yaml, whichever is there; `files`: name → text."""
    for name, text in files.items():
        if name.endswith((".names", "classes.txt", "labels.txt", ".labels")):
            return [line.strip() for line in text.splitlines() if line.strip()]
    for text in files.values():
        if names := yaml_names(text):
            return names
    return []


NAME = re.compile(
    r"""(?:^|[\[{,\n])[ \t]*(?:-[ \t]+)?(?:["']?(\d{1,9})["']?[ \t]*:[ \t]*)?"""
    r"""(?:"([^"\n]*)"|'((?:[^'\n]|'')*)'|([^\s"'\[\]{},#-][^\[\]{},\n]*|-[^\s\[\]{},][^\[\]{},\n]*))"""
)
"""An entry under `names:`, listed or by its number: 0: cat, - cat, 'cat', ["black cat", dog]."""
MAX_CLASSES = 100_000


def yaml_names(text: str) -> list[str]:
    """The names of a data.yaml in the order of their numbers, where it gives them; a number that it leaves out is its own
    name. The forms that YOLO's tools write, not all of YAML."""
    key = re.search(r"^names:[ \t]*", text, re.MULTILINE)
    rest = text[key.end() :] if key else ""
    written = re.match(r"\[.*?\]|\{.*?\}", rest, re.DOTALL) or re.match(
        r"(?:#.*)?\n((?:[ \t]+.*\n?|-.*\n?|[ \t]*(?:#.*)?\n)+)", rest
    )
    if written is None:
        return []
    by_number: dict[int, str] = {}
    for number, double, single, plain in NAME.findall(written[0]):
        name = double or single.replace("''", "'") or re.split(r"\s#", plain)[0]
        index = int(number) if number else len(by_number)
        if name.strip() and index < MAX_CLASSES:
            by_number[index] = name.strip()
    return [by_number.get(index, str(index)) for index in range(max(by_number, default=-1) + 1)]
