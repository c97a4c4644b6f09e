"""Names of classes that folders, columns or boxes call by ids: classes.txt, id2label.json, words.txt of ImageNet, a table with two
columns, beside tables or in an archive."""

import csv
import json
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from trainer.data.archives import Archive, Entry, EntryError
from trainer.data.decoded_text import decode_text
from trainer.data.readings import Reading
from trainer.json_types import Json
from trainer.messages import _

if TYPE_CHECKING:
    from trainer.data.media_files import Files, MediaRow

NAMES_FILE = re.compile(r"(^|[-_. /])(class(es)?|class[-_ ]?(names|list|labels)|labels?[-_ ]?(names|map|mapping|list)?|id2label|label2id|names|synsets?|categories|emotions|intents|topics|tags|genres|species)\.(txt|names|json)$", re.IGNORECASE)  # fmt: skip
SUFFIXES = (".txt", ".names", ".json", ".csv", ".tsv", ".list", ".yaml", ".yml")
MAX_NAMES_BYTES = 1_000_000
MAX_FILES = 50
MAX_RARE, MIN_NAMED = 0.005, 0.95
"""Share of the rows up to which an id is rare, and share of them that must get a name."""
MAX_LEGEND_BYTES = 100_000
LEGEND_ID = re.compile(
    r"((label|class|category|sign|target)[ _-]?)?(id|no|nr|number|index|code)|label|class|category|target"
)
LEGEND_NAME = re.compile(
    r"((label|class|category|sign|target)[ _-]?)?(name|title|description|meaning)|label|class|category"
)
ID = re.compile(r"[a-z]{0,5}[-_ ]?\d+|/[mgt]/\w+", re.IGNORECASE)
"""What is called so says little by itself: 3, 00003, c3, n01440764, /m/01abc."""
KEYED = re.compile(r"([a-zA-Z]?\d{1,9})\s*[\s,:;\t=]\s*(\S.*)")


NUMBERED = re.compile(
    r"(^|[ _.-])(labels?|class(es)?|categor(y|ies)|target|klasse|kategorie)([ _.-]?(id|ids|idx|index|no|nr|num|number|code))?$|^y$"
)
"""A column of numbers whose names may be in a file beside it."""


def is_names_file(name: str) -> bool:
    return NAMES_FILE.search(name) is not None


def parse_names(path: Path) -> dict[str, str]:
    """{id: name} of a file with a name a line, counted from 0, with an id and a name a line, or of JSON: {id: name}, {name: id}, a list
    of names or of objects with both."""
    try:
        data = path.read_bytes()[: MAX_NAMES_BYTES + 1]
    except OSError:
        return {}
    return parse_text(data) if len(data) <= MAX_NAMES_BYTES else {}


def parse_text(data: bytes) -> dict[str, str]:
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return {}
    if text.lstrip()[:1] in ("{", "["):
        try:
            return parse_json(json.loads(text))
        except (ValueError, RecursionError):
            return {}
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return parse_keyed(lines) or {str(index): line for index, line in enumerate(lines)}


def parse_keyed(lines: Sequence[str]) -> dict[str, str]:
    """{id: name} of lines of both, under a header or not; {} for other lines."""
    numbered = [KEYED.fullmatch(line) for line in lines]
    if not lines or not (all(numbered) or (len(lines) > 2 and all(numbered[1:]))):
        return {}
    return {match[1]: unquote(match[2]) for match in numbered if match}


def unquote(name: str) -> str:
    """The name of a line: the first of several fields."""
    if name.startswith('"'):
        with suppress(csv.Error):  # a name of a million characters is none
            return next(csv.reader([name]), [name])[0].strip()
    return name.strip()


def parse_json(value: Json) -> dict[str, str]:
    """{id: name} of any of the forms in which programs write classes; {} for other JSON."""
    if isinstance(value, dict) and isinstance(value.get("categories"), list):
        value = value["categories"]
    if isinstance(value, list):
        if all(isinstance(name, str) for name in value):
            return {str(index): str(name) for index, name in enumerate(value)}
        both = [(entry["id"], entry["name"]) for entry in value if isinstance(entry, dict) and {"id", "name"} <= set(entry)]  # fmt: skip
        return {str(own_id): str(name) for own_id, name in both} if len(both) == len(value) else {}
    if not isinstance(value, dict) or not value:
        return {}
    if all(
        isinstance(entry, list) and len(entry) == 2 for entry in value.values()
    ):  # Keras: {"0": ["n01440764", "tench"]}
        return {str(entry[0]): str(entry[1]) for entry in value.values()}
    if not all(isinstance(entry, str | int) and not isinstance(entry, bool) for entry in value.values()):
        return {}
    if all(isinstance(entry, int) for entry in value.values()):
        return {str(index): str(name) for name, index in value.items()}
    return {str(index): str(name) for index, name in value.items()}


def parse_table(data: bytes) -> dict[str, str]:
    """{id: name} of a table with or without a header whose first column are ids, or whose second are: both of different cells."""
    lines = [line for line in decode_text(data).splitlines() if line.strip()]
    if len(lines) < 2:
        return {}
    delimiter = max(",;\t", key=lines[0].count)
    try:
        rows = [[cell.strip() for cell in row] for row in csv.reader(lines, delimiter=delimiter)]
    except csv.Error:  # a cell of more than a million characters, or a bare line break in one
        return {}
    if any(len(row) < 2 for row in rows):
        return {}
    firsts, seconds = [row[0] for row in rows], [row[1] for row in rows]
    if sum(ID.fullmatch(cell) is not None for cell in seconds[1:]) > sum(ID.fullmatch(cell) is not None for cell in firsts[1:]):  # fmt: skip
        firsts, seconds = seconds, firsts
    named = {first: second for first, second in zip(firsts, seconds, strict=True) if second}
    return named if len(named) == len(rows) else {}


def parse_legend(path: Path, name: str) -> dict[str, str]:
    """{id: name} of a small table of two columns that are called so; {} for any other."""
    if Path(name).suffix.lower() not in (".csv", ".tsv") or path.stat().st_size > MAX_LEGEND_BYTES:
        return {}
    data = path.read_bytes()
    header = decode_text(data).partition("\n")[0].strip()
    titles = [title.strip().strip('"').lower() for title in re.split(r"[,;\t]", header)]
    orders = [titles, titles[::-1]] if len(titles) == 2 else []
    if not any(LEGEND_ID.fullmatch(first) and LEGEND_NAME.fullmatch(second) for first, second in orders):
        return {}
    named = {own_id: label for own_id, label in parse_table(data).items() if own_id.lower() not in titles}
    return named if len(set(named.values())) == len(named) and all(map(ID.fullmatch, named)) else {}


@dataclass
class Beside:
    """The files of an archive besides those that are labelled; `used`: those that were read."""

    archive: Archive
    others: list[Entry]
    used: set[str] = field(default_factory=set)


def find_class_names(files: "Files | Beside", labels: Iterable[str | None]) -> dict[str, str]:
    """{label: its name} for labels that are ids, all of which one file of the archive names, which is used up; {} where none does."""
    used_labels = {label for label in labels if label}
    if len(used_labels) < 2 or not all(ID.fullmatch(label) for label in used_labels):
        return {}
    candidates = [entry for entry in files.others if entry.suffix in SUFFIXES and entry.size <= MAX_NAMES_BYTES]
    candidates.sort(key=lambda entry: (not is_names_file(entry.name), len(entry.parts), entry.name))
    for entry in candidates[:MAX_FILES]:
        if names := names_of_labels(read_names(files, entry), used_labels):
            files.used.add(entry.name)
            return names
    return {}


def names_of_columns(files: "Files", rows: Sequence["MediaRow"]) -> dict[str, str]:
    """The same for the first column of ids of labels in rows that a table or a list made."""
    columns = [name for name in (rows[0].cells if rows else ()) if NUMBERED.search(name.strip().lower())]
    by_column = (find_class_names(files, {(row.cells.get(name) or "").strip() for row in rows}) for name in columns)
    return next(filter(None, by_column), {})


def read_names(files: "Files | Beside", entry: Entry) -> dict[str, str]:
    """{id: name} of one file of the archive. Lines without ids count only where the file's name says that they are names."""
    try:
        data = files.archive.read(entry, MAX_NAMES_BYTES)
    except EntryError:
        return {}
    if entry.suffix in (".csv", ".tsv"):
        return parse_table(data)
    if entry.suffix == ".json" or is_names_file(entry.name):
        return parse_text(data)
    return parse_keyed([line.strip() for line in decode_text(data).splitlines() if line.strip()])


def names_of_labels(names: dict[str, str], labels: Collection[str]) -> dict[str, str]:
    """The names of those labels; {} unless each has one of its own. Zeros in front do not count; where labels are 1 to n and names 0 to
    n - 1, they are counted from 1."""
    if not names or all(name == own_id for own_id, name in names.items()):
        return {}
    counted = {str(number) for number in range(1, len(names) + 1)}
    if set(labels) == counted and set(names) == {str(number) for number in range(len(names))}:
        names = {str(int(own_id) + 1): name for own_id, name in names.items()}
    shortened = {own_id.lstrip("0") or "0": name for own_id, name in names.items()}
    named = {label: names.get(label) or shortened.get(label.lstrip("0") or "0", "") for label in labels}
    is_whole = all(named.values()) and len(set(named.values())) == len(named)
    return named if is_whole and set(named.values()).isdisjoint(named) else {}


def names_of_most(names: Mapping[str, str], counts: Mapping[str, int]) -> dict[str, str]:
    """The names of the ids of a column, with how many rows have each; {} where fewer rows than nearly all would get one. What the
    frequent ids say of where counting begins holds for the rare ones too, some of which may have no name."""
    if counts.keys() <= names.keys():
        return {own_id: names[own_id] for own_id in counts}
    if named := names_of_labels(dict(names), counts.keys()):
        return named
    total = sum(counts.values())
    frequent = {own_id for own_id, count in counts.items() if count > MAX_RARE * total}
    named = {own_id: names[own_id] for own_id in frequent} if frequent <= names.keys() else names_of_labels(dict(names), frequent)  # fmt: skip
    from_1 = any(named[own_id] != names.get(own_id) and own_id.isdecimal() and not own_id.startswith("0") for own_id in named)  # fmt: skip
    for own_id in counts.keys() - frequent if named else ():
        key = str(int(own_id) - 1) if from_1 and own_id.isdecimal() and len(own_id) < 10 else "" if from_1 else own_id
        if key in names:
            named[own_id] = names[key]
    return named if sum(counts[own_id] for own_id in named) >= MIN_NAMED * total else {}


def names_reading(column: str, unnamed: Collection[str] = ()) -> Reading:
    """`unnamed`: ids that the file has no name for, which stay as they are."""
    sentence = (
        _(
            "Labels of “%(column)s” were ids; their names come from the file beside it, which has none for %(ids)s",
            column=column,
            ids=", ".join(f"“{own_id[:40]}”" for own_id in sorted(unnamed)[:6]),
        )
        if unnamed
        else _("Labels of “%(column)s” were ids; their names come from the file beside it", column=column)
    )
    return Reading("label_names", "file", sentence, column=column)
