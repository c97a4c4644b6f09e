"""The files of an archive of pictures or sounds: what each may be, how names find them, and the rows that they become."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from trainer.data import annotations, device_folders, media
from trainer.data.archives import Archive, Entry, EntryError, common_folder
from trainer.data.box_formats.references import UPLOAD_PREFIX, cased_ends, clean_reference
from trainer.data.box_formats.source import Annotated
from trainer.data.cuts import Cut
from trainer.data.folder_levels import PART_WORDS, FolderRoles, read_roles
from trainer.data.mask_files import are_left_out, find_masks
from trainer.data.media_video import FRAME_SECONDS
from trainer.data.readings import Choices, LeftOut, Reading


@dataclass
class Collection:
    """Rows of one archive. `kind`: image or audio; `rows`: cells by column; `lost`: (path, why) of files left out."""

    kind: str
    layout: str
    rows: list[dict[str, str | None]] = field(default_factory=list)
    parts: list[str] = field(default_factory=list)
    lost: list[tuple[str, str]] = field(default_factory=list)
    bad: list[str] = field(default_factory=list)
    bad_count: int = 0
    other_files: int = 0
    """Files of other kinds, passed over."""
    other_kinds: Counter[str] = field(default_factory=Counter)
    """The same by ending."""
    readings: list[Reading] = field(default_factory=list)
    left_out: list[LeftOut] = field(default_factory=list)
    """Records that were not kept, besides `lost` and `other_files`."""
    boxes: annotations.Boxes | None = None
    annotated: Annotated | None = None
    group: str | None = None
    """The column whose equal cells stay on one side of the split: a camera, a person, a video."""
    converted: Counter[str] = field(default_factory=Counter)
    """How many were kept in another format, by their own: heif, avif, raw, pages (of a TIFF), animation, video, pdf, sound."""
    frame_seconds: float = FRAME_SECONDS
    """From one picture of a video or an animation to the next."""
    is_frame_asked: bool = False
    class_names: dict[str, str] = field(default_factory=dict)
    """{label: its name} of folders that are called by ids."""
    used: set[str] = field(default_factory=set)
    """Paths of the other files that were used: tables, annotations, files beside each picture or sound."""


@dataclass
class MediaRow:
    """One row to be: the picture or sound, the other cells, its part."""

    entry: Entry
    cells: dict[str, str | None]
    part: str = ""
    cuts: Sequence[Cut] = ()
    """The clips that a recording gives instead of itself."""
    where: str = ""
    """The line of the table that it comes from, in a sentence's beginning."""


class Files:
    """The archive's entries by what they may be, and how names in tables and annotations find them."""

    def __init__(self, archive: Archive, kind: str, choices: Choices | None = None) -> None:
        self.archive, self.kind, self.choices = archive, kind, choices or Choices()
        self.depth = common_folder(archive.entries)
        with_pages = kind == "image" and self.choices.get("documents") == "pages"
        self.media = [
            entry
            for entry in archive.entries
            if media.may_be(entry.suffix, kind) or (with_pages and entry.suffix == ".pdf")
        ]
        # A phone keeps a second of video beside a photo of the same name: the photo is what was meant.
        photos = {stem_of(entry) for entry in self.media if entry.suffix not in media.VIDEO_SUFFIXES}
        self.media = [
            entry for entry in self.media if entry.suffix not in media.VIDEO_SUFFIXES or stem_of(entry) not in photos
        ]
        self.masks = find_masks(archive, self.media) if kind == "image" else []
        if are_left_out(self.choices, archive.name):
            left_out = {entry.name for entry in self.masks}
            self.media = [entry for entry in self.media if entry.name not in left_out]
        chosen = {entry.name for entry in self.media}
        self.others = [entry for entry in archive.entries if entry.name not in chosen]
        self.used: set[str] = set()
        self.readings: list[Reading] = []
        self.listed_parts: dict[str, str] = {}
        """{path: the part of the list that names it}."""
        self.missing: list[str] = []
        """What lists name and the archive does not hold, in sentences' ends."""
        self.paths: dict[str, Entry] = {}
        for entry in self.media:
            parts = entry.parts
            for start in range(len(parts)):
                # The longest names are set last, so that a full path is never hidden by another file's ending.
                self.paths.setdefault("/".join(parts[start:]).casefold(), entry)
            self.paths.setdefault(Path(parts[-1]).stem.casefold(), entry)
        for entry in self.media:
            self.paths[entry.name.casefold()] = entry
        self.cased = {end: entries[0] for end, entries in cased_ends(self.media).items()}

    def find(self, name: str | None, near: str = "") -> Entry | None:
        """The file that a table or an annotation means: by its path, or by the longest end that both paths share. `near`: the
        folder of the table, below which its names are looked for first."""
        if not name or len(name) > 1_000:
            return None
        path = clean_reference(name)
        parts = path.casefold().split("/")
        words = path.split("/") if self.cased else []
        ends = [*([f"{near}/{path}"] if near else []), *("/".join(words[start:]) for start in range(len(words)))]
        if self.cased and (same := next((self.cased[end] for end in ends if end in self.cased), None)):
            return same
        if near and (entry := self.paths.get(f"{near.casefold()}/{path.casefold()}")):
            return entry
        folded = ("/".join(parts[start:]) for start in range(len(parts)))
        by_end = next((self.paths[end] for end in folded if end in self.paths), None)
        return by_end or self.paths.get(UPLOAD_PREFIX.sub("", parts[-1])) or self.find_otherwise(parts[-1])

    def find_otherwise(self, name: str) -> Entry | None:
        """By a name with another ending of the same kind (1.png, where 1.jpg lies), or by a number without its zeros in front."""
        stem, dot, ending = name.rpartition(".")
        if dot and media.kind_of_suffix(f".{ending}") == self.kind:
            return self.paths.get(stem)
        return self.numbers.get(int(name)) if name.isascii() and name.isdecimal() and len(name) < 19 else None

    @cached_property
    def numbers(self) -> dict[int, Entry]:
        """{number: the file called so}, where all are called by numbers, each by another one."""
        stems = [Path(entry.parts[-1]).stem for entry in self.media]
        if not all(stem.isascii() and stem.isdecimal() and len(stem) < 19 for stem in stems):
            return {}
        numbers = {int(stem): entry for stem, entry in zip(stems, self.media, strict=True)}
        return numbers if len(numbers) == len(stems) else {}

    @cached_property
    def folders(self) -> dict[str, list[Entry]]:
        """{name of a folder, small letters: the files in it and below}."""
        inside: dict[str, list[Entry]] = defaultdict(list)
        for entry in self.media:
            for name in {folder.strip().casefold() for folder in entry.parts[:-1]}:
                inside[name].append(entry)
        return inside

    def find_path(self, name: str) -> str | None:
        entry = self.find(name)
        return entry.name if entry else None

    def with_suffix(self, *suffixes: str) -> list[Entry]:
        return [entry for entry in self.others if entry.suffix in suffixes]

    @cached_property
    def roles(self) -> FolderRoles:
        """What the folders of its pictures or sounds tell."""
        are_labels = device_folders.are_labels(self.choices, self.archive.name)
        paths = self.paths_of_folders if are_labels else device_folders.without_devices(self.paths_of_folders)
        return read_roles(paths, self.choices.get("label_folder"))

    @cached_property
    def paths_of_folders(self) -> list[list[str]]:
        """The folders of each of its pictures or sounds."""
        return [self.folders_of(entry) for entry in self.media]

    @cached_property
    def index_of(self) -> dict[str, int]:
        return {entry.name: index for index, entry in enumerate(self.media)}

    def folders_of(self, entry: Entry) -> list[str]:
        """Those that do not wrap all; of files in one folder only that folder, unless its name says nothing."""
        if len(entry.parts) > self.depth + 1 or not self.depth:
            return entry.parts[self.depth : -1]
        last = entry.parts[self.depth - 1]
        return [] if last.strip().lower() in PART_WORDS else [last]

    def part_of(self, entry: Entry) -> str:
        """The part that a list of files or a folder on the way tells: train/cat/1.jpg, images/val/1.jpg."""
        return self.listed_parts.get(entry.name) or self.roles.parts[self.index_of[entry.name]]

    def class_of(self, entry: Entry) -> str:
        """The folder on the way that is its class; "" when there is none."""
        return self.roles.labels[self.index_of[entry.name]]


def stem_of(entry: Entry) -> str:
    return entry.name.rsplit(".", 1)[0].casefold()


def read_text(archive: Archive, entry: Entry) -> str:
    try:
        return archive.read(entry, 16 * 1024**2).decode("utf-8", "replace").lstrip("\ufeff")
    except EntryError:
        return ""
