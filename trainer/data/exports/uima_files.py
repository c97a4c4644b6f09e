"""INCEpTION and other tools on UIMA: documents with their annotations as CAS JSON, as XMI, or as WebAnno TSV, alone or as the project
that INCEpTION exports, which has a folder for each document and a file in it for each annotator."""

import json
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from itertools import chain
from pathlib import Path

from trainer.data.archives import Archive, Entry, EntryError
from trainer.data.box_formats.voc import parse_xml
from trainer.data.exports.packed import Packed, split_of, write_lines
from trainer.data.readings import Choice, Choices, LeftOut, Reading
from trainer.data.tables.formats import open_table
from trainer.data.tables.webanno import looks_like_webanno
from trainer.data.tempspace import temporary_folder
from trainer.data.unpacking import DAMAGE
from trainer.errors import DataError
from trainer.json_types import Json, JsonObject
from trainer.messages import ngettext

HEAD_BYTES, MAX_BYTES = 4096, 64 << 20
SIGNS = {".json": (b'"%FEATURE_STRUCTURES"', b'"%TYPES"', b'"_referenced_fss"', b'"_context"'), ".xmi": (b"XMI",)}
STRUCTURE = frozenset({"Token", "Sentence", "Paragraph", "Div", "Lemma", "Stem", "DocumentMetaData", "DocumentAnnotation", "TagsetDescription", "CASMetadata", "Sofa", "Compound", "Heading"})  # fmt: skip
"""What every document has and nobody labelled."""
OWN_FIELDS = frozenset({"begin", "end", "sofa", "id", "xmiID", "sofaNum", "order"})
NOBODY, CURATED = "INITIAL_CAS", "CURATION_USER"


WHAT, CURATION = "annotator", "curation"


def write_records(archive: Archive, path: Path, choices: Choices) -> Packed | None:
    """A record for each document that is annotated; of several annotators, the one asked for, else what was curated, else the first."""
    entries = [entry for entry in archive.entries if is_annotated(archive, entry)]
    if not entries:
        return None
    people = sorted({annotator_of(entry) for entry in entries if is_in_project(entry)} - {""})
    asked = choices.pick(WHAT, people, archive.name) if len(people) > 1 else None
    chosen, others = choose_annotators(entries, asked or "")
    unread: list[str] = []
    count = write_lines(path, chain.from_iterable(records_of(archive, entry, unread) for entry in chosen))
    if not count:
        return None
    left_out = [note for note in (tell_others(others, archive.name), tell_unread(unread, archive.name)) if note]
    used = {entry.name for entry in entries}
    used |= {entry.name for entry in archive.entries if is_beside(entry, len(entries))}
    return Packed(used, left_out, [annotator_reading(chosen, people, asked, archive.name)] if others else [])


def is_in_project(entry: Entry) -> bool:
    return len(entry.parts) >= 3 and bool({"annotation", "curation"} & set(entry.parts[:-2]))


def annotator_of(entry: Entry) -> str:
    """Who annotated a file of a project: its name, CURATION for what was agreed on, "" for nobody."""
    name = entry.parts[-1].rpartition(".")[0]
    return CURATION if CURATED in name or "curation" in entry.parts[:-2] else "" if NOBODY in name else name


def annotator_reading(chosen: Sequence[Entry], people: Sequence[str], asked: str | None, file: str) -> Reading:
    """Whose annotations are read, of the most documents."""
    counts = Counter(annotator_of(entry) for entry in chosen)
    name = asked or max((person for person in people), key=lambda person: counts[person])
    sentence = ngettext(
        "The annotations of “%(name)s” are read where there are some: %(count)s document.",
        "The annotations of “%(name)s” are read where there are some: %(count)s documents.",
        counts[name],
        name=name,
    )
    others = [Choice(other, other) for other in people if other != name][:20]
    confidence = 1.0 if asked else 0.95 if name == CURATION else 0.6
    return Reading(WHAT, name, sentence, others, confidence, file, is_asked=asked is not None)


def is_annotated(archive: Archive, entry: Entry) -> bool:
    if entry.suffix not in (".tsv", *SIGNS):
        return False
    try:
        with archive.open(entry) as file:
            head = file.read(HEAD_BYTES)
    except (EntryError, *DAMAGE):
        return False
    if entry.suffix == ".tsv":
        return looks_like_webanno(head.decode("utf-8", "replace"))
    return any(sign in head for sign in SIGNS[entry.suffix])


def is_beside(entry: Entry, documents: int) -> bool:
    """The parts of a project that say nothing more: its description, its types, the texts that the annotated ones hold too."""
    name = entry.parts[-1].lower()
    return documents > 0 and (name in ("exportedproject.json", "typesystem.xml") or entry.parts[0] == "source")


def choose_annotators(entries: Sequence[Entry], asked: str = "") -> tuple[list[Entry], list[Entry]]:
    """(the file of each document to read, those of others): documents are folders where several files lie in each below
    annotation/ or curation/, else each file is one."""
    documents: dict[str, list[Entry]] = defaultdict(list)
    for entry in entries:
        documents[document_of(entry)].append(entry)
    chosen, others = [], []
    for listed in documents.values():
        listed.sort(
            key=lambda entry: (
                bool(asked) and annotator_of(entry) != asked,
                CURATED not in entry.parts[-1],
                NOBODY in entry.parts[-1],
                entry.name,
            )
        )
        chosen.append(listed[0])
        others += [entry for entry in listed[1:] if NOBODY not in entry.parts[-1]]
    return chosen, others


def tell_others(entries: Sequence[Entry], file: str) -> LeftOut | None:
    if not entries:
        return None
    sentence = ngettext(
        "%(count)s file of another annotator of a document that is read was left out.",
        "%(count)s files of other annotators of documents that are read were left out.",
        len(entries),
    )
    return LeftOut("other_annotators", len(entries), sentence, file, examples=[entry.name for entry in entries])


def tell_unread(names: Sequence[str], file: str) -> LeftOut | None:
    if not names:
        return None
    sentence = ngettext(
        "%(count)s annotated document cannot be read.", "%(count)s annotated documents cannot be read.", len(names)
    )
    return LeftOut("unreadable", len(names), sentence, file, examples=list(names))


def records_of(archive: Archive, entry: Entry, unread: list[str]) -> Iterator[JsonObject]:
    """One of a CAS, one a sentence of TSV; a file that cannot be read goes to `unread`."""
    facts = {"document": document_of(entry)} | split_of(entry)
    if entry.suffix == ".tsv":
        yield from sentences_of(archive, entry, facts, unread)
        return
    try:
        data = archive.read(entry, MAX_BYTES)
        read = read_xmi(data) if entry.suffix == ".xmi" else read_json(json.loads(data))
    except (EntryError, ValueError, RecursionError):
        read = None
    if read is None:
        unread.append(entry.name)
    else:
        yield {"cas": {"text": read[0], "marks": read[1]}} | facts


def document_of(entry: Entry) -> str:
    """The name of the document, not of its annotator."""
    return entry.parts[-2] if is_in_project(entry) else entry.name


def sentences_of(archive: Archive, entry: Entry, facts: JsonObject, unread: list[str]) -> Iterator[JsonObject]:
    with temporary_folder() as place:
        try:
            table = open_table(archive.extract(entry, place / "table.tsv"), entry.name)
            rows = [row for batch in table.batches for row in zip(*batch, strict=True)]
        except DataError:
            unread.append(entry.name)
            return
    for tokens, tags in rows:
        yield {"webanno": {"tokens": json.loads(tokens or "[]"), "tags": json.loads(tags or "[]")}} | facts


# CAS: a text (Sofa), and structures of some type with a beginning, an end and features


def read_json(document: Json) -> tuple[str, list[Json]] | None:
    """(text, [[type, beginning, end, {feature: value}]]) of CAS JSON as UIMA 3 and its predecessor write it; None for any other."""
    if not isinstance(document, dict):
        return None
    listed = document.get("%FEATURE_STRUCTURES")
    if isinstance(listed, dict):
        listed = list(listed.values())
    if isinstance(listed, list):
        structures = [
            (str(structure.get("%TYPE", "")), structure) for structure in listed if isinstance(structure, dict)
        ]
    else:
        structures = list(older_structures(document))
    texts = [structure["sofaString"] for _type, structure in structures if isinstance(structure.get("sofaString"), str)]
    if not texts:
        return None
    return texts[0], [mark for name, structure in structures if (mark := mark_of(name, structure))]


def older_structures(document: JsonObject) -> Iterator[tuple[str, JsonObject]]:
    """Those of `_referenced_fss`, which say their type, and of `_views`, which are listed by type."""
    referenced = document.get("_referenced_fss")
    for structure in referenced.values() if isinstance(referenced, dict) else ():
        if isinstance(structure, dict):
            yield str(structure.get("_type", "")), structure
    views = document.get("_views")
    for view in views.values() if isinstance(views, dict) else ():
        for name, listed in view.items() if isinstance(view, dict) else ():
            yield from (
                ((str(name), structure) for structure in listed if isinstance(structure, dict))
                if isinstance(listed, list)
                else ()
            )


def read_xmi(data: bytes) -> tuple[str, list[Json]] | None:
    root = parse_xml(data)
    if root is None:
        return None
    structures = [(element.tag.rpartition("}")[2], dict(element.attrib)) for element in root]
    texts = [structure["sofaString"] for _name, structure in structures if "sofaString" in structure]
    return (texts[0], [mark for name, structure in structures if (mark := mark_of(name, structure))]) if texts else None


def mark_of(type_name: str, structure: JsonObject) -> Json:
    """[type, beginning, end, features]; None for what marks no passage, or what no person marked."""
    name = type_name.rpartition(".")[2]
    if name in STRUCTURE or ("begin" not in structure and "end" not in structure):
        return None
    features = {
        key.rpartition("}")[2]: value
        for key, value in structure.items()
        if isinstance(value, str) and key.rpartition("}")[2] not in OWN_FIELDS and key[:1] not in "%@_^"
    }
    return [name, structure.get("begin", 0), structure.get("end", 0), features]
