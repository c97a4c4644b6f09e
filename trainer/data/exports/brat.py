"""brat: a text and, beside it, a file of the same name with its marked passages (.ann), for each document."""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from trainer.data.archives import Archive, Entry, EntryError
from trainer.data.exports.base import Conversion, Export, parse_span
from trainer.data.exports.packed import Packed, split_of, write_lines
from trainer.data.exports.spans import Span
from trainer.data.readings import Choices
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


def write_records(archive: Archive, path: Path, _choices: Choices) -> Packed | None:
    """A record for each document, which is a text and the file of its passages; a text without one waits for its annotator."""
    texts = {entry.name.removesuffix(".txt"): entry for entry in archive.entries if entry.suffix == ".txt"}
    marks = {entry.name.removesuffix(".ann"): entry for entry in archive.entries if entry.suffix == ".ann"}
    stems = sorted(set(texts) & set(marks))
    records = (
        {"document": stem, "text": read(archive, texts[stem]), "brat": read(archive, marks[stem])}
        | split_of(texts[stem])
        for stem in stems
    )
    if not write_lines(path, records):
        return None
    settings = {entry.name for entry in archive.entries if entry.suffix in (".conf", ".cfg")}
    return Packed({entry.name for stem in stems for entry in (texts[stem], marks[stem])} | settings)


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
    return all({"document", "text", "brat"} == set(record) - {"split"} for record in records)


def prepare(records: Sequence[JsonObject], conversion: Conversion) -> None:
    conversion.decide_unit((record["text"], passages_of(record)) for record in records)


def convert(record: JsonObject, conversion: Conversion) -> Iterator[JsonObject]:
    for line in str(record["brat"]).splitlines():
        if line[:1] in OTHERS:
            conversion.passed_over[OTHERS[line[0]]] += 1
        elif (match := PASSAGE.fullmatch(line)) and ";" in match[2]:
            conversion.parted += 1
    others: JsonObject = {name: record[name] for name in ("document", "split") if name in record}
    yield from conversion.tag(record["text"], passages_of(record), others)


EXPORTS = (Export("brat", "brat", is_brat, convert, prepare),)
