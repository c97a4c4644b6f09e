"""brat: a text and, beside it, a file of the same name with its marked passages (.ann), for each document."""

import json
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from trainer.data.archives import Archive, Entry, EntryError
from trainer.data.exports.base import Conversion, Export, parse_span
from trainer.data.exports.spans import Span
from trainer.json_types import JsonObject

MAX_BYTES = 16 * 1024**2
PASSAGE = re.compile(r"T\d+\t(\S+) (\d+ \d+(?:;\d+ \d+)*)\t(.*)")
OTHERS = {
    "R": "relations",
    "E": "events",
    "A": "attributes",
    "M": "attributes",
    "N": "normalisations",
    "#": "notes",
    "*": "equivalences",
}


def write_records(archive: Archive, path: Path) -> bool:
    """Whether the archive is of brat; its documents then go to `path` as JSON lines, which `EXPORTS` reads."""
    texts = {entry.name.removesuffix(".txt"): entry for entry in archive.entries if entry.suffix == ".txt"}
    marks = {entry.name.removesuffix(".ann"): entry for entry in archive.entries if entry.suffix == ".ann"}
    if not set(texts) & set(marks):
        return False
    with path.open("w", encoding="utf-8") as file:
        for stem in sorted(set(texts) & set(marks)):
            record = {"document": stem, "text": read(archive, texts[stem]), "brat": read(archive, marks[stem])}
            file.write(json.dumps(record, ensure_ascii=False) + "\n")
    return True


def read(archive: Archive, entry: Entry) -> str:
    """The text of a file; line ends stay as they are, since positions count them."""
    try:
        return archive.read(entry, MAX_BYTES).decode("utf-8", "replace")
    except EntryError:
        return ""


def passages_of(record: JsonObject) -> list[Span]:
    """Marked passages; one of several fragments reaches from the first to the last."""
    spans = []
    for line in str(record["brat"]).splitlines():
        if match := PASSAGE.fullmatch(line):
            fragments = [part.split() for part in match[2].split(";")]
            words = match[3] if len(fragments) == 1 else None
            span = parse_span(fragments[0][0], fragments[-1][1], match[1], words)
            spans += [span] if span else []
    return spans


def is_brat(records: Sequence[JsonObject]) -> bool:
    return all({"document", "text", "brat"} == set(record) for record in records)


def prepare(records: Sequence[JsonObject], conversion: Conversion) -> None:
    conversion.decide_unit((record["text"], passages_of(record)) for record in records)


def convert(record: JsonObject, conversion: Conversion) -> Iterator[JsonObject]:
    for line in str(record["brat"]).splitlines():
        if line[:1] in OTHERS:
            conversion.passed_over[OTHERS[line[0]]] += 1
    yield from conversion.tag(record["text"], passages_of(record), {"document": record["document"]})


EXPORTS = (Export("brat", "brat", is_brat, convert, prepare),)
