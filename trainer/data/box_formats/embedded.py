"""Pictures inside the annotation files that are of them, as LabelMe writes them (`imageData`), where they did not come by themselves."""

import base64
import binascii
import json
from pathlib import Path

from trainer.data.archives import Archive, Embedded, Entry, EntryError
from trainer.data.media import IMAGE_SUFFIXES
from trainer.data.media_cells import sniff
from trainer.data.unpacking import DAMAGE

HEAD_BYTES, MAX_BYTES = 4096, 256 << 20
MISSES = 20
"""So many JSON files of another kind, and none is looked into any more."""
SIGN = b'"shapes"'


def add_embedded(archive: Archive) -> int:
    """Entries for the pictures that the archive's files hold and that are not in it themselves; how many."""
    stems = {stem_of(entry.name) for entry in archive.entries if entry.suffix in IMAGE_SUFFIXES}
    entries: list[Entry] = []
    misses = 0
    for entry in archive.entries:
        if entry.suffix != ".json" or stem_of(entry.name) in stems:
            continue
        picture = find_embedded(archive, entry)
        misses += picture is None
        if picture is not None and stem_of(picture.name) not in stems:
            entries.append(picture)
            stems.add(stem_of(picture.name))
        if not entries and misses >= MISSES:
            break
    archive.entries += entries
    return len(entries)


def stem_of(name: str) -> str:
    return name.rpartition("/")[2].rpartition(".")[0].casefold()


def find_embedded(archive: Archive, entry: Entry) -> Entry | None:
    """The picture that one file holds; None for another kind of file."""
    try:
        with archive.open(entry) as file:
            head = file.read(HEAD_BYTES)
        if SIGN not in head:
            return None
        document = json.loads(archive.read(entry, MAX_BYTES))
    except (EntryError, ValueError, RecursionError, *DAMAGE):
        return None
    held = document.get("imageData") if isinstance(document, dict) else None
    if not isinstance(held, str) or not held:
        return None
    kind = sniff(decode_start(held))
    if kind is None or kind[0] != "image":
        return None
    name = str(document.get("imagePath") or "").replace("\\", "/").rpartition("/")[2]
    if Path(name).suffix.lower() not in IMAGE_SUFFIXES:
        name = f"{entry.parts[-1].rpartition('.')[0]}{kind[1]}"
    folder = "".join(f"{part}/" for part in entry.parts[:-1])
    return Entry(folder + name, len(held) * 3 // 4, Embedded(archive, entry, "imageData"))


def decode_start(text: str) -> bytes:
    try:
        return base64.b64decode(text[:64])
    except (binascii.Error, ValueError):
        return b""


def holds_pictures(archive: Archive) -> bool:
    """Whether one of the first JSON files is such."""
    listed = [entry for entry in archive.entries if entry.suffix == ".json"][:MISSES]
    return any(find_embedded(archive, entry) for entry in listed)
