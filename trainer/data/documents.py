"""An archive of documents as rows: a document a row, its folder its label."""

import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa

from trainer.data.archives import Archive, Entry, EntryError, common_folder
from trainer.data.class_names import Beside, find_class_names, names_reading
from trainer.data.dataset import Dataset
from trainer.data.decoded_text import decode_text
from trainer.data.described_documents import Description, find_description
from trainer.data.document_texts import MAX_DOCUMENT_BYTES, NO_TEXT_LAYER, CutText, read_document
from trainer.data.file_labels import find_candidates, label_by_stems, stems_of
from trainer.data.folder_levels import MIN_GROUPS, PART_WORDS, FolderRoles, read_roles
from trainer.data.folder_readings import level_reading
from trainer.data.gathering import Meter
from trainer.data.media import UnreadableError
from trainer.data.problems import Problem, problem
from trainer.data.readings import Choice, Choices, LeftOut, Reading
from trainer.data.tables.dialects import DELIMITERS
from trainer.data.tables.prose import is_even
from trainer.errors import DataError
from trainer.messages import _, ngettext

DOCUMENTS = frozenset(
    [".pdf", ".docx", ".odt", ".html", ".htm", ".xhtml", ".eml", ".md", ".rst", ".srt", ".vtt", ".doc", ".rtf"]
)
WHAT, TEXTS, PAGES = "documents", "texts", "pages"
"""The question whether PDFs are read as texts, or their pages as pictures."""
PLAIN = frozenset([".txt", ".text", ".log", ""])
TABLES = frozenset([".csv", ".tsv", ".jsonl", ".ndjson", ".parquet", ".xlsx", ".xls", ".json"])
NOTES = frozenset(
    ["readme", "license", "licence", "copying", "changelog", "notice", "authors", "citation", "datacard", "about"]
)
"""Names of texts that come along with data and are none of them."""
MIN_PLAIN, MANY_PLAIN = 4, 20
"""Plain texts are documents from so many on in class folders, and without folders."""
LOOKED_AT, MANY_LINES = 12, 20
SENTENCE = re.compile(r"[^\W\d_]{2,}[,;:]?\s+[^\W\d_]{2,}|[\u3040-\u30ff\u4e00-\u9fff]{4,}")
"""Two words, one behind the other: no list of numbers, and no table."""


def is_note(entry: Entry) -> bool:
    return re.split(r"[-_.]", entry.parts[-1].lower())[0] in NOTES


def documents_of(archive: Archive) -> list[Entry]:
    """The archive's documents, where it is one of documents rather than of tables."""
    entries = [entry for entry in archive.entries if not is_note(entry)]
    documents = [entry for entry in entries if entry.suffix in DOCUMENTS]
    plain = [entry for entry in entries if entry.suffix in PLAIN or entry.suffix[1:].isdecimal()]
    tables = [entry for entry in entries if entry.suffix in TABLES]
    if tables:  # the page that a site's export is looked at with is none of its records
        documents = [entry for entry in documents if Path(entry.parts[-1]).stem.lower() not in ("index", "start_here")]
    if documents and len(documents) >= len(tables) and len(documents) >= len(plain):
        return documents + (plain if plain and are_documents(archive, plain) else [])
    if len(tables) > 0.1 * len(plain) or not are_documents(archive, plain):
        return documents + plain if tables and plain and find_description(archive, documents + plain) else []
    return documents + plain


def is_described(archive: Archive) -> bool:
    """Whether a table beside plain texts names them."""
    plain = [entry for entry in archive.entries if entry.suffix in PLAIN and not is_note(entry)]
    return find_description(archive, plain) is not None


def is_numbered(archive: Archive) -> bool:
    """Whether all its files are plain texts whose names differ by numbers alone."""
    return all(entry.suffix in PLAIN for entry in archive.entries) and are_numbered(archive.entries)


def are_documents(archive: Archive, plain: Sequence[Entry]) -> bool:
    """Whether plain texts are a document each: many of them, or some in each class folder, which are neither tables nor long
    lists of lines."""
    if len(plain) < MIN_PLAIN:
        return False
    roles = roles_of(plain)
    in_classes = (bool(roles.scored) and roles.scored[0][0] >= 2) or bool(find_candidates(stems_of(plain)))
    is_alike = not in_classes and len(plain) < MANY_PLAIN
    if is_alike and not are_numbered(plain):
        return False
    step = max(1, len(plain) // LOOKED_AT)
    texts = [peek(archive, entry) for entry in plain[::step][:LOOKED_AT]]
    if is_alike and not all(SENTENCE.search(text) for text in texts):
        return False
    tabular = sum(is_tabular(text) for text in texts)
    lines = sorted(sum(bool(line.strip()) for line in text.splitlines()) for text in texts)
    classes = len(set(roles.labels))
    return tabular < 0.5 * len(texts) and (
        lines[len(lines) // 2] <= MANY_LINES or len(plain) > max(MANY_PLAIN, 4 * classes)
    )


def are_numbered(plain: Sequence[Entry]) -> bool:
    """Whether their names differ by numbers alone (mail1.txt, mail2.txt), as those of one kind of text do."""
    stems = [Path(entry.parts[-1]).stem for entry in plain]
    return len(set(stems)) == len(stems) and len({re.sub(r"\d+", "", stem) for stem in stems}) == 1


def peek(archive: Archive, entry: Entry) -> str:
    try:
        with archive.open(entry) as file:
            return decode_text(file.read(1 << 14))
    except (OSError, ValueError, RuntimeError, DataError):
        return ""


def is_tabular(text: str) -> bool:
    return text.count("\n") >= 2 and any(is_even(text, delimiter) for delimiter in DELIMITERS)


def roles_of(entries: Sequence[Entry], asked: str | None = None) -> FolderRoles:
    depth = common_folder(list(entries))
    folders = [entry.parts[depth:-1] for entry in entries]
    if depth and not any(folders) and entries[0].parts[depth - 1].lower() not in PART_WORDS:
        folders = [entry.parts[depth - 1 : -1] for entry in entries]
    return read_roles(folders, asked)


def read_documents(
    archive: Archive, entries: Sequence[Entry], meter: Meter, choices: Choices
) -> tuple[Dataset, np.ndarray | None, list[Reading], list[LeftOut]]:
    """A row for each document that has text, the part of each; `DataError` where none has."""
    roles = roles_of(entries, choices.get("label_folder"))
    has_labels = bool(roles.scored) and (roles.scored[0][0] >= 2 or len(set(roles.labels)) > 1)
    description = find_description(archive, entries)
    own = {entry.name for entry in entries}
    other_files = Beside(archive, [entry for entry in archive.entries if entry.name not in own])
    told_by_name = None if has_labels or description else label_by_stems(stems_of(entries), choices, archive.name)
    names_of_ids = find_class_names(other_files, roles.labels) if has_labels else {}
    rows: list[dict[str, str | None]] = []
    parts: list[str] = []
    lost: list[tuple[str, str]] = []
    for index, entry in enumerate(entries):
        try:
            cells = read_document(archive.read(entry, MAX_DOCUMENT_BYTES), entry.suffix)
        except (UnreadableError, EntryError) as error:
            reason = str(error) if isinstance(error, UnreadableError) else "is damaged in the archive or too large"
            lost.append((entry.name, reason))
            continue
        label = names_of_ids.get(roles.labels[index], roles.labels[index])
        cells |= {"label": label or None} if has_labels else {}
        cells |= {"label": told_by_name[0][entry.name]} if told_by_name and told_by_name[0] else {}
        cells |= {roles.group_name: roles.groups[index] or None} if roles.groups else {}
        described = description.rows.get(entry.name, {}) if description else {}
        cells |= {
            name if name not in ("text", "file", *cells) else f"{name} (2)": cell for name, cell in described.items()
        }
        rows.append({**cells, "file": entry.name})
        parts.append(roles.parts[index])
        meter.add(1, archive.bytes_read)
    if not rows:
        raise no_text_error(archive, lost, has_labels=has_labels)
    names = list(dict.fromkeys(name for row in rows for name in row))
    table = pa.table({name: pa.array([row.get(name) for row in rows], pa.string()) for name in names})
    source = {"name": archive.name, "format": "documents", "bytes": archive.path.stat().st_size, "rows": len(rows)}
    dataset = Dataset(table, [source], lost_problems(lost))
    if roles.groups and len(set(roles.groups) - {""}) >= MIN_GROUPS:
        dataset.group = roles.group_name
    given = [part or ("train" if any(parts) else "") for part in parts]
    readings = level_reading(roles, choices, [entry.name for entry in entries]) if has_labels else []
    readings += [told_by_name[1]] if told_by_name else []
    readings += kind_reading(archive, entries, choices)
    readings += [description.reading()] if description else []
    readings += [names_reading("label")] if names_of_ids else []
    readings += cut_reading([row["file"] or "" for row in rows if isinstance(row["text"], CutText)], archive.name)
    left_out = left_out_of(archive, entries, lost, description, other_files.used)
    return dataset, np.array(given, dtype=object) if any(parts) else None, readings, left_out


def kind_reading(archive: Archive, entries: Sequence[Entry], choices: Choices) -> list[Reading]:
    """That PDFs were read as texts; their pages may be meant."""
    count = sum(entry.suffix == ".pdf" for entry in entries)
    if not count:
        return []
    is_asked = choices.pick(WHAT, (TEXTS, PAGES)) is not None
    sentence = ngettext("The text of %(count)s PDF was read.", "The text of %(count)s PDFs was read.", count)
    pages = Choice(PAGES, _("Read the pages as images"))
    return [Reading(WHAT, TEXTS, sentence, [pages], 1.0 if is_asked else 0.92, archive.name, is_asked=is_asked)]


def cut_reading(names: Sequence[str], file: str) -> list[Reading]:
    """Which documents are longer than is read of one."""
    if not names:
        return []
    sentence = ngettext(
        "%(count)s document is longer than is read of one, and was cut: %(names)s",
        "%(count)s documents are longer than is read of one, and were cut: %(names)s",
        len(names),
        names=", ".join(names[:3]),
    )
    return [Reading("cut_documents", "beginning", sentence, (), 0.95, file)]


def lost_problems(lost: Sequence[tuple[str, str]]) -> list[Problem]:
    if not lost:
        return []
    examples = [f"{name} {reason}" for name, reason in lost]
    message = ngettext(
        "%(count)s document cannot be used and was left out: %(examples)s.",
        "%(count)s documents cannot be used and were left out: %(examples)s.",
        len(lost),
        examples="; ".join(examples[:3]),
    )
    unread = problem("unread_documents", "warning", message, examples=examples, count=len(lost))
    return [unread | {"files": [name for name, _reason in lost[:100]]}]


def left_out_of(
    archive: Archive,
    entries: Sequence[Entry],
    lost: Sequence[tuple[str, str]],
    description: Description | None,
    used: set[str],
) -> list[LeftOut]:
    left_out = description.left_out() if description else []
    if lost:
        sentence = ngettext("%(count)s document has no text.", "%(count)s documents have no text.", len(lost))
        examples = [f"{name} {reason}" for name, reason in lost]
        left_out.append(LeftOut("no_text", len(lost), sentence, archive.name, examples=examples))
    read = {entry.name for entry in entries} | ({description.table} if description else set()) | used
    others = [entry.name for entry in archive.entries if entry.name not in read]
    if others:
        sentence = ngettext("%(count)s file is of another kind.", "%(count)s files are of another kind.", len(others))
        left_out.append(LeftOut("other_kind", len(others), sentence, archive.name, examples=others[:5]))
    return left_out


class ScannedError(DataError):
    """None of the PDFs in folders of classes has text: they are scans, whose pages may be read as images."""


def no_text_error(archive: Archive, lost: Sequence[tuple[str, str]], *, has_labels: bool) -> DataError:
    name, reason = lost[0] if lost else ("", "")
    is_scanned = has_labels and all(why == NO_TEXT_LAYER for _name, why in lost)
    return (ScannedError if is_scanned else DataError)(
        _(
            "None of the documents in %(archive)s can be read: %(name)s %(why)s.",
            archive=archive.name,
            name=name,
            why=reason,
        ),
        code="damaged",
        hint=_(
            "Save them as PDF with text, .docx, .html or .txt and send those. To learn from how scans look, choose an image task."
        ),
    )
