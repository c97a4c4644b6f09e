"""Which files are the parts of one split, by their names together: reviews_train.csv beside reviews_test.csv, and not user-test-1.csv
beside user-test-2.csv; and what becomes of a test that cannot be one."""

import re
from collections import defaultdict
from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from trainer import columns as kinds
from trainer.data.dataset import Dataset
from trainer.data.folder_levels import PART_WORDS
from trainer.data.problems import problem
from trainer.data.readings import Choice, Choices, LeftOut, Reading
from trainer.data.tables.table import display_name
from trainer.messages import _, ngettext
from trainer.paths import safe_path

SHARDS = PART_WORDS | {"of", "part", "shard", "file", "final", "full", "all", "labels", "label"}
"""Words that say nothing about what a file is of."""
WHAT = "parts"
PARTS = ("train", None, "validation", "test")
PACKED = re.compile(r"\.(zip|tar|tgz|tbz2?|txz|tar\.\w+)$", re.IGNORECASE)


def parts_of_names(names: Sequence[str]) -> list[str | None]:
    """The part of each file. Names make a split where two of them tell two parts and are alike but for that; or where one is
    nothing but the name of a part other than train, beside another that is alike and names none; or where their folders are
    called as parts are."""
    if len(set(folders := [folder_part(name) for name in names]) - {None}) > 1:
        return folders
    pairs = [part_and_rest(name) for name in names]
    alike = defaultdict(list)
    for name, (part, rest) in zip(names, pairs, strict=True):
        alike[rest].append((part, PACKED.search(name) is not None))
    return [part if is_split(alike[rest]) else None for part, rest in pairs]


def folder_part(name: str) -> str | None:
    """The part that the innermost folder of a path tells that is called as one: `data/train/jan.csv`."""
    folders = (safe_path(name) or name).lower().split("/")[:-1]
    return next((kinds.SPLIT_VALUES[folder] for folder in reversed(folders) if folder in kinds.SPLIT_VALUES), None)


def is_split(alike: Sequence[tuple[str | None, bool]]) -> bool:
    """`alike`: (part, whether it is an archive) of files that are alike but for the part. The test of an archive is none of the
    table beside it."""
    if len({part for part, _packed in alike} - {None}) > 1:
        return True
    held_out = {packed for part, packed in alike if part not in (None, "train")}
    return bool(held_out & {packed for part, packed in alike if part is None})


def file_order(name: str, part: str | None) -> tuple[int, str]:
    """In whatever order files were sent, they are read in this one."""
    return PARTS.index(part), name


def part_and_rest(name: str) -> tuple[str | None, tuple[str, ...]]:
    """The part that a path tells (its last word that does), and its other words, without those that say nothing."""
    path = safe_path(name) or name
    folders, _slash, file = path.rpartition("/")
    stem = re.sub(r"(\.[A-Za-z]\w{0,7}){1,2}$", "", display_name(file))
    words = [word for word in re.split(r"[^a-z]+", f"{folders}/{stem}".lower()) if word]
    places = [place for place, word in enumerate(words) if word in kinds.SPLIT_VALUES]
    rest = [word for place, word in enumerate(words) if word not in SHARDS and place not in places[-1:]]
    return (kinds.SPLIT_VALUES[words[places[-1]]] if places else None), tuple(rest)


def parts_reading(names: Sequence[str], parts: Sequence[str | None], choices: Choices) -> list[Reading]:
    """How the files divide the rows, to be overruled; none where no name tells a part."""
    if not any(parts):
        return []
    asked = choices.pick(WHAT, ("files", "drawn"))
    listed = ", ".join(f"{name} → {part}" for name, part in list(zip(names, parts, strict=True))[:6] if part)
    sentence = (
        _("The split is drawn, whatever the files are called")
        if asked == "drawn"
        else _("The split is that of the files: %(files)s", files=listed)
    )
    other = Choice("drawn", _("Draw another split")) if asked != "drawn" else Choice("files", _("As the files say"))
    return [Reading(WHAT, asked or "files", sentence, [other], 1.0 if asked else 0.95, is_asked=asked is not None)]


def drop_unanswered(dataset: Dataset, parts: np.ndarray | None) -> np.ndarray | None:
    """Take out the rows of a given part that have no answer at all, as those of a competition's test.csv: they can be neither
    learned from nor tested on. The parts of those that stay; the caller maps the columns anew when rows went."""
    answer = dataset.roles.get(dataset.shape.answer) if dataset.shape else None
    if parts is None or not answer:
        return parts
    is_missing = np.array([kinds.is_missing(cell) for cell in dataset.column(answer).to_pylist()], dtype=bool)
    keep = np.ones(dataset.rows, dtype=bool)
    for part in ("test", "validation"):
        rows = parts == part
        if not rows.any() or not is_missing[rows].all() or is_missing[~rows].all():
            continue
        keep &= ~rows
        count = int(rows.sum())
        sentence = ngettext(
            "%(count)s row of the given %(part)s has no “%(column)s”, so it can be predicted, but neither learned from nor tested on.",
            "%(count)s rows of the given %(part)s have no “%(column)s”, so they can be predicted, but neither learned from nor tested on.",
            count,
            part=part,
            column=answer,
        )
        dataset.left_out.append(LeftOut("no_answers", count, sentence, part_file(dataset, parts, part)).as_dict())
        dataset.problems.append(problem("given_part_unanswered", "warning", sentence, count=count))
    if keep.all():
        return parts
    dataset.table = dataset.table.filter(pa.array(keep))
    left = parts[keep]
    return left if len(set(left) - {""}) > 1 or {"test", "validation"} & set(left) else None


def part_file(dataset: Dataset, parts: np.ndarray, part: str) -> str:
    """The name of the file that gave the first row of a part."""
    first, end = int(np.flatnonzero(parts == part)[0]), 0
    for source in dataset.sources:
        end += int(source.get("rows") or 0)
        if first < end:
            return str(source["name"])
    return ""
