"""Exports of many files that are records only together: an archive of them, or the files as they were sent, become one file of
records, which the reader of JSON lines and `registry.EXPORTS` take from there."""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path

from trainer.data.archives import Archive, Entry
from trainer.data.folder_levels import part_of_folder
from trainer.data.readings import Choices, LeftOut, Reading
from trainer.json_types import JsonObject


@dataclass
class Packed:
    """What a writer made of an archive. `used`: names of the files that were read, or of which `left_out` tells."""

    used: set[str] = field(default_factory=set)
    left_out: list[LeftOut] = field(default_factory=list)
    readings: list[Reading] = field(default_factory=list)


Writer = Callable[[Archive, Path, Choices], Packed | None]
"""Writes the records of an archive of its form to a path as JSON lines; None, and no file, for any other archive."""


def write_lines(path: Path, records: Iterable[Mapping[str, object]]) -> int:
    """How many there were; without any, no file is made."""
    stream: Iterator[Mapping[str, object]] = iter(records)
    first = next(stream, None)
    if first is None:
        return 0
    count = 0
    with path.open("w", encoding="utf-8") as file:
        for record in chain([first], stream):
            file.write(json.dumps(record, ensure_ascii=False) + "\n")
            count += 1
    return count


def split_of(entry: Entry) -> JsonObject:
    """{"split": the part that a folder on the way tells}; {} where none does."""
    part = next((part for folder in entry.parts[:-1] if (part := part_of_folder(folder))), "")
    return {"split": part} if part else {}
