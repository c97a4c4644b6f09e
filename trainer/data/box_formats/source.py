"""What a reader of boxes needs of an archive."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from trainer.data.annotations import Boxes, Size
from trainer.data.archives import Archive, Entry
from trainer.data.box_formats.references import PictureIndex
from trainer.data.file_parts import parts_of_names
from trainer.data.readings import Choices, Reading


class Pictures(Protocol):
    """The files of an archive by what they may be (`media_archives.Files`)."""

    archive: Archive
    media: list[Entry]
    others: list[Entry]
    choices: Choices

    def with_suffix(self, *suffixes: str) -> list[Entry]: ...
    def part_of(self, entry: Entry) -> str: ...


@dataclass
class BoxRow:
    """Four numbers as a row has them. `form`: what they are; `line`: for people."""

    path: str
    label: str
    values: list[float]
    size: Size | None
    line: int


@dataclass
class BoxTable:
    """A table with what its columns are; rows still in the unit that they were written in."""

    name: str
    form: tuple[str, ...]
    rows: list[BoxRow] = field(default_factory=list)
    unit: str = ""
    """What its columns' names or a sign in its cells say that it counts in."""


@dataclass
class Annotated:
    """What one format gave: boxes, the files it used, and what to know of them. `title`: the tool or format as it is called."""

    layout: str
    title: str
    boxes: Boxes = field(default_factory=Boxes)
    used: set[str] = field(default_factory=set)
    tags: dict[str, list[str]] = field(default_factory=dict)
    """Labels of whole pictures."""
    documents: int = 0
    has_backgrounds: bool = False
    """Whether a picture that the annotations do not name has no objects in it."""
    several_answers: int = 0
    """Pictures that more than one person has labelled; the first is used."""
    file_parts: dict[str, str | None] = field(default_factory=dict)
    """The part of each annotation file, where the names of several make a split."""
    readings: list[Reading] = field(default_factory=list)
    """What else was decided."""
    unit: str = ""
    """What the coordinates were counted in, where it had to be guessed."""
    box_form: str = ""
    """What somebody says the four numbers of a box are (`box_forms`)."""
    told_forms: dict[str, str] = field(default_factory=dict)
    """{file: what its boxes can only be}."""
    untold: list[Callable[[bool], None]] = field(default_factory=list)
    """Readers of documents that do not tell it, which wait for the others; called with whether boxes are two corners."""
    waiting: list[BoxTable] = field(default_factory=list)
    """Boxes of lists whose unit is told by all of them together (`box_columns.place_boxes`)."""

    @property
    def pictures_with_objects(self) -> int:
        """Or with tags, where none has an object."""
        return sum(bool(objects) for objects in self.boxes.objects.values()) or len(self.tags)


def parts_of_entries(entries: Sequence[Entry]) -> dict[str, str | None]:
    """{name of a file in the archive: its part, where their names together make a split}."""
    names = [entry.name for entry in entries]
    return dict(zip(names, parts_of_names(names), strict=True))


@dataclass
class Finder:
    """Finds pictures for the annotation file at `near` (its path as words)."""

    index: PictureIndex
    near: Sequence[str] = ()

    def __call__(self, name: str) -> str | None:
        return self.index.find(name, self.near)
