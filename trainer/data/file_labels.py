"""Labels in the names of files (cat.0.jpg, yes.1abc.wav, 0001_cat.jpg), and in Edge Impulse's list of its files."""

import json
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from trainer.data.archives import Entry, EntryError
from trainer.data.folder_levels import GROUP
from trainer.data.readings import Choice, Choices, Reading
from trainer.data.sidecars import Cells
from trainer.messages import Message, _, joined

if TYPE_CHECKING:
    from trainer.data.media_files import Files

WHAT, BEGINNING, NONE = "label_in_name", "beginning", "none"
LABEL = re.compile(r"([^\W\d_][\w -]*?)(?:\.|[ _-]*\(?\d+\)?$|[ _-]+\d)", re.UNICODE)
CAMERAS = frozenset(
    [
        "img",
        "image",
        "images",
        "imag",
        "photo",
        "pic",
        "picture",
        "dsc",
        "dscn",
        "dscf",
        "pxl",
        "mvimg",
        "p",
        "gopr",
        "screenshot",
        "bildschirmfoto",
        "foto",
        "frame",
        "file",
        "whatsapp",
        "video",
        "vid",
        "audio",
        "recording",
        "rec",
        "sound",
        "track",
        "voice",
        "memo",
        "clip",
        "wav",
        "sample",
        "untitled",
        "scan",
        "page",
        "test",
        "train",
    ]
)
YEAR = re.compile(r"(19|20)\d\d")
"""A month and a day stand behind it."""
MAX_LABELS, MIN_EACH, MIN_FILES = 50, 3, 8
MAX_INFO_BYTES = 64 << 20


def label_by_names(files: "Files") -> tuple[dict[str, str], Reading] | None:
    """({path: the part of its name that is the label}, the reading with its doubt and the other parts that may be it); None where the
    names say nothing, or nobody wants it."""
    return label_by_stems(stems_of(files.media), files.choices, files.archive.name)


def stems_of(entries: Sequence[Entry]) -> dict[str, str]:
    """{path: its name without folders and ending}."""
    return {entry.name: entry.parts[-1].rpartition(".")[0] or entry.parts[-1] for entry in entries}


def label_by_stems(stems: Mapping[str, str], choices: Choices, archive: str) -> tuple[dict[str, str], Reading] | None:
    """The same of any files, by their names."""
    candidates = find_candidates(stems)
    asked = choices.pick(WHAT, (*candidates, NONE), archive)
    if not candidates:
        return None
    if asked == NONE:
        others = [Choice(other, names_of(labels)) for other, labels in candidates.items()]
        return {}, Reading(WHAT, NONE, _("The names of the files say nothing"), others, file=archive, is_asked=True)
    chosen = asked or next(iter(candidates))
    labels = candidates[chosen]
    others = [Choice(other, names_of(candidates[other])) for other in candidates if other != chosen]
    others.append(Choice(NONE, _("The names of the files say nothing")))
    confidence = 1.0 if asked else 0.6
    sentence = sentence_of(chosen, names_of(labels))
    return labels, Reading(WHAT, chosen, sentence, others, confidence, file=archive, is_asked=bool(asked))


def find_candidates(stems: Mapping[str, str]) -> dict[str, dict[str, str]]:
    """{choice: {path: label}}, the likeliest first: how the names begin, else each word of them that has few values. Words of letters
    come before numbers and before what looks like a person, a camera or a day."""
    ranked: list[tuple[tuple[bool, ...], int, dict[str, str]]] = []
    beginnings = {path: label_at_beginning(stem) for path, stem in stems.items()}
    if all(beginnings.values()) and are_labels(list(beginnings.values())):
        ranked.append((rank_of(list(beginnings.values())), -1, beginnings))
    words = [re.split(r"[\s_.()-]+", stem.strip("_-. ()")) for stem in stems.values()]
    for place in range(1 if ranked else 0, min(map(len, words), default=0)):
        values = [parts[place] for parts in words]
        is_date = any(YEAR.fullmatch(parts[before]) for parts in words for before in range(max(0, place - 2), place))
        if are_labels(values) and not is_date:
            ranked.append((rank_of(values), place, dict(zip(stems, values, strict=True))))
    ranked.sort(key=lambda candidate: candidate[:2])
    return {BEGINNING if place < 0 else f"word_{place + 1}": labels for _rank, place, labels in ranked}


def rank_of(values: Sequence[str]) -> tuple[bool, bool, bool]:
    names = set(values)
    is_group = sum(GROUP.fullmatch(name) is not None for name in names) > 0.5 * len(names)
    return is_group, not all(name.isalpha() for name in names), all(len(name) < 2 for name in names)


def label_at_beginning(stem: str) -> str:
    match = LABEL.match(stem)
    if match is None or match[1].split("_")[0].split(" ")[0].casefold() in CAMERAS:
        return ""
    return match[1].strip(" _-")


def are_labels(values: Sequence[str]) -> bool:
    """Few enough, and each of several files."""
    counts = Counter(values)
    is_few = 2 <= len(counts) <= MAX_LABELS and len(values) >= MIN_FILES and min(counts.values()) >= MIN_EACH
    return is_few and "" not in counts and not CAMERAS & {name.casefold() for name in counts}


def names_of(labels: Mapping[str, str]) -> Message:
    return joined([f"“{name}”" for name, _count in Counter(labels.values()).most_common(4)], ", ")


def sentence_of(choice: str, names: Message) -> Message:
    if choice == BEGINNING:
        return _("The label is how the name of each file begins: %(names)s", names=names)
    number = choice.removeprefix("word_")
    return _("The label is word %(number)s in the name of each file: %(names)s", number=number, names=names)


def read_info_labels(files: "Files") -> dict[str, Cells] | None:
    """{path: its label} of Edge Impulse's info.labels; None where there is none."""
    cells: dict[str, Cells] = {}
    for entry in files.with_suffix(".labels"):
        try:
            document = json.loads(files.archive.read(entry, MAX_INFO_BYTES))
        except (EntryError, ValueError, RecursionError):
            continue
        listed = document.get("files") if isinstance(document, dict) else None
        for file in listed if isinstance(listed, list) else []:
            label = file.get("label") if isinstance(file, dict) else None
            title = label.get("label") if isinstance(label, dict) else label
            path = files.find_path(str(file.get("path"))) if isinstance(title, str) and title else None
            if path is not None:
                files.used.add(entry.name)
                cells[path] = {"label": str(title)}
    return cells or None
