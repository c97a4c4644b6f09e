"""Records in XML: backups of phones, feeds, lists of rows. An element that comes again at one level is a record, whose attributes and
inner elements are its fields, as if it were JSON. Without entities, and bounded before it is parsed."""

import re
from collections import Counter
from pathlib import Path
from xml.etree.ElementTree import Element, ParseError

from trainer.data.readings import Choices
from trainer.data.tables.jsonrows import listed_table
from trainer.data.tables.records import find_lists
from trainer.data.tables.table import Table, damaged, other_kind, refuse_header
from trainer.errors import DataError
from trainer.json_types import Json, JsonObject
from trainer.messages import _

MAX_BYTES, MAX_MARKS, MAX_LEVELS = 128 << 20, 3_000_000, 30
"""Of a document, of its tags (which take memory each), and of records within records; deeper ones are text."""
SEVERAL = 9
"""The parser's error for a document with a second outermost element."""
LANGUAGE = "{http://www.w3.org/XML/1998/namespace}lang"
ENCODING = re.compile(rb"""\A\s*<\?xml[^>]*?encoding=["']([\w.-]{2,40})["'][^>]*\?>""")
OTHERS = frozenset(
    ["html", "svg", "xmi", "workbook", "document", "package", "plist", "annotation", "annotations", "wordDocument"]
)
"""Roots of documents that are no list of records, or that other readers know."""


def open_xml(path: Path, name: str, size: int, header: int | None, choices: Choices) -> Table | None:
    """The records of a document; None for one that other readers know. `DataError` for XML that is damaged, or holds none."""
    if size > MAX_BYTES:
        raise too_large(name)
    data = path.read_bytes()
    if max(data.count(b"<"), data.count(b"=")) > MAX_MARKS:
        raise too_large(name)
    root = root_of(data, name)
    if local(root.tag).lower() in OTHERS and "iso:20022" not in root.tag:  # a bank's statement is a Document too
        return None
    value = value_of(root)
    lists = find_lists(value)
    if not lists:
        raise other_kind(name, "an XML document in which no element with fields comes again")
    refuse_header(header, name, "XML")
    for _path, rows in lists:
        level_fields(rows)
    return listed_table(Table(name, "xml", [], iter(()), size), lists, choices)


def too_large(name: str) -> DataError:
    return DataError(
        _("%(name)s is too large for one XML document.", name=name),
        code="too_large",
        hint=_("Write one object a line (JSONL)."),
    )


def root_of(data: bytes, name: str) -> Element:
    from defusedxml import DefusedXmlException
    from defusedxml.ElementTree import fromstring

    try:
        root: Element = fromstring(as_utf8(data))
    except ParseError as error:
        if error.code == SEVERAL and not data.lstrip().startswith(b"<?"):
            return root_of(b"<all>" + data + b"</all>", name)
        raise damaged(name, f"its XML breaks off or is wrong in line {error.position[0]:,}") from error
    except (ValueError, LookupError, DefusedXmlException) as error:
        raise damaged(name, "it holds XML that cannot be read safely") from error
    return root


def as_utf8(data: bytes) -> bytes:
    """A document in an encoding of several bytes a character, which the parser has not, in one that it has."""
    declared = ENCODING.match(data)
    if declared is None or declared[1].decode().lower().startswith(("utf", "iso-8859", "windows-125", "us-ascii")):
        return data
    return data[declared.end() :].decode(declared[1].decode(), "replace").encode()


def local(tag: object) -> str:
    """A name without its namespace; "" for what is not an element."""
    return tag.rpartition("}")[2] if isinstance(tag, str) else ""


def value_of(element: Element, level: int = 0) -> Json:
    """Text of an element with nothing else, or of one in which words and elements are mixed; else an object of its attributes and
    inner elements, those that come again as a list."""
    inner = [child for child in element if isinstance(child.tag, str)]
    words = (element.text or "").strip()
    is_mixed = bool(inner) and (bool(words) or any((child.tail or "").strip() for child in inner))
    if is_mixed or level >= MAX_LEVELS:
        inner, words = [], "".join(element.itertext()).strip()
    if not inner and not element.attrib:
        return words or None
    if not words and (translated := translations(inner)):
        return translated | dict(element.attrib)
    if level and not words and named_cells(inner):
        return {child.attrib["name"]: (child.text or "").strip() or None for child in inner} | dict(element.attrib)
    value: JsonObject = {local(key): cell for key, cell in element.attrib.items()}
    names = names_of(inner)
    counts = Counter(names)
    for child, own in zip(inner, names, strict=True):
        key = own if own not in element.attrib else f"{own} (2)"
        cell = value_of(child, level + 1)
        if counts[own] > 1:
            value.setdefault(key, []).append(cell)
        else:
            value[key] = cell
    if words:
        value["text" if "text" not in value else "text (2)"] = words
    return value


def translations(inner: list[Element]) -> JsonObject:
    """{language: words} of elements each of which is in a language of its own, as memories of translations have them; {} else."""
    languages = [child.attrib.get(LANGUAGE) or child.attrib.get("lang", "") for child in inner]
    if (
        len(inner) < 2
        or not all(languages)
        or len(set(languages)) < len(inner)
        or len({child.tag for child in inner}) > 1
    ):
        return {}
    return {name: "".join(child.itertext()).strip() or None for name, child in zip(languages, inner, strict=True)}


def named_cells(inner: list[Element]) -> bool:
    """Whether elements are the cells of a row with the names of their columns, as databases write them."""
    names = [child.attrib.get("name", "") for child in inner]
    return (
        len(inner) > 1
        and all(names)
        and len(set(names)) == len(names)
        and all(len(child.attrib) == 1 and len(child) == 0 for child in inner)
    )


def names_of(inner: list[Element]) -> list[str]:
    """Names of elements; one that comes in two namespaces (`title`, `media:title`) with the last word of the other's."""
    tags = [child.tag for child in inner]
    spaces: dict[str, str] = {}
    names = []
    for tag in tags:
        name, space = local(tag), tag.rpartition("}")[0]
        first = spaces.setdefault(name, space)
        words = [word for word in space.strip("{").replace("-", "/").split("/") if word]
        names.append(name if first == space else f"{words[-1] if words else 'own'}:{name}")
    return names


def level_fields(rows: list[Json]) -> None:
    """A field that is a list in some records is one in all, so that `tag` of one record and of three is read alike."""
    records = [row for row in rows if isinstance(row, dict)]
    listed = {key for record in records for key, cell in record.items() if isinstance(cell, list)}
    for record in records:
        for key in listed & record.keys():
            if not isinstance(record[key], list):
                record[key] = [] if record[key] is None else [record[key]]
