"""Forms of JSON that hold records in another way than as a list of them: columns as pandas writes them, records under their ids,
GeoJSON, values one behind the other, lines that wrap a record or a page of records."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, islice
from typing import Any

from trainer.data.readings import Choice, Choices, LeftOut, Reading
from trainer.data.tables.json_repairs import DECODER
from trainer.data.tables.json_shapes import (
    joined_lists,
    plain_values,
    text_pairs,
    under_header,
    with_plain_values,
)
from trainer.data.tables.records import MAX_DEPTH, WHOLE, holds_rows, page_list
from trainer.data.tables.table import Table
from trainer.json_types import Json, JsonObject
from trainer.messages import Message, _, ngettext

MIN_RECORDS = 3
"""So many objects of the same keys under other keys are records."""
ALIKE = 0.5
"""Share of the keys that records have in common on average."""
LINES_AHEAD = 500
COLUMNS, INDEX = "columns", "index"
ACTIONS = frozenset({"index", "create", "update", "delete"})
"""The lines of a bulk file of Elasticsearch that come before each document."""
HITS = frozenset({"_index", "_type", "_id", "_score", "_source", "_version", "sort", "fields", "highlight", "_ignored"})
ENVELOPES = {"_source": HITS, "node": {"cursor", "node"}, "doc": {"id", "key", "value", "doc"}}
"""What stands around a record in answers of Elasticsearch, GraphQL and CouchDB."""
Numbered = tuple[int, Json]


def values_in(text: str) -> list[Any]:
    """The values of a text in which several follow each other, whatever blanks and commas are between them.
    `json.JSONDecodeError` where one of them is none."""
    values, place = [], 0
    while place < len(text):
        if text[place] in " \t\r\n,\x1e":
            place += 1
            continue
        value, place = DECODER.raw_decode(text, place)
        values.append(value)
    return values


def several_in(text: str) -> list[Any]:
    """The values of a text with more than one; [] where it is none."""
    try:
        values = values_in(text)
    except (ValueError, RecursionError):
        return []
    return values if len(values) > 1 else []


# Columns, and records under their ids


def unfold_document(value: Json, choices: Choices, name: str) -> tuple[Json, list[Reading]]:
    """A document as a list of records where it is one of these forms, with what is said of it; any other as it is."""
    if not isinstance(value, dict):
        return value, []
    if value.get("type") == "FeatureCollection" and isinstance(value.get("features"), list):
        sentence: Message = _("GeoJSON: a row for each feature, with its properties and its place")
        return [feature_record(entry) for entry in value["features"]], [
            Reading("export", "GeoJSON", sentence, file=name)
        ]
    if (rows := under_header(value)) is not None:
        return rows, []
    if (pairs := text_pairs(value, choices, name)) is not None:
        return pairs
    if (joined := joined_lists(value, choices, name)) is not None:
        return joined
    orient = guess_orient(value)
    if not orient:
        return unfold_inside(value, choices, name)
    asked = choices.pick("orient", (COLUMNS, INDEX), name)
    chosen, other = asked or orient, INDEX if (asked or orient) == COLUMNS else COLUMNS
    labels = {COLUMNS: _("Each key of the document is a column"), INDEX: _("Each key of the document is a row")}
    confidence = 1.0 if asked else 0.95 if is_counted(value) else 0.8
    reading = Reading(
        "orient", chosen, labels[chosen], [Choice(other, labels[other])], confidence, name, is_asked=bool(asked)
    )
    return (from_columns(value) if chosen == COLUMNS else from_index(value)), [reading]


def unfold_inside(value: JsonObject, choices: Choices, name: str) -> tuple[Json, list[Reading]]:
    """The only object inside a document unfolded, where nothing else in it holds anything: {"reviews": {"-Nx1": {…}, …}}."""
    inner = [entry for entry in value.values() if isinstance(entry, dict | list) and entry]
    if len(inner) == 1 and isinstance(inner[0], dict):
        unfolded, readings = unfold_document(inner[0], choices, name)
        if isinstance(unfolded, list):
            return unfolded, readings
    listed = with_keyed_lists(value)
    return (None if listed == value else joined_lists(listed, choices, name)) or (listed, [])


def with_keyed_lists(value: JsonObject, depth: int = 0) -> JsonObject:
    """Objects of records under their ids as lists of them, as a database without tables exports several of them:
    {"messages": {"-Nx1": {…}, …}, "users": {…}}. What has more plain values than others is a record and stays."""
    inner = [entry for entry in value.values() if isinstance(entry, dict | list)]
    if depth > MAX_DEPTH or 2 * len(inner) < len(value):
        return value
    return {
        key: entry
        if not isinstance(entry, dict)
        else from_index(entry)
        if guess_orient(entry) == INDEX and len(entry) >= MIN_RECORDS
        else with_keyed_lists(entry, depth + 1)
        for key, entry in value.items()
    }


def feature_record(feature: Json) -> Json:
    """Properties, and the place: longitude and latitude of a point, else the geometry as GeoJSON has it."""
    if not isinstance(feature, dict):
        return feature
    properties, geometry = feature.get("properties"), feature.get("geometry")
    record: JsonObject = {"id": feature["id"]} if "id" in feature else {}
    record |= properties if isinstance(properties, dict) else {}
    if not isinstance(geometry, dict):
        return record
    places = geometry.get("coordinates")
    if geometry.get("type") == "Point" and isinstance(places, list) and len(places) >= 2:
        return record | {"longitude": places[0], "latitude": places[1]}
    return record | {"geometry": geometry}


def guess_orient(value: JsonObject) -> str:
    """Whether an object of objects has its columns as keys, or its rows; "" for what is not a table."""
    inner = [entry for entry in value.values() if isinstance(entry, dict) and entry]
    if len(inner) < 2 or len(inner) < len(value):
        return ""
    seen = Counter(key for entry in islice(inner, 500) for key in entry)
    shared = sum(seen.values()) / (len(seen) * min(len(inner), 500))
    if shared < ALIKE:
        return ""
    if is_counted(inner[0]) and not is_counted(value):
        return COLUMNS
    if is_counted(value) and not is_counted(inner[0]):
        return INDEX
    if max(len(inner), len(seen)) < MIN_RECORDS or any(
        holds_rows(cell) for entry in inner[:5] for cell in entry.values()
    ):
        return ""
    if len(seen) > len(inner):
        return COLUMNS if has_kinds(inner) else ""
    return INDEX


def is_counted(value: JsonObject) -> bool:
    """Whether keys are "0", "1", … as a data frame's index has them."""
    return len(value) > 1 and all(key.isdigit() for key in islice(value, 100))


def has_kinds(columns: Sequence[JsonObject]) -> bool:
    """Whether the values of each are plain and of one kind, as a column's are."""
    for column in columns[:20]:
        kinds = {type(cell) for cell in islice(column.values(), 100) if cell is not None}
        if (kinds - {int, float} and len(kinds) > 1) or kinds & {dict, list}:
            return False
    return True


def from_columns(value: JsonObject) -> list[Any]:
    keys = list(dict.fromkeys(key for column in value.values() for key in column))
    index = {} if keys and all(key.isdigit() for key in keys) else {"id": None}
    return [
        ({"id": key} if index else {}) | {name: column[key] for name, column in value.items() if key in column}
        for key in keys
    ]


def from_index(value: JsonObject) -> list[Any]:
    own = any("id" in entry for entry in islice(value.values(), 100) if isinstance(entry, dict))
    named = not is_counted(value) and not own
    return [
        ({"id": key} if named else {}) | entry if isinstance(entry, dict) else entry for key, entry in value.items()
    ]


# Lines that wrap a record or a page


def unwrap_lines(numbered: Iterable[Numbered], table: Table, choices: Choices) -> Iterator[Numbered]:
    """Records of lines that each hold one under a key of their own, or a page of them; other lines as they are."""
    stream = iter(numbered)
    ahead = list(islice(stream, LINES_AHEAD))
    records = [value for _number, value in ahead if isinstance(value, dict)]
    whole = chain(ahead, stream)
    if key := page_key(records):
        return of_pages(whole, key, table)
    if is_bulk(records):
        return of_bulk(whole, table)
    if key := wrapper_key(records):
        chosen = choices.pick("wrapper", (key, "keep"), table.name) or key
        labels = {key: _("Records stand inside “%(key)s”", key=key), "keep": _("Each line is a record")}
        others = [Choice(other, labels[other]) for other in (key, "keep") if other != chosen]
        is_asked = choices.get("wrapper", table.name) is not None
        table.readings.append(Reading("wrapper", chosen, labels[chosen], others, 0.95, table.name, is_asked=is_asked))
        return whole if chosen == "keep" else of_wrapped(whole, key)
    plain = plain_values(records)
    return with_plain_values(whole, plain) if plain else whole


def page_key(records: Sequence[JsonObject]) -> str:
    """The key under which each line holds a list of records, beside what pages have."""
    key = page_list(records[0]) if records else ""
    return key if key and all(isinstance(page.get(key), list) for page in records) else ""


def of_pages(lines: Iterable[Numbered], key: str, table: Table) -> Iterator[Numbered]:
    pages = 0
    for number, page in lines:
        listed = page.get(key) if isinstance(page, dict) else None
        if isinstance(listed, list):
            pages += 1
            yield from ((number, row) for row in listed)
        else:
            yield number, None
    table.readings.append(pages_reading(pages, table.name))


def pages_reading(count: int, name: str) -> Reading:
    sentence = ngettext("%(count)s page of an API read", "%(count)s pages of an API joined", count)
    return Reading("pages", "joined", sentence, file=name)


def is_bulk(records: Sequence[JsonObject]) -> bool:
    actions = [
        len(record) == 1 and next(iter(record)) in ACTIONS and isinstance(next(iter(record.values())), dict)
        for record in records
    ]
    return len(records) >= 4 and sum(actions) >= 0.4 * len(records) and not all(actions)


def of_bulk(lines: Iterable[Numbered], table: Table) -> Iterator[Numbered]:
    """Documents, each with the id that the line before it gives."""
    given: Json = None
    count = 0
    for number, value in lines:
        if not isinstance(value, dict):
            yield number, value
            continue
        if len(value) == 1 and next(iter(value)) in ACTIONS:
            action = next(iter(value.values()))
            given = action.get("_id") if isinstance(action, dict) else None
            count += 1
            continue
        yield number, value if given is None or "_id" in value else {"_id": given} | value
        given = None
    sentence = ngettext(
        "%(count)s line of instructions to Elasticsearch.", "%(count)s lines of instructions to Elasticsearch.", count
    )
    table.left_out.append(LeftOut("instructions", count, sentence, table.name))


def wrapper_key(records: Sequence[JsonObject]) -> str:
    """The only key of every line, with an object in it, or Elasticsearch's `_source`."""
    if len(records) < 2:
        return ""
    key = next((key for key in ENVELOPES if key in records[0]), next(iter(records[0]), ""))
    if key in WHOLE:
        return ""
    is_alone = all(set(record) == {key} or set(record) <= ENVELOPES.get(key, set()) for record in records)
    return key if is_alone and all(isinstance(record.get(key), dict) for record in records) else ""


def of_wrapped(lines: Iterable[Numbered], key: str) -> Iterator[Numbered]:
    for number, value in lines:
        inner = value.get(key) if isinstance(value, dict) else None
        if isinstance(value, dict) and isinstance(inner, dict):
            record = ({"_id": value["_id"]} if "_id" in value and "_id" not in inner else {}) | inner
            plain = plain_values([record])
            yield number, plain(record) if plain else record
        else:
            yield number, value
