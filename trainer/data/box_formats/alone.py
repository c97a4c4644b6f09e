"""Files that say nothing by themselves: annotations without the pictures or texts that they are of, and the signals of sensors."""

import json
import re
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

from trainer.data.archive_listing import loose_files
from trainer.data.archives import Archive, Entry, EntryError
from trainer.data.box_formats.json_tools import JSON_FORMATS
from trainer.data.box_formats.text_files import is_yolo_line
from trainer.errors import DataError
from trainer.messages import _, ngettext

HINTS = re.compile(
    rb'"(segmentation|bbox|imagePath|regions|classTitle|coordinates|rectanglelabels|polygonlabels|boundingBoxes)"'
)
SENSORS = (b'"payload"', b'"sensors"', b'"interval_ms"')
SNIFFED_SENSORS = 3
HEAD_BYTES, MAX_BYTES = 1 << 18, 64 << 20
SNIFFED_FILES, MIN_SHARE = 20, 0.8


def refuse_alone(files: Sequence[tuple[Path, str]], archives: Sequence[Archive]) -> None:
    """`files`: each with the name to show."""
    plain = [loose_files(files, files[0][1])] if files else []
    for archive in [*plain, *archives]:
        refuse_passages(archive)
        refuse_sensors(archive)
    for path, name in files:
        refuse_annotations(path, name)
    for archive in archives:
        refuse_annotation_archive(archive)


def refuse_passages(archive: Archive) -> None:
    """`DataError` for brat's files of passages without their texts."""
    passages = [entry for entry in archive.entries if entry.suffix == ".ann"]
    if len(passages) > 0.5 * len(archive.entries):
        raise DataError(
            _("%(name)s holds annotations of brat (.ann) and not the texts that they are of.", name=archive.name),
            code="not_a_table",
            hint=_("Send them together with the .txt files of the same names, or all of them in one zip."),
        )


def refuse_sensors(archive: Archive) -> None:
    """`DataError` for what sensors measured over time, as Edge Impulse keeps it: a file of signals a recording."""
    entries = [entry for entry in archive.entries if entry.suffix == ".json"]
    for entry in entries[:SNIFFED_SENSORS]:
        with suppress(EntryError, OSError):
            head = archive.read(entry, MAX_BYTES)[:HEAD_BYTES]
            if all(sign in head for sign in SENSORS):
                raise DataError(
                    ngettext(
                        "%(name)s holds the signals of sensors in %(count)s file of Edge Impulse, which are not read.",
                        "%(name)s holds the signals of sensors in %(count)s files of Edge Impulse, which are not read.",
                        len(entries),
                        name=archive.name,
                    ),
                    code="not_a_table",
                    hint=_(
                        "Send a table with a row for each recording: its label, and figures of its signals (mean, spread, peaks), which Edge Impulse exports as features."
                    ),
                )


def refuse_annotations(path: Path, name: str) -> None:
    """`DataError` for a JSON or XML file that marks places in pictures."""
    if path.suffix.lower() not in (".json", ".xml", ".csv") or not path.is_file() or path.stat().st_size > MAX_BYTES:
        return
    with path.open("rb") as file:
        head = file.read(HEAD_BYTES)
    if title := title_of_xml(head) or title_of_csv(head):
        raise without_images(name, title)
    if path.suffix.lower() == ".csv":
        return
    if title := title_of_json(head, path.read_bytes):
        raise without_images(name, title)


def title_of_json(head: bytes, read: Callable[[], bytes]) -> str:
    """The form of a document of boxes by its first bytes and, where these may be one, by all of it."""
    if not HINTS.search(head) or re.search(rb'"(text|data:image)"', head):
        return ""
    try:
        document = json.loads(read())
    except (ValueError, RecursionError):
        return ""
    return next((form.title for form in JSON_FORMATS if form.matches(document)), "")


def title_of_csv(head: bytes) -> str:
    first = head.partition(b"\n")[0]
    if first.startswith(b"# Exported using VGG Image Annotator") or b"region_shape_attributes" in first:
        return "VGG Image Annotator (VIA)"
    return "EncodedPixels" if b"EncodedPixels" in first else ""


def title_of_xml(head: bytes) -> str:
    if b"<annotation>" in head[:4096] and b"<filename>" in head:
        return "Pascal VOC"
    return "CVAT" if b"<annotations>" in head[:4096] and (b"<image " in head or b"<track " in head) else ""


def refuse_annotation_archive(archive: Archive) -> None:
    """The same for an archive of which most files are annotations: a text file of YOLO, or an XML file, for each picture."""
    entries = [entry for entry in archive.entries if entry.suffix in (".txt", ".xml", ".json")]
    formats: list[str] = []
    for entry in entries[:SNIFFED_FILES]:
        try:
            data = archive.read(entry, MAX_BYTES)
        except EntryError:
            continue
        if title := title_of_entry(entry, data):
            formats.append(title)
    is_told = len(formats) > 1 or (formats and formats[0] != "YOLO")  # a single file of numbers may be anything
    if is_told and len(formats) >= MIN_SHARE * (min(len(entries), SNIFFED_FILES) - 3):
        raise without_images(archive.name, formats[0])


def title_of_entry(entry: Entry, data: bytes) -> str:
    if entry.suffix == ".xml":
        return title_of_xml(data[:HEAD_BYTES])
    if entry.suffix == ".json":
        return title_of_json(data[:HEAD_BYTES], lambda: data)
    lines = [line for line in data[:HEAD_BYTES].decode("utf-8", "replace").splitlines()[:50] if line.strip()]
    return "YOLO" if lines and all(map(is_yolo_line, lines)) else ""


def without_images(name: str, title: str) -> DataError:
    return DataError(
        _("%(name)s holds annotations of %(title)s and no images.", name=name, title=title),
        code="not_a_table",
        hint=_("Send it together with the images that it is of, or both in one zip."),
    )
