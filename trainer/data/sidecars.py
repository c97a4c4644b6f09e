"""A file beside each picture or sound that says what it is: a transcript (0001.wav, 0001.txt), a class (.cls), fields (.json);
and lists without a header whose lines begin with a file's name (LJSpeech, Kaldi, LibriSpeech)."""

import csv
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from trainer.data.archives import Archive, Entry, EntryError
from trainer.data.decoded_text import decode_text
from trainer.data.file_parts import parts_of_names
from trainer.data.readings import Choice, Reading
from trainer.data.splitting import part_of_name
from trainer.messages import _, ngettext
from trainer.suggestion import FACTS

if TYPE_CHECKING:
    from trainer.data.media_files import Files

TEXT_SUFFIXES = (".txt", ".lab", ".trn", ".caption", ".cap", ".text", ".transcript")
SUFFIXES = (*TEXT_SUFFIXES, ".cls", ".json")
MAX_SIDECAR_BYTES = 1 << 20
MIN_SHARE = 0.5
"""Share of the pictures or sounds that must have a file of their own beside them."""
MAX_FIELDS = 200
FEW_WORDS, MAX_CLASS_SHARE = 3, 0.2
"""Texts of so few words, of which so few are different, are classes."""
LIST_SUFFIXES = (".txt", ".csv", ".tsv", ".lst", ".list", ".text", ".trans", ".psv", "")
DELIMITERS = ("|", "\t", ";", ",", " ")
MIN_LISTED, MIN_NAMING = 2, 0.9
"""Lines of a list, and the share of them that must begin with the name of a file; the first one is among these."""
MAX_PART_LISTS = 50
"""More files that are called by parts are one a picture or sound."""
PART_LISTS = "part_lists"
MAX_LISTS, MAX_LIST_BYTES = 2_000, 64 << 20
MICROPHONE = re.compile(r"[-_](mic|channel|ch)\d$")
"""A recording of several microphones has one transcript: p225_001_mic1.flac, p225_001.txt (VCTK)."""

TAKEOUT = re.compile(r"\.suppl[a-z-]*(?=\.json$)")
"""Google Takeout: 1.jpg.supplemental-metadata.json, cut where the name gets long."""

Cells = dict[str, str | None]


def read_sidecars(files: "Files") -> dict[str, Cells] | None:
    """{path of a picture or sound: its cells}; None where fewer than half have a file beside them."""
    index = index_sidecars(files.others)
    by_file = {entry.name: sidecars for entry in files.media if (sidecars := sidecars_of(entry, index))}
    if len(by_file) < MIN_SHARE * len(files.media):
        return None
    cells: dict[str, Cells] = {}
    for path, entries in by_file.items():
        read: Cells = {}
        for entry in entries:
            fields = read_sidecar(files.archive, entry)
            read |= {name: cell for name, cell in fields.items() if (cell or "").casefold() not in own_names(path)}
            files.used.add(entry.name)
        cells[path] = read
    name_texts(list(cells.values()), files.kind)
    return cells if any(cells.values()) else None


def own_names(path: str) -> set[str]:
    """What a file is called, which says nothing of it in a field of its own."""
    name = path.rpartition("/")[2].casefold()
    return {name, path.casefold()}


def sidecars_of(media: Entry, others: dict[str, Entry]) -> list[Entry]:
    """Files of the same name beside it, or alone of that name in another folder (wavs/1.wav, txt/1.txt; wav48/p225/1.wav,
    txt/p225/1.txt)."""
    path = media.name.casefold()
    stem = path.rsplit(".", 1)[0]
    keys = [path, stem, MICROPHONE.sub("", stem)]
    keys += [tail for key in keys[1:] for tail in tails_of(key)]
    candidates = (next((others[key + suffix] for key in keys if key + suffix in others), None) for suffix in SUFFIXES)
    return [entry for entry in candidates if entry is not None]


def index_sidecars(entries: Sequence[Entry]) -> dict[str, Entry]:
    """By whole path, and by "/folder/name" and "/name" where no other has that name."""
    index: dict[str, Entry] = {}
    names: dict[str, Entry | None] = {}
    for entry in entries:
        if entry.suffix not in SUFFIXES:
            continue
        path = TAKEOUT.sub("", entry.name.casefold())
        index[path] = entry
        for name in tails_of(path):
            names[name] = None if name in names else entry
    return {name: entry for name, entry in names.items() if entry is not None} | index


def tails_of(path: str) -> list[str]:
    """ "/folder/name" and "/name" of a path."""
    parts = path.split("/")
    return [*(["/" + "/".join(parts[-2:])] if len(parts) > 1 else []), f"/{parts[-1]}"]


def read_sidecar(archive: Archive, entry: Entry) -> Cells:
    """The cells that one file gives; none where it cannot be read."""
    try:
        text = decode_text(archive.read(entry, MAX_SIDECAR_BYTES)).strip()
    except EntryError:
        return {}
    if entry.suffix != ".json":
        return {"label" if entry.suffix == ".cls" else "text": " ".join(text.split()) or None}
    try:
        fields = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return flatten(fields) if isinstance(fields, dict) else {}


def flatten(fields: Mapping[str, object], prefix: str = "") -> Cells:
    """Fields with dotted names; lists as JSON."""
    cells: Cells = {}
    for name, value in fields.items():
        key = f"{prefix}{name}"
        if isinstance(value, dict) and prefix.count(".") < 4:
            cells |= flatten(value, f"{key}.")
        elif isinstance(value, list | dict):
            cells[key] = json.dumps(value, ensure_ascii=False)
        else:
            cells[key] = None if value is None else str(value).lower() if isinstance(value, bool) else str(value)
        if len(cells) >= MAX_FIELDS:
            break
    reserved = FACTS | {"image", "audio"}
    return {f"{name} (file)" if name in reserved else name: cell for name, cell in cells.items()}


def name_texts(rows: Sequence[Cells], kind: str) -> None:
    """Call texts labels where they are classes: a few short ones that come again and again."""
    texts = [row["text"] for row in rows if row.get("text")]
    if not texts or any("label" in row for row in rows) or not are_classes(texts, kind):
        return
    for row in rows:
        row["label"] = row.pop("text", None)


def are_classes(texts: Sequence[str | None], kind: str) -> bool:
    few = len(set(texts)) <= (MAX_CLASS_SHARE if kind == "image" else MAX_CLASS_SHARE / 2) * len(texts)
    most = FEW_WORDS if kind == "image" else 1
    return few and all(len((text or "").split()) <= most for text in texts)


# Lists


def read_lists(files: "Files") -> dict[str, Cells] | None:
    """{path of a picture or sound: its cells} of all lists whose lines begin with names of files; None where there are none."""
    read_scripts(files)
    cells: dict[str, Cells] = {}
    speakers: dict[str, str] = {}
    lists = [entry for entry in files.others if entry.suffix in LIST_SUFFIXES and entry.name not in files.used]
    parts = dict(zip((entry.name for entry in lists), parts_of_names([entry.name for entry in lists]), strict=True))
    for entry in lists[:MAX_LISTS]:
        lines = read_lines(files.archive, entry)
        rows = split_lines(lines, files)
        if rows is None:
            continue
        files.used.add(entry.name)
        if entry.parts[-1].casefold() in ("utt2spk", "utt2spk.txt"):
            speakers |= {named.name: row[1] for row in rows if (named := files.find(row[0]))}
            continue
        if entry.parts[-1].casefold() in ("utt2dur", "utt2num_frames", "wav.scp", "utt2gender"):
            continue
        cells |= cells_of_list(rows, entry, parts[entry.name], files)
    if not cells:
        return None
    for path, speaker in speakers.items():
        if path in cells:
            cells[path]["speaker"] = speaker
    name_texts(list(cells.values()), files.kind)
    return cells


def read_part_lists(files: "Files") -> None:
    """Lists of nothing but names of files, which tell the part of each by what they are called (testing_list.txt); the others are to
    learn from."""
    lists = [
        (entry, part)
        for entry in files.others
        if entry.suffix in (".txt", ".lst", ".list")
        and (part := part_of_name(entry.parts[-1]))
        and entry.name not in files.used
    ]
    read: dict[str, dict[str, str]] = {}
    for entry, part in lists if len(lists) <= MAX_PART_LISTS else ():
        lines = [line.strip() for line in read_lines(files.archive, entry)]
        named = [file.name for line in lines if (file := files.find(line)) is not None]
        if lines and len(named) >= MIN_NAMING * len(lines):
            read[entry.name] = dict.fromkeys(named, part)
    files.used |= read.keys()
    if read and take_lists(files, read):
        listed = {path: part for parts in read.values() for path, part in parts.items()}
        untold = [entry.name for entry in files.media if not files.part_of(entry)]
        files.listed_parts |= dict.fromkeys(untold, "train") | listed


def take_lists(files: "Files", read: Mapping[str, Mapping[str, str]]) -> bool:
    """Whether lists, {name: {path: part}}, tell the split, which is told; a doubt where folders say another part of the same files."""
    asked = files.choices.pick(PART_LISTS, ("lists", "folders"), files.archive.name)
    folders = {entry.name: files.part_of(entry) for entry in files.media}
    moved = sum(folders[path] not in ("", part) for parts in read.values() for path, part in parts.items())
    names = ", ".join(sorted(read)[:4])
    sentences = {
        "lists": ngettext(
            "Lists give the split: %(names)s; %(count)s file is in another part than its folder says",
            "Lists give the split: %(names)s; %(count)s files are in another part than their folders say",
            moved,
            names=names,
        )
        if moved
        else _("Lists give the split: %(names)s; what none of them names is as its folder says", names=names),
        "folders": _("The split is as the folders say, not as in %(names)s", names=names),
    }
    labels = {"lists": _("As the lists say"), "folders": _("As the folders say")}
    chosen = asked or "lists"
    other = "folders" if chosen == "lists" else "lists"
    confidence = 1.0 if asked else 0.8 if moved else 0.95
    files.readings.append(
        Reading(
            PART_LISTS,
            chosen,
            sentences[chosen],
            [Choice(other, labels[other])],
            confidence,
            files.archive.name,
            is_asked=asked is not None,
        )
    )
    return chosen == "lists"


def cells_of_list(rows: Sequence[Sequence[str]], entry: Entry, part: str | None, files: "Files") -> dict[str, Cells]:
    """{path: cells} of one list; names that are no file's go to `files.missing`."""
    cells: dict[str, Cells] = {}
    for number, row in enumerate(rows, 1):
        media = files.find(row[0])
        if media is None:
            files.missing.append(f"line {number} of {entry.name} names “{row[0][:80]}”, which is not in the archive")
            continue
        if part:
            files.listed_parts[media.name] = part
        names = ("text", "normalized_text", *(f"column_{n}" for n in range(4, 40)))
        cells[media.name] = {name: cell.strip() or None for name, cell in zip(names, row[1:], strict=False)}
    return cells


def read_scripts(files: "Files") -> None:
    """Kaldi's wav.scp gives each utterance's id the path of its file."""
    for entry in files.others:
        if entry.parts[-1].casefold() != "wav.scp":
            continue
        files.used.add(entry.name)
        for line in read_lines(files.archive, entry):
            own_id, *words = line.split()
            media = next((file for word in reversed(words) if (file := files.find(word.lstrip("/")))), None)
            if media is not None:
                files.paths.setdefault(own_id.casefold(), media)


def read_lines(archive: Archive, entry: Entry) -> list[str]:
    try:
        text = decode_text(archive.read(entry, MAX_LIST_BYTES))
    except EntryError:
        return []
    return [line for line in text.splitlines() if line.strip()]


def split_lines(lines: Sequence[str], files: "Files") -> list[list[str]] | None:
    """Fields of lines which begin with the name of a file; None for a list of another kind, or under a header."""
    if len(lines) < MIN_LISTED:
        return None
    for delimiter in DELIMITERS:
        if delimiter not in lines[0] or files.find(first_field(lines[0], delimiter)) is None:
            continue
        rows = list(fields_of(lines, delimiter))
        named = sum(files.find(row[0]) is not None for row in rows)
        if named < MIN_NAMING * len(rows) or not all(len(row) > 1 for row in rows[:20]):
            continue
        firsts = [row[0] for row in rows]
        if not are_bare(firsts) or len(set(firsts)) >= MIN_NAMING * len(firsts):  # ages are numbers too
            return rows
    return None


def are_bare(cells: Sequence[str]) -> bool:
    """Whether most are whole numbers and no more, which may name files and may count anything."""
    return sum(cell.strip().isdecimal() for cell in cells) > 0.5 * len(cells)


def first_field(line: str, delimiter: str) -> str:
    return line.strip().split(delimiter)[0].strip().strip('"')


def fields_of(lines: Sequence[str], delimiter: str) -> Iterator[list[str]]:
    """Cells of each line. Quotes count only where commas or semicolons divide; the others stand in texts as they are."""
    if delimiter in ",;":
        for line in lines:
            try:
                yield next(csv.reader([line], delimiter=delimiter), [""]) or [""]
            except csv.Error:  # a cell of more than a million characters
                yield ["", ""]
        return
    most = 1 if delimiter == " " else -1
    for line in lines:
        yield [field.strip() for field in line.strip().split(delimiter, most)]
