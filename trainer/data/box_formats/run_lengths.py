"""Masks as run lengths in the cells of a table, as competitions give them (EncodedPixels): pairs of where a run begins, counted from 1,
and how long it is. Down the columns of the picture or along its rows, from the picture's beginning or from the end of the run before."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from trainer.data.annotations import Shape, Size, parse_size
from trainer.data.box_formats.box_columns import MIN_MATCHED, column, name_columns
from trainer.data.box_formats.geometry import bounds_of_runs
from trainer.data.box_formats.source import Annotated, Finder, Pictures
from trainer.data.box_formats.text_files import read_image_size
from trainer.data.readings import Choice, Choices, Reading
from trainer.json_types import JsonObject
from trainer.messages import _

RUNS = re.compile(r"\d{1,12} \d{1,12}( \d{1,12} \d{1,12})*")
NAMED = re.compile(r"encoded_?pixels|(^|_)(rle|run_?lengths?|masks?|annotations?)($|_)", re.IGNORECASE)
NO_MASK = ("", "-1", "nan", "none")
BEHIND = re.compile(r"(.+\.[a-z]{3,4})_(.+)", re.IGNORECASE)
"""A picture's name and a class behind it."""
MIN_NUMBERS = 4
"""Of the cells' numbers on average: two numbers alone are a pair of anything."""
MIN_RUNS = 0.9
SNIFFED_RUNS = 2_000
MAX_CLASSES = 50
WHAT, COLUMNS, ROWS = "run_order", "columns", "rows"
STARTS, PICTURE, BEFORE = "run_starts", "picture", "before"
Row = Sequence[str | None]


@dataclass
class Run:
    """One row: `runs` are (start from 0, length) in order; `where`: for people."""

    path: str
    label: str
    runs: list[tuple[int, int]]
    size: Size | None
    where: str


def find_runs(names: Sequence[str], rows: Sequence[Row]) -> int | None:
    """Which column holds run lengths, by its name and its cells; None where none does."""
    for place, name in enumerate(names):
        cells = [(row[place] or "").strip() for row in rows]
        cells = [cell for cell in cells if cell.lower() not in NO_MASK]
        matched = sum(RUNS.fullmatch(cell) is not None for cell in cells)
        if not NAMED.search(name.strip()) or not cells or matched < MIN_RUNS * len(cells):
            continue
        if sum(cell.count(" ") + 1 for cell in cells) >= MIN_NUMBERS * len(cells):
            return place
    return None


def run_columns(names: list[str], rows: list[tuple[str | None, ...]], place: int, find: Finder) -> dict[str, int]:
    """Where the picture, the class and the picture's sides are beside a column of run lengths."""
    columns = name_columns(names)
    for side in ("width", "height"):
        if side in columns and f"image_{side}" not in columns:
            columns[f"image_{side}"] = columns.pop(side)
    if "label" not in columns and "label_id" in columns:
        columns["label"] = columns["label_id"]
    others = [other for other in range(len(names)) if other != place]
    naming = [other for other in others if is_picture_or_class(column(rows, other), find)]
    if columns.get("image") not in naming:
        columns.pop("image", None)
    columns |= {"image": naming[0]} if naming and "image" not in columns else {}
    words = [
        other for other in others if other not in columns.values() and 1 < len(set(column(rows, other))) <= MAX_CLASSES
    ]
    if "label" not in columns and words:
        columns["label"] = words[0]
    return columns


def is_picture_or_class(cells: list[str | None], find: Finder) -> bool:
    return sum(find_picture(cell or "", find)[0] is not None for cell in cells) >= MIN_MATCHED * len(cells)


def parse_runs(cell: str | None, is_relative: bool) -> list[tuple[int, int]]:
    """(start from 0, length) of each run; [] for no mask."""
    text = (cell or "").strip()
    if not RUNS.fullmatch(text) or len(text) > 10_000_000:
        return []
    numbers = list(map(int, text.split()))
    runs, end = [], 0
    for start, length in zip(numbers[::2], numbers[1::2], strict=True):
        start = end + start if is_relative else start - 1
        runs.append((start, length))
        end = start + length
    return runs


def counts_from_before(cells: Iterable[str | None]) -> float:
    """The share of the masks whose starts can only be counted from the end of the run before: counted from the picture's beginning
    they go back. Of those of several runs."""
    several = [runs for cell in cells if len(runs := parse_runs(cell, is_relative=False)) > 1]
    back = [any(second[0] < first[0] + first[1] for first, second in pairwise(runs)) for runs in several]
    return sum(back) / max(len(back), 1)


def choose_start(share: float, choices: Choices, file: str) -> tuple[bool, list[Reading]]:
    """(whether starts are counted from the run before, what is told of it); nothing where no mask goes back."""
    asked = choices.pick(STARTS, (PICTURE, BEFORE), file)
    chosen = asked or (BEFORE if share > 0.5 else PICTURE)
    sentences = {
        PICTURE: _(
            "Run lengths of masks begin where they say, counted from the beginning of the image; those that overlap are left out"
        ),
        BEFORE: _("Run lengths of masks are counted from the end of the run before"),
    }
    labels = {PICTURE: _("From the beginning of the image"), BEFORE: _("From the run before")}
    other = BEFORE if chosen == PICTURE else PICTURE
    confidence = 1.0 if asked else max(0.5, min(0.95, share if chosen == BEFORE else 1 - share))
    reading = Reading(STARTS, chosen, sentences[chosen], [Choice(other, labels[other])], confidence, file, is_asked=asked is not None)  # fmt: skip
    return chosen == BEFORE, [reading] if share or asked else []


def guess_order(runs: Iterable[Run]) -> tuple[str, float]:
    """(along columns or rows, how sure): the runs of an object lie beside one another, the length of a line apart."""
    votes = {COLUMNS: 0, ROWS: 0}
    for run in runs:
        if run.size is None or run.size[0] == run.size[1]:
            continue
        wide, high = int(run.size[0]), int(run.size[1])
        for (first, length), (second, _length) in pairwise(run.runs[:50]):
            off = {COLUMNS: abs(second - first - high), ROWS: abs(second - first - wide)}
            nearest = min(off, key=lambda order: off[order])
            votes[nearest] += off[nearest] < max(length, 2)
    if votes[ROWS] > votes[COLUMNS]:
        return ROWS, 0.95
    return COLUMNS, 0.95 if votes[COLUMNS] > votes[ROWS] else 0.7


def read_runs(
    columns: dict[str, int],
    place: int,
    rows: list[tuple[str | None, ...]],
    file: str,
    find: Finder,
    pictures: Pictures,
    into: Annotated,
    names: dict[str, str],
) -> None:
    """The masks of a table whose column `place` holds run lengths; `columns`: where image, label and sizes are."""
    into.title = "run lengths of masks"
    share = counts_from_before(row[place] for row in rows[:SNIFFED_RUNS])
    is_relative, reading = choose_start(share, pictures.choices, pictures.archive.name)
    into.readings += reading
    sizes: dict[str, Size | None] = {}
    entries = {entry.name: entry for entry in pictures.media}
    read: list[Run] = []
    for line, row in enumerate(rows, 1):
        where = f"row {line} of {file}"
        path, label = find_picture(row[columns["image"]] or "", find)
        if path is None:
            into.boxes.refuse(f"{where} names “{(row[columns['image']] or '')[:80]}”, which is not in the archive")
            continue
        into.boxes.objects[path]
        stated = [row[columns[side]] if side in columns else None for side in ("image_width", "image_height")]
        size = parse_size(*stated)
        if size is None and path not in sizes:
            sizes[path] = read_image_size(pictures.archive, entries[path])
        own = row[columns["label"]] if "label" in columns else None
        label = (own or label or "object").strip()
        if runs := parse_runs(row[place], is_relative):
            read.append(Run(path, names.get(label, label), runs, size or sizes[path], where))
        elif (row[place] or "").strip().lower() not in NO_MASK:
            into.boxes.refuse(f"{where} holds no run lengths")
    order, confidence = guess_order(read[:SNIFFED_RUNS])
    asked = pictures.choices.pick(WHAT, (COLUMNS, ROWS), pictures.archive.name)
    into.readings.append(
        order_reading(asked or order, 1.0 if asked else confidence, bool(asked), pictures.archive.name)
    )
    for run in read:
        add_mask(run, asked or order, into)


def find_picture(cell: str, find: Finder) -> tuple[str | None, str]:
    """(the picture that a cell names, the class behind it): “0002cc93b.jpg_3” is of class 3."""
    if match := BEHIND.fullmatch(cell.strip()):
        return find(match[1]), match[2]
    return find(cell), ""


def add_mask(run: Run, order: str, into: Annotated) -> None:
    """A mask with the box around it, in pixels."""
    if run.size is None:
        into.boxes.refuse(f"{run.where} is of a picture that cannot be read")
        return
    wide, high = int(run.size[0]), int(run.size[1])
    counts, end = [], 0
    for start, length in run.runs:
        counts += [start - end, length]
        end = start + length
    if end > wide * high or min(counts) < 0:
        into.boxes.refuse(f"{run.where} has runs that leave the picture or overlap")
        return
    counts.append(wide * high - end)
    around = bounds_of_runs(counts, high if order == COLUMNS else wide)
    if around is None:
        into.boxes.refuse(f"{run.where} holds an empty mask")
        return
    mask: JsonObject = {"size": [high, wide], "counts": counts}
    if order == ROWS:
        around = [around[1], around[0], around[3], around[2]]
        mask |= {"order": ROWS}
    shape: Shape = {"mask": mask}
    into.boxes.add(run.path, run.label, around, run.size, run.where, shape)


def order_reading(order: str, confidence: float, is_asked: bool, file: str) -> Reading:
    sentences = {
        COLUMNS: _("Run lengths of masks go down the columns of each image"),
        ROWS: _("Run lengths of masks go along the rows of each image"),
    }
    labels = {COLUMNS: _("Down the columns"), ROWS: _("Along the rows")}
    other = ROWS if order == COLUMNS else COLUMNS
    return Reading(
        WHAT, order, sentences[order], [Choice(other, labels[other])], confidence, file=file, is_asked=is_asked
    )
