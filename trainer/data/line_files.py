"""Plain texts of which each line is a row: two of the same lines in two languages, texts and their labels, or one file for each
class."""

import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import takewhile
from pathlib import Path

import numpy as np
import pyarrow as pa

from trainer import columns as kinds
from trainer.data.dataset import Dataset
from trainer.data.file_parts import parts_of_names
from trainer.data.paired_tables import ANSWERS, INPUTS, are_pair_names
from trainer.data.readings import Choice, Reading, bad_reading
from trainer.data.tables.conll import looks_like_conll
from trainer.data.tables.conllu import looks_like_conllu
from trainer.data.tables.dialects import DELIMITERS, parts_by_blanks
from trainer.data.tables.prose import TABLE_NAME, is_even
from trainer.data.tables.streams import SNIFF_BYTES, Bounded
from trainer.data.tables.text import find_encoding
from trainer.errors import DataError
from trainer.messages import _
from trainer.suggestion import LANGUAGES

MAX_FILES, MAX_BYTES = 40, 512 << 20
MAX_LINE_CHARACTERS = 1_000_000
MIN_LINES = 2
PLAIN_NAME = re.compile(
    r"(\.(txt|text|lines?|sents?|sentences|tok|src|tgt|trg|ref|hyp|[a-z]{2,3}|[a-z]{2}[-_][A-Za-z]{2}))?$"
)
ENDINGS = frozenset(
    ["json", "xml", "yml", "ini", "cfg", "log", "sql", "csv", "tsv", "tab", "arff", "dat", "md", "py", "js"]
)
"""Endings of two or three letters that are no language and no class."""
TABLE = "table"
APART = Choice(TABLE, _("The files are tables of their own"))
SIDES = {"source": "source", "src": "source", "target": "target", "tgt": "target", "trg": "target"}


@dataclass
class LineFile:
    """`words`: its name in pieces, without what says nothing."""

    name: str
    words: list[str]
    lines: list[str]
    size: int


@dataclass
class LineRows:
    """What `read_line_files` makes: the dataset, the part of each row, and how it was read."""

    dataset: Dataset
    parts: np.ndarray | None
    readings: list[Reading] = field(default_factory=list)


def read_line_files(files: Sequence[tuple[Path, str]]) -> LineRows | None:
    """`files`: (path, name to show). None where they are tables, running text, or their names say nothing."""
    if not 2 <= len(files) <= MAX_FILES or sum(path.stat().st_size for path, _name in files) > MAX_BYTES:
        return None
    if not all(may_hold_lines(path, name) for path, name in files):
        return None
    read = [LineFile(name, words_of(name), read_lines(path, name), path.stat().st_size) for path, name in files]
    if any(len(file.lines) < MIN_LINES for file in read):
        return None
    return parallel_rows(read) or answer_rows(read) or class_rows(read)


def asked_lines(readings: Sequence[Reading], asked: str | None) -> list[Reading]:
    """What is told of the files by what somebody asked for; `SpecError` for what they are not."""
    reading = readings[0]
    if asked not in (None, reading.chosen, TABLE):
        raise bad_reading("lines", str(asked), [reading.chosen, TABLE])
    if asked != TABLE:
        return [
            replace(reading, is_asked=asked is not None, confidence=1.0 if asked else reading.confidence),
            *readings[1:],
        ]
    return [Reading("lines", TABLE, APART.label, [Choice(reading.chosen, reading.sentence)], is_asked=True)]


def may_hold_lines(path: Path, name: str) -> bool:
    """Whether a file is a text whose lines are not the cells of a table, by its name and its beginning."""
    ending = Path(name).suffix[1:].lower()
    if TABLE_NAME.search(name) or ending in ENDINGS or not PLAIN_NAME.search(Path(name).suffix.lower()):
        return False
    with path.open("rb") as file:
        head = file.read(SNIFF_BYTES)
    if (
        not head.strip()
        or head.count(b"\0") > 0.6 * len(head)
        or head.startswith((b"PK", b"\x1f\x8b", b"PAR1", b"%PDF"))
    ):
        return False
    sample = head.decode("utf-8", "replace").lstrip("\ufeff")
    if sample.lstrip()[:1] in ("[", "{", "<") or looks_like_conll(sample) or looks_like_conllu(sample):
        return False
    # Sentences may happen to have one comma each; a file that ends in its language or its class is not a table of such cells.
    delimiters = ("\t",) if side_of(words_of(name)) or ending not in ("", "txt", "text") else tuple(DELIMITERS)
    if any(is_even(sample, delimiter) for delimiter in delimiters):
        return False
    lines = sample.splitlines()
    return sum(not line.strip() for line in lines[:200]) <= 0.1 * len(lines[:200])


def read_lines(path: Path, name: str) -> list[str]:
    encoding = find_encoding(path, name, packed=False)
    with Bounded(path, name, packed=False) as file:
        pieces = []
        while piece := file.read(1 << 20):
            pieces.append(piece)
    text = b"".join(pieces).decode(encoding, "replace").lstrip("\ufeff").replace("\0", "")
    return [
        line.strip()[:MAX_LINE_CHARACTERS]
        for line in text.rstrip().replace("\r\n", "\n").replace("\r", "\n").split("\n")
    ]


def words_of(name: str) -> list[str]:
    """A path's words in small letters, without the endings of plain texts."""
    words = [word for word in re.split(r"[\s/._-]+", name.lower()) if word]
    return words[:-1] if len(words) > 1 and words[-1] in ("txt", "text", "lines", "sents", "tok") else words


def side_of(words: Sequence[str]) -> str:
    """The language, or source and target, that a name ends or begins with; "" for none."""
    for word in (words[-1], *reversed(words[:-1])) if words else ():
        if word in SIDES:
            return SIDES[word]
        if word in LANGUAGES:
            return word
    return ""


def parallel_rows(files: Sequence[LineFile]) -> LineRows | None:
    """A row for each line of a pair, where names differ by the language alone; `DataError` where one has more lines."""
    pairs: dict[tuple[str, ...], dict[str, LineFile]] = defaultdict(dict)
    for file in files:
        side = side_of(file.words)
        if not side:
            return None
        place = max(index for index, word in enumerate(file.words) if SIDES.get(word, word) == side)
        pairs[tuple(file.words[:place] + file.words[place + 1 :])][side] = file
    # whatever the order of the files: the named source first, then English
    sides = sorted(
        {side for pair in pairs.values() for side in pair}, key=lambda side: (side != "source", side != "en", side)
    )
    if len(sides) < 2 or any(set(pair) != set(sides) for pair in pairs.values()):
        return None
    columns: dict[str, list[str | None]] = {side: [] for side in sides}
    parts: list[str] = []
    pair_parts = parts_of_names([" ".join(words) for words in pairs])
    for pair, part in zip(pairs.values(), pair_parts, strict=True):
        check_lengths(list(pair.values()))
        count = len(pair[sides[0]].lines)
        for side in sides:
            columns[side] += [line or None for line in pair[side].lines]
        parts += [part or ""] * count
    names = ", ".join(file.name for file in files[:4])
    sentence = _("Line by line, %(names)s are translations of each other.", names=names)
    return make_rows(files, columns, parts, [Reading("lines", "parallel", sentence, [APART], 0.97)])


def answer_rows(files: Sequence[LineFile]) -> LineRows | None:
    """A row for each line of a file of texts with that of their labels (texts.txt, labels.txt); `DataError` where one has more
    lines. None where the labels do not come again, as names of classes, or numbers are parted by blanks."""
    answers = [file for file in files if ANSWERS & set(file.words)]
    pairs = [(source, other) for other in answers for source in files if are_pair_names(source.words, other.words)]
    if not pairs or 2 * len(pairs) != len(files):
        return None
    if any(parts_by_blanks("\n".join(source.lines[:200])) or 2 * len(set(other.lines)) > len(other.lines) for source, other in pairs):  # fmt: skip
        return None
    columns: dict[str, list[str | None]] = {"text": [], "label": []}
    parts: list[str] = []
    pair_parts = parts_of_names([" ".join(source.words) for source, _other in pairs])
    for (source, other), part in zip(pairs, pair_parts, strict=True):
        check_lengths([source, other])
        columns["text"] += [line or None for line in source.lines]
        columns["label"] += [line or None for line in other.lines]
        parts += [part or ""] * len(source.lines)
    names = ", ".join(other.name for _one, other in pairs[:4])
    sentence = _("%(names)s holds the labels of the texts beside it, line by line.", names=names)
    return make_rows(files, columns, parts, [Reading("lines", "answers", sentence, [APART], 0.85)])


def check_lengths(files: Sequence[LineFile]) -> None:
    for other in files[1:]:
        if len(other.lines) != len(files[0].lines):
            raise DataError(
                _(
                    "%(name)s has %(count)s lines and %(name2)s has %(count2)s: lines of parallel files must belong together.",
                    name=files[0].name,
                    count=f"{len(files[0].lines):,}",
                    name2=other.name,
                    count2=f"{len(other.lines):,}",
                ),
                code="columns_differ",
                hint=_("Export both again so that line by line they are the same sentence, blank lines kept."),
            )


def class_rows(files: Sequence[LineFile]) -> LineRows | None:
    """A row for each line, labelled by what tells its file's name from the others; None where that is nothing but a part."""
    labels = class_names([file.words for file in files])
    if len(set(labels)) < 2 or not all(labels) or (INPUTS & set(labels) and ANSWERS & set(labels)):
        return None  # inputs and their answers are one table
    columns: dict[str, list[str | None]] = {"text": [], "label": []}
    parts: list[str] = []
    file_parts = parts_of_names([" ".join(file.words) for file in files])
    for file, label, part in zip(files, labels, file_parts, strict=True):
        lines = [line for line in file.lines if line]
        columns["text"] += lines
        columns["label"] += [label] * len(lines)
        parts += [part or ""] * len(lines)
    listed = ", ".join(dict.fromkeys(labels))
    sentence = _("Each line is a text, and its file's name is the label: %(names)s.", names=listed[:200])
    return make_rows(files, columns, parts, [Reading("lines", "classes", sentence, [APART], 0.85)])


def class_names(names: Sequence[Sequence[str]]) -> list[str]:
    """What is left of each name once parts, and the words that all begin or end with, are taken away."""
    cleaned = [[word for word in words if word not in kinds.SPLIT_VALUES] for words in names]
    begin = count_shared(cleaned)
    cleaned = [words[begin:] for words in cleaned]
    end = count_shared([words[::-1] for words in cleaned])
    return [" ".join(words[: len(words) - end]) for words in cleaned]


def count_shared(names: Sequence[Sequence[str]]) -> int:
    """How many words all names begin with."""
    return sum(1 for _word in takewhile(lambda words: len(set(words)) == 1, zip(*names, strict=False)))


def make_rows(
    files: Sequence[LineFile], columns: dict[str, list[str | None]], parts: list[str], readings: list[Reading]
) -> LineRows:
    table = pa.table({name: pa.array(cells, pa.string()) for name, cells in columns.items()})
    sources = [{"name": file.name, "format": "lines", "bytes": file.size, "rows": len(file.lines)} for file in files]
    given = len(set(parts)) > 1
    filled = [part or "train" for part in parts]
    return LineRows(Dataset(table, sources), np.array(filled, dtype=object) if given else None, readings)
