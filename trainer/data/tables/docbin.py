"""spaCy's DocBin (.spacy): MessagePack packed by zlib, as `spacy.tokens.DocBin.to_bytes` writes it.

`tokens` holds a row of 64-bit numbers a token, a column for each of `attrs`; words and labels are hashes (MurmurHash64A, seed 1) of what
is in `strings`, but for the words that spaCy has a fixed number for (`spacy/symbols.pyx`).
"""

import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np

from trainer.data.readings import Choices
from trainer.data.tables.jsonrows import object_table
from trainer.data.tables.msgpack import Packed, unpack
from trainer.data.tables.table import Table
from trainer.errors import DataError
from trainer.json_types import Json
from trainer.messages import _

MAX_BYTES = 512 * 1024**2
"""Of a file once it is unpacked."""
COLUMNS = ORTH, _ENT_IOB, _ENT_TYPE = 65, 77, 78
"""Numbers of the attributes that are read: a word, its place in an entity, and the entity's label."""
INSIDE, BEGIN = 1, 3
"""Values of ENT_IOB; 2 is outside, 0 is not said."""
SPAN = struct.Struct(">QQQllll")
"""id, id in a knowledge base, label, first token, token behind the last, first character, character behind the last."""
SYMBOLS = {
    1: "IS_ALPHA IS_ASCII IS_DIGIT IS_LOWER IS_PUNCT IS_SPACE IS_TITLE IS_UPPER LIKE_URL LIKE_NUM LIKE_EMAIL IS_STOP",
    64: "ID ORTH LOWER NORM SHAPE PREFIX SUFFIX LENGTH CLUSTER LEMMA POS TAG DEP ENT_IOB ENT_TYPE HEAD SENT_START SPACY PROB LANG "
    "ADJ ADP ADV AUX CONJ CCONJ DET INTJ NOUN NUM PART PRON PROPN PUNCT SCONJ SYM VERB X EOL SPACE",
    380: "PERSON NORP FACILITY ORG GPE LOC PRODUCT EVENT WORK_OF_ART LANGUAGE LAW DATE TIME PERCENT MONEY QUANTITY ORDINAL CARDINAL "
    "acomp advcl advmod agent amod appos attr aux auxpass cc ccomp complm conj cop csubj csubjpass dep det dobj expl hmod hyph "
    "infmod intj iobj mark meta neg nmod nn npadvmod nsubj nsubjpass num number oprd obj obl parataxis partmod pcomp pobj poss "
    "possessive preconj prep prt punct quantmod relcl rcmod root xcomp acl ENT_KB_ID MORPH ENT_ID IDX _",
}  # fmt: skip


class Doc(NamedTuple):
    """A document's tokens (a row a token), whether a blank follows each, and what spaCy keeps of the document as a whole."""

    tokens: np.ndarray
    spaces: np.ndarray
    cats: Packed
    groups: Packed
    flags: Packed

    def all_spaces(self) -> np.ndarray:
        """Blanks between all words where the document was made of words alone."""
        is_unknown = isinstance(self.flags, dict) and bool(self.flags.get("has_unknown_spaces"))
        return np.ones(len(self.tokens), bool) if is_unknown else self.spaces


def is_docbin(head: bytes) -> bool:
    """Whether a file begins as a DocBin does, whatever its name."""
    try:
        start = zlib.decompressobj().decompress(head, 64)
    except zlib.error:
        return False
    return 0x80 <= start[:1].ljust(1, b"\0")[0] <= 0x8F and start[1:9] in (b"\xa7version", b"\xa5attrs" + start[7:9])


def open_docbin(path: Path, name: str, size: int, choices: Choices | None = None) -> Table:
    """A row a document, as from `doc.to_json()`: text, ents, cats. `DataError` for what spaCy would not read either."""
    table = Table(name, "docbin", [], iter(()), size)
    try:
        strings, docs = read_message(unpack(unpacked(path)))
    except (zlib.error, ValueError) as error:
        raise DataError(
            _("%(name)s is named like a DocBin of spaCy, but cannot be read as one.", name=name),
            code="damaged",
            hint=_(
                'Save it as JSON lines with {"text", "ents": [{"start", "end", "label"}]}: doc.to_json() has these.'
            ),
        ) from error
    return object_table(table, enumerate((as_record(doc, strings) for doc in docs), 1), choices)


def unpacked(path: Path) -> bytes:
    engine = zlib.decompressobj()
    data = engine.decompress(path.read_bytes(), MAX_BYTES)
    if not engine.eof:
        raise ValueError("too large, or cut short")
    return data


def read_message(message: Packed) -> tuple["Strings", list[Doc]]:
    """(the strings, the documents) of a DocBin; `ValueError` for anything else."""
    fields = message if isinstance(message, dict) else {}
    attributes = list_of(fields, "attrs")
    tokens = array_of(fields, "tokens", "<u8").reshape(-1, max(len(attributes), 1))
    spaces, lengths = array_of(fields, "spaces", "?"), array_of(fields, "lengths", "<i4")
    if lengths.sum() != len(tokens) or len(spaces) != len(tokens) or (lengths < 0).any() or ORTH not in attributes:
        raise ValueError("numbers of tokens that do not fit")
    none = np.zeros(len(tokens), "<u8")
    columns = [tokens[:, attributes.index(number)] if number in attributes else none for number in COLUMNS]
    ends = lengths.cumsum()[:-1]
    others = (list_of(fields, key, len(lengths)) for key in ("cats", "span_groups", "flags"))
    read = zip(np.split(np.stack(columns, 1), ends), np.split(spaces, ends), *others, strict=True)
    return Strings(list_of(fields, "strings")), [Doc(*facts) for facts in read][: len(lengths)]


def list_of(fields: dict[Packed, Packed], key: str, count: int | None = None) -> tuple[Packed, ...]:
    """`count`: how many there must be, where there are any; as many of nothing where there are none."""
    listed = fields.get(key) or (None,) * (count or 0)
    if not isinstance(listed, tuple) or count not in (None, len(listed)):
        raise ValueError(f"no list of {key}")
    return listed


def array_of(fields: dict[Packed, Packed], key: str, kind: str) -> np.ndarray:
    data = fields.get(key)
    if not isinstance(data, bytes):
        raise ValueError(f"no {key}")
    return np.frombuffer(data, kind)


def as_record(doc: Doc, strings: "Strings") -> Json:
    """{text, ents, cats} of a document; None where a word is not among the strings. No `ents` where nothing is said of any."""
    words = [strings.of.get(int(number)) for number in doc.tokens[:, 0]]
    if None in words:
        return None
    text, starts, ends = "", [], []
    for word, space in zip(words, doc.all_spaces(), strict=True):
        starts.append(len(text))
        text += word or ""
        ends.append(len(text))
        text += " " if space else ""
    spans = [(starts[first], ends[last], label) for first, last, label in entities(doc.tokens, strings)]
    spans += group_spans(doc.groups, strings)
    record: dict[str, Json] = {"text": text}
    if spans or doc.tokens[:, 1:].any():
        record["ents"] = [{"start": a, "end": b, "label": label, "text": text[a:b]} for a, b, label in spans]
    if isinstance(doc.cats, dict) and doc.cats:
        record["cats"] = {str(name): value for name, value in doc.cats.items() if isinstance(value, int | float)}
    return record


def entities(tokens: np.ndarray, strings: "Strings") -> Iterator[tuple[int, int, str]]:
    """(first token, last token, label) of each entity; without marks of beginnings, neighbours of one label are one."""
    begun: int | None = None
    has_marks = bool(tokens[:, 1].any())
    for place in range(len(tokens)):
        mark, label = int(tokens[place, 1]), int(tokens[place, 2])
        goes_on = begun is not None and label == int(tokens[begun, 2]) and (mark == INSIDE or not has_marks)
        if begun is not None and not goes_on:
            yield begun, place - 1, strings.label(int(tokens[begun, 2]))
            begun = None
        if begun is None and label and (mark in (INSIDE, BEGIN) or not has_marks):
            begun = place
    if begun is not None:
        yield begun, len(tokens) - 1, strings.label(int(tokens[begun, 2]))


def group_spans(packed: Packed, strings: "Strings") -> list[tuple[int, int, str]]:
    """(first character, character behind the last, label) of the passages in `doc.spans`; none for another form."""
    spans = []
    groups = unpack_quietly(packed)
    for group in groups if isinstance(groups, dict | tuple) else ():
        fields = unpack_quietly(group)
        listed = fields.get("spans") if isinstance(fields, dict) else None
        for entry in listed if isinstance(listed, tuple) else ():
            if isinstance(entry, bytes) and len(entry) == SPAN.size:
                _id, _kb, label, _first, _last, start, end = SPAN.unpack(entry)
                spans.append((start, end, strings.label(label)))
    return spans


def unpack_quietly(packed: Packed) -> Packed:
    try:
        return unpack(packed) if isinstance(packed, bytes) else None
    except ValueError:
        return None


class Strings:
    """What a number of 64 bits stands for."""

    def __init__(self, listed: tuple[Packed, ...]) -> None:
        self.of = {hash_of(text): text for text in listed if isinstance(text, str)} | {0: ""}
        for first, words in SYMBOLS.items():
            self.of |= dict(enumerate(words.split(), first))

    def label(self, number: int) -> str:
        return self.of.get(number) or "entity"


MIX, BITS = 0xC6A4A7935BD1E995, (1 << 64) - 1


def hash_of(text: str) -> int:
    """MurmurHash64A of the text's bytes, seed 1, as spaCy's StringStore has it (Austin Appleby's MurmurHash2.cpp, public domain)."""
    data = text.encode("utf-8", "surrogatepass")
    value = 1 ^ (len(data) * MIX & BITS)
    whole = len(data) // 8
    for block in struct.unpack_from(f"<{whole}Q", data):
        block = block * MIX & BITS
        value = (value ^ (block ^ block >> 47) * MIX & BITS) * MIX & BITS
    if rest := data[8 * whole :]:
        value = (value ^ int.from_bytes(rest, "little")) * MIX & BITS
    value = (value ^ value >> 47) * MIX & BITS
    return value ^ value >> 47
