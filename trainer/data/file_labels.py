"""Labels in the names of files (cat.0.jpg, yes.1abc.wav), and in Edge Impulse's list of its files."""

import json
import re
from collections import Counter
from typing import TYPE_CHECKING

from trainer.data.archives import EntryError
from trainer.data.readings import Choice, Reading
from trainer.data.sidecars import Cells
from trainer.messages import _, joined

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
MAX_LABELS, MIN_EACH, MIN_FILES = 50, 3, 8
MAX_INFO_BYTES = 64 << 20


def label_by_names(files: "Files") -> tuple[dict[str, str], Reading] | None:
    """({path: how its name begins}, the reading with its doubt); None where the names say nothing, or nobody wants it."""
    asked = files.choices.pick(WHAT, (BEGINNING, NONE), files.archive.name)
    if asked == NONE:
        return None
    labels: dict[str, str] = {}
    for entry in files.media:
        match = LABEL.match(entry.parts[-1].rpartition(".")[0] or entry.parts[-1])
        if match is None or match[1].split("_")[0].split(" ")[0].casefold() in CAMERAS:
            return None
        labels[entry.name] = match[1].strip(" _-")
    counts = Counter(labels.values())
    if not 2 <= len(counts) <= MAX_LABELS or len(labels) < MIN_FILES or min(counts.values()) < MIN_EACH:
        return None
    names = joined([f"“{name}”" for name, _count in counts.most_common(4)], ", ")
    sentence = _("The label is how the name of each file begins: %(names)s", names=names)
    others = [Choice(NONE, _("The names of the files say nothing"))]
    confidence = 1.0 if asked else 0.6
    return labels, Reading(WHAT, BEGINNING, sentence, others, confidence, file=files.archive.name, is_asked=bool(asked))


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
