"""Which picture of an archive an annotation means: tools write Windows paths, addresses, names with and without an ending."""

import re
import unicodedata
from collections import defaultdict
from collections.abc import Sequence
from typing import Protocol, TypeVar
from urllib.parse import parse_qs, unquote, urlsplit

MAX_CHARACTERS = 2_000
UPLOAD_PREFIX = re.compile(r"^[0-9a-f]{8}-(?=.)")
"""Label Studio puts eight digits in front of what is sent to it."""


class Entry(Protocol):
    """A file of an archive."""

    @property
    def name(self) -> str: ...

    @property
    def parts(self) -> Sequence[str]: ...


def clean_reference(name: str) -> str:
    """A path or an address as a path from some folder downwards: no server, drive, `..` or query, slashes as in archives.

    Nothing is opened by it: it is only looked up among the names of the archive.
    """
    text = unicodedata.normalize("NFC", name.strip())
    if len(text) > MAX_CHARACTERS:
        return ""
    if re.match(r"[a-z][a-z0-9+.-]+://", text, re.IGNORECASE) or text.startswith("/data/local-files/"):
        try:
            address = urlsplit(text)
        except ValueError:
            return ""
        asked = parse_qs(address.query).get("d")
        text = unquote(asked[0] if asked else address.path)
    text = re.sub(r"^[a-z]:(?=[\\/])", "", text.replace("\\", "/"), flags=re.IGNORECASE)
    return "/".join(word for word in text.split("/") if word not in ("", ".", ".."))


AnyEntry = TypeVar("AnyEntry", bound=Entry)


def cased_ends(entries: Sequence[AnyEntry]) -> dict[str, list[AnyEntry]]:
    """{end of a path as it is written: the files}, of those whose names differ from another's by case alone."""
    names: dict[str, set[str]] = defaultdict(set)
    for entry in entries:
        names[entry.parts[-1].casefold()].add(entry.parts[-1])
    ends: dict[str, list[AnyEntry]] = defaultdict(list)
    for entry in entries:
        if len(names[entry.parts[-1].casefold()]) > 1:
            for start in range(len(entry.parts)):
                ends["/".join(entry.parts[start:])].append(entry)
    return ends


class PictureIndex:
    """The pictures of an archive by every end of their paths."""

    def __init__(self, entries: Sequence[Entry]) -> None:
        self.entries: Sequence[Entry] = entries
        self.exact: dict[str, Entry] = {}
        self.by_end: dict[str, list[Entry]] = defaultdict(list)
        self.by_stem: dict[str, list[Entry]] = defaultdict(list)
        self.cased: dict[str, list[Entry]] = {}

    def build(self) -> None:
        """Once, when the first name is looked up: most archives have no annotations."""
        entries, self.entries = self.entries, ()
        self.cased = cased_ends(entries)
        for entry in entries:
            words = [word.casefold() for word in entry.parts]
            self.exact["/".join(words)] = entry
            for start in range(len(words)):
                self.by_end["/".join(words[start:])].append(entry)
            stem = words[-1].rpartition(".")[0] or words[-1]
            self.by_stem[stem].append(entry)
            if (short := UPLOAD_PREFIX.sub("", stem)) != stem:
                self.by_stem[short].append(entry)

    def paths(self) -> list[str]:
        """Those of all pictures, numbers in their names in order."""
        if self.entries:
            self.build()
        return sorted((entry.name for entry in self.exact.values()), key=natural_order)

    def find(self, name: str | None, near: Sequence[str] = ()) -> str | None:
        """The path in the archive that a name means; `near`: the annotation's own path as words, whose folders say which of
        several pictures of one name is meant. None where none is, or several are and nothing tells them apart."""
        written = clean_reference(name or "")
        reference = written.casefold()
        if not reference:
            return None
        if self.entries:
            self.build()
        words = written.split("/") if self.cased else []
        ends = ("/".join(words[start:]) for start in range(len(words)))
        if same := next((self.cased[end] for end in ends if end in self.cased), None):
            return choose_nearest(same, near)
        path = self.find_reference(reference, near)
        if path is None and "%" in reference:
            path = self.find_reference(unquote(reference), near)
        return path

    def find_reference(self, reference: str, near: Sequence[str]) -> str | None:
        folders = [word.casefold() for word in near[:-1]]
        for depth in range(len(folders), 0, -1):
            for between in ((), ("images",), ("img",)):
                entry = self.exact.get("/".join([*folders[:depth], *between, reference]))
                if entry is not None:
                    return entry.name
        words = reference.split("/")
        for start in range(len(words)):
            if entries := self.by_end.get("/".join(words[start:])):
                return choose_nearest(entries, near)
        stem = words[-1].rpartition(".")[0]
        candidates = (words[-1], stem, UPLOAD_PREFIX.sub("", stem), UPLOAD_PREFIX.sub("", words[-1]))
        for candidate in candidates:
            if candidate and (entries := self.by_stem.get(candidate)):
                return choose_nearest(entries, near)
        return None


def natural_order(name: str) -> list[tuple[int, str]]:
    """img_2 before img_10."""
    words = re.findall(r"\d+|\D+", name)
    return [(int(word[:18]), "") if word[0].isdecimal() else (-1, word) for word in words]


def choose_nearest(entries: Sequence[Entry], near: Sequence[str]) -> str | None:
    """Of pictures of one name the one whose folders the annotation's path names; None where two are as near."""
    if len(entries) == 1:
        return entries[0].name
    where = "/".join(near).casefold()

    def nearness(entry: Entry) -> tuple[int, int]:
        folders = [word.casefold() for word in entry.parts[:-1]]
        shared = 0
        for own, other in zip(folders, (word.casefold() for word in near[:-1]), strict=False):
            if own != other:
                break
            shared += 1
        return shared + sum(bool(word) and word in where for word in folders), -len(folders)

    ranked = sorted(entries, key=nearness, reverse=True)
    return ranked[0].name if nearness(ranked[0]) > nearness(ranked[1]) else None
